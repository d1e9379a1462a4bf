package forward

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
)

const (
	firstRetry  = 100 * time.Millisecond // after a session that could not be had; doubled with each in a row
	lastRetry   = 5 * time.Second
	firstExtra  = time.Second // the same where other sessions carry the tunnel meanwhile
	lastExtra   = time.Minute
	provingTime = 3 * time.Second // a session that ends earlier, having carried nothing, never worked
	trialTime   = time.Minute     // one that ends before this, having carried nothing, was not worth starting
	forgiven    = 2 * time.Minute // without a failure, and the next one is the first in a row
	// basicFresh is how long the connection that an agent in basic mode has opened at the session's start is trusted: MySQL
	// hangs up on a client that has not signed in within ten seconds, and the agent does not tell.
	basicFresh = 5 * time.Second

	// young is how long a connection may turn out to be a transfer: until then its session is not offered to others, so that
	// those of a parallel dump, which come all at once, do not end up in one session.
	young = time.Second
	// spreading is how long a connection waits for a session of its own where it could share one.
	spreading = 4 * time.Second
	// spareLife is how long a session that nobody needs is kept for whoever comes next; spareLifeInUse the same while others
	// have connections.
	spareLife      = time.Minute
	spareLifeInUse = 10 * time.Minute
	// steady is from when a connection is one that stays, so that the next one should not share its session.
	steady = 5 * time.Second
	// atOnce is how many sessions are started at a time: StartSession is throttled per account.
	atOnce = 4
)

// member is a session of the pool. The Forwarder's lock guards it, but for session, single, instance, up, down and kick.
//
// One in basic mode (single) carries one connection in its life. The agent dials the target when the session starts and later
// only when it gets bytes (docs/protocol.md §1.4), so a server that speaks first, MySQL for one, would stay silent on a second
// connection, and what it said on a stale first one is worthless.
type member struct {
	session  Session
	opened   time.Time
	single   bool
	instance string        // that carries it
	kick     chan struct{} // 1 slot: its goroutine is to look again
	up, down atomic.Uint64 // payload of all its connections

	load      int       // connections that it carries or is about to dial
	latest    time.Time // when the last of them came
	quitted   time.Time // since when load is 0
	bulk      int       // connections that move much, as of the keeper's last look
	stuck     bool      // a dial is taking long, as of the keeper's last look
	link      link      // as of its last change
	leads     string    // the member of the target's cluster at its end, "" for not known
	answer    answer    // of the server there
	retired   bool      // gets no newcomers
	over      bool      // it ended by itself, and that has been said
	heard     bool      // some connection has had a byte through it
	probeless bool      // basic mode: Probe is not supported
	armed     bool      // its goroutine's timer is set already

	givenUp *connection // the oldest that its client gave up while the agent may be busy with its dial; nil for none
}

func (m *member) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// done says whether m carries nothing more.
func (m *member) done() bool {
	select {
	case <-m.session.Done():
		return true
	default:
		return false
	}
}

// alive says whether m takes newcomers.
func (m *member) alive() bool { return !m.retired && !m.done() }

// blocked says that what is dialled through m may have to wait for something that is not its own.
func (m *member) blocked() bool { return m.stuck || m.doubtful() }

// doubtful says that m's link may never work again, while that of another session may.
func (m *member) doubtful() bool { return m.link.state == aws.LinkSuspect || m.link.denied }

// busy says that newcomers should have another session, which is worth opening for them.
func (m *member) busy() bool { return m.bulk > 0 || m.blocked() }

// quiet says that a newcomer can have m without thinking twice.
func (m *member) quiet(now time.Time) bool {
	return !m.busy() && m.link.state != aws.LinkResuming && (m.load == 0 || now.Sub(m.latest) >= young)
}

// use is what m is to whoever looks at the pool.
func (m *member) use() aws.SeatUse {
	switch {
	case m.retired && (!m.single || m.load == 0):
		return aws.UseLeaving
	case m.blocked():
		return aws.UseStuck
	case m.bulk > 0:
		return aws.UseBulk
	case m.load == 0:
		return aws.UseSpare
	}
	return aws.UseShared
}

// pool is the sessions behind one port. The Forwarder's lock guards it.
type pool struct {
	limit   int
	members []*member     // those that live, and those that are being wound up
	waiting int           // connections that have no session yet
	opening int           // sessions that are being started
	opened  int           // how many were
	failed  uint64        // how many were not
	lastErr error         // of the latest attempt, nil once a session is open
	retry   delay         // no attempt before it is over
	extra   delay         // no attempt to have one more beside those that take connections
	changed chan struct{} // closed and replaced when a waiting connection should look again
}

