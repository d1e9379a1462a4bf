package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// insatiable is a rig whose connection has more to send than any window holds.
func insatiable(t *testing.T) *rig {
	t.Helper()
	r := established(t, Options{}, "3.3.0.0")
	time.Sleep(leastFor + time.Second) // the handshake of a rig takes no time, which is not to be the path's
	st := r.dial()
	_, _ = st.Write([]byte("begin"))
	seqs := r.sent()
	time.Sleep(20 * time.Millisecond)
	r.ack(seqs...)
	go func() {
		for {
			if _, err := st.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}()
	return r
}

// burst is all that the window lets out now.
func (r *rig) burst() (all []int64) {
	r.t.Helper()
	for {
		synctest.Wait()
		seqs := r.sent()
		if len(seqs) == 0 {
			return all
		}
		all = append(all, seqs...)
	}
}

// trips are round trips of 20 ms on a path that carries rate bytes a second, any number for 0.
func (r *rig) trips(n, rate int) {
	r.t.Helper()
	for range n {
		seqs := r.burst()
		wait := 20 * time.Millisecond
		if rate > 0 {
			wait += time.Duration(r.c.sender.window.inFlight) * time.Second / time.Duration(rate)
		}
		time.Sleep(wait)
		r.ack(seqs...)
	}
}

// shown is the window as the screen of the pool has it.
func (r *rig) shown() int { return int(r.c.sender.statWindow.Load()) }

// TestWindowLeavesNoQueue: the window of an upload grows with the path and no further. What is in flight beyond what the path carries
// stands in a queue, and a query behind it.
func TestWindowLeavesNoQueue(t *testing.T) {
	for name, c := range map[string]struct{ rate, least, most int }{
		"a wide path":         {0, defaultWindow, defaultWindow},
		"10 MB/s, 200 KB fit": {10 << 20, 128 << 10, 512 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := insatiable(t)
				r.trips(30, c.rate)
				if got := r.shown(); got < c.least || got > c.most {
					t.Errorf("the window has grown to %d, want %d to %d", got, c.least, c.most)
				}
				r.c.end(errAgentLost())
			})
		})
	}
}

// TestWindowThatMayNotGrow: acknowledgements from a crowded path give room and nothing else, and slow start is over.
func TestWindowThatMayNotGrow(t *testing.T) {
	w := newWindow(1 << 20)
	fill := func() (n int) {
		for n = w.room(); w.room() > 0; {
			w.sent(min(w.room(), 1024))
		}
		return n
	}
	n := fill()
	if w.acked(n, false); w.size != windowFloor || w.inFlight != 0 {
		t.Errorf("the window has %d, %d of it in flight", w.size, w.inFlight)
	}
	if w.acked(fill(), true); w.size > windowFloor+1<<20/windowSteps {
		t.Errorf("the next round trip has grown it to %d, as in slow start", w.size)
	}
}

// TestPauseHalvesTheWindow: the service has said that it is too much, so what comes after the pause is half as much.
func TestPauseHalvesTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := insatiable(t)
		r.trips(10, 0)
		before := r.shown()
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		if got := r.shown(); got != before/2 {
			t.Errorf("the window of %d bytes is %d after a pause, want half of it", before, got)
		}
		r.burst()
		if got := r.c.sender.window.inFlight; got > before/2 {
			t.Errorf("%d bytes are sent at once after a pause", got)
		}
		r.c.end(errAgentLost())
	})
}

// TestUrgentPassesAFullWindow: a query goes out while a bulk upload waits for acknowledgements, and no more than the reserve does.
func TestUrgentPassesAFullWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, bulk, quick := duo(t, Options{})
		go func() { _, _ = bulk.Write(make([]byte, 4<<20)) }()
		synctest.Wait()
		for got := r.sent(); len(got) > 0; got = r.sent() {
			synctest.Wait()
		}
		full := r.c.sender.window.inFlight
		if _, _ = quick.Write([]byte("select 1")); !carries(r.written(), "select 1") {
			t.Error("the query waits for the upload")
		}
		for range 20 { // each is urgent, all together are not
			_, _ = r.dial().Write(make([]byte, burstOf))
			r.written()
		}
		if more := r.c.sender.window.inFlight - full; more > r.c.sender.window.reserve()+2048 {
			t.Errorf("%d bytes went past the window, the reserve is %d", more, r.c.sender.window.reserve())
		}
	})
}

// burstOf is what a connection may send before it is bulk.
const burstOf = 16 << 10
