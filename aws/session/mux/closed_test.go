package mux

import "testing"

// TestClosed: streams that were closed in order are waited for until the agent has finished them; others are not, nor is anything
// once the session is over.
func TestClosed(t *testing.T) {
	closed := func(_ *Session, st *Stream) { st.Close() }
	nothing := func(*Session, *Stream) {}
	finish := func(s *Session, st *Stream) { input(t, s, cmdFIN, st.ID(), "") }
	answer := func(s *Session, st *Stream) { input(t, s, cmdPSH, st.ID(), "x") }
	for name, c := range map[string]struct {
		do, then   func(*Session, *Stream)
		first, end bool
	}{
		"open":                     {nothing, nothing, true, true},
		"closed, finished later":   {closed, finish, false, true},
		"closed, and answers":      {closed, answer, false, false},
		"closed, then reset":       {closed, func(_ *Session, st *Stream) { st.Reset(nil) }, false, true},
		"closed, session aborted":  {closed, func(s *Session, _ *Stream) { s.Abort(nil) }, false, true},
		"reset":                    {func(_ *Session, st *Stream) { st.Reset(nil) }, nothing, true, true},
		"finished before":          {func(s *Session, st *Stream) { finish(s, st); st.Close() }, nothing, true, true},
		"an answer, then finished": {func(s *Session, st *Stream) { answer(s, st); st.Close() }, finish, false, true},
	} {
		s := Client(Config{})
		st := open(t, s)
		next(t, s)
		c.do(s, st)
		done := s.Closed()
		first := over(done)
		c.then(s, st)
		if end := over(done); first != c.first || end != c.end {
			t.Errorf("%s: over %v, then %v; want %v, then %v", name, first, end, c.first, c.end)
		}
	}
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
