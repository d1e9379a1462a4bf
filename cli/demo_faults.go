package cli

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim"
)

// demoCuts are the websockets that the demo cuts, and how often: by a name of cutsOf.
type demoCuts map[string]time.Duration

// cutsOf are the sides of a session that can be cut, by their name in --faults.
func cutsOf(s *sim.Sim) map[string]func(id string) int {
	return map[string]func(string) int{"cut-client": s.CutClient, "cut-agent": s.CutAgent, "cut-both": s.CutBoth}
}

// parseFaults reads --faults: the network's faults, where a share may be written in percent, and what is cut every so often.
func (f *demoFlags) parseFaults() (faults sim.Faults, cuts demoCuts, err error) {
	cuts = demoCuts{}
	sides := cutsOf(nil)
	for part := range strings.SplitSeq(f.faults, ",") {
		part = strings.TrimSpace(part)
		name, value, given := strings.Cut(part, "=")
		if name == "" {
			continue
		}
		if sides[name] != nil {
			every, err := time.ParseDuration(value)
			if err != nil || every <= 0 {
				return faults, nil, usage("rdsx demo --faults "+name+"=20s", "--faults %s: how often that is, such as 20s", part)
			}
			cuts[name] = every
			continue
		}
		if !given {
			value = "true"
		}
		if number, percent := strings.CutSuffix(value, "%"); percent {
			value = number + "e-2"
		}
		if err := faults.Set(name, value); err != nil {
			return faults, nil, usage("rdsx demo --faults loss=1%,rtt=20ms", "--faults %s: %v", part, err)
		}
	}
	return faults, cuts, nil
}

// cut cuts until ctx ends.
func (d *demo) cut(ctx context.Context, cuts demoCuts) {
	sides := cutsOf(d.sim)
	for _, name := range slices.Sorted(maps.Keys(cuts)) {
		d.cutting.Go(func() {
			tick := time.NewTicker(cuts[name])
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					sides[name]("")
				case <-ctx.Done():
					return
				}
			}
		})
	}
}
