package forward

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// kept is how many events can be read again. Whoever reads later than that misses the oldest; the numbers show it.
const kept = 256

// journal is the tunnel's state and its latest events. Its owner's lock guards it.
type journal struct {
	log     *slog.Logger
	changed chan struct{} // 1 slot
	ring    [kept]aws.Event
	last    uint64
	state   aws.TunnelState
	reason  string
	since   time.Time
	started time.Time
}

func newJournal(log *slog.Logger) journal {
	now := time.Now()
	return journal{log: log, changed: make(chan struct{}, 1), since: now, started: now}
}

// add numbers the event, keeps it and wakes whoever waits for Changed.
func (j *journal) add(e aws.Event) {
	j.last++
	e.Seq, e.At, e.State = j.last, time.Now(), j.state
	j.ring[e.Seq%kept] = e
	j.log.Debug("tunnel", "event", string(e.Kind), "state", string(e.State), "conn", e.Conn, "text", e.Text)
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

func (j *journal) after(since uint64) []aws.Event {
	first := since + 1
	if j.last > kept {
		first = max(first, j.last-kept+1)
	}
	var out []aws.Event
	for seq := first; seq <= j.last; seq++ {
		out = append(out, j.ring[seq%kept])
	}
	return out
}

// Changed has a value whenever there are new events. It is never closed.
func (f *Forwarder) Changed() <-chan struct{} { return f.journal.changed }

// Events are the events after number since that are still kept, oldest first. The last 256 are.
func (f *Forwarder) Events(since uint64) []aws.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.journal.after(since)
}

// Snapshot reads the tunnel. It holds up nothing that moves bytes.
func (f *Forwarder) Snapshot() aws.Tunnel {
	f.mu.Lock()
	t := aws.Tunnel{
		State: f.journal.state, Reason: f.journal.reason, Since: f.journal.since, Started: f.journal.started,
		Target: f.target(), Local: f.bound.local, Listening: slices.Clone(f.bound.listening),
		Connections: f.accepted, Serving: f.serving, Server: f.server, SignIn: f.pool.signIn() && !f.ending,
	}
	by := map[uint64]*member{}
	for _, c := range f.conns {
		t.Conns = append(t.Conns, aws.Conn{ID: c.id, Peer: c.peer, Opened: c.opened, Up: c.up.Load(), Down: c.down.Load()})
		by[c.id] = c.member
	}
	members := slices.Clone(f.pool.members)
	for _, m := range members {
		seat := aws.Seat{Instance: m.instance, Use: m.use(), Conns: m.load, Up: m.up.Load(), Down: m.down.Load(), Member: m.leads}
		if f.roleOf(m) == reader {
			seat.Serving = reader
		}
		t.Pool = append(t.Pool, seat)
	}
	f.mu.Unlock()
	t.Up, t.Down = f.up.Load(), f.down.Load()
	slices.SortFunc(t.Conns, func(a, b aws.Conn) int { return cmp.Compare(a.ID, b.ID) })
	ids := map[*member]string{}
	for i, m := range members {
		s := m.session.Stats()
		t.Sessions, t.Pool[i].Session, ids[m] = append(t.Sessions, s), s.ID, s.ID
	}
	for i := range t.Conns {
		t.Conns[i].Session = ids[by[t.Conns[i].ID]] // "" while it has none
	}
	return t
}

// note records an event after bringing the state up to date, so that the event carries the state that it led to. The
// event of a change of state follows it. f.mu is held.
func (f *Forwarder) note(e aws.Event) {
	was, reason := f.journal.state, f.journal.reason
	f.journal.state, f.journal.reason = f.current()
	f.journal.add(e)
	f.entered(was, reason)
}

// settle brings the state up to date. f.mu is held.
func (f *Forwarder) settle() {
	was, reason := f.journal.state, f.journal.reason
	f.journal.state, f.journal.reason = f.current()
	f.entered(was, reason)
}

// entered records a change of state. Where another event has just told why, its text is empty. f.mu is held.
func (f *Forwarder) entered(was aws.TunnelState, reason string) {
	j := &f.journal
	if j.state == was && j.reason == reason {
		return
	}
	if j.state != was {
		j.since = time.Now()
	}
	e := aws.Event{Kind: aws.EventState}
	switch j.state {
	case aws.StateBinding:
		e.Text, e.Next = f.bound.says()
	case aws.StateStarting:
		e.Text = "starting a session on " + f.instance()
	case aws.StateClosed:
		e.Text = j.reason
		if f.failure == nil && f.parting != "" {
			e.Text = f.parting
		}
	}
	j.add(e)
}

// current is the state that the facts amount to. f.mu is held.
func (f *Forwarder) current() (state aws.TunnelState, reason string) {
	switch {
	case f.ended && f.failure != nil:
		return aws.StateClosed, f.failure.Error()
	case f.ended:
		return aws.StateClosed, aws.ErrClosed.Error()
	case f.ending: // what is being wound up is not idle again
		return f.journal.state, f.journal.reason
	case !f.begun:
		return aws.StateBinding, ""
	case f.pool.lastErr != nil:
		return aws.StateDegraded, f.pool.lastErr.Error()
	case f.trouble != "":
		return aws.StateDegraded, f.trouble
	case f.pool.opening > 0 && f.pool.healthy() == 0:
		return aws.StateStarting, ""
	}
	if why := f.pool.resuming(); why != "" {
		return aws.StateResuming, why
	}
	switch {
	case len(f.conns) > 0:
		return aws.StateOpen, ""
	}
	return aws.StateIdle, ""
}
