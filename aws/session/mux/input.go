package mux

import "io"

// Input takes bytes from the agent, in the order in which it sent them; frame borders may be anywhere. It keeps nothing
// of p and never waits for a reader. A reader that waits for bytes learns of them from Wake. An error is ErrProtocol, after
// which every stream has failed with it, or the error that the session was aborted with.
func (s *Session) Input(p []byte) error {
	if err := s.failed(); err != nil {
		return err
	}
	if s.basic {
		s.inputBasic(p)
		return nil
	}
	in := &s.in
	for len(p) > 0 {
		if in.left > 0 {
			n := min(in.left, len(p))
			s.deliver(in.stream, p[:n])
			in.left -= n
			p = p[n:]
			continue
		}
		n := copy(in.head[in.have:], p)
		in.have += n
		p = p[n:]
		if in.have < headerSize {
			return nil
		}
		in.have = 0
		if err := s.frame(); err != nil {
			s.Abort(err)
			return err
		}
	}
	return nil
}

// Wake tells waiting readers what Input has brought since the last call. A message costs a microsecond and a goroutine's
// wake-up many, so whoever calls Input calls this once there is nothing more at hand.
func (s *Session) Wake() {
	for i, st := range s.in.fed {
		st.recv.changed.Broadcast()
		st.fed, s.in.fed[i] = false, nil
	}
	s.in.fed = s.in.fed[:0]
}

func (s *Session) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// frame acts on the header that has just become complete. A SYN of the agent is not in use and ignored.
func (s *Session) frame() error {
	cmd, length, sid, err := s.in.parse()
	if err != nil {
		return err
	}
	switch cmd {
	case cmdPSH:
		s.in.left = length
		if length > 0 {
			s.in.stream = s.hear(sid)
		}
	case cmdFIN:
		s.finish(sid)
	}
	return nil
}

// hear finds the stream that data is for; nil when this side has closed it.
func (s *Session) hear(sid uint32) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed(sid)
	st := s.streams[sid]
	if st != nil {
		st.heard = true
		return st
	}
	if passed, ok := s.unheard[sid]; ok && passed == nil {
		delete(s.unheard, sid)
	}
	return nil
}

func (s *Session) deliver(st *Stream, p []byte) {
	if st == nil {
		s.dropped.Add(uint64(len(p)))
		return
	}
	dropped, err := st.recv.deliver(p)
	s.dropped.Add(uint64(dropped))
	if !st.fed {
		st.fed = true
		s.in.fed = append(s.in.fed, st)
	}
	if err != nil && st.recv.tellOnce() {
		s.tellCut(err)
		st.Reset(err)
	}
}

// finish ends a stream from the agent's side. There is no half-close: what this side still had to send would be thrown
// away by the agent (docs/protocol.md §1.4), so it is dropped here.
func (s *Session) finish(sid uint32) {
	st, end := s.finished(sid)
	if st != nil {
		st.recv.finish(end)
	}
}

// finished does what needs the session's lock, and says how the stream ends.
func (s *Session) finished(sid uint32) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed(sid)
	delete(s.closing, sid)
	s.allClosed()
	if passed, ok := s.unheard[sid]; ok {
		delete(s.unheard, sid)
		if len(s.marks) > 0 {
			_ = s.verdict() // the mark meant this one, and nobody is there to be told
		}
		if passed != nil {
			passed <- nil
		}
		return nil, nil
	}
	st := s.streams[sid]
	if st == nil || st.finished {
		return nil, nil
	}
	st.finished = true
	end := io.EOF
	if !st.heard {
		end = s.verdict()
	}
	s.hangup(st, end)
	return st, end
}

// hangup stops the sending half after the agent's end of the stream. s.mu is held.
func (s *Session) hangup(st *Stream, end error) {
	if end == io.EOF { //nolint:errorlint // the bare io.EOF means an ordinary end
		end = io.ErrClosedPipe
	}
	st.send.stop(end)
	s.place(st)
}
