package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/targets"
)

// Cached implements tui.Catalogue.
func (s *screenRun) Cached() ([]targets.Row, time.Time) {
	rows, at := s.files.cached()
	for _, p := range s.places {
		rows = s.files.hosts(rows, p.account)
	}
	return s.files.used(rows), at
}

// atOnce is how many places are asked at the same time.
const atOnce = 6

// Scan implements tui.Catalogue.
func (s *screenRun) Scan(ctx context.Context, emit func(tui.Finding)) {
	emit(tui.Finding{Parts: len(s.places), Account: s.header()})
	var mu sync.Mutex // guards what follows, and emit
	var all []targets.Row
	done, whole := 0, true
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, p := range s.places {
		group.Go(func() error {
			rows, ok := s.scanPlace(ctx, p, func(f tui.Finding) {
				mu.Lock()
				defer mu.Unlock()
				f.Done = done
				emit(f)
			})
			mu.Lock()
			defer mu.Unlock()
			done, whole = done+1, whole && ok
			all = append(all, rows...)
			emit(tui.Finding{Done: done})
			return nil
		})
	}
	_ = group.Wait() // no place fails: what went wrong has been emitted
	if whole && ctx.Err() == nil {
		s.files.keep(all)
	}
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

// scanPlace lists one place and returns all its rows, and whether nothing is missing. Databases are shown once the instances
// are known, so that none is called unreachable for an answer that has not come yet.
func (s *screenRun) scanPlace(ctx context.Context, p place, emit func(tui.Finding)) (rows []targets.Row, whole bool) {
	acct := p.account
	identified := make(chan struct{})
	go func() {
		defer close(identified)
		if who, err := account.Identify(ctx, p.cfg); err == nil {
			acct.ID, acct.ARN = who.ID, who.ARN
		}
	}()
	look := &lookout{instances: map[string]aws.Instance{}, databases: map[string]aws.Database{}, done: map[string]bool{}, before: s.before()}
	show := func(rows []targets.Row) {
		if len(rows) > 0 {
			emit(tui.Finding{Account: acct, Rows: s.files.used(rows)})
		}
	}
	err := discover.New(p.cfg, p.account, discover.Options{}).Stream(ctx, func(r discover.Result) {
		if r.Err != nil {
			emit(tui.Finding{Account: p.account, Err: r.Err})
		}
		look.add(r)
		if look.ready() {
			<-identified
			look.acct = acct
			show(look.rows())
		}
	})
	<-identified
	if err != nil {
		return nil, false // ctx's: nobody is there any more
	}
	look.acct = acct
	show(s.files.hosts(look.all(), acct))
	// The network's rules come behind everything else: the list is of use without them.
	if look.rules = networks(ctx, reach.New(p.cfg), look.inventory()); look.rules == nil {
		return nil, false
	}
	rows = look.all()
	show(s.files.hosts(rows, acct))
	return rows, !look.failed
}

// before are the rows of the last run with what was known of their ways, by key.
func (s *screenRun) before() map[string]targets.Row {
	rows, _ := s.files.cached()
	out := make(map[string]targets.Row, len(rows))
	for _, r := range rows {
		if len(r.Path.Layers) > 0 {
			out[r.Key()] = r
		}
	}
	return out
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

// lookout gathers a stream and makes rows of what has changed.
type lookout struct {
	acct      aws.Account
	instances map[string]aws.Instance
	databases map[string]aws.Database
	changed   []string // databases since the last rows
	again     bool     // the instances have changed: every row may have
	done      map[string]bool
	failed    bool
	rules     *reach.Snapshot        // of the networks; nil until they have been read
	before    map[string]targets.Row // what the last run knew of the ways
}

func (l *lookout) add(r discover.Result) {
	for _, i := range r.Instances {
		l.instances[i.ID] = i
		l.again = true
	}
	for _, d := range r.Databases {
		l.databases[discover.Key(d)] = d
		l.changed = append(l.changed, discover.Key(d))
	}
	l.failed = l.failed || r.Err != nil
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
		out = append(out, targets.Row{Account: l.acct, Instance: &inv.Instances[i], Unusable: discover.Unfit(inv.Instances[i])})
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

// database is a row with the instance that would carry it. Until the rules have been read, it shows what the last run knew.
func (l *lookout) database(inv discover.Inventory, db aws.Database) targets.Row {
	row := targets.Row{Account: l.acct, Database: &db}
	all, err := carriers(l.rules, inv, db)
	if err != nil || !db.Available() {
		row.Unusable = cmp.Or(discover.Unusable(db, inv), "no instance")
		row.Next = aws.NextOf(err)
	}
	if err != nil {
		return row
	}
	row.Via, row.Why = all[0].Instance, all[0].Why
	if old, ok := l.before[row.Key()]; ok && l.rules == nil && old.Via.ID == row.Via.ID {
		return row.Judged(old.Path)
	}
	if l.rules != nil && row.Unusable == "" {
		return row.Judged(all[0].Verdict)
	}
	return row
}
