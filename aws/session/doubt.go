package session

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/mux"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// An agent writes a message to its mux, then acknowledges it, then counts it. If its websocket is lost in between, it takes the
// same message a second time (docs/protocol.md §1.6, B4). So once the agent may have lost its websocket, what was not
// acknowledged by then is in doubt: it is never sent again as it was. The streams whose bytes are in it are reset, and their
// FIN takes the place of those bytes, which is right whether the agent had them before or not. All other streams live on.
// Nothing new is sent before that is settled: the agent would keep it for after the gap, where a FIN leaves a hole.
//
// The agent may have lost its websocket when
//
//   - the service says so, with pause_publication, on a websocket of ours that is up;
//   - the service speaks of a pause right after a resume: both websockets were lost together;
//   - our websocket was lost after acknowledgements had stopped while the service still answered pings.
//
// The loss of our own websocket alone puts nothing in doubt: the agent was there all the time.
const (
	// pauseLength is how long pause_publication holds new data back when neither an acknowledgement nor
	// start_publication comes (docs/protocol.md §1.0).
	pauseLength = time.Second
	// doubtGrace is the least time that acknowledgements under way get after a pause before messages are in doubt.
	doubtGrace = 250 * time.Millisecond
	// doubtAfterResume is how long after a resume word of a pause means that the agent was away, too.
	doubtAfterResume = 2 * time.Second
	// silentAgent is how long acknowledgements must have stayed away, from a service that answers, to mean the same.
	silentAgent = 2 * time.Second
	// suspectAfter is how long they must for newcomers to go elsewhere.
	suspectAfter = 10 * time.Second
)

// doubts is what a sender knows of the agent's losses. The sender's lock guards it.
type doubts struct {
	open    int       // messages in doubt
	paused  bool      // pause_publication came, and nothing yet that ends it
	at      time.Time // when the first of those came
	since   int64     // the first message sent after the latest
	resent  mux.Set   // the streams whose bytes were sent again by the latest resume
	counted bool      // the latest loss has reset something, which is counted once
}

func errAgentLost() error {
	return aws.Advise(errors.New("the instance's agent lost its connection to Session Manager while bytes of this one were on their way, "+
		"and could have taken some of them twice"), aws.ErrReset, "see what became of the last statement, then connect again")
}

// pause holds new data back until an acknowledgement, resume, or pauseLength, and halves the window. What is overdue and not in
// doubt is still sent again.
func (s *sender) pause(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = now.Add(pauseLength)
	s.window.timedOut(now, s.rtt.srtt)
	s.statWindow.Store(int64(s.window.size))
	if !s.doubts.paused {
		s.doubts.at = now
		s.doubts.counted = s.doubts.counted && now.Sub(s.linkedAt) <= doubtAfterResume // both websockets were lost together
	}
	s.doubts.paused, s.doubts.since = true, s.next
	s.alsoAway(now)
	s.doubtAll(s.held.Add(s.grace()))
}

// resume ends a pause.
func (s *sender) resume(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = time.Time{}
	s.alsoAway(now)
	s.doubts.paused = false
	for seq := s.base; seq < s.next; seq++ {
		if o := s.at(seq); o.frame != nil && o.doubt {
			o.due = sooner(o.due, now.Add(s.grace()))
			s.dueBy(o.due)
		}
	}
}

func (s *sender) grace() time.Duration { return max(doubtGrace, s.rtt.rto()) }

// doubtAll puts what is not acknowledged in doubt, to be settled at a time unless it is acknowledged by then. Of what was sent
// twice the agent may take the second copy yet: its streams are reset at once, before an answer comes and all seems well. What
// goes in the place of their bytes waits for late acknowledgements like the rest.
func (s *sender) doubtAll(due time.Time) {
	twice := mux.Set{}
	for seq := s.base; seq < s.next; seq++ {
		if o := s.at(seq); o.frame != nil && o.isData {
			if !o.doubt {
				s.doubts.open++
				o.doubt, o.due = true, due
			}
			o.due = sooner(o.due, due) // many pauses must not put it off for ever
			s.dueBy(o.due)
			if o.tries > 1 {
				s.source.Carried(o.frame[wire.Overhead:], twice)
			}
		}
	}
	s.reset(twice, errAgentLost())
}

// alsoAway resets the streams whose bytes a resume has just sent again, because the agent was away at that time.
func (s *sender) alsoAway(now time.Time) {
	if len(s.doubts.resent) > 0 && now.Sub(s.linkedAt) <= doubtAfterResume {
		s.cut(s.doubts.resent, errAgentLost())
	}
	s.doubts.resent = nil
}

// settle resets the streams of all messages in doubt.
func (s *sender) settle(why error) {
	set := mux.Set{}
	for seq := s.base; seq < s.next; seq++ {
		if o := s.at(seq); o.frame != nil && o.doubt {
			o.doubt, o.free = false, true
			s.doubts.open--
			s.source.Carried(o.frame[wire.Overhead:], set)
		}
	}
	s.cut(set, why)
}

