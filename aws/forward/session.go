package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// startSession opens another session in the background. f.mu is held.
func (f *Forwarder) startSession(ctx context.Context) {
	if f.ending || f.pool.opening {
		return
	}
	f.pool.opening = true
	f.running.Go(func() { f.serve(ctx) })
}

// serve is the life of one session: it is opened, watched, and closed, whatever happens.
func (f *Forwarder) serve(ctx context.Context) {
	s, err := f.dialer.Open(ctx)
	if err != nil {
		f.notOpened(ctx, err)
		return
	}
	m := f.admit(s)
	defer f.dismiss(m)
	f.watch(ctx, m)
}

func (f *Forwarder) admit(s Session) *member {
	stats := s.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &member{session: s, opened: time.Now(), single: !stats.Mux, kick: make(chan struct{}, 1)}
	p := &f.pool
	p.opening, p.lastErr = false, nil
	p.opened++
	p.members = append(p.members, m)
	text := fmt.Sprintf("session %s started on %s", stats.ID, f.instance())
	if !stats.Mux {
		text += ", one connection at a time"
	}
	f.note(aws.Event{Kind: aws.EventSession, Text: text})
	p.notify()
	return m
}

func (f *Forwarder) notOpened(ctx context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pool
	p.opening = false
	if ctx.Err() != nil {
		return
	}
	p.failed++
	p.backOff(time.Now())
	if p.healthy() == 0 {
		p.lastErr = err
	}
	f.note(aws.Event{Kind: aws.EventSession, Text: "no session: " + err.Error(), Next: aws.NextOf(err)})
	if p.opened == 0 && !f.cfg.Lazy {
		f.fail(err)
	}
	p.notify()
}

// dismiss closes the session and takes it off the list. An orphan at AWS is said aloud: it costs nothing and worries people.
func (f *Forwarder) dismiss(m *member) {
	err := m.session.Close()
	stats := m.session.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pool.remove(m)
	e := aws.Event{Kind: aws.EventSession, Text: fmt.Sprintf("session %s closed", stats.ID)}
	if err != nil {
		e.Text = fmt.Sprintf("session %s may still be open at AWS: %v", stats.ID, err)
		e.Next = "aws ssm terminate-session --session-id " + stats.ID
	}
	if err != nil || !m.over {
		f.note(e)
	}
	f.pool.notify()
}

// lost winds up a session that ended by itself. Its connections get what has arrived and are then reset.
func (f *Forwarder) lost(m *member, err error) {
	cause := ended(m.session, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	m.retired, m.over = true, true
	p := &f.pool
	stillborn := !m.heard && time.Since(m.opened) < provingTime
	if stillborn {
		p.backOff(time.Now())
		f.trouble = cause.Error()
	} else {
		p.failures = 0
	}
	for _, c := range f.connections(m.carries) {
		if c.cause == nil {
			c.cause = cause
		}
		f.linger(c) // a conn that does not notice the end of its session must not stay
	}
	f.note(aws.Event{Kind: aws.EventSession, Text: cause.Error(), Next: aws.NextOf(err)})
	// AWS reports success before the agent has resolved the name and looked at its deny list (docs/protocol.md §1.4): a first
	// session that AWS or the agent ends at once was never started.
	if stillborn && p.opened == 1 && !f.cfg.Lazy && (errors.Is(err, aws.ErrUnreachable) || errors.Is(err, aws.ErrRefusedByAWS)) {
		f.fail(err)
	}
	p.notify()
}

// ended is err as the end of the session s.
func ended(s Session, err error) error {
	if err == nil {
		err = errors.New("it carries nothing more")
	}
	return fmt.Errorf("session %s ended: %w", s.Stats().ID, err)
}

// carries says whether c goes through m.
func (m *member) carries(c *connection) bool { return c.member == m }

// dial finds a session for c, waiting for one up to Config.Hold, and opens a connection through it. ctx is Run's: a session
// that is started here outlives the connection.
func (f *Forwarder) dial(ctx context.Context, c *connection) error {
	expired := fmt.Errorf("no session within %v", f.cfg.Hold)
	held, cancel := context.WithTimeoutCause(ctx, f.cfg.Hold, expired)
	defer cancel()
	f.mu.Lock()
	failed := f.pool.failed
	f.mu.Unlock()
	for {
		m, changed, at, err := f.choose(ctx, failed)
		if err != nil {
			return err
		}
		if m == nil {
			waitFor(held, changed, at)
		} else {
			remote, err := m.session.Dial(held)
			if err == nil {
				return f.attach(c, m, remote)
			}
			f.notDialled(m, err)
		}
		switch {
		case ctx.Err() != nil:
			return f.over()
		case held.Err() != nil:
			return context.Cause(held)
		}
	}
}

// choose gives a session, its load already counted, or what to wait for: changed, and a time (zero for never). failed is
// how many sessions could not be opened when the connection came: one more, and no session at all, is the end of it.
func (f *Forwarder) choose(ctx context.Context, failed uint64) (m *member, changed <-chan struct{}, at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, now := &f.pool, time.Now()
	if f.ending {
		return nil, nil, at, aws.ErrClosed
	}
	p.dropStale(now)
	if m := p.pick(); m != nil {
		m.load++
		m.retired = m.single
		return m, nil, at, nil
	}
	if p.failed > failed && p.lastErr != nil {
		return nil, nil, at, p.lastErr
	}
	if p.wants() && !now.Before(p.retryAt) {
		f.startSession(ctx)
		f.settle()
	}
	return nil, p.changed, p.lookAgain(now), nil
}

// waitFor returns when changed is closed, when it is at o'clock (never, for zero), or when ctx has ended.
func waitFor(ctx context.Context, changed <-chan struct{}, at time.Time) {
	var alarm <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-changed:
	case <-alarm:
	case <-ctx.Done():
	}
}

// notDialled takes c's load off m again. A session that fails to dial gets no newcomers.
func (f *Forwarder) notDialled(m *member, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m.load--
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		m.retired = true
	}
	if m.retired {
		m.wake()
	}
}

// attach gives c its remote side, unless c has been cut meanwhile.
func (f *Forwarder) attach(c *connection, m *member, remote net.Conn) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.member, c.remote, c.dialled = m, remote, time.Now()
	if c.cause != nil {
		return c.cause
	}
	if !m.armed {
		m.wake()
	}
	return nil
}
