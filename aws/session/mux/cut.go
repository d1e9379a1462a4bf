package mux

import (
	"encoding/binary"
	"iter"
)

// Set is a set of stream ids. In basic mode the one stream is 0.
type Set map[uint32]bool

// eachFrame gives the frames of a message that Next has filled: their borders are known, since none crosses a message's.
func eachFrame(p []byte) iter.Seq2[uint32, []byte] {
	return func(yield func(uint32, []byte) bool) {
		for len(p) >= headerSize {
			n := min(headerSize+int(binary.LittleEndian.Uint16(p[2:])), len(p))
			if !yield(binary.LittleEndian.Uint32(p[4:]), p[:n]) {
				return
			}
			p = p[n:]
		}
	}
}

// Carried adds to set the streams of which a message of Next carries data. If the agent takes such a message twice, these
// streams are wrong at the far end (docs/protocol.md §1.6, B4); a second SYN or FIN changes nothing there.
func (s *Session) Carried(message []byte, set Set) {
	if s.basic {
		set[0] = true
		return
	}
	for id, f := range eachFrame(message) {
		if f[1] == cmdPSH {
			set[id] = true
		}
	}
}

// Without turns a message of Next into one without the streams of set, in place: what they had in it gives way to their FIN.
// The agent may take either of the two messages, or both, and writes no byte of such a stream twice. It is as long as before
// or shorter. In basic mode, where nothing is left of the message, it is empty.
func (s *Session) Without(message []byte, set Set) []byte {
	if s.basic {
		return message[:0]
	}
	out := frames{p: message}
	finished := Set{}
	for id, f := range eachFrame(message) {
		if !set[id] {
			out.n += copy(out.p[out.n:], f)
			continue
		}
		if !finished[id] {
			finished[id] = true
			out.header(cmdFIN, 0, id)
		}
	}
	return message[:out.n]
}

// Cut resets the streams of set with err, each as Stream.Reset does, and says how many there were: those that are open, and those
// that were closed and have bytes queued, which would follow the FIN in the place of what came before them.
func (s *Session) Cut(set Set, err error) int {
	cut := s.unfinished(set)
	for _, st := range cut {
		s.tellCut(err)
		st.Reset(err)
	}
	return len(cut)
}

// unfinished are the streams of set that a reset does something to.
func (s *Session) unfinished(set Set) (all []*Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.slot.stream; s.basic && st != nil && !s.slot.unclaimed && (!s.slot.closed || st.send.out.n > 0) {
		all = append(all, st)
	}
	for id := range set {
		if st := s.streams[id]; st != nil && !st.finished {
			all = append(all, st)
		}
	}
	for _, l := range []*list{&s.sending.control, &s.sending.interactive, &s.sending.bulk} {
		for st := l.head; st != nil; st = st.send.next {
			if st.closed && st.send.out.n > 0 && set[st.id] {
				all = append(all, st)
			}
		}
	}
	return all
}

// tellCut tells the owner that this package resets a stream. It comes first, so that whoever learns of the reset from the
// stream finds it counted.
func (s *Session) tellCut(err error) {
	if s.cfg.OnCut != nil {
		s.cfg.OnCut(err)
	}
}

// Blank fills p with frames that mean nothing, for a message whose size alone matters. In basic mode there are none and it
// returns 0.
func (s *Session) Blank(p []byte) int {
	if s.basic {
		return 0
	}
	f := frames{p: p}
	for f.header(cmdNOP, 0, 0) { //nolint:revive // the header is all there is
	}
	return f.n
}
