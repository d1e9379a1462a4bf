package forward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// The agent dials one connection after the other, waits for minutes where nobody answers, and says nothing when it has
// succeeded (docs/protocol.md §1.4). So a connection that has received nothing for half of Config.DialLimit is asked about with
// a probe, and the probe has the other half. That its client has gone meanwhile changes nothing: the agent is not told, and whoever
// comes next would wait behind that dial.

// mostExcused is for how long a silent agent on a link that seems up may be the network's fault.
const mostExcused = 40 * time.Second

// watch stays with a session until it is over or, once it is retired, until its last connection has ended.
func (f *Forwarder) watch(ctx context.Context, m *member) {
	var relinked <-chan struct{}
	if l, ok := m.session.(Linked); ok {
		relinked = l.Changed()
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, left := f.due(m)
		wait := time.Until(due)
		switch {
		case left:
			return
		case due.IsZero():
			timer.Stop()
		case wait > 0:
			timer.Reset(wait)
		default:
			if err := f.check(ctx, m); err != nil {
				f.lost(m, err)
				return
			}
			timer.Reset(0) // look at the session and ctx before the next question
		}
		select {
		case <-ctx.Done():
			return
		case <-m.session.Done():
			if ctx.Err() == nil { // else it was closed because the tunnel ends, for a reason of its own
				f.lost(m, m.session.Err())
			}
			return
		case <-relinked:
			f.relinked(ctx, m)
		case <-m.kick:
		case <-timer.C:
		}
	}
}

// due is when the session's dials must be looked at, zero for not at all; left says that the session is no longer needed.
func (f *Forwarder) due(m *member) (at time.Time, left bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, at = f.dials(m)
	m.armed = !at.IsZero()
	if m.armed && !m.probeless {
		at = at.Add(-f.cfg.DialLimit / 2)
	}
	return at, m.retired && m.load == 0
}

// pending says whether the agent may be busy with c's dial, or have it yet to begin. c can be nil.
func (c *connection) pending() bool { return c != nil && !c.cleared && !c.heard.Load() }

// lasts says whether c's dial takes long. c can be nil.
func (c *connection) lasts(now time.Time) bool { return c.pending() && now.Sub(c.dialled) >= young }

// dialDone notes that the agent is done with c's dial, and so with those before it.
func (c *connection) dialDone() {
	c.cleared = true
	if m := c.member; m.givenUp != nil && !m.givenUp.dialled.After(c.dialled) {
		m.givenUp = nil
	}
}

// answered notes that the target has ended c, which it can do only once it is dialled; err is what c's copy downward gave.
func (f *Forwarder) answered(c *connection, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil || errors.Is(err, aws.ErrRefused) {
		c.dialDone()
	}
}

// dials are the connections of m whose dials are pending, that which was given up among them, and when the first of them has had
// its time. f.mu is held.
func (f *Forwarder) dials(m *member) (all []*connection, limit time.Time) {
	waits := func(c *connection) bool {
		t := f.deadline(m, c)
		if !t.IsZero() && (limit.IsZero() || t.Before(limit)) {
			limit = t
		}
		return !t.IsZero()
	}
	all = f.connections(func(c *connection) bool { return c != m.givenUp && waits(c) })
	if g := m.givenUp; g != nil && !m.retired && waits(g) { // nobody comes after it to one that is retired
		all = append(all, g)
	}
	return all, limit
}

// deadline is when c's dial through m has taken too long, zero when it is not waiting for one. In basic mode the agent
// dials at the first byte, and only a connection that has sent one can be judged. f.mu is held.
func (f *Forwarder) deadline(m *member, c *connection) time.Time {
	if c.member != m || !c.pending() || c.released && c != m.givenUp {
		return time.Time{}
	}
	if !m.probeless {
		return later(c.dialled, c.excused).Add(f.cfg.DialLimit)
	}
	sent := time.Duration(c.sent.Load())
	if sent == 0 {
		return time.Time{}
	}
	return later(c.opened.Add(sent), c.excused).Add(f.cfg.DialLimit)
}

