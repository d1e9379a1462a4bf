package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	// beat is how often the watch looks round.
	beat = 2 * time.Second
	// sleepJump is how far the wall clock must run ahead of the monotonic one, or a tick come too late, for a sleep. A clock
	// that is set costs a ping.
	sleepJump = 5 * time.Second
	// urgentPong is how long an answer may take when there is reason to doubt the network.
	urgentPong = 5 * time.Second
	// overdueAck is how long acknowledgements must have stayed away for a reason.
	overdueAck = 2 * time.Second
	// awayFor is how long the agent may stay away after the service has said that it is, with something waiting for it: it
	// tries five times, for some six seconds in all, and never again (docs/protocol.md §1.5). mutedFor is when nobody has said
	// so and it is asked whether the agent lives, and for how long that may be unknown: the official plugin's limit (§1.1).
	awayFor  = 30 * time.Second
	mutedFor = 5 * time.Minute
	// aliveFor is how long a sign of life of a muted agent is good for.
	aliveFor = time.Minute
	// addressEvery is how many beats pass between looks at the machine's addresses.
	addressEvery = 3
)

var errSilent = errors.New("no answer to a ping")

// watch finds out when the network has died without a word: by a ping now and then, by one at once when acknowledgements stay
// away or the machine has slept, and by the loss of the local address. It says when acknowledgements have stayed away so long
// that the session is no place for newcomers, and sends the mux keepalives that an old agent expects.
func (t *transport) watch(ctx context.Context, c *channel) error {
	every := min(beat, t.ping)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	nops := time.NewTicker(keepaliveEvery)
	defer nops.Stop()
	asked, awake := time.Now(), newWakefulness(every, (*c.wall.Load())(), time.Now())
	if t.resumed { // its token may be refused yet, and nothing else may ever be said
		if err := t.ask(ctx, c, urgentPong); err != nil {
			return err
		}
	}
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-nops.C:
			c.sendKeepalive()
			n-- // no beat
			continue
		case <-ticks.C:
		}
		now := time.Now()
		slept := awake.tick((*c.wall.Load())(), now)
		silence, away := c.sender.silence(now)
		silence = awake.of(silence, now)
		c.link.suspect(silence >= suspectAfter)
		lives := t.vitals.lives(ctx, c, silence, now)
		if mute := awake.of(min(away, now.Sub(t.vitals.spoke)), now); mute >= awayFor || !lives {
			err := agentGone(c.request.Target, silence)
			c.end(err)
			return err
		}
		var err error
		switch {
		case slept, silence > overdueAck && now.Sub(t.batch.lastHeard()) > overdueAck && now.Sub(asked) > overdueAck:
			asked = now
			err = t.ask(ctx, c, min(urgentPong, t.ping/2))
		case now.Sub(asked) >= t.ping-every/2:
			asked = now
			err = t.ask(ctx, c, t.ping/2)
		case n%addressEvery == 0:
			err = t.homeless()
		}
		if err != nil {
			return err
		}
		awake.done = time.Now() // it may have waited for a pong
	}
}

// wakefulness knows of the times in which the machine slept or the process stood still (Ctrl-Z, a debugger): the silence of
// others in them says nothing about them. The monotonic clock stands still with the machine on some systems and not on others,
// and never with the process alone.
type wakefulness struct {
	every      time.Duration // between two ticks
	wall, mono time.Time     // as of the last tick
	done       time.Time     // when the last tick was dealt with
	woke       time.Time     // since when it is awake
}

func newWakefulness(every time.Duration, wall, mono time.Time) wakefulness {
	return wakefulness{every: every, wall: wall, mono: mono, done: mono, woke: mono}
}

// tick says whether the time before this tick was slept through.
func (w *wakefulness) tick(wall, now time.Time) (slept bool) {
	slept = wall.Sub(w.wall)-now.Sub(w.mono) > sleepJump || now.Sub(w.done) > w.every+sleepJump
	w.wall, w.mono, w.done = wall, now, now
	if slept {
		w.woke = now
	}
	return slept
}

// of is as much of a silence until now as somebody was awake to hear.
func (w *wakefulness) of(silence time.Duration, now time.Time) time.Duration {
	return min(silence, now.Sub(w.woke))
}

// ask sends a ping and waits for the answer. Anything that arrives meanwhile is as good as a pong, which may be queued behind
// much else.
func (t *transport) ask(ctx context.Context, c *channel, limit time.Duration) error {
	asked := time.Now()
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := t.ws.Ping(within)
	switch {
	case err == nil:
		t.prove(c)
	case errors.Is(err, context.DeadlineExceeded) && t.batch.lastHeard().Before(asked):
		return errSilent
	}
	return nil
}

// homeless is an error when the machine no longer has the address that the websocket comes from: no answer can find it.
func (t *transport) homeless() error {
	local, ok := t.batch.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil || len(all) == 0 {
		return nil
	}
	for _, a := range all {
		if own, ok := a.(*net.IPNet); ok && (own.IP.Equal(local.IP) || own.Contains(local.IP) && local.IP.IsLoopback()) {
			return nil
		}
	}
	return fmt.Errorf("the network has changed: this machine no longer has the address %s", local.IP)
}
