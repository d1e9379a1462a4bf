package session_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

var (
	soakFor  = flag.Duration("soak", 2*time.Second, "how long TestManyCuts goes on")
	soakSeed = flag.Uint64("seed", 0, "of TestManyCuts; 0 chooses one")
)

// TestManyCuts: eight connections go on while websockets are cut at random. No byte is lost or doubled; a connection is reset
// only when an agent was cut, and the next one works.
func TestManyCuts(t *testing.T) {
	for name, agents := range map[string]bool{"clients": false, "agents too": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := *soakSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("seed %d", seed)
			r := newRig(t, sim.Options{Faults: sim.Faults{RTT: time.Duration(seed%3) * 10 * time.Millisecond}, Pace: 200 * time.Microsecond})
			s := r.open(session.Options{})
			stop := time.Now().Add(*soakFor)
			var exchanges, resets atomic.Int64
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					rng := rand.New(rand.NewPCG(seed, uint64(i)))
					conn := dial(t, s)
					for time.Now().Before(stop) {
						up, down := rng.IntN(100_000)>>rng.IntN(17), rng.IntN(30_000)>>rng.IntN(15)
						switch err := exchange(conn, up, down); {
						case err == nil:
							exchanges.Add(1)
						case agents && errors.Is(err, aws.ErrReset):
							resets.Add(1)
							conn = dial(t, s)
						default:
							t.Errorf("%d up, %d down: %v; %+v", up, down, err, s.Stats())
							return
						}
					}
				})
			}
			rng := rand.New(rand.NewPCG(seed, 99))
			for time.Now().Before(stop) {
				time.Sleep(time.Duration(20+rng.IntN(400)) * time.Millisecond)
				kinds := []func(string) int{r.sim.CutClient, r.sim.CloseClient, r.sim.CutAgent, r.sim.CutBoth, r.sim.CutAgentInAck}
				n := 2
				if agents {
					n = len(kinds)
				}
				kinds[rng.IntN(n)]("")
			}
			all.Wait()
			now := s.Stats()
			t.Logf("%d exchanges, %d resets, %d resumes", exchanges.Load(), resets.Load(), now.Resumes)
			if now.Resumes == 0 || exchanges.Load() == 0 {
				t.Errorf("nothing happened: %+v", now)
			}
		})
	}
}
