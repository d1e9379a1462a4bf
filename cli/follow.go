package cli

import (
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/forward"
)

// redraw is how often counters are sampled: often enough to look alive, rarely enough to cost nothing.
const redraw = 250 * time.Millisecond

// reporter shows a tunnel's life to whoever is watching.
type reporter interface {
	event(aws.Event, aws.Tunnel)
	counters(aws.Tunnel) // sampled; may be called often
	end(aws.Tunnel)
}

// follow reports events and counters until the tunnel is over. It reads snapshots: a slow terminal or a full pipe never slows
// the forwarder.
func (a *app) follow(f *forward.Forwarder, rep reporter, done <-chan struct{}) {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	var seen uint64
	drain := func() {
		for _, ev := range f.Events(seen) {
			seen = ev.Seq
			rep.event(ev, f.Snapshot())
			if a.opened != nil && (ev.State == aws.StateOpen || ev.State == aws.StateIdle) {
				a.opened()
			}
		}
	}
	for {
		select {
		case <-f.Changed():
			drain()
		case <-tick.C:
			rep.counters(f.Snapshot())
		case <-done:
			drain()
			rep.end(f.Snapshot())
			return
		}
	}
}
