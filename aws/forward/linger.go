package forward

import "time"

// basicLinger is the most that Config.Linger is in basic mode.
const basicLinger = 2 * time.Second

// saidAll notes that c's local side has nothing more to say.
func (f *Forwarder) saidAll(c *connection) {
	taken, _ := acknowledged(c.member.session)
	c.taken.Store(taken)
	f.linger(c)
	c.said.Store(true)
}

// linger limits the target's silence from now on.
func (f *Forwarder) linger(c *connection) {
	c.silent.Store(int64(time.Since(c.opened)))
	c.lingering.Store(true)
	_ = c.remote.SetReadDeadline(time.Now().Add(f.patience(c))) // fails when it is closed
}

// patience is how long the target may be silent once c's local side has finished. An agent in basic mode never tells that
// the target has finished (docs/protocol.md §1.4), so there every connection ends this way and the wait is short.
func (f *Forwarder) patience(c *connection) time.Duration {
	if c.member != nil && c.member.single {
		return min(f.cfg.Linger, basicLinger)
	}
	return f.cfg.Linger
}

// bear says whether c, whose target has been silent for as long as it may, is to wait on, and sets the new limit. Only silence on
// a link that works is the target's: while the websocket is away the answer waits in the session, and so it does at first when
// it is back. A network that has died is noticed late, but by then something sent waits for its acknowledgement, as in excuse.
func (f *Forwarder) bear(c *connection) bool {
	now := time.Now()
	taken, waits := acknowledged(c.member.session)
	f.mu.Lock()
	defer f.mu.Unlock()
	link, since := c.member.link, c.opened.Add(time.Duration(c.silent.Load()))
	left := f.patience(c) - now.Sub(later(since, link.back))
	switch {
	case c.member.over, c.cause != nil:
		return false
	case !link.lost.IsZero(), waits && taken == c.taken.Load() && now.Sub(since) < mostExcused:
		left = f.patience(c)
	case left <= 0:
		return false
	}
	_ = c.remote.SetReadDeadline(now.Add(left))
	return true
}
