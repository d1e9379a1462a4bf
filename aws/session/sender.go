package session

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws/session/mux"
	"github.com/rdsx/rdsx/aws/session/wire"
)

const (
	// maxSpan bounds the messages between the oldest unacknowledged one and the newest. The agent keeps 100 000 that
	// arrive ahead of their turn (docs/protocol.md §1.3).
	maxSpan = 8192
	// wakeRoom is how much room acknowledgements gather before a sender that the window stopped goes on: several
	// messages share one system call then.
	wakeRoom = 16 << 10
)

// source gives new data: whole mux frames for one message, 0 when there is nothing. See mux.Session for the methods.
type source interface {
	Next(p []byte) int
	Urgent(p []byte) int
	Blank(p []byte) int
	Carried(message []byte, set mux.Set)
	Without(message []byte, set mux.Set) []byte
	Cut(set mux.Set, err error) int
}

// outgoing is a message that is sent and not yet acknowledged.
type outgoing struct {
	frame  []byte // nil: this sequence number is acknowledged
	seq    int64
	size   int       // its share of the window
	tries  int       // how often it was sent
	born   time.Time // when first
	sent   time.Time // when last
	due    time.Time // when it is sent again
	free   bool      // it is sent again for another reason than a path that is full
	doubt  bool      // the agent may take it twice, see doubt.go
	onAck  func()
	isData bool
	ahead  mux.Set // of one that is acknowledged before an older one: the streams whose bytes it carried
}

// control is a numbered message that is not data: it goes first and is not bounded by the window.
type control struct {
	payloadType wire.PayloadType
	payload     []byte
	onAck       func() // called once without a lock held, when this message and all before it are acknowledged; may be nil
}

// sender numbers, encodes and keeps outgoing messages until they are acknowledged, and decides which one is written next.
// It outlives websockets. Acknowledgements come from the reading goroutine, take is the writing one's.
type sender struct {
	mu       sync.Mutex
	source   source // nil until data may be sent
	base     int64  // oldest sequence number that is not acknowledged
	next     int64  // the next new one
	kept     int    // messages not acknowledged
	ring     []outgoing
	controls []control
	after    []outgoing // acknowledged, and their onAck is still to be called
	rtt      rttEstimator
	window   window
	payload  payload // bytes of payload in a message at most
	pace     pace
	blocked  bool      // the window, not a lack of data, stopped take
	empty    bool      // the source had nothing when take last looked
	drains   []func()  // called once everything is handed out and acknowledged
	held     time.Time // new data waits until then (pause_publication); zero: it does not

	earliest time.Time // no message is due before; zero: none is kept
	scan     int64     // ≥ 0: take is going through the kept messages for overdue ones and has come this far
	scanMin  time.Time // earliest due of those passed
	again    int       // bytes passed that are on their way more than once
	top      int64     // the newest message acknowledged on this websocket
	moved    time.Time // when the latest acknowledgement came, be it a repeated one

	firstData int64 // sequence number of the first data message, -1 before
	warm      bool  // it is acknowledged: the agent takes data

	lastAck  time.Time // when the latest message was acknowledged
	linkedAt time.Time // when the present websocket took the place of a lost one; zero for the first
	doubts   doubts

	hand     []byte // the frame that take gave out last: it may be being written
	handFree bool   // it is acknowledged and goes to free when the next one is taken
	free     [][]byte

	statRTT, statWindow, statInFlight, statSent, statResent atomic.Int64
}

// newSender makes a sender of at most limit bytes in flight, whose messages may grow to the largest size.
func newSender(limit, largest int, p pace) *sender {
	s := &sender{payload: newPayload(largest), pace: p, ring: make([]outgoing, 64), window: newWindow(limit), firstData: -1, scan: -1, top: -1}
	s.statWindow.Store(int64(s.window.size))
	return s
}

func (s *sender) at(seq int64) *outgoing { return &s.ring[seq&int64(len(s.ring)-1)] }

// open lets new data flow from src.
func (s *sender) open(src source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = src
}

// push queues a control message.
func (s *sender) push(c control) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.controls = append(s.controls, c)
}

// take gives the next frame to write, or nil when there is nothing to write now: control messages, then whatever is
// overdue, then new data as far as the window lets it. The frame is good until the next call.
func (s *sender) take(now time.Time) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handFree {
		s.recycle(s.hand)
	}
	s.hand, s.handFree = nil, false
	if s.next-s.base < maxSpan && len(s.controls) > 0 {
		c := s.controls[0]
		s.controls = s.controls[1:]
		buf := s.buffer(max(len(c.payload), s.payload.size))
		return s.send(now, buf[:wire.Overhead+copy(buf[wire.Overhead:], c.payload)], c.payloadType, c.onAck)
	}
	if frame := s.overdue(now); frame != nil {
		return frame
	}
	return s.fresh(now)
}

