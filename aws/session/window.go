package session

import "time"

const (
	// windowFloor is where the window starts and what time-outs leave of it: a few ms of queue at the agent's own speed
	// (docs/protocol.md §3 point 4).
	windowFloor = 64 << 10
	// windowSteps is the number of round trips that additive growth takes from nothing to the limit.
	windowSteps = 64
	// urgentReserve is what interactive streams may send although bulk ones fill the window: a few times what a stream may
	// send before it is bulk itself.
	urgentReserve = 64 << 10
)

// window is the ack-clocked congestion window, in payload bytes: slow start, then additive growth, halved once per round
// trip on time-outs. Smux version 1 has no flow control and the agent buffers without a limit, so this is the only brake
// (docs/protocol.md §1.3).
type window struct {
	size      int // bytes allowed in flight
	limit     int // size never exceeds it
	threshold int // slow start below, additive growth above
	inFlight  int
	peak      int       // most in flight in this round trip
	round     int       // bytes acknowledged in this round trip, which ends with a peak's worth of them
	credit    int       // acknowledged bytes not yet turned into additive growth
	halved    time.Time // when size was last halved
}

func newWindow(limit int) window {
	return window{size: min(windowFloor, limit), limit: limit, threshold: limit}
}

// room is how many bytes may be sent now. The window is never so full that a message larger than it could not start.
func (w *window) room() int { return w.size - w.inFlight }

// reserve is how far urgent data may go beyond the window.
func (w *window) reserve() int { return min(urgentReserve, w.limit/4) }

func (w *window) sent(n int) {
	w.inFlight += n
	w.peak = max(w.peak, w.inFlight)
}

// acked gives n bytes back. The window grows only while it is what limits the sender: an idle sender's acknowledgements
// prove nothing about a larger one. Without grow it does not, and slow start is over.
func (w *window) acked(n int, grow bool) {
	peak := w.peak
	w.inFlight -= n
	if w.round += n; w.round >= w.peak {
		w.round, w.peak = 0, w.inFlight
	}
	switch {
	case !grow:
		w.threshold = min(w.threshold, w.size)
	case w.size < w.threshold:
		if w.size < 2*peak {
			w.size = min(w.size+n, w.limit)
		}
	case w.size < w.limit && peak >= w.size-w.size/4:
		w.credit += n
		if w.credit >= w.size {
			w.credit -= w.size
			w.size = min(w.size+max(w.limit/windowSteps, 1), w.limit)
		}
	}
}

// timedOut halves the window, once per round trip: the messages of one window that time out together are one event.
func (w *window) timedOut(now time.Time, rtt time.Duration) {
	if !w.halved.IsZero() && now.Sub(w.halved) < rtt {
		return
	}
	w.halved = now
	w.threshold = max(w.size/2, min(windowFloor, w.limit))
	w.size, w.credit = w.threshold, 0
}
