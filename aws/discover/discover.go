// Package discover finds the databases and the SSM-managed instances of one account and region, and matches them: what a
// name means, and which instance can carry a tunnel to it.
package discover

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rdsx/rdsx/aws"
)

// Options bounds a search. The zero value is good.
type Options struct {
	Parallel int // API calls in flight at once; 0 means 8
}

// Result is one answer of a search: a page of instances or databases, the failure of one API, or the end of one.
type Result struct {
	API       string // the IAM action, such as rds:DescribeDBInstances
	Account   aws.Account
	Instances []aws.Instance
	Databases []aws.Database
	Err       error // explained; the other APIs go on
	Done      bool  // API gives nothing more
}

// Inventory is all that one search found.
type Inventory struct {
	Instances []aws.Instance `json:"instances"`
	Databases []aws.Database `json:"databases"`
	Errors    []error        `json:"-"`
}

// Finder searches one account and region.
type Finder struct {
	account aws.Account
}

// New makes a finder of the account that cfg belongs to.
func New(cfg sdk.Config, account aws.Account, o Options) *Finder {
	return &Finder{account: account}
}

// Stream calls emit, never concurrently, for every page as it comes, and returns once all APIs have ended. The error is
// ctx's; failures of single APIs are results.
func (f *Finder) Stream(ctx context.Context, emit func(Result)) error {
	return nil
}

// All collects a stream, sorted by name. The error is ctx's, or, when every API failed, the first failure.
func (f *Finder) All(ctx context.Context) (Inventory, error) {
	return Inventory{}, nil
}

// Resolve finds what name means: an identifier of an RDS instance, cluster (its writer), custom endpoint or proxy, an
// endpoint's host name, CLUSTER:reader or CLUSTER:writer, or HOST:PORT. The database is nil for a free HOST:PORT.
// Errors are *aws.Hint: aws.ErrNotFound with near names, aws.ErrUsage when several match.
func Resolve(inv Inventory, name string) (*aws.Database, aws.Endpoint, error) {
	return nil, aws.Endpoint{}, nil
}

// Choose picks the instance that carries a tunnel to the endpoint, and says why in a few words. db is nil for a free
// HOST:PORT. Errors are *aws.Hint and name every instance found with the reason why it is unfit.
func Choose(inv Inventory, db *aws.Database, to aws.Endpoint) (aws.Instance, string, error) {
	return aws.Instance{}, "", nil
}

// Via finds the instance of --via by id or Name tag. It may be unfit: the user asked for it. Errors are *aws.Hint.
func Via(inv Inventory, nameOrID string) (aws.Instance, error) {
	return aws.Instance{}, nil
}

// Unfit says in a few words why the instance cannot carry a tunnel to another host, or "".
func Unfit(i aws.Instance) string { return "" }

// Unusable says in a few words why the database cannot be opened from what inv holds, or "".
func Unusable(db aws.Database, inv Inventory) string { return "" }
