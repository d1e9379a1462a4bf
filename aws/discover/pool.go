package discover

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

const (
	// attempts of one call. A throttled call comes back; giving up would lose a page of somebody's databases.
	attempts = 8
	// The calls in flight to one service of one account and region. AWS counts by these three, so that is where the pool gives
	// way: it starts with startShare, takes one more for every answer up to mostShare, and halves when AWS throttles.
	startShare, mostShare = 4, 8
)

// pool bounds the calls in flight over all places and, adaptively, those to one service of one place. A call holds its slot
// from the signature to the last byte of the answer: not while its credentials are fetched, nor between two attempts.
type pool struct {
	attempts int

	mu      sync.Mutex
	free    int
	shares  map[string]*share
	waiting []*waiter // by rank, then in the order of coming
	calls   map[string]int

	entering  []*entry // by rank
	preparing *entry   // was let in, and its calls are not all ready
}

type share struct {
	limit float64
	used  int
}

func (s *share) full() bool { return s.used >= int(s.limit) }

type waiter struct {
	share *share
	rank  int
	turn  chan struct{} // closed when the slot is the waiter's
}

func newPool(parallel, tries int) *pool {
	return &pool{free: parallel, attempts: cmp.Or(tries, attempts), shares: map[string]*share{}, calls: map[string]int{}}
}

// acquire waits for a slot. Those of a lower rank go first, so that the first places are whole while the last ones wait.
func (p *pool) acquire(ctx context.Context, key string, rank int) (*share, error) {
	p.mu.Lock()
	s := p.shares[key]
	if s == nil {
		s = &share{limit: startShare}
		p.shares[key] = s
	}
	w := &waiter{share: s, rank: rank, turn: make(chan struct{})}
	at, _ := slices.BinarySearchFunc(p.waiting, rank+1, func(w *waiter, rank int) int { return w.rank - rank })
	p.waiting = slices.Insert(p.waiting, at, w)
	p.dispatch()
	p.mu.Unlock()
	ready(ctx)
	select {
	case <-w.turn:
		return s, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else {
		p.give(s) // the turn came at the same moment
	}
	return nil, ctx.Err()
}

// release gives the slot back and learns from what AWS has said.
func (p *pool) release(s *share, throttled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if throttled {
		s.limit = max(s.limit/2, 1)
	} else {
		s.limit = min(s.limit+1, mostShare)
	}
	p.give(s)
}

func (p *pool) give(s *share) {
	p.free++
	s.used--
	p.dispatch()
}

func (p *pool) dispatch() {
	for i := 0; p.free > 0 && i < len(p.waiting); {
		w := p.waiting[i]
		if w.share.full() {
			i++
			continue
		}
		p.free--
		w.share.used++
		p.waiting = slices.Delete(p.waiting, i, i+1)
		close(w.turn)
	}
	p.admit()
}

// count is one attempt at an operation, by its IAM action.
func (p *pool) count(service, operation string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[prefixOf(service)+":"+operation]++
}

// prefixOf is the prefix of the IAM actions of a service, by the SDK's name for it.
func prefixOf(service string) string {
	switch service {
	case "RDS":
		return "rds"
	case "EC2":
		return "ec2"
	case "SSM":
		return "ssm"
	case "ElastiCache":
		return "elasticache"
	case "MemoryDB":
		return "memorydb"
	case "Redshift":
		return "redshift"
	case "Redshift Serverless":
		return "redshift-serverless"
	case "OpenSearch":
		return "es"
	case "ECS":
		return "ecs"
	}
	return service
}

// through gives cfg for clients whose calls go through the pool, with the retries of a discovery: the SDK's adaptive mode, which
// slows a client down when it is throttled. key tells the place from others, rank says how soon it is wanted.
func (p *pool) through(cfg sdk.Config, key string, rank int) sdk.Config {
	cfg = cfg.Copy()
	if cfg.Credentials != nil {
		cfg.Credentials = signedIn{cfg.Credentials}
	}
	cfg.RetryMaxAttempts = 0 // it would take the place of the retryer's own
	cfg.Retryer = p.retryer
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Finalize.Insert( //nolint:misspell // the SDK spells it so
			middleware.FinalizeMiddlewareFunc("rdsxPool", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (out middleware.FinalizeOutput, meta middleware.Metadata, err error) {
				service := awsmiddleware.GetServiceID(ctx)
				s, err := p.acquire(ctx, key+" "+service, rank)
				if err != nil {
					return out, meta, err
				}
				defer func() { p.release(s, throttled(err)) }()
				p.count(service, awsmiddleware.GetOperationName(ctx))
				return next.HandleFinalize(ctx, in)
			}), "Signing", middleware.Before)
	})
	return cfg
}

func (p *pool) retryer() sdk.Retryer {
	return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
		o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) {
			o.MaxAttempts = p.attempts
			o.MaxBackoff = 5 * time.Second
			o.RateLimiter = ratelimit.None // the attempts are the bound: a quota would lose the last pages of a long list
		})
	})
}

func throttled(err error) bool {
	return err != nil && retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}
