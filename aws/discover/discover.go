// Package discover finds the databases and the SSM-managed instances of accounts and regions, and matches them: what a name
// means, and which instance can carry a tunnel to it.
package discover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/sync/errgroup"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Options bounds a search. The zero value is good.
type Options struct {
	Parallel int // API calls in flight at once, over all places; 0 means 64
	Attempts int // at one call before it counts as failed; 0 means 8
}

// Place is one account and region as one profile sees it. Places of a profile are to share its credentials: Config.Copy with
// another region does.
type Place struct {
	Config  sdk.Config
	Account aws.Account // profile and region at least; the id when it is known
}

// Result is one answer of a search: a page of instances or databases, the failure of one API, or the end of one.
//
// What is sent may be sent again when another API has completed it (the VPC of an instance comes from EC2, the VPC of a
// cluster from its members): the later one replaces the earlier one of the same account, region and Key.
type Result struct {
	API       string      // the IAM action, such as rds:DescribeDBInstances
	Place     int         // the place that was asked, by its index
	Account   aws.Account // whose answer it is; an instance or database that several profiles see names them itself
	Instances []aws.Instance
	Databases []aws.Database
	Err       error // explained; the other APIs go on. errors.Is(Err, aws.ErrDenied) is no failure of the search
	Done      bool  // API gives nothing more, because of Err or because all is said
	Last      bool  // the place gives nothing more
}

// Key tells one database from another within an account and region: the writer and the reader of a cluster share an ID, and so
// may things of different services.
func Key(d aws.Database) string {
	if d.Service == "" || d.Service == "rds" {
		return string(d.Role) + " " + d.ID
	}
	return string(d.Role) + " " + d.ID + " " + d.Service
}

// APIError is the failure of one API of a search; it wraps the explained cause, and aws.ErrDenied when the profile may not call it.
type APIError struct {
	API    string // the IAM action
	Denied bool   // by a policy
	what   string
	region string
	of     string // the profile, where several are asked
	extra  bool
	err    error
}

func (e *APIError) Error() string {
	if e.of != "" {
		return fmt.Sprintf("list %s in %s of %s: %s", e.what, e.region, e.of, e.err)
	}
	return fmt.Sprintf("list %s in %s: %s", e.what, e.region, e.err)
}

// Unwrap is the cause, an *aws.Hint.
func (e *APIError) Unwrap() []error {
	if e.Denied {
		return []error{e.err, aws.ErrDenied}
	}
	return []error{e.err}
}

// APIOf is the IAM action of an *APIError in err's tree, or "".
func APIOf(err error) string {
	var e *APIError
	if errors.As(err, &e) {
		return e.API
	}
	return ""
}

// Finder searches accounts and regions. It may be used again and from several goroutines.
type Finder struct {
	places   []search
	parallel int
	identify bool
	pool     *pool
}

// search is one place with what is to be asked there.
type search struct {
	cfg     sdk.Config
	account aws.Account
	jobs    func() []job // made when they are wanted: the clients of many places are work
}

// New makes a finder of the account that cfg belongs to. It takes of as it is: account.Identify tells whose it is.
func New(cfg sdk.Config, of aws.Account, o Options) *Finder {
	f := NewFleet([]Place{{Config: cfg, Account: of}}, o)
	f.identify = false
	return f
}

// NewFleet makes a finder of many places. It asks each profile once who it is, so that what two profiles see is one; a profile
// that cannot tell keeps what it sees to itself. The places are wanted in the order given.
func NewFleet(places []Place, o Options) *Finder {
	if o.Parallel <= 0 {
		o.Parallel = 64
	}
	f := &Finder{parallel: o.Parallel, identify: true, pool: newPool(o.Parallel, o.Attempts)}
	for n, p := range places {
		f.places = append(f.places, search{cfg: p.Config, account: p.Account, jobs: sync.OnceValue(func() []job {
			cfg := f.pool.through(p.Config, fmt.Sprint(n), n)
			databases := rds.NewFromConfig(cfg)
			c := clients{
				nodes: ssm.NewFromConfig(cfg), machines: ec2.NewFromConfig(cfg), databases: databases, endpoints: databases, proxies: databases,
				stores: newStores(cfg),
			}
			return c.jobs()
		})})
	}
	return f
}

// Calls is how often each API was called so far, by its IAM action; attempts that AWS throttled count as well.
func (f *Finder) Calls() map[string]int {
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	return maps.Clone(f.pool.calls)
}

