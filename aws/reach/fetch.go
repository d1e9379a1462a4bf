package reach

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Need is what the verdicts will be about.
type Need struct {
	Instances []aws.Instance
	Databases []aws.Database
	Load      bool // count the open sessions of each instance
}

// Fetch reads the networks between the instances and the databases of one account and region. What may not be read is
// written down in the snapshot's Missing. The error is ctx's.
func Fetch(ctx context.Context, cfg sdk.Config, need Need) (*Snapshot, error) {
	return New(cfg).Snapshot(ctx, need)
}

// Fetcher reads snapshots of one account and region and keeps what it has read: asked again, it reads what is new. It may be
// used from several goroutines: one reads, the others wait and find what it has read. What was not allowed is not tried
// again; what failed for another reason is.
type Fetcher struct {
	machines *ec2.Client
	sessions *ssm.Client
	region   string
	turn     chan struct{} // holds the one who reads

	mu   sync.Mutex // guards what follows while one Snapshot's calls run at once
	have map[string]bool
	snap Snapshot
}

// New makes a fetcher of the account and region of cfg.
func New(cfg sdk.Config) *Fetcher {
	return &Fetcher{
		machines: ec2.NewFromConfig(cfg), sessions: ssm.NewFromConfig(cfg), region: cfg.Region, turn: make(chan struct{}, 1), have: map[string]bool{},
		snap: Snapshot{
			VPCs: map[string]VPC{}, Subnets: map[string]Subnet{}, Groups: map[string]Group{}, Interfaces: map[string][]Interface{},
			Peerings: map[string]Peering{}, Transits: map[string]Transit{}, PrefixLists: map[string][]netip.Prefix{}, Load: map[string]int{}, Missing: map[string]string{},
		},
	}
}

// Snapshot is as Fetch. The snapshot is the caller's own.
func (f *Fetcher) Snapshot(ctx context.Context, need Need) (*Snapshot, error) {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.interfaces(ctx, need) // first: they say in which networks the instances are
	vpcs := f.vpcsOf(need)
	f.together(ctx, f.networks(vpcs, need)...)
	f.together(ctx, f.ways(vpcs)...)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.snap.clone(), nil
}

// atOnce is how many calls of one snapshot run at the same time.
const atOnce = 6

// job is one call, or a few pages of one, and what is known once it has been made.
type job struct {
	action string   // the IAM action
	keys   []string // remembered as read
	run    func(context.Context) error
}

// together makes the calls of jobs that have anything to read.
func (f *Fetcher) together(ctx context.Context, jobs ...job) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, j := range jobs {
		if len(j.keys) == 0 {
			continue
		}
		group.Go(func() error {
			err := j.run(ctx)
			f.mu.Lock()
			defer f.mu.Unlock()
			if err == nil {
				delete(f.snap.Missing, j.action)
			} else {
				f.snap.Missing[j.action] = reason(j.action, err)
			}
			for _, k := range j.keys {
				if err == nil || denied(err) {
					f.have[j.action+" "+k] = true
				}
			}
			return nil
		})
	}
	_ = group.Wait() // no job fails: what is missing has been written down
}

// news are the keys that have not been read by the action, sorted, each once.
func (f *Fetcher) news(action string, keys ...string) []string {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" || f.have[action+" "+k] })
	slices.Sort(keys)
	return slices.Compact(keys)
}

func denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains([]string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}, api.ErrorCode())
}

// reason is a failure in a few words.
func reason(action string, err error) string {
	if denied(err) {
		return action + " is not allowed"
	}
	return account.Explain(err).Error()
}

// vpcsOf are all networks that the need touches.
func (f *Fetcher) vpcsOf(need Need) []string {
	var out []string
	for _, i := range need.Instances {
		out = append(out, i.VPC)
		for _, n := range f.snap.Interfaces[i.ID] {
			out = append(out, n.VPC)
		}
	}
	for _, d := range need.Databases {
		out = append(out, d.VPC)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(v string) bool { return v == "" })
}

// clone is a copy that no later read writes to. Slices inside are never written to again.
func (s *Snapshot) clone() *Snapshot {
	out := *s
	out.Accounts, out.Tables, out.ACLs, out.Endpoints = slices.Clone(s.Accounts), slices.Clone(s.Tables), slices.Clone(s.ACLs), slices.Clone(s.Endpoints)
	out.VPCs, out.Subnets, out.Groups, out.Interfaces = maps.Clone(s.VPCs), maps.Clone(s.Subnets), maps.Clone(s.Groups), maps.Clone(s.Interfaces)
	out.Peerings, out.Transits, out.PrefixLists = maps.Clone(s.Peerings), maps.Clone(s.Transits), maps.Clone(s.PrefixLists)
	out.Load, out.Missing = maps.Clone(s.Load), maps.Clone(s.Missing)
	out.blocks = &blockIndex{of: map[string][]netip.Prefix{}}
	return &out
}

// maxPages stops a service that hands out tokens for ever.
const maxPages = 200

// pages calls next until it gives no token. The loop is ours: the SDK's paginators hold their client in an interface, which
// costs the linker's pruning of unused methods.
func pages(next func(token *string) (*string, error)) error {
	var token *string
	for range maxPages {
		t, err := next(token)
		if err != nil || sdk.ToString(t) == "" {
			return err
		}
		if sdk.ToString(t) == sdk.ToString(token) {
			return errors.New("the same page token twice")
		}
		token = t
	}
	return errors.New("too many pages")
}

// filterMost is how many values a filter of EC2 takes.
const filterMost = 200

// chunks calls f for parts of the values that a filter takes.
func chunks(values []string, f func(part []string) error) error {
	for part := range slices.Chunk(values, filterMost) {
		if err := f(part); err != nil {
			return err
		}
	}
	return nil
}