func newPool(limit int) pool { return pool{limit: limit, changed: make(chan struct{})} }

func (p *pool) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// signIn says that no session can be had before somebody signs in.
func (p *pool) signIn() bool { return errors.Is(p.lastErr, aws.ErrSignIn) && p.healthy() == 0 }

// pick is the session for a new connection: the one with the least queued work of those that take one now, nil for none.
func (p *pool) pick(now time.Time) *member {
	var best *member
	for _, m := range p.members {
		if m.alive() && (best == nil || m.before(best, now)) {
			best = m
		}
	}
	return best
}

// before says whether a newcomer is better off with m than with o: first one whose way is free, then the one that fewest
// transfers fill, then the least loaded.
func (m *member) before(o *member, now time.Time) bool {
	hindered := func(m *member) int {
		switch {
		case m.blocked():
			return 2
		case m.link.state == aws.LinkResuming:
			return 1
		}
		return 0
	}
	queued := func(m *member) int {
		if m.load > 0 && m.bulk == 0 && now.Sub(m.latest) < young {
			return 1
		}
		return m.bulk
	}
	return cmp.Or(hindered(m)-hindered(o), queued(m)-queued(o), m.load-o.load) < 0
}

// dropStale retires the basic-mode sessions whose connection nobody has wanted while it was fresh.
func (p *pool) dropStale(now time.Time) {
	for _, m := range p.members {
		if m.single && !m.retired && now.Sub(m.opened) >= basicFresh {
			m.retired = true
			m.wake()
		}
	}
}

// healthy is how many sessions take connections.
func (p *pool) healthy() int {
	n := 0
	for _, m := range p.members {
		if m.alive() {
			n++
		}
	}
	return n
}

// may says whether another session is allowed now: within the limit, and not while attempts are held back. Sessions that are
// on their way out do not count, nor one whose link is in doubt: what takes their place must be possible with a limit of one.
// However many they are, where none takes a connection one may be started.
func (p *pool) may(now time.Time) bool {
	n, healthy := p.opening, 0
	for _, m := range p.members {
		switch {
		case m.alive():
			healthy++
			if !m.doubtful() {
				n++
			}
		case m.single && m.load > 0:
			n++
		}
	}
	switch {
	case n >= p.limit:
		return false
	case healthy == 0:
		return p.opening == 0 && !now.Before(p.retry.until)
	}
	return p.opening < atOnce && len(p.members)+p.opening <= 2*p.limit && !now.Before(p.extra.until)
}

// lookAgain is when a waiting connection should try again without being told, zero for never.
func (p *pool) lookAgain(now time.Time) time.Time {
	switch {
	case p.healthy() > 0:
		return now.Add(young / 4) // a session may have become quiet
	case p.opening == 0 && p.retry.until.After(now):
		return p.retry.until
	}
	return time.Time{}
}

// delay holds attempts back, for longer with each failure in a row.
type delay struct {
	until time.Time
	row   int // failures, also of sessions that were started and carried nothing
}

func (d *delay) grow(first, last time.Duration, now time.Time) {
	if now.Sub(d.until) > forgiven {
		d.row = 0
	}
	d.until = now.Add(jittered(first, last, d.row))
	d.row++
}

// backOff delays the next attempt after one that failed: 0.1 s to 5 s, the upper half of it random so that many tunnels do not come
// back at once. Where other sessions carry the tunnel meanwhile it is 1 s to 1 min.
func (p *pool) backOff(now time.Time) {
	if p.healthy() > 0 {
		p.extra.grow(firstExtra, lastExtra, now)
		return
	}
	p.retry.grow(firstRetry, lastRetry, now)
}

// useless delays the next attempts after a session that was started and has carried nothing: AWS starts the next one as gladly, and
// that has to end somewhere. A reserve is the last thing to be had then; one for a newcomer is, within 5 s, unless there is another
// that has carried something.
func (p *pool) useless(now time.Time) {
	p.extra.grow(firstExtra, lastExtra, now)
	if !slices.ContainsFunc(p.members, func(m *member) bool { return m.alive() && m.heard }) {
		p.retry.grow(firstRetry, lastRetry, now)
	}
}

// forgive ends what holds attempts back: there is reason to think that the next one works.
func (p *pool) forgive() { p.retry, p.extra = delay{}, delay{} }

func jittered(first, last time.Duration, n int) time.Duration {
	d := min(first<<min(n, 10), last)
	return d/2 + rand.N(d/2)
}

func (p *pool) remove(m *member) {
	p.members = slices.DeleteFunc(p.members, func(x *member) bool { return x == m })
}
