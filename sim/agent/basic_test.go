package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

func TestBasicMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n); c.AgentVersion = "3.0.161.0" })
		r.shake(client)
		conn := <-far // at once, before any input
		expect := func(want string) {
			t.Helper()
			b := make([]byte, len(want))
			if _, err := io.ReadFull(conn, b); err != nil || string(b) != want {
				t.Fatalf("target got %q, %v; want %q", b, err, want)
			}
		}
		r.give(frame.Data, "first")
		expect("first")
		synctest.Wait()
		if _, err := conn.Write([]byte("greeting")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
		if got := r.of(frame.Output, frame.Data); len(got) != 1 || string(got[0].Payload) != "greeting" {
			t.Fatalf("got %v, want the greeting without a mux", got)
		}
		r.post(frame.Flag, "\x00\x00\x00\x01") // DisconnectToPort
		time.Sleep(5 * time.Millisecond)
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("DisconnectToPort did not close the connection")
		}
		if len(far) != 0 {
			t.Error("dialled again before there was input")
		}
		r.give(frame.Data, "second")
		conn = <-far
		expect("second")
		synctest.Wait()
		if n := r.count.Dials.Load(); n != 2 {
			t.Errorf("%d dials, want 2", n)
		}
	})
}

func TestBasicModeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := func(context.Context, string, netip.Addr, int) (net.Conn, error) {
			return nil, errors.New("dial tcp 10.1.2.3:5432: connect: connection refused")
		}
		r := startRig(t, func(c *Config, n *fakeNet) { n.dial = refuse; c.AgentVersion = "3.0.161.0" })
		r.shake(client)
		if got := r.end(); got != "Unable to connect to specified port: dial tcp 10.1.2.3:5432: connect: connection refused" {
			t.Errorf("reason %q", got)
		}
		var far chan net.Conn
		r = startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n); c.AgentVersion = "3.0.161.0" })
		r.shake(client)
		r.net.dial = refuse
		_ = (<-far).Close()
		time.Sleep(5 * time.Millisecond)
		r.post(frame.Data, "again")
		r.end() // the redial on input failed
	})
}
