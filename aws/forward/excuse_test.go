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
