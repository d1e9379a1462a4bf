package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

const (
	wireLimit  = 4 << 20   // bytes in flight or waiting; then a sender waits, or, with nobody at the far end, frames are lost
	batchLimit = 256 << 10 // bytes handed over at once: what a receiving socket would hold, and lose with its connection
	slack      = 150 * time.Microsecond
	coarse     = 1200 * time.Microsecond // timers are late by up to a millisecond; the rest is napped
)

var errCut = errors.New("websocket is cut")

// wire carries frames one way between the client's and the agent's side of the gateway, in order but for the faults. It costs
// one lock a frame and no timer: the receiver takes all that is due at once.
type wire struct {
	faults *conditions
	up     bool
	nap    func(time.Duration) // an exact sleep of about a millisecond
	base   time.Time

	lost, doubled, held atomic.Uint64

	mu       sync.Mutex
	urgent   [][]byte // of the gateway itself: no faults, no delay
	queue    []item   // by due
	head     int
	late     []item // held back, by due
	bytes    int
	lastDue  time.Duration
	free     time.Duration // when the line has sent what is on it
	attached bool          // somebody takes
	dice     *rand.Rand
	seed     uint64

	ready chan struct{} // capacity 1: look again, receiver
	space chan struct{} // capacity 1: look again, sender
}

// item is a frame and the time, since base, at which it arrives. 0 is at once.
type item struct {
	due   time.Duration
	frame []byte
}

