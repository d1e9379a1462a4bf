package cli

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/targets"
)

// atOnce is of how many accounts and regions the networks are read at the same time.
const atOnce = 6

// Scan implements tui.Catalogue.
func (s *screenRun) Scan(ctx context.Context, emit func(tui.Finding)) {
	select {
	case <-s.cacheRead:
	case <-ctx.Done():
		return
	}
	s.rest(ctx, emit)
	emit(tui.Finding{Parts: len(s.places), Unit: unitOf(s.places), Account: s.header()})
	sc := &scan{run: s, emit: emit, sites: map[aws.Account]*lookout{}, denied: map[string]bool{}, slots: make(chan struct{}, atOnce)}
	for _, err := range s.failed {
		emit(tui.Finding{Err: err})
	}
	_ = discover.NewFleet(searched(s.places), discover.Options{}).Stream(ctx, func(r discover.Result) { sc.add(ctx, r) })
	_ = sc.networks.Wait() // what went wrong has been emitted
}

// header is the account that the screens name at the top; several have none.
func (s *screenRun) header() aws.Account {
	if len(s.places) == 1 {
		return s.places[0].account
	}
	profiles, regions := map[string]bool{}, map[string]bool{}
	for _, p := range s.places {
		profiles[p.account.Profile], regions[p.account.Region] = true, true
	}
	return aws.Account{Profile: count(len(profiles), "profile"), Region: count(len(regions), "region")}
}

// unitOf is what a place is to who has read the header: a region of the profile, a profile in the region, or "" where there are
// several of both.
func unitOf(places []place) string {
	profiles, regions := map[string]bool{}, map[string]bool{}
	for _, p := range places {
		profiles[p.account.Profile], regions[p.account.Region] = true, true
	}
	switch {
	case len(profiles) == 1:
		return "region"
	case len(regions) == 1:
		return "profile"
	}
	return ""
}

// Choices implements tui.Catalogue.
func (s *screenRun) Choices(ctx context.Context, row targets.Row) ([]targets.Choice, error) {
	p, err := s.placeOf(row.Account)
	if err != nil {
		return nil, err
	}
	inv, err := discover.New(p.cfg, p.account, discover.Options{}).All(ctx)
	if err != nil {
		return nil, err
	}
	if len(inv.Instances) == 0 && len(inv.Errors) > 0 {
		return nil, inv.Errors[0]
	}
	if row.Database == nil {
		out := make([]targets.Choice, 0, len(inv.Instances))
		for _, i := range inv.Instances {
			out = append(out, targets.Choice{Instance: i, Unfit: i.Unfit()})
		}
		return out, nil
	}
	rules := networks(ctx, reach.New(p.cfg), inv, *row.Database)
	if rules == nil {
		return nil, ctx.Err()
	}
	var out []targets.Choice
	for _, c := range reach.Rank(rules, inv.Instances, *row.Database) {
		judged := targets.Row{}.Judged(c.Verdict)
		out = append(out, targets.Choice{Instance: c.Instance, Unfit: c.Instance.Unfit(), Why: c.Why, Reach: judged.Reach})
	}
	return out, nil
}

// lookout gathers what a stream tells of one account and region and makes rows of what has changed.
type lookout struct {
	acct      aws.Account
	fetcher   *reach.Fetcher
	instances map[string]aws.Instance
	databases map[string]aws.Database
	changed   []string // databases since the last rows
	again     bool     // the instances have changed: every row may have
	done      map[string]bool
	failed    map[int]bool       // places of which something is missing
	denied    map[int][]string   // what a place may not list
	rules     *reach.Snapshot    // of the networks; nil until they have been read
	before    map[string]way     // what the last run knew of the ways
	near      map[string]nearest // choices of the current instances, by the place of a database
}

// nearest is the instance that nearness chooses for databases in the same place.
type nearest struct {
	instance aws.Instance
	why      string
}

func (l *lookout) add(r discover.Result) {
	for _, i := range r.Instances {
		l.instances[i.ID] = i
		l.again, l.near = true, nil
	}
	for _, d := range r.Databases {
		l.databases[discover.Key(d)] = d
		l.changed = append(l.changed, discover.Key(d))
	}
	switch {
	case errors.Is(r.Err, aws.ErrDenied):
		l.denied[r.Place] = append(l.denied[r.Place], r.API)
	case r.Err != nil:
		l.failed[r.Place] = true
	}
	if r.Done {
		l.done[r.API] = true
	}
}

// ready says whether the instances are known, with all that decides what they can reach.
func (l *lookout) ready() bool {
	return l.done["ssm:DescribeInstanceInformation"] && l.done["ec2:DescribeInstances"]
}

// rows are those that have changed.
func (l *lookout) rows() []targets.Row {
	if l.again {
		l.again, l.changed = false, nil
		return l.all()
	}
	inv := l.inventory()
	var out []targets.Row
	for _, key := range l.changed {
		out = append(out, l.database(inv, l.databases[key]))
	}
	l.changed = nil
	return out
}

func (l *lookout) all() []targets.Row {
	inv := l.inventory()
	out := make([]targets.Row, 0, len(l.databases)+len(l.instances))
	for _, key := range slices.Sorted(maps.Keys(l.databases)) {
		out = append(out, l.database(inv, l.databases[key]))
	}
	for i := range inv.Instances {
		i := &inv.Instances[i]
		out = append(out, targets.Row{Account: ownerOf(l.acct, i.Profiles), Instance: i, Unusable: i.Unfit()})
	}
	return out
}

// inventory is what has been found so far.
func (l *lookout) inventory() discover.Inventory {
	inv := discover.Inventory{Account: l.acct}
	for _, key := range slices.Sorted(maps.Keys(l.databases)) {
		inv.Databases = append(inv.Databases, l.databases[key])
	}
	for _, id := range slices.Sorted(maps.Keys(l.instances)) {
		inv.Instances = append(inv.Instances, l.instances[id])
	}
	return inv
}

// carriers are those of the network's rules, or until these have been read the nearest instance: many databases are in the same
// place, and one choice does for all of them.
func (l *lookout) carriers(inv discover.Inventory, db aws.Database) ([]reach.Candidate, error) {
	if l.rules != nil {
		return carriers(l.rules, inv, db)
	}
	key := strings.Join(append([]string{db.VPC, db.AZ}, db.Subnets...), " ")
	if n, ok := l.near[key]; ok {
		return []reach.Candidate{{Instance: n.instance, Why: n.why}}, nil
	}
	all, err := carriers(nil, inv, db)
	if err == nil {
		if l.near == nil {
			l.near = map[string]nearest{}
		}
		l.near[key] = nearest{all[0].Instance, all[0].Why}
	}
	return all, err
}

// database is a row with the instance that would carry it. Until the rules have been read, it shows what the last run knew.
func (l *lookout) database(inv discover.Inventory, db aws.Database) targets.Row {
	row := targets.Row{Account: ownerOf(l.acct, db.Profiles), Database: &db}
	all, err := l.carriers(inv, db)
	if err != nil || !db.Available() {
		row.Unusable = cmp.Or(discover.Unusable(db, inv), "no instance")
		row.Next = aws.NextOf(err)
	}
	if err != nil {
		return row
	}
	row.Via, row.Why = all[0].Instance, all[0].Why
	if old, ok := l.before[row.Key()]; ok && l.rules == nil && old.via == row.Via.ID {
		return row.Judged(old.path)
	}
	if l.rules != nil && row.Unusable == "" {
		return row.Judged(all[0].Verdict)
	}
	return row
}
