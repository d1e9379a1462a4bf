package session

import "time"

const (
	// rtoInitial is the retransmission time-out before the first measurement; the real ends start at 200 ms too
	// (docs/protocol.md §1.3).
	rtoInitial = 200 * time.Millisecond
	// rtoSlack is the least that a time-out lies above the smoothed round trip: RFC 6298's G. A path with a steady round
	// trip would otherwise have its whole window sent again whenever a busy scheduler holds it up for a moment.
	rtoSlack = 100 * time.Millisecond
	rtoCeil  = 3 * time.Second
)

// rttEstimator is the smoothed round-trip time of RFC 6298, from message to acknowledgement. The caller keeps the first half of
// Karn's rule: a message that was sent twice is no sample. The second is kept here: until there is a sample, a time-out that was
// too short stays raised, for new messages as well, or on a path that has become slower there would never be one.
type rttEstimator struct {
	srtt, rttvar time.Duration // 0 before the first sample
	least        time.Duration // of the last leastFor or so: the path without a queue
	leastAt      time.Time
	raised       int // how often the time-out was doubled since the last sample
	raisedAt     time.Time
}

const (
	// leastFor is how long a shortest round trip is believed: paths change.
	leastFor = 30 * time.Second
	// queueDelay is how much longer than an empty path's a round trip may become before the window stops growing: what
	// is in flight beyond that only waits, and everything else waits behind it (docs/protocol.md §3 point 4).
	queueDelay = 10 * time.Millisecond
)

func (e *rttEstimator) sample(r time.Duration, now time.Time) {
	r = min(max(r, time.Microsecond), rtoCeil) // a database that had stopped reading is no path
	e.raised = 0
	if e.least == 0 || r <= e.least || now.Sub(e.leastAt) > leastFor {
		e.least, e.leastAt = r, now
	}
	if e.srtt == 0 {
		e.srtt, e.rttvar = r, r/2
		return
	}
	e.rttvar += ((e.srtt - r).Abs() - e.rttvar) / 4
	e.srtt += (r - e.srtt) / 8
}

// missed takes note that a message sent at a time was not acknowledged in time. Those that were on their way together are one
// event.
func (e *rttEstimator) missed(sent, now time.Time) {
	if !sent.Before(e.raisedAt) {
		e.raised, e.raisedAt = e.raised+1, now
	}
}

// rto is how long an acknowledgement takes at most on the path as it was measured.
func (e *rttEstimator) rto() time.Duration {
	if e.srtt == 0 {
		return rtoInitial
	}
	return min(e.srtt+max(rtoSlack, 4*e.rttvar), rtoCeil)
}

// timeout is how long to wait for the acknowledgement of a message that has been sent tries times (1 for the first).
func (e *rttEstimator) timeout(tries int) time.Duration {
	return backoff(e.rto(), max(tries, 1+e.raised), rtoCeil)
}

// crowded says whether the path holds more than it can carry.
func (e *rttEstimator) crowded() bool { return e.srtt > 2*e.least+queueDelay }

// notReadyFirst is the first retransmission of a first data message: the agent drops it without a word when its mux is
// not up yet, a few ms after HandshakeComplete (docs/protocol.md §1.3).
const notReadyFirst = 5 * time.Millisecond

// notReadyTimeout is timeout for data sent before the agent has taken any: 5, 10, 20 ms… up to the ordinary time-out.
func (e *rttEstimator) notReadyTimeout(tries int) time.Duration {
	return backoff(notReadyFirst, tries, e.timeout(1))
}

// backoff doubles d for each try after the first, up to the ceiling.
func backoff(d time.Duration, tries int, ceiling time.Duration) time.Duration {
	for ; tries > 1 && d < ceiling; tries-- {
		d *= 2
	}
	return min(d, ceiling)
}
