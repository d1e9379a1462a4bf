package forward

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// silent is sessions whose agent acknowledges nothing and answers no probe, until thawed.
func silent(thawed *atomic.Bool) *fakeDialer {
	return sessions(func(s *fakeSession) {
		s.stats.Sent, s.stats.Pending = 5, 2
		s.probe = func(ctx context.Context) error {
			if thawed.Load() {
				return nil
			}
			return never(ctx)
		}
	})
}

// TestFrozenNetworkIsNotTheTarget: a connection that a frozen network holds up in its first seconds is not taken for one to a
// target that does not answer.
func TestFrozenNetworkIsNotTheTarget(t *testing.T) {
	var thawed atomic.Bool
	bubble(t, Config{}, silent(&thawed), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		time.Sleep(30 * time.Second)
		r.wantTold(aws.EventUnreachable, 0)
		thawed.Store(true)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		r.wantTold(aws.EventUnreachable, 0)
		r.send(far, c, "hello")
	})
}

// TestSilentAgentIsJudgedInTheEnd: an agent that is stuck with a target that takes nothing cannot be told from a network by
// its silence alone, but no network stands still that long unnoticed.
func TestSilentAgentIsJudgedInTheEnd(t *testing.T) {
	bubble(t, Config{}, silent(new(atomic.Bool)), func(r *rig) {
		start := time.Now()
		c := r.connect()
		r.dialled(1)
		r.wantReset(c)
		if took := time.Since(start); took < mostExcused || took > mostExcused+2*8*time.Second {
			t.Errorf("reset after %v, want it some seconds after %v", took, mostExcused)
		}
		r.wantTold(aws.EventUnreachable, 1)
	})
}

// outage is an outage of a minute, in which a client connects.
func outage(r *rig, text string) (c *end, far *far) {
	s := r.dialer.all()[0]
	s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
	c = r.connect()
	far = r.dialled(1)
	if text != "" {
		r.send(c, far, text)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	r.wantTold(aws.EventUnreachable, 0)
	if n := s.count(&s.probes); n != 0 {
		r.t.Errorf("%d probes were queued for the agent to dial once it is there again", n)
	}
	s.relink(aws.SessionStats{Link: aws.LinkUp, Resumes: 1})
	return c, far
}

// TestOutageIsNotTheTarget: a connection that comes to an idle tunnel while its websocket is lost waits for as long as that
// takes, and its target has its whole time afterwards. Nothing waits for an acknowledgement meanwhile, since nothing is sent.
func TestOutageIsNotTheTarget(t *testing.T) {
	for name, basic := range map[string]bool{"mux": false, "basic mode": true} {
		t.Run(name, func(t *testing.T) {
			d := sessions(func(s *fakeSession) { s.basic, s.probe = basic, never })
			bubble(t, Config{Sessions: 1}, d, func(r *rig) {
				c, far := outage(r, "hello")
				time.Sleep(8*time.Second - 1)
				synctest.Wait()
				r.wantTold(aws.EventUnreachable, 0)
				r.send(far, c, "welcome")
			})
		})
	}
}

// TestSilentTargetAfterAnOutage: once the websocket is back, a target that does not answer is found out as ever.
func TestSilentTargetAfterAnOutage(t *testing.T) {
	d := sessions(func(s *fakeSession) { s.probe = never })
	bubble(t, Config{Sessions: 1}, d, func(r *rig) {
		c, _ := outage(r, "")
		resumed := time.Now()
		r.wantReset(c)
		if took := time.Since(resumed); took != 8*time.Second {
			t.Errorf("reset %v after the resume, want 8s", took)
		}
		r.wantTold(aws.EventUnreachable, 1)
	})
}

// TestOutageDuringAProbe: a probe that the loss of the websocket has swallowed blames nobody.
func TestOutageDuringAProbe(t *testing.T) {
	d := sessions(func(s *fakeSession) { s.probe = never })
	bubble(t, Config{Sessions: 1}, d, func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		time.Sleep(5 * time.Second)
		s := r.dialer.all()[0]
		s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
		time.Sleep(2 * time.Second)
		s.mu.Lock()
		s.stats, s.probe = aws.SessionStats{Link: aws.LinkUp, Resumes: 1}, func(context.Context) error { return nil }
		s.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		r.wantTold(aws.EventUnreachable, 0)
		r.send(far, c, "welcome")
	})
}
