package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
)

// lookTime is how long an open tunnel waits for the rules of the network: without them the choice is by nearness.
const lookTime = 3 * time.Second

// networks reads what lies between the instances and the databases of an inventory. What cannot be read makes verdicts unknown;
// nil when time is up.
func networks(ctx context.Context, f *reach.Fetcher, inv discover.Inventory, only ...aws.Database) *reach.Snapshot {
	need := reach.Need{Instances: inv.Instances, Databases: inv.Databases, Load: true}
	if len(only) > 0 {
		need.Databases = only
	}
	s, err := f.Snapshot(ctx, need)
	if err != nil {
		return nil // ctx's
	}
	return s
}

// carriers are the instances that can carry a session to the database now, the best first, with what the network's rules say
// of each. Without a snapshot nothing is said and nearness decides. Errors are *aws.Hint: no instance can, or the user has to
// name one.
func carriers(s *reach.Snapshot, inv discover.Inventory, db aws.Database) ([]reach.Candidate, error) {
	if s == nil {
		i, why, err := discover.Choose(inv, &db, db.Endpoint)
		if err != nil {
			return nil, err
		}
		return []reach.Candidate{{Instance: i, Why: why}}, nil
	}
	by := map[aws.Answer][]reach.Candidate{}
	owner := ownerOf(inv.Account, db.Profiles)
	for _, c := range reach.Best(s, inv.Instances, db) {
		c.Verdict = c.Verdict.For(owner)
		if c.Instance.Unfit() == "" {
			by[c.Verdict.Answer] = append(by[c.Verdict.Answer], c)
		}
	}
	if len(by[aws.Yes]) > 0 {
		return slices.Concat(by[aws.Yes], by[aws.Unknown], by[aws.No]), nil
	}
	// Nobody surely reaches it: of those in doubt the nearest is tried, and only then one that a rule keeps out.
	for _, doubtful := range [][]reach.Candidate{by[aws.Unknown], by[aws.No]} {
		i, why, err := discover.Choose(among(inv, doubtful), &db, db.Endpoint)
		if errors.Is(err, aws.ErrUsage) {
			return nil, err
		}
		if err == nil {
			rest := slices.DeleteFunc(slices.Concat(by[aws.Unknown], by[aws.No]), func(c reach.Candidate) bool { return c.Instance.ID == i.ID })
			v := reach.Check(s, s.Source(i), s.Dest(db)).For(owner)
			return append([]reach.Candidate{{Instance: i, Verdict: v, Why: why}}, rest...), nil
		}
	}
	if far := by[aws.Unknown]; len(far) > 0 && far[0].Instance.VPC != "" {
		return slices.Concat(far, by[aws.No]), nil
	}
	// In another VPC, to which there is a way that only a filter closes.
	if out := by[aws.No]; len(out) > 0 && db.Available() {
		out[0].Verdict = reach.Check(s, s.Source(out[0].Instance), s.Dest(db)).For(owner)
		if l, _ := out[0].Verdict.First(); l.Name != "route" {
			out[0].Why = out[0].Verdict.Why()
			return out, nil
		}
	}
	_, _, err := discover.Choose(inv, &db, db.Endpoint)
	return nil, err
}

// among is the inventory with these instances alone.
func among(inv discover.Inventory, candidates []reach.Candidate) discover.Inventory {
	inv.Instances = nil
	for _, c := range candidates {
		inv.Instances = append(inv.Instances, c.Instance)
	}
	return inv
}

// choose picks the instance for a route, and says on stderr when the rules of the network keep it out: the attempt is made all
// the same, because no verdict sees everything.
func (a *app) choose(ctx context.Context, r route, inv discover.Inventory) (route, error) {
	db := r.target.Database
	if db == nil {
		var err error
		r.target.Instance, r.why, err = discover.Choose(inv, nil, r.target.Endpoint)
		return r, err
	}
	looking, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	all, err := carriers(networks(looking, reach.New(r.cfg), inv, *db), inv, *db)
	if err != nil {
		return r, err
	}
	best := all[0]
	r.target.Instance, r.why, r.verdict = best.Instance, best.Why, best.Verdict
	a.warnOf(best)
	return r, nil
}

// warnOf says which rule keeps the instance out and what opens it.
func (a *app) warnOf(c reach.Candidate) {
	if c.Verdict.Answer != aws.No {
		return
	}
	fmt.Fprintf(a.Stderr, "warning: %s does not seem to reach it: %s\n", discover.Label(c.Instance), c.Verdict.Why())
	if fix := c.Verdict.Fix(); fix != nil {
		fmt.Fprintf(a.Stderr, "hint: %s\n", fix.Text)
		if fix.Command != "" {
			fmt.Fprintf(a.Stderr, "      %s\n", fix.Command)
		}
	}
}

// reorder puts the instances that could take over in the order in which the network's rules let them: those that are kept out
// last.
func reorder(ctx context.Context, r route, inv discover.Inventory, near []aws.Instance) []aws.Instance {
	if r.target.Database == nil || len(near) < 2 {
		return near
	}
	looking, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	all, err := carriers(networks(looking, reach.New(r.cfg), inv, *r.target.Database), inv, *r.target.Database)
	if err != nil || len(all) < len(near) {
		return near
	}
	out := make([]aws.Instance, 0, len(all))
	for _, c := range all {
		out = append(out, c.Instance)
	}
	return out
}