// cleared takes note that a message in doubt is acknowledged. If it had been sent twice before, it may be the second copy that
// is, taken after the agent had come back: then its streams are to be reset, once it no longer counts as not acknowledged.
func (s *sender) cleared(o *outgoing) (twice mux.Set) {
	if !o.doubt {
		return nil
	}
	s.doubts.open--
	if o.tries > 1 && o.isData {
		twice = s.carried(o)
	}
	return twice
}

// cut resets the streams of set and takes their bytes out of every message that could be sent again. It leaves those of a stream
// as they were when the agent has acknowledged later ones of it: it waits for these, so it has most likely not had them, and a
// hole would be worse.
func (s *sender) cut(set mux.Set, why error) {
	if len(set) == 0 {
		return
	}
	s.reset(set, why)
	set = maps.Clone(set)
	for seq := s.next - 1; seq >= s.base && len(set) > 0; seq-- {
		o := s.at(seq)
		if o.frame == nil {
			for id := range o.ahead {
				delete(set, id)
			}
			continue
		}
		if !o.isData || !s.touches(o, set) {
			continue
		}
		if rest := s.source.Without(slices.Clone(o.frame[wire.Overhead:]), set); len(rest) > 0 {
			s.reencode(o, rest, wire.PayloadOutput)
		} else { // basic mode: the agent is told to hang up instead
			s.reencode(o, wire.AppendFlag(nil, wire.DisconnectToPort), wire.PayloadFlag)
			o.isData = false
		}
	}
}

// reset ends the connections of the streams of set that are still open.
func (s *sender) reset(set mux.Set, why error) {
	if len(set) > 0 && s.source.Cut(set, why) > 0 && !s.doubts.counted {
		s.doubts.counted = true
		s.pace.resets.add(s.pace.me, time.Now())
	}
}

// touches says whether a message carries bytes of a stream of set.
func (s *sender) touches(o *outgoing, set mux.Set) bool {
	for id := range s.carried(o) {
		if set[id] {
			return true
		}
	}
	return false
}

// carried are the streams whose bytes a message of data carries.
func (s *sender) carried(o *outgoing) mux.Set {
	set := mux.Set{}
	s.source.Carried(o.frame[wire.Overhead:], set)
	return set
}

// reencode gives a message that is kept another payload. It gets a frame of its own: the old one may be in the writer's hands.
func (s *sender) reencode(o *outgoing, payload []byte, t wire.PayloadType) {
	var m wire.Message
	if err := wire.Decode(o.frame, &m); err != nil {
		return // it was encoded here
	}
	m.Payload, m.PayloadType = payload, t
	o.frame = m.Append(make([]byte, 0, wire.Overhead+len(payload)))
}

// unlinked takes note that the websocket is lost, on which the service was last heard at a time. No writer may run.
func (s *sender) unlinked(heard time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hand, s.handFree = nil, false
	s.doubts.counted = false
	if s.source == nil {
		return
	}
	hopeless := s.sized()
	if since, ok := s.waiting(); hopeless || ok && heard.Sub(since) > silentAgent {
		s.doubtAll(time.Now())
	}
	s.doubts.resent = nil
}

// relinked makes everything that is not acknowledged due at once, on a new websocket.
func (s *sender) relinked(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linkedAt, s.held = now, time.Time{}
	s.rtt.least, s.rtt.raised = 0, 0 // the path may be another one
	s.top = -1
	set := mux.Set{}
	for seq := s.base; seq < s.next; seq++ {
		o := s.at(seq)
		if o.frame == nil {
			continue
		}
		o.due, o.free, o.tries = now, true, 1
		if o.isData && !o.doubt {
			s.source.Carried(o.frame[wire.Overhead:], set)
		}
	}
	s.doubts.resent = set
	s.scan, s.earliest = -1, time.Time{}
	if s.base < s.next {
		s.dueBy(now)
	}
}

// waiting says since when something sent waits for an acknowledgement while none comes. s.mu is held.
func (s *sender) waiting() (since time.Time, ok bool) {
	if s.base == s.next {
		return since, false
	}
	since = s.at(s.base).born // the oldest: base is not acknowledged
	for _, t := range []time.Time{s.lastAck, s.linkedAt} {
		if t.After(since) {
			since = t
		}
	}
	return since, true
}

// silence is how long something has waited for an acknowledgement while none came, 0 when nothing waits, and for how much of that
// the service has had the agent away.
func (s *sender) silence(now time.Time) (d, away time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, ok := s.waiting()
	if !ok {
		return 0, 0
	}
	if s.doubts.paused {
		away = now.Sub(later(since, s.doubts.at))
	}
	return now.Sub(since), away
}

// fill adds what the sender knows to a reading.
func (s *sender) fill(stats *aws.SessionStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Payload, stats.Settled, stats.Legacy = s.payload.size, len(s.payload.steps) == 0, s.pace.legacy()
	stats.Pending = s.kept
}
