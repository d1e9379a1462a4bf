package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// resentIn is the messages that are sent again in the time to come, while nothing is acknowledged.
func (r *rig) resentIn(d time.Duration) (again []wire.Message) {
	end := time.Now().Add(d)
	for {
		at := r.c.sender.wait()
		if at.IsZero() || at.After(end) {
			time.Sleep(time.Until(end))
			return again
		}
		time.Sleep(time.Until(at))
		again = append(again, r.written()...)
	}
}

// TestSlowerPath: when the round trip has become much longer for good, as over another mobile network, messages are sent twice
// until that is known, and not for ever.
func TestSlowerPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, query, _ := duo(t, Options{})
		for n := range 10 {
			_, _ = query.Write([]byte("select 1"))
			sent := r.sent()
			again := r.resentIn(time.Second)
			if n > 5 && len(again) > 0 {
				t.Errorf("query %d was sent %d times more over a path that takes a second", n, len(again))
			}
			r.ack(sent...)
		}
		if rtt := time.Duration(r.c.sender.statRTT.Load()); rtt < 100*time.Millisecond {
			t.Errorf("the round trip shown is %v", rtt)
		}
	})
}

// fullWindow is a rig whose window has grown to the limit, with that much in flight.
func fullWindow(t *testing.T) (r *rig, flight []int64) {
	t.Helper()
	r, bulk, _ := duo(t, Options{})
	go func() { _, _ = bulk.Write(make([]byte, 16<<20)) }()
	for {
		synctest.Wait()
		switch more := r.sent(); {
		case len(more) > 0:
			flight = append(flight, more...)
		case r.c.sender.window.size < defaultWindow:
			r.ack(flight...)
			flight = nil
		default:
			return r, flight
		}
	}
}

func bytesOf(all []wire.Message) (n int) {
	for _, m := range all {
		n += len(m.Payload) + wire.Overhead
	}
	return n
}

// TestStalledDatabase: while the agent acknowledges nothing because its database has stopped reading, what is in flight is not
// sent again and again. When it reads on, everything does.
func TestStalledDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, flight := fullWindow(t)
		if n := bytesOf(r.resentIn(overdue)); n == 0 || n > defaultWindow/2+2048 {
			t.Errorf("%d bytes sent again at the first time-out, want the window's worth, %d", n, defaultWindow/2)
		}
		if n := bytesOf(r.resentIn(time.Minute)); n > 3*defaultWindow {
			t.Errorf("%d bytes sent again in a minute, of %d in flight", n, defaultWindow)
		}
		r.ack(flight...)
		synctest.Wait()
		if len(r.sent()) == 0 {
			t.Error("nothing goes on after the stall")
		}
		if rto := r.c.sender.rtt.rto(); rto > rtoCeil {
			t.Errorf("the time-out is %v", rto)
		}
	})
}

// TestLostFlight: where all of it was lost, all of it is sent again.
func TestLostFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, flight := fullWindow(t)
		missing := map[int64]bool{}
		for _, seq := range flight {
			missing[seq] = true
		}
		began := time.Now()
		for len(missing) > 0 && time.Since(began) < time.Minute {
			for _, m := range r.resentIn(overdue) {
				delete(missing, m.Seq)
				r.ack(m.Seq)
			}
		}
		if took := time.Since(began); len(missing) > 0 || took > 10*time.Second {
			t.Errorf("%d of %d messages are still lost after %v", len(missing), len(flight), took)
		}
	})
}

// TestQueueIsNoLoss: acknowledgements that come one after the other, each a little later than the one before, say that the path
// is narrow. What they have not come to yet is under way.
func TestQueueIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, bulk, _ := duo(t, Options{})
		const each = 10 * time.Millisecond
		_, _ = bulk.Write(make([]byte, 60_000))
		for _, seq := range r.sent() {
			r.resentIn(each)
			r.ack(seq)
		}
		if n := r.c.sender.statResent.Load(); n > 0 {
			t.Errorf("%d messages were sent again", n)
		}
	})
}
