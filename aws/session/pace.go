package session

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// legacyGap is how long the official plugin sleeps after each message of up to 1024 bytes (docs/protocol.md §1.0).
	legacyGap = time.Millisecond
	// legacyCredit is how many messages may be made up for when the writer was woken late.
	legacyCredit = 4
	// resetsForLegacy resets within resetsWithin are enough to doubt that the service likes our speed.
	resetsWithin = time.Minute
	// sameLoss is how far apart two sessions may find out about one loss of their agent: each has its own time-outs.
	sameLoss = 5 * time.Second
)

// Resets is what the sessions of one tunnel know of each other's resets. Uploads that are bulk have a session each, so that the
// second reset within a minute is rarely in the session of the first; and the session in the place of one that was given up would be
// as fast as ever. The zero value is right. It may be used concurrently.
type Resets struct {
	slow atomic.Bool // twice within resetsWithin: legacy pacing from now on, in all of them

	mu      sync.Mutex
	members int
	last    time.Time // when connections were last reset for a doubt
	by      int       // whose they were
}

// join gives a session its number.
func (r *Resets) join() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members++
	return r.members
}

// add takes note of a reset in the session of that number. Those that follow at once in others are the same loss.
func (r *Resets) add(by int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := now.Sub(r.last)
	switch {
	case r.last.IsZero():
	case by != r.by && since < sameLoss:
		return
	case since < resetsWithin:
		r.slow.Store(true)
	}
	r.last, r.by = now, by
}

// pace is a fixed speed, beside the window, or none.
type pace struct {
	fixed  bool      // asked for
	resets *Resets   // of the tunnel: enough of them are as good as that
	me     int       // this session's number there
	next   time.Time // no message before; zero: now
	wanted bool      // something waits for next
}

func newPace(o Options) pace { return pace{fixed: o.Legacy, resets: o.Resets, me: o.Resets.join()} }

// legacy says whether the speed is the official plugin's.
func (p *pace) legacy() bool { return p.fixed || p.resets.slow.Load() }

// open says whether a message may be sent now.
func (p *pace) open(now time.Time) bool {
	p.wanted = p.legacy() && now.Before(p.next)
	return !p.wanted
}

// sent notes n bytes.
func (p *pace) sent(n int, now time.Time) {
	if !p.legacy() {
		return
	}
	if earliest := now.Add(-legacyCredit * legacyGap); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(legacyGap * time.Duration((n+defaultPayload-1)/defaultPayload))
}

// until is when the writer should come back by itself, zero for never.
func (p *pace) until() time.Time {
	if !p.wanted {
		return time.Time{}
	}
	return p.next
}
