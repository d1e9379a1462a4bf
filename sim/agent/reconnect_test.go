package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

func TestReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
		r.shake(client)
		r.cut()
		synctest.Wait()
		if n := r.opened(); n != 2 {
			t.Fatalf("%d websockets, want the second at once", n)
		}
		if r.post(frame.Data, mux(cmdSYN, 3, "")); r.count.Dials.Load() != 1 {
			t.Error("nothing passes on the second websocket")
		}
		r.set(func() { r.noOpen = true })
		r.cut()
		time.Sleep(time.Minute)
		if n := r.opened(); n != 2+6 {
			t.Errorf("%d attempts, want one and five retries", n-2)
		}
		select {
		case o := <-r.output:
			t.Errorf("the session ended with %q, want it to live on with a dead channel", o)
		default:
		}
	})
}

func TestTerminatedIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := (&channel{link: terminated{}}).connect(t.Context()); !errors.Is(err, ErrTerminated) {
			t.Errorf("%v, want ErrTerminated", err)
		}
		if d := time.Since(epoch()); d != 0 {
			t.Errorf("took %v, want no retry", d)
		}
	})
}

type terminated struct{ Link }

func (terminated) Open(context.Context) error { return ErrTerminated }
