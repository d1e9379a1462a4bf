package forward

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
)

const (
	finishTick = 20 * time.Millisecond
	// finishQuiet is how long a connection whose client has not finished must have sent nothing to have nothing more to send.
	finishQuiet = 200 * time.Millisecond
	// finishStill is how long nothing may move before what is on its way is given up.
	finishStill = 10 * time.Second
)

// errFinished ends a connection whose client has finished and wants no answer.
var errFinished = errors.New("the tunnel is no longer needed")

// Finish delivers what local clients have sent. It is for when those that used the tunnel have gone: what they wrote last may still
// be in the local socket, the session or the agent, and Close throws it away. Connections whose clients have finished are closed in
// order; others stay, and are waited for while they send. It gives up 10 s after the last byte went or was acknowledged; an error says
// that some may be lost. ctx ends the wait.
func (f *Forwarder) Finish(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var drained drains
	defer drained.running.Wait()
	defer stop()
	tick := time.NewTicker(finishTick)
	defer tick.Stop()
	moved, at, sent := f.moved(), time.Now(), map[uint64]lastSent{}
	for owed := 1; ; { // a connection may have come that is not accepted yet
		select {
		case <-tick.C:
		case <-f.finished:
			return nil // Run has the reason
		case <-ctx.Done():
			return undelivered(owed)
		}
		if now := f.moved(); now != moved {
			moved, at = now, time.Now()
		}
		if owed = f.unsent(sent); owed == 0 {
			if f.drainAll(ctx, &drained); drained.left.Load() == 0 {
				return nil
			}
			owed = int(drained.left.Load())
		}
		if time.Since(at) >= finishStill {
			return undelivered(owed)
		}
	}
}

func undelivered(n int) error {
	text := "the last bytes of a connection may not have been delivered"
	if n > 1 {
		text = fmt.Sprintf("the last bytes of %d connections or more may not have been delivered", n)
	}
	return aws.Advise(errors.New(text), aws.ErrReset, "look what the target has of them")
}

// moved changes whenever something has gone up.
func (f *Forwarder) moved() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.up.Load()
	for _, m := range f.pool.members {
		taken, _ := acknowledged(m.session)
		n += taken
	}
	return n
}

// lastSent is what a connection had sent at a look, and when that last was another number.
type lastSent struct {
	bytes uint64
	at    time.Time
}

// unsent is how many connections may still have something to send. Those whose clients have finished are closed in order.
func (f *Forwarder) unsent(sent map[uint64]lastSent) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, n := time.Now(), 0
	for _, c := range f.conns {
		last := sent[c.id]
		if up := c.up.Load(); last.at.IsZero() || up != last.bytes {
			last = lastSent{up, now}
			sent[c.id] = last
		}
		switch {
		case c.remote == nil:
			n++
		case c.said.Load():
			c.finishing.Store(true)
			_ = c.remote.SetReadDeadline(now) // fails when it is closed
			n++
		case now.Sub(last.at) < finishQuiet:
			n++
		default: // what fills the session holds up the rest of it
			if _, waits := acknowledged(c.member.session); waits {
				n++
			}
		}
	}
	return n
}

// drains are sessions that are waited for until the target has everything.
type drains struct {
	running sync.WaitGroup
	begun   bool
	left    atomic.Int32 // sessions
}

// drainAll begins to wait for every session, once.
func (f *Forwarder) drainAll(ctx context.Context, d *drains) {
	if d.begun {
		return
	}
	d.begun = true
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.pool.members {
		if s, ok := m.session.(drainer); ok {
			d.left.Add(1)
			d.running.Go(func() {
				if s.Drain(ctx) == nil || m.done() {
					d.left.Add(-1)
				}
			})
		}
	}
}
