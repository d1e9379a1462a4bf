package session

import (
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// probeAfter is how many full messages must have been acknowledged before a larger size is tried: a session that carries
// queries only has nothing to gain.
const probeAfter = 64

// sizesToTry are those of PayloadAuto.
func sizesToTry() []int { return []int{4 << 10, 16 << 10, 32 << 10} }

// payload finds out how large a message may be. Both ends of AWS send 1024 bytes and no more, the agent takes whatever comes, and
// the gateway's limit is not known (docs/protocol.md §3). So a size is tried with a message of frames that mean nothing: if it
// is lost, or closes the websocket, one small frame takes its place in the sequence and no byte of anyone is in doubt.
type payload struct {
	size  int   // of data messages at most
	steps []int // sizes still to be tried, ascending
	probe int64 // sequence number of the message that tries steps[0]; -1: none is under way
	full  int   // messages of size acknowledged since the last step
}

// newPayload tries sizes up to the largest: that one alone, or for PayloadAuto one after the other.
func newPayload(largest int) payload {
	p := payload{size: min(largest, defaultPayload), probe: -1}
	switch {
	case largest == PayloadAuto:
		p.size, p.steps = defaultPayload, sizesToTry()
	case largest > defaultPayload:
		p.steps = []int{largest}
	}
	return p
}

// resize uses another size from now on.
func (s *sender) resize(size int, steps []int) {
	if p := s.payload.probe; p >= s.base && p < s.next && s.at(p).frame != nil && len(s.at(p).frame) > wire.Overhead+size {
		s.shrink(s.at(p))
	}
	s.payload.size, s.payload.steps, s.payload.probe, s.payload.full = size, steps, -1, 0
	s.free = nil
}

// probe sends a message that tries the next size, if it is time to.
func (s *sender) probe(now time.Time) []byte {
	p := &s.payload
	if len(p.steps) == 0 || p.probe >= 0 || p.full < probeAfter || s.pace.legacy() || s.window.size < 2*p.steps[0] {
		return nil
	}
	buf := make([]byte, wire.Overhead+p.steps[0])
	n := s.source.Blank(buf[wire.Overhead:])
	if n == 0 {
		p.steps = nil // basic mode
		return nil
	}
	p.probe = s.next
	return s.send(now, buf[:wire.Overhead+n], wire.PayloadOutput, nil)
}

// grown looks at a message that has just been acknowledged.
func (s *sender) grown(seq int64, o *outgoing) {
	p := &s.payload
	switch {
	case seq == p.probe:
		s.resize(p.steps[0], p.steps[1:])
	case o.size == wire.Overhead+p.size:
		p.full++
	}
}

// missed looks at a message whose time is up. A size that is being tried, or in use, is given up at the second time-out of the
// same message: the first may be a machine that is busy.
func (s *sender) missed(seq int64, o *outgoing) {
	switch {
	case o.tries < 2:
	case seq == s.payload.probe:
		s.shrink(o)
		s.resize(s.payload.size, nil)
	case o.size > wire.Overhead+defaultPayload:
		s.resize(defaultPayload, nil)
	}
}

// shrink turns a message that tries a size into the smallest of its kind.
func (s *sender) shrink(o *outgoing) {
	small := make([]byte, 16)
	s.reencode(o, small[:s.source.Blank(small)], wire.PayloadOutput)
}

// sized gives sizes up when the websocket is lost: it may be the gateway's answer to a large message. It says whether large
// messages have been sent twice already and come to nothing.
func (s *sender) sized() (hopeless bool) {
	p := &s.payload
	if p.probe >= 0 {
		s.shrink(s.at(p.probe))
		s.resize(p.size, nil) // what is in use was not the reason
		return false
	}
	large := false
	for seq := s.base; seq < s.next; seq++ {
		o := s.at(seq)
		large = large || o.frame != nil && o.isData && len(o.frame) > wire.Overhead+defaultPayload
	}
	if large {
		s.resize(defaultPayload, nil)
	}
	return large && !s.linkedAt.IsZero() && s.lastAck.Before(s.linkedAt)
}