// fresh takes new data from the source. When the window is full, what is urgent still goes, up to a reserve: a query must not
// wait for the acknowledgements of an upload.
func (s *sender) fresh(now time.Time) []byte {
	s.empty = false
	s.pace.wanted = false // what stops it first is what it waits for
	if now.Before(s.held) {
		return nil
	}
	s.held = time.Time{}
	if s.doubts.open > 0 {
		return nil
	}
	if s.source == nil || s.next-s.base >= maxSpan {
		s.blocked = s.source != nil
		return nil
	}
	if !s.pace.open(now) {
		return nil
	}
	take := s.source.Next
	if s.blocked = s.window.inFlight > 0 && s.window.room() < s.payload.size+wire.Overhead; s.blocked {
		if s.window.room()+s.window.reserve() < s.payload.size+wire.Overhead {
			return nil
		}
		take = s.source.Urgent
	} else if frame := s.probe(now); frame != nil {
		return frame
	}
	buf := s.buffer(s.payload.size)
	n := take(buf[wire.Overhead:])
	if n == 0 {
		s.empty = !s.blocked
		s.recycle(buf)
		return nil
	}
	s.pace.sent(n, now)
	return s.send(now, buf[:wire.Overhead+n], wire.PayloadOutput, nil)
}

// send numbers and encodes the message whose payload already lies in frame, and keeps it.
func (s *sender) send(now time.Time, frame []byte, t wire.PayloadType, onAck func()) []byte {
	seq := s.next
	s.next++
	s.kept++
	if s.next-s.base > int64(len(s.ring)) {
		s.grow()
	}
	m := wire.Message{Type: wire.InputStreamData, Created: now.UnixMilli(), Seq: seq, ID: wire.NewID(), PayloadType: t, Payload: frame[wire.Overhead:]}
	frame = m.Append(frame[:0])
	o := s.at(seq)
	*o = outgoing{frame: frame, seq: seq, size: len(frame), born: now, onAck: onAck, isData: t == wire.PayloadOutput}
	if o.isData && s.firstData < 0 {
		s.firstData = seq
	}
	s.window.sent(o.size)
	s.statSent.Add(1)
	s.statInFlight.Store(int64(s.window.inFlight))
	return s.stamp(now, seq, o)
}

// wait is when take has something to do without being told, zero for never.
func (s *sender) wait() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.earliest
	for _, at := range []time.Time{s.held, s.pace.until()} {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// acked removes exactly one sequence number (docs/protocol.md §1.3). It says whether the writer has something to do now that
// it did not have before.
func (s *sender) acked(seq int64, now time.Time) (wake bool) {
	s.mu.Lock()
	wake = !s.held.IsZero() // any acknowledgement ends a pause
	s.held, s.moved = time.Time{}, now
	if seq < s.base || seq >= s.next || s.at(seq).frame == nil {
		s.mu.Unlock()
		return wake
	}
	o := s.at(seq)
	s.lastAck, s.top = now, max(s.top, seq)
	if seq >= s.doubts.since {
		s.doubts.paused = false // the agent is there, whether or not the service says so
	}
	s.grown(seq, o)
	if o.tries == 1 { // Karn
		s.rtt.sample(now.Sub(o.sent), now)
		s.statRTT.Store(int64(s.rtt.srtt))
	}
	s.window.acked(o.size, !s.rtt.crowded())
	s.statWindow.Store(int64(s.window.size))
	s.statInFlight.Store(int64(s.window.inFlight))
	if s.hand != nil && &s.hand[0] == &o.frame[0] {
		s.handFree = true
	} else {
		s.recycle(o.frame)
	}
	if seq == s.firstData {
		s.warm = true
		if o.tries > 1 {
			wake = s.resendBefore(o.sent, now) || wake
		}
	}
	if o.onAck != nil {
		s.after = append(s.after, *o)
	}
	doubt, twice := o.doubt, s.cleared(o)
	wake = wake || doubt && s.doubts.open == 0
	s.forget(seq, o)
	s.cut(twice, errAgentLost())
	wake = wake || s.kept == 0 && len(s.drains) > 0
	reached := s.reached()
	if s.base == s.next && s.scan < 0 {
		s.earliest = time.Time{}
	}
	if s.blocked && s.window.room() >= min(wakeRoom, s.window.size/4) {
		s.blocked, wake = false, true
	}
	s.mu.Unlock()
	for _, f := range reached {
		f()
	}
	return wake
}

// forget takes one out of the messages that are not acknowledged.
func (s *sender) forget(seq int64, o *outgoing) {
	s.kept--
	var ahead mux.Set
	if seq != s.base && o.isData {
		ahead = s.carried(o)
	}
	*o = outgoing{ahead: ahead}
	for s.base < s.next && s.at(s.base).frame == nil {
		s.base++
	}
}

// reached gives what is to be called now that base is where it is. The agent acknowledges at once what arrives ahead of its turn,
// and acts on it when its turn comes: only when nothing before it is open has it been done.
func (s *sender) reached() (call []func()) {
	s.after = slices.DeleteFunc(s.after, func(o outgoing) bool {
		if o.seq >= s.base {
			return false
		}
		call = append(call, o.onAck)
		return true
	})
	return call
}

// grow doubles the ring.
func (s *sender) grow() {
	old := s.ring
	s.ring = make([]outgoing, 2*len(old))
	for seq := s.base; seq < s.next-1; seq++ {
		*s.at(seq) = old[seq&int64(len(old)-1)]
	}
}

// buffer is a frame with room for n bytes of payload, n in the caller's hands to cut.
func (s *sender) buffer(n int) []byte {
	if n == s.payload.size && len(s.free) > 0 {
		buf := s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
		return buf
	}
	return make([]byte, wire.Overhead+n)
}

// recycle keeps a frame of the usual size for the next message.
func (s *sender) recycle(buf []byte) {
	if full := wire.Overhead + s.payload.size; cap(buf) == full && len(s.free) < maxSpan {
		s.free = append(s.free, buf[:full])
	}
}
