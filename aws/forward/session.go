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
	if f.ending {
		return
	}
	f.pool.opening++
	f.running.Go(func() { f.serve(ctx) })
}

// serve is the life of one session: it is opened, watched, and closed, whatever happens.
func (f *Forwarder) serve(ctx context.Context) {
	s, err := f.dialer.Open(ctx)
	if err != nil {
		f.notOpened(ctx, err)
		return
	}
	m := f.admit(ctx, s)
	defer f.dismiss(ctx, m)
	f.watch(ctx, m)
}

func (f *Forwarder) admit(ctx context.Context, s Session) *member {
	stats := s.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	m := &member{session: s, opened: now, quitted: now, single: !stats.Mux, kick: make(chan struct{}, 1)}
	m.link = linkOf(stats)
	f.unanswered(s) // said before the tunnel is called ready
	p := &f.pool
	p.opening, p.lastErr = p.opening-1, nil
	p.opened++
	p.members = append(p.members, m)
	f.carriedBy(m)
	text := fmt.Sprintf("session %s started on %s", stats.ID, f.instance())
	if !stats.Mux {
		text += ", one connection at a time"
	}
	if p.opened == 1 && f.cfg.KeepAlive && !m.single {
		text += "; it is kept from becoming idle, so the account's idle time-out never ends it"
	}
	e := aws.Event{Kind: aws.EventSession, Text: text}
	if m.single && f.cfg.KeepAlive && !f.drowsy {
		f.drowsy = true
		e.Text += ", and not kept from becoming idle: its agent is too old, so the account's idle time-out ends it with what it carries"
		e.Next = f.typed("aws ssm send-command --document-name AWS-UpdateSSMAgent --instance-ids " + m.instance)
	}
	f.note(e)
	if !f.greeted(ctx, m) && (f.unsure || f.serving != "" || !f.late.IsZero()) {
		f.ask(ctx, m)
	}
	p.notify()
	f.stir()
	f.wonder(false)
	return m
}

// Carrier is a Session that knows which instance carries it. An instance that takes the place of another is told.
type Carrier interface {
	// Carrier is the instance, and why it is not the one that carried the session before; nil where that is no news.
	Carrier() (aws.Instance, error)
}

// carriedBy notes which instance carries m. f.mu is held.
func (f *Forwarder) carriedBy(m *member) {
	c, ok := m.session.(Carrier)
	if !ok {
		m.instance = f.carrier.ID
		return
	}
	now, why := c.Carrier()
	was := f.instance()
	m.instance = now.ID
	if now.ID == f.carrier.ID {
		return
	}
	f.carrier = now
	text := fmt.Sprintf("%s carries the tunnel in the place of %s", f.instance(), was)
	if why != nil {
		text += ": " + why.Error()
	}
	f.note(aws.Event{Kind: aws.EventMoved, Text: text})
	f.unsure = true // the name may lead elsewhere from there
}

func (f *Forwarder) notOpened(ctx context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.pool
	p.opening--
	if ctx.Err() != nil {
		return
	}
	p.failed++
	p.backOff(time.Now())
	e := aws.Event{Kind: aws.EventSession, Text: "no session: " + err.Error(), Next: aws.NextOf(err)}
	if n := p.healthy(); n > 0 {
		e.Text, e.Next = fmt.Sprintf("no session beside the %d that carry the tunnel: %v", n, err), ""
	} else {
		p.lastErr = err
	}
	f.note(e)
	switch {
	case p.opened > 0 || f.cfg.Lazy:
	case errors.Is(err, aws.ErrBusy) && time.Since(f.journal.started) < f.cfg.Hold:
		f.stir() // the keeper tries again
	default:
		f.fail(err)
	}
	p.notify()
}

// drainer is a Session that can wait until the agent has everything that was written to its connections.
type drainer interface {
	Drain(ctx context.Context) error
}

const (
	// drainLimit is how long a session that nobody needs any more is kept for that.
	drainLimit = 10 * time.Second
	// lastDrain is the same at the end of the tunnel, when somebody waits for it.
	lastDrain = 500 * time.Millisecond
)

