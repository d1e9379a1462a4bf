package cli

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/targets"
)

// scan turns the results of a discovery into rows, account by account and region by region. Databases are shown once the
// instances are known, so that none is called unreachable for an answer that has not come yet.
type scan struct {
	run      *screenRun
	networks errgroup.Group
	slots    chan struct{} // for reading networks

	mu     sync.Mutex // guards what follows, and emit
	emit   func(tui.Finding)
	sites  map[aws.Account]*lookout // by id and region, or by profile where the id is not known
	denied map[string]bool          // told already
	done   int                      // places
}

func (sc *scan) add(ctx context.Context, r discover.Result) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	look := sc.site(r)
	look.add(r)
	denied := errors.Is(r.Err, aws.ErrDenied)
	if r.Err != nil && (!denied || !sc.denied[r.API]) {
		sc.emit(tui.Finding{Done: sc.done, Account: r.Account, Err: r.Err})
		sc.denied[r.API] = sc.denied[r.API] || denied
	}
	if look.ready() {
		sc.show(r.Account, look.rows())
	}
	if r.Last {
		sc.networks.Go(func() error {
			sc.finish(ctx, look, r)
			return nil
		})
	}
}

func (sc *scan) site(r discover.Result) *lookout {
	key := aws.Account{ID: r.Account.ID, Region: r.Account.Region}
	if key.ID == "" {
		key = r.Account
	}
	look := sc.sites[key]
	if look == nil {
		p := sc.run.places[r.Place]
		look = &lookout{
			acct: r.Account, fetcher: reach.New(p.cfg), instances: map[string]aws.Instance{}, databases: map[string]aws.Database{},
			done: map[string]bool{}, failed: map[int]bool{}, denied: map[int][]string{}, before: sc.run.before,
		}
		sc.sites[key] = look
	}
	return look
}

func (sc *scan) show(of aws.Account, rows []targets.Row) {
	if len(rows) > 0 {
		sc.emit(tui.Finding{Done: sc.done, Account: of, Rows: sc.run.files.used(rows)})
	}
}

// finish reads the rules of a place's networks, shows the rows with their ways, and keeps them. The rules come behind everything
// else: the list is of use without them.
func (sc *scan) finish(ctx context.Context, look *lookout, r discover.Result) {
	sc.mu.Lock()
	sc.show(r.Account, sc.run.files.hosts(look.all(), r.Account))
	inv := look.inventory()
	sc.mu.Unlock()
	sc.slots <- struct{}{}
	rules := networks(ctx, look.fetcher, inv)
	<-sc.slots
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.done++
	defer func() { sc.emit(tui.Finding{Done: sc.done}) }()
	if rules == nil {
		return // ctx's: nobody is there any more
	}
	look.rules = rules
	rows := look.all()
	sc.show(r.Account, sc.run.files.hosts(slices.Clone(rows), r.Account))
	if !look.failed[r.Place] && ctx.Err() == nil {
		sc.run.files.cache.keep(r.Account, look.denied[r.Place], seenBy(rows, r.Account))
	}
}

// seenBy are the rows that a profile sees, as its own.
func seenBy(rows []targets.Row, of aws.Account) []targets.Row {
	out := make([]targets.Row, 0, len(rows))
	for _, r := range rows {
		seen := []string(nil)
		switch {
		case r.Database != nil:
			seen = r.Database.Profiles
		case r.Instance != nil:
			seen = r.Instance.Profiles
		}
		if len(seen) == 0 || slices.Contains(seen, of.Profile) {
			r.Account = of
			out = append(out, r)
		}
	}
	return out
}
