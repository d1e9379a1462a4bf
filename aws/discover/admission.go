package discover

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Thousands of calls that are made ready at the same instant, and dozens of roles that are assumed with them, keep the processors
// from those whose answers are wanted first. So profiles sign in one behind the other, without waiting for each other, and places
// are let in one behind the other: each as soon as the calls of the one before are ready and the pool has use for more.
const (
	// reserve is how many calls may wait for a slot when the next place is let in, so that no slot is free for long.
	reserve = 16
	// signInPace is how long after the sign-in of one profile that of the next one begins at the latest. One that waits for its
	// user holds up nobody.
	signInPace = 5 * time.Millisecond
)

// entry is a place that waits to be let in, or makes its calls ready.
type entry struct {
	rank int
	turn chan struct{} // closed when it is let in
	jobs atomic.Int32  // that have neither asked for a slot nor ended
	left bool          // its calls are ready, or nobody waits any more
}

// enter queues places, by rank.
func (p *pool) enter(entries ...*entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range entries {
		if !e.left {
			p.entering = append(p.entering, e)
		}
	}
	slices.SortStableFunc(p.entering, func(a, b *entry) int { return a.rank - b.rank })
	p.dispatch()
}

// leave is called when the calls of a place are ready, and when it goes away before.
func (p *pool) leave(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.left = true
	if i := slices.Index(p.entering, e); i >= 0 {
		p.entering = slices.Delete(p.entering, i, i+1)
	}
	if p.preparing == e {
		p.preparing = nil
	}
	p.dispatch()
}

// admit lets the next place in, where there is use for it. p.mu is held.
func (p *pool) admit() {
	if len(p.entering) > 0 && p.preparing == nil && (p.free > 0 || len(p.waiting) < reserve) {
		p.preparing = p.entering[0]
		p.entering = p.entering[1:]
		close(p.preparing.turn)
	}
}

// job gives the context of one of n jobs of a place that was let in. ready is to be called when the job ends; the job's first
// call does so as well, as soon as it waits for its slot.
func (p *pool) job(ctx context.Context, e *entry) (_ context.Context, ready func()) {
	ready = sync.OnceFunc(func() {
		if e.jobs.Add(-1) == 0 {
			p.leave(e)
		}
	})
	return context.WithValue(ctx, readyKey{}, ready), ready
}

type readyKey struct{}

// ready tells that the job of ctx waits for a slot.
func ready(ctx context.Context) {
	if f, ok := ctx.Value(readyKey{}).(func()); ok {
		f()
	}
}

// profile is whoever asks for some of the places.
type profile struct {
	places  []int
	refused error     // why there are no credentials; set before the places are let in
	asking  sync.Once // who it is
}

// profilesOf gathers places by profile, in the order of the places.
func profilesOf(places []search) []*profile {
	var all []*profile
	byName := map[string]*profile{}
	for n, p := range places {
		who := byName[p.account.Profile]
		if who == nil {
			who = &profile{}
			byName[p.account.Profile] = who
			all = append(all, who)
		}
		who.places = append(who.places, n)
	}
	return all
}

// signIn fetches the credentials of each profile and queues its places as soon as they are there. A profile that gets none is
// queued as well: its lists tell why.
func (s *stream) signIn(ctx context.Context, all []*profile, entries []*entry) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, who := range all {
		done := make(chan struct{})
		group.Go(func() {
			defer close(done)
			if c := s.finder.places[who.places[0]].cfg.Credentials; c != nil {
				_, who.refused = c.Retrieve(ctx)
			}
			of := make([]*entry, 0, len(who.places))
			for _, n := range who.places {
				of = append(of, entries[n])
			}
			s.finder.pool.enter(of...)
		})
		select {
		case <-done:
		case <-time.After(signInPace):
		case <-ctx.Done():
			return
		}
	}
}

// identify asks once who a profile is, at the same time as its first lists are read.
func (s *stream) identify(ctx context.Context, who *profile) {
	who.asking.Do(func() {
		s.asking.Go(func() {
			var is aws.Account
			if first := s.finder.places[who.places[0]]; s.finder.identify && first.account.ID == "" && who.refused == nil {
				is, _ = account.Identify(ctx, first.cfg) // a profile that cannot tell keeps what it sees to itself
			}
			for _, n := range who.places {
				if s.whose[n].ID == "" {
					s.whose[n].ID, s.whose[n].ARN = is.ID, is.ARN
				}
				close(s.known[n])
			}
		})
	})
}

// signedIn are credentials that were fetched before the first call. Where that has failed no call tries again: the user would be
// asked for a second code.
type signedIn struct{ sdk.CredentialsProvider }

type refusedKey struct{}

// Retrieve implements sdk.CredentialsProvider.
func (s signedIn) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	if err, ok := ctx.Value(refusedKey{}).(error); ok {
		return sdk.Credentials{}, err
	}
	return s.CredentialsProvider.Retrieve(ctx)
}