// dismiss closes the session and takes it off the list. An orphan at AWS is said aloud: it costs nothing and worries people.
func (f *Forwarder) dismiss(ctx context.Context, m *member) {
	if d, ok := m.session.(drainer); ok { // what a client has written before it hung up may be queued yet
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
		hurry := context.AfterFunc(ctx, func() { time.AfterFunc(lastDrain, cancel) })
		_ = d.Drain(within) // what is left then is lost
		hurry()
		cancel()
	}
	err := m.session.Close()
	stats := m.session.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pool.remove(m)
	e := aws.Event{Kind: aws.EventSession, Text: fmt.Sprintf("session %s closed", stats.ID)}
	if err != nil {
		e.Text = fmt.Sprintf("session %s may still be open at AWS: %v", stats.ID, err)
		e.Next = f.typed("aws ssm terminate-session --session-id " + stats.ID)
	}
	if err != nil || !m.over {
		f.note(e)
	}
	f.pool.notify()
}

// typed is a command line of the AWS CLI for the target's account and region. f.mu is held.
func (f *Forwarder) typed(command string) string {
	a := f.target().Account
	if a.Region != "" {
		command += " --region " + a.Region
	}
	return a.Typed(command)
}

// lost winds up a session that ended by itself. Its connections get what has arrived and are then reset.
func (f *Forwarder) lost(m *member, err error) {
	cause := ended(m.session, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	m.retired, m.over = true, true
	p := &f.pool
	now := time.Now()
	stillborn := !m.heard && now.Sub(m.opened) < provingTime
	if !m.heard && now.Sub(m.opened) < trialTime {
		p.useless(now)
	}
	if stillborn && p.healthy() == 0 {
		f.trouble = cause.Error()
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
	w := f.queue(1)
	defer f.queue(-1)
	for {
		m, changed, at, err := f.choose(ctx, w)
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
			return f.notHeld(context.Cause(held))
		}
	}
}

// wish is a connection that waits for a session.
type wish struct {
	since  time.Time
	failed uint64 // how many sessions could not be opened when it came
}

// queue counts the connections that wait.
func (f *Forwarder) queue(n int) wish {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pool.waiting += n
	return wish{since: time.Now(), failed: f.pool.failed}
}

// notHeld is the end of a connection that has waited long enough, with what the latest attempt to open a session said.
func (f *Forwarder) notHeld(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pool.lastErr != nil {
		return aws.Advise(fmt.Errorf("%w: %w", err, f.pool.lastErr), nil, aws.NextOf(f.pool.lastErr))
	}
	return err
}

// final says that trying again soon is of no use: somebody has to do something first.
func final(err error) bool {
	if errors.Is(err, aws.ErrBusy) {
		return false
	}
	for _, kind := range []error{aws.ErrSignIn, aws.ErrRefusedByAWS, aws.ErrUsage, aws.ErrNotFound, aws.ErrUnreachable} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// choose gives a session, its load already counted, or what to wait for: changed, and a time (zero for never). No session at
// all, and one more that could not be opened since the connection came, for a reason that stays, is the end of it.
func (f *Forwarder) choose(ctx context.Context, w wish) (m *member, changed <-chan struct{}, at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, now := &f.pool, time.Now()
	if f.ending {
		return nil, nil, at, aws.ErrClosed
	}
	p.dropStale(now)
	m = p.pick(now)
	if m == nil && p.failed > w.failed && p.lastErr != nil && final(p.lastErr) {
		return nil, nil, at, p.lastErr
	}
	if m == nil || !m.quiet(now) && now.Sub(w.since) < spreading {
		for p.opening < p.waiting && p.may(now) {
			f.startSession(ctx)
			f.settle()
		}
		if m == nil || p.opening > 0 && (m.link.state != aws.LinkResuming || m.doubtful()) {
			return nil, p.changed, p.lookAgain(now), nil
		}
	}
	m.load++
	m.latest = now
	m.retired = m.single
	return m, nil, at, nil
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
	f.leave(m)
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		m.retired = true
	}
	if m.retired {
		m.wake()
	}
}

// leave takes a connection's load off m. f.mu is held.
func (f *Forwarder) leave(m *member) {
	if m.load--; m.load == 0 {
		m.quitted = time.Now()
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
	f.stir()
	return nil
}
