// Package discover finds the databases and the SSM-managed instances of one account and region, and matches them: what a
// name means, and which instance can carry a tunnel to it.
package discover

import (
	"context"
	"fmt"
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
	Parallel int // API calls in flight at once; 0 means 8
}

// Result is one answer of a search: a page of instances or databases, the failure of one API, or the end of one.
//
// What is sent may be sent again when another API has completed it (the VPC of an instance comes from EC2, the VPC of a
// cluster from its members): the later one replaces the earlier one of the same Key.
type Result struct {
	API       string      // the IAM action, such as rds:DescribeDBInstances
	Account   aws.Account // whose answer it is
	Instances []aws.Instance
	Databases []aws.Database
	Err       error // explained; the other APIs go on
	Done      bool  // API gives nothing more, because of Err or because all is said
}

// Key tells one database from another within an account and region: the writer and the reader of a cluster share an ID.
func Key(d aws.Database) string { return string(d.Role) + " " + d.ID }

// APIError is the failure of one API of a search; it wraps the explained cause.
type APIError struct {
	API    string // the IAM action
	what   string
	region string
	err    error
}

func (e *APIError) Error() string { return fmt.Sprintf("list %s in %s: %s", e.what, e.region, e.err) }

// Unwrap is the cause, an *aws.Hint.
func (e *APIError) Unwrap() error { return e.err }

// Finder searches one account and region. It may be used again and from several goroutines.
type Finder struct {
	account  aws.Account
	parallel int
	jobs     []job
}

// New makes a finder of the account that cfg belongs to.
func New(cfg sdk.Config, of aws.Account, o Options) *Finder {
	databases := rds.NewFromConfig(cfg)
	return newFinder(of, o, clients{
		nodes:     ssm.NewFromConfig(cfg),
		machines:  ec2.NewFromConfig(cfg),
		databases: databases,
		endpoints: databases,
		proxies:   databases,
	})
}

func newFinder(of aws.Account, o Options, c clients) *Finder {
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	return &Finder{account: of, parallel: o.Parallel, jobs: c.jobs()}
}

// Stream calls emit, never concurrently, for every page as it comes, and returns once all APIs have ended. The error is
// ctx's; failures of single APIs are results.
func (f *Finder) Stream(ctx context.Context, emit func(Result)) error {
	var mu sync.Mutex // guards known and emit
	known := newKnown(f.account)
	var group errgroup.Group
	group.SetLimit(f.parallel)
	for _, j := range f.jobs {
		group.Go(func() error {
			err := f.list(ctx, j, func(p page) {
				mu.Lock()
				defer mu.Unlock()
				r := known.add(p)
				if len(r.Instances)+len(r.Databases) > 0 {
					r.API, r.Account = j.api, f.account
					emit(r)
				}
			})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				err = &APIError{API: j.api, what: j.what, region: f.account.Region, err: account.Explain(err)}
			}
			mu.Lock()
			defer mu.Unlock()
			emit(Result{API: j.api, Account: f.account, Err: err, Done: true})
			return nil
		})
	}
	return group.Wait()
}

// maxPages stops a service that hands out tokens for ever: 20 a page at least, so 100,000 rows.
const maxPages = 5000

func (f *Finder) list(ctx context.Context, j job, add func(page)) error {
	var token *string
	for range maxPages {
		p, next, err := j.page(ctx, token)
		if err != nil {
			return err
		}
		add(p)
		if sdk.ToString(next) == "" {
			return nil
		}
		if sdk.ToString(next) == sdk.ToString(token) {
			return fmt.Errorf("%s gives the same page token twice", j.api)
		}
		token = next
	}
	return fmt.Errorf("%s gives more than %d pages", j.api, maxPages)
}