func newWire(faults *conditions, up bool, nap func(time.Duration)) *wire {
	w := &wire{faults: faults, up: up, nap: nap, base: time.Now(), ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
	w.reseed(faults.Load().Seed)
	return w
}

func (w *wire) reseed(seed uint64) {
	side := uint64(1)
	if w.up {
		side = 2
	}
	w.seed, w.dice = seed, rand.New(rand.NewPCG(seed, side))
}

func (w *wire) direction(f *Faults) *Direction {
	if w.up {
		return &f.Up
	}
	return &f.Down
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// attach says whether somebody takes. What is in the wire stays there meanwhile.
func (w *wire) attach(there bool) {
	w.mu.Lock()
	w.attached = there
	w.mu.Unlock()
	poke(w.space)
}

// put sends a frame, which the wire keeps. It waits while the wire is full; gone ends the wait.
func (w *wire) put(ctx context.Context, gone <-chan struct{}, frame []byte) error {
	for {
		w.mu.Lock()
		if w.bytes < wireLimit || !w.attached {
			w.accept(frame)
			more := w.bytes < wireLimit
			w.mu.Unlock()
			poke(w.ready)
			if more {
				poke(w.space) // the signal of one take may be meant for several senders
			}
			return nil
		}
		w.mu.Unlock()
		select {
		case <-w.space:
		case <-gone:
			return errCut
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// accept rolls the dice and queues. The caller holds mu.
func (w *wire) accept(frame []byte) {
	f := w.faults.Load()
	d := w.direction(f)
	if w.bytes >= wireLimit {
		w.lost.Add(1)
		return
	}
	copies, by := 1, time.Duration(0)
	if !d.quiet() {
		copies, by = w.roll(f, d)
	}
	var due time.Duration
	if f.RTT != 0 || f.Bandwidth != 0 || by != 0 || w.lastDue != 0 {
		due = w.arrival(f, len(frame))
	}
	for range copies {
		w.bytes += len(frame)
		if by == 0 {
			w.queue = append(w.queue, item{due, frame})
			continue
		}
		w.delay(item{due + by, frame})
	}
}

// arrival is when a frame sent now arrives: after those before it, after its own time on the line, and half a round trip.
func (w *wire) arrival(f *Faults, size int) time.Duration {
	now := time.Since(w.base)
	if f.Bandwidth > 0 {
		w.free = max(w.free, now) + time.Duration(int64(size)*int64(time.Second)/f.Bandwidth)
	} else {
		w.free = now
	}
	due := max(w.free+f.RTT/2, w.lastDue)
	w.lastDue = due
	if due <= now {
		w.lastDue = 0 // the faults are gone and the line is empty: the cheap way again
	}
	return due
}

// delay puts a frame that is held back into late, by due.
func (w *wire) delay(it item) {
	w.held.Add(1)
	at := len(w.late)
	for at > 0 && w.late[at-1].due > it.due {
		at--
	}
	w.late = append(w.late, item{})
	copy(w.late[at+1:], w.late[at:])
	w.late[at] = it
}

func (w *wire) roll(f *Faults, d *Direction) (copies int, by time.Duration) {
	if f.Seed != w.seed {
		w.reseed(f.Seed)
	}
	lost, doubled, held := w.dice.Float64() < d.Loss, w.dice.Float64() < d.Duplicate, w.dice.Float64() < d.Reorder
	switch {
	case lost:
		w.lost.Add(1)
		return 0, 0
	case doubled:
		w.doubled.Add(1)
		copies = 2
	default:
		copies = 1
	}
	if held {
		by = d.ReorderBy
		if by == 0 {
			by = 10 * time.Millisecond
		}
	}
	return copies, by
}

// drop loses everything that is under way but the gateway's own frames.
func (w *wire) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	keep := w.queue[:0]
	for _, it := range w.queue[w.head:] {
		if frame.Kind(it.frame) == frame.Closed {
			keep = append(keep, it)
			continue
		}
		w.lost.Add(1)
		w.bytes -= len(it.frame)
	}
	clear(w.queue[len(keep):])
	w.queue, w.head = keep, 0
	for _, it := range w.late {
		w.lost.Add(1)
		w.bytes -= len(it.frame)
	}
	w.late = nil
	poke(w.space)
}

// inject sends a frame of the gateway's own, ahead of everything.
func (w *wire) inject(frame []byte) {
	w.mu.Lock()
	w.urgent = append(w.urgent, frame)
	w.mu.Unlock()
	poke(w.ready)
}

// last sends a frame that no fault but delay can touch, behind everything.
func (w *wire) last(frame []byte) {
	w.mu.Lock()
	due := w.lastDue
	if f := w.faults.Load(); f.RTT != 0 {
		due = max(due, time.Since(w.base)+f.RTT/2)
	}
	w.queue = append(w.queue, item{due, frame})
	w.bytes += len(frame)
	w.mu.Unlock()
	poke(w.ready)
}

// take waits until frames have arrived and appends them to buf. gone ends the wait.
func (w *wire) take(ctx context.Context, gone <-chan struct{}, buf [][]byte) ([][]byte, error) {
	for {
		if err := w.faults.gate(ctx, gone); err != nil {
			return buf, err
		}
		out, wait := w.due(buf)
		if len(out) > len(buf) {
			poke(w.space)
			return out, nil
		}
		if wait > 0 && wait <= coarse {
			w.nap(wait)
			continue
		}
		changed := w.faults.changed()
		var alarm <-chan time.Time
		if wait > 0 {
			alarm = time.After(wait - coarse/2)
		}
		select {
		case <-w.ready:
		case <-alarm:
		case <-changed:
		case <-gone:
			return buf, errCut
		case <-ctx.Done():
			return buf, ctx.Err()
		}
	}
}

// due moves what has arrived to buf; else it says how long to wait for the next, 0 when nothing is under way.
func (w *wire) due(buf [][]byte) ([][]byte, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	buf = append(buf, w.urgent...)
	clear(w.urgent)
	w.urgent = w.urgent[:0]
	var now time.Duration
	for size := 0; size < batchLimit; {
		next := w.next()
		if next == nil {
			return buf, 0
		}
		if next.due != 0 && now == 0 {
			now = time.Since(w.base)
		}
		if next.due > now+slack {
			return buf, next.due - now
		}
		size += len(next.frame)
		w.bytes -= len(next.frame)
		buf = append(buf, next.frame)
		w.pop(next)
	}
	return buf, 0
}

func (w *wire) next() *item {
	switch {
	case w.head == len(w.queue) && len(w.late) == 0:
		return nil
	case len(w.late) == 0 || w.head < len(w.queue) && w.queue[w.head].due <= w.late[0].due:
		return &w.queue[w.head]
	}
	return &w.late[0]
}

func (w *wire) pop(it *item) {
	*it = item{}
	if len(w.late) > 0 && it == &w.late[0] {
		w.late = append(w.late[:0], w.late[1:]...)
		return
	}
	w.head++
	if w.head == len(w.queue) {
		w.queue, w.head = w.queue[:0], 0
	} else if w.head > 4096 && w.head > len(w.queue)/2 {
		w.queue, w.head = append(w.queue[:0], w.queue[w.head:]...), 0
	}
}