// firstSent notes that c has sent its first byte.
func (f *Forwarder) firstSent(c *connection) {
	c.sent.Store(max(1, int64(time.Since(c.opened))))
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.member.probeless && !c.member.armed {
		c.member.wake()
	}
}

// check asks the agent about the dials that are taking long. An error is the end of the session.
func (f *Forwarder) check(ctx context.Context, m *member) error {
	asked, limit, probeless := f.waiting(m)
	if len(asked) == 0 {
		return nil
	}
	before := m.session.Stats()
	if before.Link == aws.LinkResuming { // nothing gets through, and a probe would only be one more dial when it does
		f.excuse(asked)
		return nil
	}
	if probeless {
		f.judge(ctx, m)
		return nil
	}
	within, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	taken, _ := acknowledged(m.session)
	err := m.session.Probe(within)
	f.mu.Lock()
	switch {
	case err == nil:
		for _, c := range asked {
			c.dialDone()
		}
	case errors.Is(err, errors.ErrUnsupported):
		m.probeless = true
	}
	f.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, errors.ErrUnsupported), ctx.Err() != nil:
		return nil
	case within.Err() == nil:
		return err
	}
	now, waits := acknowledged(m.session)
	switch link := m.session.Stats(); {
	case link.Link == aws.LinkResuming, link.Resumes != before.Resumes:
		f.excuse(asked)
	case waits && now == taken:
		f.excuse(slices.DeleteFunc(asked, func(c *connection) bool { return time.Since(c.dialled) >= mostExcused }))
	}
	f.judge(ctx, m)
	return nil
}

// acknowledged is how many messages of the session the agent has acknowledged so far, and whether others wait for that.
func acknowledged(s Session) (n uint64, waits bool) {
	stats := s.Stats()
	return stats.Sent - uint64(stats.Pending), stats.Pending > 0
}

// excuse gives connections another DialLimit: an agent that acknowledged nothing meanwhile, not even the probe, has not been
// asked yet. A network that stands still is found out by the session's pings within mostExcused, and while it resumes nobody
// is to blame, since that has bounds of its own; an agent that is silent for longer on a link that works is stuck with a target
// that takes nothing.
func (f *Forwarder) excuse(asked []*connection) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range asked {
		c.excused = now
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// waiting are the dials of m that are pending, and when the first of them has had its time.
func (f *Forwarder) waiting(m *member) (all []*connection, limit time.Time, probeless bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, limit = f.dials(m)
	return all, limit, m.probeless
}

// judge throws the session away if one of its connections has had its time. All that wait go with it, since they stand in
// the same queue at the agent; those that have received something stay until they end.
func (f *Forwarder) judge(ctx context.Context, m *member) {
	stuck, limit, _ := f.waiting(m)
	if len(stuck) == 0 || time.Now().Before(limit) {
		return
	}
	f.mu.Lock()
	text := fmt.Sprintf("%s did not answer %s's connect in %v", f.cfg.Target.Endpoint, f.instance(), f.cfg.DialLimit)
	f.trouble = text
	m.retired = true
	if !m.heard {
		f.pool.useless(time.Now())
	}
	for _, c := range stuck {
		c.dialDone() // that is its verdict
	}
	f.note(aws.Event{Kind: aws.EventUnreachable, Text: text, Next: f.whatToOpen()})
	f.wonder(true)
	f.replace(ctx)
	f.pool.notify()
	f.settle()
	f.mu.Unlock()
	for _, c := range stuck {
		f.cut(c, fmt.Errorf("%w: %s", aws.ErrUnreachable, text))
	}
}

// whatToOpen is the advice for a target that does not answer at all.
func (f *Forwarder) whatToOpen() string {
	t := f.target()
	from, to := "the security group of "+f.instance(), "the database's security group"
	if g := t.Instance.Groups; len(g) > 0 {
		from = strings.Join(g, " or ")
	}
	if t.Database != nil && len(t.Database.Groups) > 0 {
		to = strings.Join(t.Database.Groups, " or ")
	}
	return fmt.Sprintf("allow TCP %d from %s in %s; then check the network ACLs and routes between their subnets", t.Endpoint.Port, from, to)
}
