package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// connection is one local connection and, once it is dialled, its way to the target.
type connection struct {
	id        uint64
	peer      string
	local     net.Conn
	opened    time.Time
	up, down  atomic.Uint64
	sent      atomic.Int64  // when the first byte went up, nanoseconds after opened; 0 for none
	heard     atomic.Bool   // a byte has come from the target
	said      atomic.Bool   // the local side has finished
	finishing atomic.Bool   // and wants no answer
	lingering atomic.Bool   // the target's silence is limited to Config.Linger from now on
	silent    atomic.Int64  // when that limit was last set, nanoseconds after opened
	taken     atomic.Uint64 // messages of the session that were acknowledged when the local side had finished

	// The Forwarder's lock guards these; remote does not change once it is set.
	member   *member
	remote   net.Conn
	dialled  time.Time
	excused  time.Time // when a dial that takes long was last found to be the network's fault
	cleared  bool      // nothing is to be learnt of the dial any more: a probe has passed, say
	released bool      // its place in the session is free
	cause    error     // why this side cut it
	seen     uint64    // payload bytes at the keeper's last look
	rate     float64   // bytes per second, smoothed
}

// errLingered ends a connection whose local side finished long ago.
var errLingered = errors.New("nothing more came from the target")

// errLocal is what the local client's own doing wraps.
var errLocal = errors.New("local client")

// handle is the life of one local connection. It closes it.
func (f *Forwarder) handle(ctx context.Context, local net.Conn) {
	c := f.register(local)
	if c == nil {
		reset(local)
		return
	}
	err := f.dial(ctx, c)
	if err == nil {
		err = f.carry(c)
	} else {
		reset(local)
	}
	f.unregister(c, err)
}

func (f *Forwarder) register(local net.Conn) *connection {
	c := &connection{local: local, peer: "unix socket", opened: time.Now()}
	if a := local.RemoteAddr(); a.Network() != "unix" {
		c.peer = a.String()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ending {
		return nil
	}
	f.accepted++
	c.id = f.accepted
	f.conns[c.id] = c
	f.note(aws.Event{Kind: aws.EventConnOpened, Conn: c.id, Text: c.peer + " connected"})
	return c
}

// unregister lets go of the remote side and records how the connection ended: nil is a clean end.
func (f *Forwarder) unregister(c *connection, err error) {
	f.release(c)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c.id)
	f.note(f.closing(c, err))
}

// release closes the remote side and frees its place in the session. Further calls do nothing. The agent does not learn that a dial
// is no longer wanted, so the session keeps the oldest of those in mind.
func (f *Forwarder) release(c *connection) {
	f.mu.Lock()
	remote, m := c.remote, c.member
	f.mu.Unlock()
	if remote == nil {
		return
	}
	_ = remote.Close() // nothing is owed any more
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.released {
		return
	}
	c.released = true
	if c.pending() && !m.single && !m.givenUp.pending() {
		m.givenUp = c
	}
	f.leave(m)
	if m.retired {
		m.wake()
	}
}

// cut resets both sides of c now. Only the first cause is kept.
func (f *Forwarder) cut(c *connection, cause error) {
	f.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	remote := c.remote
	f.mu.Unlock()
	reset(c.local)
	if remote != nil {
		abandon(remote, cause)
	}
}

// why is the reason for c's end, of which its copy has seen no more than err: what this side cut it for, the end of its
// session, else err.
func (f *Forwarder) why(c *connection, err error) error {
	f.mu.Lock()
	cause, s := c.cause, c.member.session
	f.mu.Unlock()
	if cause != nil || errors.Is(err, aws.ErrRefused) || errors.Is(err, errLocal) {
		return cmp.Or(cause, err)
	}
	select {
	case <-s.Done():
		if errors.Is(s.Err(), aws.ErrClosed) {
			return f.over() // closed for the tunnel's end
		}
		return ended(s, s.Err())
	default:
		return err
	}
}

// connections are those for which keep is true, oldest first. f.mu is held.
func (f *Forwarder) connections(keep func(*connection) bool) []*connection {
	var out []*connection
	for _, c := range f.conns {
		if keep(c) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *connection) int { return cmp.Compare(a.id, b.id) })
	return out
}

// firstByte notes that the target has answered c.
func (f *Forwarder) firstByte(c *connection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.dialDone()
	if !c.member.heard {
		c.member.heard = true
		f.pool.forgive()
	}
	f.trouble = ""
	f.settle()
}

// closing is the event of c's end. f.mu is held.
func (f *Forwarder) closing(c *connection, err error) aws.Event {
	e := aws.Event{Kind: aws.EventConnReset, Conn: c.id, Up: c.up.Load(), Down: c.down.Load()}
	switch {
	case err == nil:
		e.Kind, e.Text = aws.EventConnClosed, c.peer+" closed"
	case errors.Is(err, errFinished):
		e.Kind, e.Text = aws.EventConnClosed, c.peer+" closed: its client has finished"
	case errors.Is(err, errLingered):
		e.Kind = aws.EventConnClosed
		e.Text = fmt.Sprintf("%s closed: it had finished, and nothing more came for %v", c.peer, f.patience(c))
	case errors.Is(err, aws.ErrRefused):
		e.Kind = aws.EventConnRefused
		e.Text = fmt.Sprintf("%s refused the connection from %s", f.cfg.Target.Endpoint, f.instance())
		e.Next = fmt.Sprintf("check that the database is running and that %d is its port", f.cfg.Target.Endpoint.Port)
		f.trouble = e.Text
		f.wonder(true)
	default:
		e.Text = fmt.Sprintf("%s cut: %v", c.peer, err)
		e.Next = aws.NextOf(err)
	}
	return e
}

// instance is what a person calls the instance that carries the tunnel now. f.mu is held.
func (f *Forwarder) instance() string {
	switch i := f.carrier; {
	case i.Name != "" && i.ID != "":
		return i.Name + " (" + i.ID + ")"
	case i.ID != "":
		return i.ID
	}
	return "the instance"
}

// reset closes a local connection so that its client sees a reset, where the transport has such a thing.
func reset(local net.Conn) {
	if l, ok := local.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // fails on a socket that is closed, which is what is wanted
	}
	_ = local.Close()
}

// abandon closes a remote side at once, with what is queued in it where it can.
func abandon(remote net.Conn, cause error) {
	if r, ok := remote.(interface{ Reset(err error) }); ok {
		r.Reset(cause)
	}
	_ = remote.Close()
}
