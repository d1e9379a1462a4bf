package forward

import (
	"context"
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
)

const (
	// keepTime is how often the keeper looks at the connections while there are any.
	keepTime = 500 * time.Millisecond
	// bulkRate is from when a connection is a transfer, in bytes per second. The agent gives all connections of a session
	// about 0.8 MB/s together and queues a quarter of a second before everybody else (docs/protocol.md §3), so two transfers
	// in a session are still recognised, and typing is not.
	bulkRate = 64 << 10
	// aliveTime is how rarely a session is kept from becoming idle; the account's idle time-out is a minute at least.
	aliveTime = 25 * time.Second
)

// Awake is a Session that can be kept from becoming idle.
type Awake interface {
	// KeepAlive makes the service see that the session is in use. It waits for nothing.
	KeepAlive()
}

// keep looks after the pool until ctx ends: it finds the transfers and the dials that take long, warms a spare session as soon
// as no other is free, and closes it when it is no longer needed. Without connections and spare sessions it sleeps.
func (f *Forwarder) keep(ctx context.Context) {
	tick := time.NewTicker(keepTime)
	defer tick.Stop()
	last, kept := time.Now(), time.Now()
	for {
		if f.asleep() {
			tick.Stop()
			select {
			case <-f.stirred:
				tick.Reset(keepTime)
				last = time.Now()
			case <-ctx.Done():
				return
			}
		}
		select {
		case now := <-tick.C:
			f.tend(ctx, now, now.Sub(last))
			last = now
			if f.cfg.KeepAlive && now.Sub(kept) >= f.cfg.KeepEvery {
				f.keepAlive()
				kept = now
			}
		case <-f.stirred:
		case <-ctx.Done():
			return
		}
	}
}

// stir wakes the keeper.
func (f *Forwarder) stir() {
	select {
	case f.stirred <- struct{}{}:
	default:
	}
}

// asleep says whether there is nothing to look after.
func (f *Forwarder) asleep() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns) == 0 && f.pool.healthy() < 2 && f.late.IsZero() && !f.cfg.KeepAlive && !f.unborn() && !f.owed &&
		!slices.ContainsFunc(f.pool.members, func(m *member) bool { return m.alive() && m.givenUp.pending() })
}

// unborn says whether the first session could not be had yet, for a reason that passes. f.mu is held.
func (f *Forwarder) unborn() bool { return f.pool.opened == 0 && f.pool.failed > 0 && !f.cfg.Lazy }

// tend is one look at the pool, after having looked away for as long as since.
func (f *Forwarder) tend(ctx context.Context, now time.Time, since time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pool
	was := 0
	for _, m := range p.members {
		if m.busy() {
			was++
		}
		m.bulk, m.stuck = 0, m.givenUp.lasts(now)
	}
	for _, c := range f.conns {
		f.measure(c, now, since)
	}
	busy := 0
	for _, m := range p.members {
		if m.busy() {
			busy++
		}
	}
	if busy != was {
		p.notify()
	}
	if f.unborn() && p.opening == 0 && p.may(now) {
		f.startSession(ctx)
	}
	if f.owed {
		f.replace(ctx)
	}
	f.leaveBehind(ctx, now)
	f.spare(ctx, now)
}

// measure finds out whether c is a transfer, and whether its dial takes long. f.mu is held.
func (f *Forwarder) measure(c *connection, now time.Time, since time.Duration) {
	moved := c.up.Load() + c.down.Load()
	if since > 0 {
		c.rate = (c.rate + float64(moved-c.seen)/since.Seconds()) / 2
	}
	c.seen = moved
	m := c.member
	if m == nil || c.released || m.single {
		return
	}
	if c.rate >= bulkRate {
		m.bulk++
	}
	if c.lasts(now) {
		m.stuck = true
	}
}

// spare starts a session when all are busy, or when the only one carries a connection that stays: the next one may be a
// transfer, which would get in its way. It closes one that nobody needs. f.mu is held.
func (f *Forwarder) spare(ctx context.Context, now time.Time) {
	p := &f.pool
	var idle, only *member // the newest without connections; any
	free, single := 0, false
	for _, m := range p.members {
		if !m.alive() {
			continue
		}
		only = m
		single = single || m.single
		if !m.busy() {
			free++
		}
		if m.load == 0 && (idle == nil || m.opened.After(idle.opened)) {
			idle = m
		}
	}
	life := spareLife
	if len(f.conns) > 0 {
		life = spareLifeInUse
	}
	switch {
	case only == nil || single: // each in basic mode is for one connection, and stale before the next
	case free == 0 && p.opening == 0 && p.may(now):
		f.startSession(ctx)
	case p.healthy() == 1 && only.stays(now) && f.spared < f.accepted && p.opening == 0 && p.may(now):
		f.spared = f.accepted
		f.startSession(ctx)
	case free > 1 && idle != nil && now.Sub(idle.quitted) >= life:
		f.spared = f.accepted // until somebody comes
		idle.retired = true
		idle.wake()
	}
}

// stays says whether m carries a connection that is there to stay.
func (m *member) stays(now time.Time) bool {
	return m.load > 0 && now.Sub(m.latest) >= steady && m.link.state != aws.LinkResuming
}

// replace starts a session where none takes connections any more; where attempts are held back the keeper does it later. f.mu is held.
func (f *Forwarder) replace(ctx context.Context) {
	p := &f.pool
	f.owed = p.healthy() == 0 && p.opening == 0 && !f.cfg.Lazy
	switch {
	case f.owed && p.may(time.Now()):
		f.owed = false
		f.startSession(ctx)
	case f.owed:
		f.stir()
	}
}

// keepAlive keeps the sessions awake that somebody may still want: those that take newcomers, and those that take none any more
// and still carry connections, which are nobody's to lose.
func (f *Forwarder) keepAlive() {
	f.mu.Lock()
	var all []Awake
	for _, m := range f.pool.members {
		if a, ok := m.session.(Awake); ok && !m.done() && (!m.retired || m.load > 0) {
			all = append(all, a)
		}
	}
	f.mu.Unlock()
	for _, a := range all {
		a.KeepAlive()
	}
}
