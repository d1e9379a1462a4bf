package forward

import (
	"math/rand/v2"
	"slices"
	"time"
)

const (
	firstRetry  = 100 * time.Millisecond // after a session that could not be had; doubled with each in a row
	lastRetry   = 5 * time.Second
	provingTime = 3 * time.Second // a session that ends earlier, having carried nothing, never worked
	// basicFresh is how long the connection that an agent in basic mode has opened at the session's start is trusted: MySQL
	// hangs up on a client that has not signed in within ten seconds, and the agent does not tell.
	basicFresh = 5 * time.Second
)

// member is a session of the pool. The Forwarder's lock guards it, but for session, single and kick.
//
// One in basic mode (single) carries one connection in its life. The agent dials the target when the session starts and later
// only when it gets bytes (docs/protocol.md §1.4), so a server that speaks first, MySQL for one, would stay silent on a second
// connection, and what it said on a stale first one is worthless.
type member struct {
	session Session
	opened  time.Time
	single  bool
	kick    chan struct{} // 1 slot: its goroutine is to look again

	load      int  // connections that it carries or is about to dial
	retired   bool // gets no newcomers
	over      bool // it ended by itself, and that has been said
	heard     bool // some connection has had a byte through it
	probeless bool // basic mode: Probe is not supported
	armed     bool // its goroutine's timer is set already
}

func (m *member) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

func (m *member) alive() bool {
	select {
	case <-m.session.Done():
		return false
	default:
		return !m.retired
	}
}

// pool is the sessions behind one port. The Forwarder's lock guards it.
type pool struct {
	limit    int
	members  []*member     // those that live, and those that are being wound up
	opening  bool          // a session is being started; one at a time
	opened   int           // how many were
	failed   uint64        // how many were not
	lastErr  error         // of the latest attempt, nil once a session is open
	failures int           // in a row, also of sessions that ended before they carried anything
	retryAt  time.Time     // no attempt before
	changed  chan struct{} // closed and replaced when a waiting connection should look again
}

func newPool(limit int) pool { return pool{limit: limit, changed: make(chan struct{})} }

func (p *pool) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// pick is the session for a new connection: the least loaded of those that take one now, nil for none.
func (p *pool) pick() *member {
	var best *member
	for _, m := range p.members {
		if m.alive() && (best == nil || m.load < best.load) {
			best = m
		}
	}
	return best
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

// wants says whether a connection that found no session justifies another one.
func (p *pool) wants() bool {
	single := 0
	for _, m := range p.members {
		if m.single && m.load > 0 {
			single++
		}
	}
	return !p.opening && p.healthy() == 0 && single < p.limit
}

// lookAgain is when a waiting connection should try again without being told, zero for never.
func (p *pool) lookAgain(now time.Time) time.Time {
	if p.wants() && p.retryAt.After(now) {
		return p.retryAt
	}
	return time.Time{}
}

// backOff delays the next attempt: 0.1 s to 5 s, the upper half of it random so that many tunnels do not come back at once.
func (p *pool) backOff(now time.Time) {
	d := min(firstRetry<<min(p.failures, 10), lastRetry)
	p.failures++
	p.retryAt = now.Add(d/2 + rand.N(d/2))
}

func (p *pool) remove(m *member) {
	p.members = slices.DeleteFunc(p.members, func(x *member) bool { return x == m })
}
