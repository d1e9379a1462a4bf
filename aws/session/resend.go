package session

import "time"

// stamp notes that a message is written now and when it is due again.
func (s *sender) stamp(now time.Time, seq int64, o *outgoing) []byte {
	o.tries++
	o.sent = now
	if seq == s.firstData && !s.warm {
		o.due = now.Add(s.rtt.notReadyTimeout(o.tries))
	} else {
		o.due = now.Add(s.rtt.timeout(o.tries))
	}
	s.dueBy(o.due)
	s.hand = o.frame
	return o.frame
}

func (s *sender) dueBy(t time.Time) {
	if s.earliest.IsZero() || t.Before(s.earliest) {
		s.earliest = t
	}
	if s.scan >= 0 && (s.scanMin.IsZero() || t.Before(s.scanMin)) {
		s.scanMin = t
	}
}

// lateAt is when a message must be taken for lost, as things stand now. Acknowledgements come in the order of the messages, so
// while those of older ones come, on a slow path, it waits in a queue like they did. One that a newer one has overtaken does not.
func (s *sender) lateAt(seq int64, o *outgoing) time.Time {
	if o.free || o.doubt || seq == s.firstData && !s.warm {
		return o.due
	}
	from := o.sent
	if seq > s.top {
		from = later(from, s.moved)
	}
	return later(o.due, from.Add(backoff(s.rtt.rto(), o.tries, rtoCeil)))
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// overdue gives the next message whose time is up. One pass over the kept messages is spread over as many calls as there
// are overdue ones. No more than a window's worth is on its way again at a time: the agent may only be waiting for a database
// that reads slowly (docs/protocol.md §1.6, B7), and an uplink that is full must not get everything twice.
func (s *sender) overdue(now time.Time) []byte {
	if s.scan < 0 {
		if s.earliest.IsZero() || now.Before(s.earliest) {
			return nil
		}
		s.scan, s.scanMin, s.again = s.base, time.Time{}, 0
	}
	for s.scan = max(s.scan, s.base); s.scan < s.next; s.scan++ {
		o := s.at(s.scan)
		if o.frame == nil {
			continue
		}
		o.due = s.lateAt(s.scan, o)
		late := !o.due.After(now)
		if late && !o.free && !o.doubt && s.again >= s.window.size {
			o.due, late = now.Add(s.rtt.timeout(o.tries)), false
		}
		if late || o.tries > 1 {
			s.again += o.size
		}
		if !late {
			if s.scanMin.IsZero() || o.due.Before(s.scanMin) {
				s.scanMin = o.due
			}
			continue
		}
		frame := s.resend(now, s.scan, o)
		s.scan++
		return frame
	}
	s.scan, s.earliest = -1, s.scanMin
	return nil
}

// resend sends an overdue message again, or what has taken its place.
func (s *sender) resend(now time.Time, seq int64, o *outgoing) []byte {
	if o.doubt {
		s.settle(errAgentLost())
	}
	if s.warm && !o.free {
		s.window.timedOut(now, s.rtt.srtt)
		s.statWindow.Store(int64(s.window.size))
		s.missed(seq, o)
		if seq > s.top {
			s.rtt.missed(o.sent, now)
		}
	}
	o.free = false
	s.statResent.Add(1)
	return s.stamp(now, seq, o)
}

// resendBefore makes everything sent before t due: the agent, which has just become ready, threw it away.
func (s *sender) resendBefore(t, now time.Time) bool {
	found := false
	for seq := s.base; seq < s.next; seq++ {
		if o := s.at(seq); o.frame != nil && o.sent.Before(t) {
			o.due, o.free, found = now, true, true
		}
	}
	if found {
		s.dueBy(now)
	}
	return found
}
