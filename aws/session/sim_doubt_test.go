package session_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

// TestAnsweredBeforeTheDoubtIsSettled: the agent has the last bytes of a connection, loses its websocket before it acknowledges
// them, and takes those of another connection when it is back. The answer comes, the client has what it wanted and closes. Its
// bytes must not reach the target a second time: nobody would be told.
func TestAnsweredBeforeTheDoubtIsSettled(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan []byte, 2)
	for range 2 {
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			all, _ := io.ReadAll(io.TeeReader(conn, conn)) // an echo
			came <- all
		}()
	}
	if err := r.sim.World().SetDial(host+":5432", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	// At this rate the second message arrives well after the first, and before word of the loss has come to the client.
	r.sim.SetFaults(sim.Faults{RTT: 80 * time.Millisecond, Bandwidth: 100_000})
	s := r.open(session.Options{})
	last, other := dial(t, s), dial(t, s)
	for _, conn := range []net.Conn{last, other} {
		if err := echo(conn, []byte{0}); err != nil {
			t.Fatal(err)
		}
	}
	await(s, func(now aws.SessionStats) bool { return now.Pending == 0 })
	r.sim.CutAgentInAck("")
	mark := s.Stats().Sent
	if _, err := last.Write([]byte("once")); err != nil {
		t.Fatal(err)
	}
	await(s, func(now aws.SessionStats) bool { return now.Sent > mark })
	if _, err := other.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(last, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-came; string(got) != "\x00once" {
		t.Errorf("the target was sent %q", got)
	}
	if _, err := io.ReadFull(other, make([]byte, 1000)); err != nil {
		t.Errorf("the other connection: %v", err)
	}
	if counters := r.sim.AllSessions()[0].Counters; counters.Repeated != 1 {
		t.Errorf("the agent took %d messages twice, want one: the test proves nothing", counters.Repeated)
	}
}

// echo writes p and reads it back.
func echo(conn net.Conn, p []byte) error {
	if _, err := conn.Write(p); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, len(p)))
	return err
}