// Stream calls emit, never concurrently, for every page as it comes, and returns once all APIs have ended. The error is
// ctx's; failures of single APIs are results.
func (f *Finder) Stream(ctx context.Context, emit func(Result)) error {
	s := &stream{finder: f, emit: emit, sites: map[aws.Account]*site{}}
	entries := make([]*entry, len(f.places))
	for n, p := range f.places {
		s.known, s.whose = append(s.known, make(chan struct{})), append(s.whose, p.account)
		entries[n] = &entry{rank: n, turn: make(chan struct{})}
	}
	defer s.asking.Wait()
	var group errgroup.Group
	profiles := profilesOf(f.places)
	for _, who := range profiles {
		for _, n := range who.places {
			group.Go(func() error { return s.place(ctx, n, who, entries[n]) })
		}
	}
	s.signIn(ctx, profiles, entries)
	return group.Wait()
}

// place runs the jobs of one place when it is let in. What waits for a slot then, waits in the pool.
func (s *stream) place(ctx context.Context, n int, of *profile, e *entry) error {
	defer s.finder.pool.leave(e)
	select {
	case <-e.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.identify(ctx, of)
	if of.refused != nil {
		ctx = context.WithValue(ctx, refusedKey{}, of.refused)
	}
	jobs := s.finder.places[n].jobs()
	e.jobs.Store(int32(len(jobs)))
	var group errgroup.Group
	for _, j := range jobs {
		group.Go(func() error { return s.job(ctx, n, e, j) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	who, _ := s.who(ctx, n)
	s.send(Result{Place: n, Account: who, Last: true})
	return ctx.Err()
}

// job reads one list of a place to its end.
func (s *stream) job(ctx context.Context, n int, e *entry, j job) error {
	calls, ready := s.finder.pool.job(ctx, e)
	err := j.list(calls, func(page page) { s.page(ctx, n, j.api, page) })
	ready()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if j.extra && absent(err) {
		err = nil
	}
	who, _ := s.who(ctx, n)
	if err != nil {
		of := s.finder.places[n].account
		failed := &APIError{API: j.api, Denied: denied(err), what: j.what, region: of.Region, extra: j.extra, err: account.Explain(err)}
		if len(s.finder.places) > 1 {
			failed.of = of.Profile
		}
		err = failed
	}
	s.send(Result{API: j.api, Place: n, Account: who, Err: err, Done: true})
	return nil
}

// absent says whether the service does not exist in the region: its endpoint has no address.
func absent(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// stream is one run of a Finder.
type stream struct {
	finder *Finder
	mu     sync.Mutex // guards emit
	emit   func(Result)
	known  []chan struct{} // by place: closed once it is known whose it is
	whose  []aws.Account
	asking sync.WaitGroup
	siteMu sync.Mutex
	sites  map[aws.Account]*site
}

// site is one account and region, whichever profiles lead there.
type site struct {
	mu    sync.Mutex // held while what is new is sent as well, so that the later is the truer
	known *known
}

func (s *stream) send(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(r)
}

// page joins a page with what is known of its account and region and sends what that has made new.
func (s *stream) page(ctx context.Context, n int, api string, p page) {
	who, ok := s.who(ctx, n)
	if !ok {
		return
	}
	at := s.site(n, who)
	at.mu.Lock()
	defer at.mu.Unlock()
	if r := at.known.add(p, n); len(r.Instances)+len(r.Databases) > 0 {
		r.API, r.Place, r.Account = api, n, who
		s.send(r)
	}
}

func (s *stream) site(n int, who aws.Account) *site {
	key := aws.Account{ID: who.ID, Region: who.Region}
	if who.ID == "" {
		key = who // nobody knows whose it is: a site of its own
	}
	s.siteMu.Lock()
	defer s.siteMu.Unlock()
	at := s.sites[key]
	if at == nil {
		names := make([]string, len(s.finder.places))
		for i, p := range s.finder.places {
			names[i] = p.account.Profile
		}
		at = &site{known: newKnown(who, names...)}
		s.sites[key] = at
	}
	return at
}

// who is whose place n is, once that is known; false when ctx has ended first.
func (s *stream) who(ctx context.Context, n int) (aws.Account, bool) {
	select {
	case <-s.known[n]:
		return s.whose[n], true
	case <-ctx.Done():
		return aws.Account{}, false
	}
}
