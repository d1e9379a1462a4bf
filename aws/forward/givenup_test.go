package forward

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// firstStuck is sessions of which the first answers no probe.
func firstStuck() *fakeDialer {
	return sessions(func(s *fakeSession) {
		if s.id == "s-1" {
			s.probe = never
		}
	})
}

// TestGivenUpDialHoldsUpNobody: the agent is not told that a client has reset its connection, and waits for the target on. The next
// one has another session, whenever the first has gone.
func TestGivenUpDialHoldsUpNobody(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, 900 * time.Millisecond, 3 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			bubble(t, Config{}, firstStuck(), func(r *rig) {
				time.Sleep(time.Minute) // the keeper sleeps
				stuck := r.connect()
				r.dialled(1)
				time.Sleep(after)
				stuck.abort()
				time.Sleep(2 * time.Second)
				if use := r.Snapshot().Pool[0].Use; use != aws.UseStuck {
					t.Errorf("the first session is %s", use)
				}
				start := time.Now()
				next := r.connect()
				r.send(r.dialled(2), next, "hello")
				if took := time.Since(start); took != 0 {
					t.Errorf("the next connection waited %v", took)
				}
			})
		})
	}
}

// TestUnreachableThoughClientsGiveUp: a target that answers nobody is found out although no client waits for that.
func TestUnreachableThoughClientsGiveUp(t *testing.T) {
	bubble(t, Config{Sessions: 1}, firstStuck(), func(r *rig) {
		start := time.Now()
		for range 3 {
			c := r.connect()
			time.Sleep(2 * time.Second)
			c.abort()
		}
		behind := r.connect()
		time.Sleep(time.Until(start.Add(8*time.Second - 1)))
		synctest.Wait()
		r.wantTold(aws.EventUnreachable, 0)
		r.wantReset(behind)
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("judged after %v, want 8s", took)
		}
		r.wantTold(aws.EventUnreachable, 1, "did not answer", "TCP 5432 from sg-node in sg-db")
		time.Sleep(time.Second)
		next := r.connect()
		r.send(r.dialled(2), next, "hello")
		time.Sleep(time.Minute)
		r.wantTold(aws.EventUnreachable, 1)
	})
}

// TestGivenUpDialIsDone: once the agent is known to be done with it, the session is as good as before.
func TestGivenUpDialIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		probe  bool // passes
		do     func(r *rig)
		probes int
	}{
		"a probe passes": {true, func(*rig) { time.Sleep(4 * time.Second) }, 1},
		"a later one is answered": {false, func(r *rig) {
			next := r.connect()
			r.send(r.dialled(1), next, "hello")
			next.abort()
		}, 0},
		"a later one is refused": {false, func(r *rig) {
			next := r.connect()
			r.dialled(1).endWith(aws.ErrRefused)
			r.wantReset(next)
		}, 0},
		"a later one is ended by the target": {false, func(r *rig) {
			next := r.connect()
			r.dialled(1).endWith(nil)
			_ = ends(next)
			_ = next.Close()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := firstStuck()
			if c.probe {
				d = sessions(nil)
			}
			bubble(t, Config{Sessions: 1}, d, func(r *rig) {
				gone := r.connect()
				r.dialled(1)
				gone.abort()
				c.do(r)
				time.Sleep(time.Minute)
				r.wantTold(aws.EventUnreachable, 0)
				s := d.all()[0]
				if n := s.count(&s.probes); n != c.probes || d.tries() != 1 {
					t.Errorf("%d probes and %d sessions, want %d and 1", n, d.tries(), c.probes)
				}
				next := r.connect()
				r.send(r.dialled(1), next, "hello")
			})
		})
	}
}

// TestGivenUpDialInAnOutage: while the websocket is lost nothing is asked, and once it is back the target has its whole time.
func TestGivenUpDialInAnOutage(t *testing.T) {
	bubble(t, Config{Sessions: 1}, firstStuck(), func(r *rig) {
		s := r.dialer.all()[0]
		s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
		c := r.connect()
		r.dialled(1)
		c.abort()
		time.Sleep(time.Minute)
		synctest.Wait()
		s.relink(aws.SessionStats{Link: aws.LinkUp, Resumes: 1})
		time.Sleep(8*time.Second - 1)
		synctest.Wait()
		r.wantTold(aws.EventUnreachable, 0)
		time.Sleep(time.Second)
		r.wantTold(aws.EventUnreachable, 1)
	})
}
