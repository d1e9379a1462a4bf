package mux

import "io"

// slot is the one stream of a basic session and where it is in its life: unclaimed, until the first Open; nil stream and not
// taken = free; open; closed by this side with bytes still to be handed out; taken = DisconnectToPort is on its way.
type slot struct {
	stream    *Stream
	unclaimed bool
	closed    bool
	taken     bool
}

func (sl *slot) open() int {
	if sl.stream != nil && !sl.closed && !sl.unclaimed {
		return 1
	}
	return 0
}

// Single is basic mode: one stream at a time, its bytes without any framing. The owner of the data channel does what the
// mux would do with frames:
//
//   - after Next has given 0 it asks TakeClose, sends the flag DisconnectToPort if so, and calls Free when the agent has
//     acknowledged that message. The agent closes its connection before it acknowledges, so what arrives until then is
//     the old connection's and is dropped; no byte of it may reach the next stream.
//   - at the agent's flags DisconnectToPort and ConnectToPortError it calls Hangup.
//
// The agent connects to the target when the session starts, before anyone has opened a stream here, and what a server says
// first (MySQL's greeting) comes at once: it waits for the first Open. Later the agent connects again only when it gets bytes,
// so a server that speaks first stays silent on every stream but the first.
func Single(cfg Config) *Session {
	s := &Session{cfg: cfg.withDefaults(), ready: make(chan struct{}, 1), basic: true}
	s.slot = slot{stream: newStream(s, 0), unclaimed: true}
	return s
}

func (s *Session) openBasic() (*Stream, error) {
	if s.slot.unclaimed {
		s.slot.unclaimed = false
		return s.slot.stream, nil
	}
	if s.slot != (slot{}) {
		return nil, ErrBusy
	}
	s.slot.stream = newStream(s, 0)
	return s.slot.stream, nil
}

func (s *Session) nextBasic(p []byte) int {
	st := s.slot.stream
	if st == nil {
		return 0
	}
	n := st.send.out.read(p[:min(len(p), s.cfg.Payload)])
	s.wakeWriters(st)
	return n
}

func (s *Session) inputBasic(p []byte) {
	s.mu.Lock()
	st := s.slot.stream
	s.mu.Unlock()
	s.deliver(st, p)
}

// TakeClose (Single only) is true once for each stream that this side has closed, after Next has handed out its last byte.
// Ready is signalled for it.
func (s *Session) TakeClose() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.slot.closed || s.slot.taken || s.slot.stream.send.out.n > 0 || s.err != nil {
		return false
	}
	s.slot = slot{closed: true, taken: true}
	return true
}

// Free (Single only) lets Open succeed again after TakeClose.
func (s *Session) Free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slot.taken {
		s.slot = slot{}
	}
}

// Hangup (Single only) ends the stream from the agent's side: its reader gets what has arrived and then err, or io.EOF for
// nil. When this side closes such a stream there is nothing to tell the agent and the next Open succeeds.
func (s *Session) Hangup(err error) {
	if err == nil {
		err = io.EOF
	}
	s.mu.Lock()
	st := s.slot.stream
	if st == nil || st.finished {
		s.mu.Unlock()
		return
	}
	st.finished = true
	s.hangup(st, err)
	if s.slot.closed {
		s.slot = slot{}
	}
	s.mu.Unlock()
	st.recv.finish(err)
}

// leaveBasic takes note that this side has closed st. s.mu is held.
func (s *Session) leaveBasic(st *Stream) {
	if s.slot.stream != st {
		return
	}
	if st.finished {
		s.slot = slot{}
		return
	}
	s.slot.closed = true
}
