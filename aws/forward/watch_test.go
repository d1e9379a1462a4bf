package forward

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// never is a probe that does not come back.
func never(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestStuckDial: after 8 s the connection is reset with advice, its session is thrown away, and the next one has another.
func TestStuckDial(t *testing.T) {
	d := sessions(func(s *fakeSession) {
		if s.id == "s-1" {
			s.probe = never
		}
	})
	bubble(t, Config{}, d, func(r *rig) {
		start := time.Now()
		c := r.connect()
		r.dialled(1)
		time.Sleep(8*time.Second - 1)
		synctest.Wait()
		r.wantTold(aws.EventUnreachable, 0)
		r.wantState(aws.StateOpen)
		r.wantReset(c)
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("reset after %v, want 8s", took)
		}
		r.wantTold(aws.EventUnreachable, 1, "orders.internal:5432 did not answer bastion (i-0123)'s connect in 8s", "TCP 5432 from sg-node in sg-db", "network ACLs")
		r.wantTold(aws.EventConnReset, 1, "target unreachable")
		r.wantState(aws.StateDegraded)
		all := d.all()
		if len(all) != 2 || all[0].count(&all[0].closed) != 1 || all[0].count(&all[0].probes) != 1 {
			t.Fatalf("%d sessions, want a second one, and the first closed after one probe", len(all))
		}
		next := r.connect()
		far := r.dialled(2)
		r.send(far, next, "hello")
		r.wantState(aws.StateOpen)
	})
}

// TestStuckDialAndOthers: the connections that stand behind a stuck dial fall with it; those that work live on.
func TestStuckDialAndOthers(t *testing.T) {
	d := sessions(func(s *fakeSession) { s.probe = never })
	bubble(t, Config{Sessions: 1}, d, func(r *rig) {
		healthy := r.connect()
		far := r.dialled(1)
		r.send(far, healthy, "hello")
		stuck := r.connect()
		time.Sleep(3 * time.Second)
		behind := r.connect()
		r.wantReset(stuck)
		r.wantReset(behind)
		r.wantTold(aws.EventUnreachable, 1)
		r.send(healthy, far, "still here")
		first := d.all()[0]
		if n := first.count(&first.closed); n != 0 {
			t.Error("the session was closed under a connection that works")
		}
		far.endWith(nil)
		if err := ends(healthy); err != nil {
			t.Error(err)
		}
		_ = healthy.Close()
		synctest.Wait()
		if n := first.count(&first.closed); n != 1 {
			t.Error("the session stays open after its last connection")
		}
	})
}

// TestDialsThatAreFine: none of these is thrown away, and the agent is asked as rarely as possible.
func TestDialsThatAreFine(t *testing.T) {
	for name, c := range map[string]struct {
		probe  func(context.Context) error
		do     func(r *rig)
		probes int
	}{
		"answered at once": {never, func(r *rig) {
			c := r.connect()
			r.send(r.dialled(1), c, "hello")
		}, 0},
		"connected, and nobody says anything": {nil, func(r *rig) { r.connect(); time.Sleep(time.Hour) }, 1},
		"one probe for all that wait": {nil, func(r *rig) {
			for range 10 {
				r.connect()
				time.Sleep(100 * time.Millisecond)
			}
		}, 1},
		"one more for a later one": {nil, func(r *rig) { r.connect(); time.Sleep(5 * time.Second); r.connect() }, 2},
		"the second address answers after 7 s": {func(ctx context.Context) error {
			select {
			case <-time.After(3 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, func(r *rig) { r.connect() }, 1},
		"answered while the probe waits": {never, func(r *rig) {
			c := r.connect()
			time.Sleep(7 * time.Second)
			r.send(r.dialled(1), c, "hello")
		}, 1},
		"each answered in good time": {never, func(r *rig) {
			for range 20 {
				c := r.connect()
				time.Sleep(time.Second)
				r.send(r.dialled(1), c, "hello")
			}
		}, 0},
		"gone before it was asked": {nil, func(r *rig) { r.connect().abort() }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := sessions(func(s *fakeSession) {
				if c.probe != nil {
					s.probe = c.probe
				}
			})
			bubble(t, Config{Sessions: 1}, d, func(r *rig) {
				c.do(r)
				time.Sleep(time.Minute)
				synctest.Wait()
				r.wantTold(aws.EventUnreachable, 0)
				s := d.all()[0]
				if n := s.count(&s.probes); n != c.probes || len(d.all()) != 1 {
					t.Errorf("%d probes and %d sessions, want %d and 1", n, len(d.all()), c.probes)
				}
			})
		})
	}
}

// TestLaterDialHasItsOwnTime: a probe that the first connection did not need any more judges nobody else early.
func TestLaterDialHasItsOwnTime(t *testing.T) {
	d := sessions(func(s *fakeSession) { s.probe = never })
	bubble(t, Config{Sessions: 1}, d, func(r *rig) {
		first := r.connect()
		far := r.dialled(1)
		time.Sleep(3 * time.Second)
		second, start := r.connect(), time.Now()
		time.Sleep(2 * time.Second)
		r.send(far, first, "hello")
		r.wantReset(second)
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("the second was judged after %v, want 8s", took)
		}
	})
}

// TestBasicModeDials: without probes, only a connection that has sent something and got nothing is judged, from its first
// byte on, since the agent dials for that.
func TestBasicModeDials(t *testing.T) {
	bubble(t, Config{}, sessions(func(s *fakeSession) { s.basic = true }), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		time.Sleep(time.Minute)
		r.wantTold(aws.EventUnreachable, 0)
		start := time.Now()
		r.send(c, far, "query")
		r.wantReset(c)
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("reset %v after the first byte, want 8s", took)
		}
		r.wantTold(aws.EventUnreachable, 1, "did not answer")
		time.Sleep(time.Second)
		if n := len(r.dialer.all()); n != 2 {
			t.Errorf("%d sessions, want a second", n)
		}
	})
}

// TestProbeFails: a session whose probe fails for a reason of its own is over.
func TestProbeFails(t *testing.T) {
	broken := errors.New("channel broken")
	d := sessions(func(s *fakeSession) {
		if s.id == "s-1" {
			s.probe = func(context.Context) error { return broken }
		}
	})
	bubble(t, Config{}, d, func(r *rig) {
		c := r.connect()
		r.wantReset(c)
		r.wantTold(aws.EventUnreachable, 0)
		r.wantTold(aws.EventConnReset, 1, "channel broken")
		next := r.connect()
		r.send(r.dialled(2), next, "hello")
	})
}

// TestStuckDialMakesTheWatcherLook: a target that does not answer may have moved, so where it is now is looked up at once and often
// for a minute, although nobody is connected any more.
func TestStuckDialMakesTheWatcherLook(t *testing.T) {
	w := &watcher{place: Place{Mark: "1"}}
	d := sessions(func(s *fakeSession) { s.probe = never })
	bubble(t, Config{Sessions: 1, Watcher: w}, d, func(r *rig) {
		time.Sleep(time.Minute)
		stuck := r.connect()
		r.wantReset(stuck)
		time.Sleep(20 * time.Second) // RDS notices it late
		w.set(Place{Mark: "2"}, nil)
		time.Sleep(lookSoon)
		r.wantTold(aws.EventMoved, 1, "target moved")
		before := w.count()
		time.Sleep(time.Hour)
		if n := w.count() - before; n > 2 {
			t.Errorf("%d looks in an hour in which nobody is connected", n)
		}
	})
}
