package mux

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
)

// TestFailNextMeansTheRightStream: the mark names no stream, and may not hit one that cannot be meant.
func TestFailNextMeansTheRightStream(t *testing.T) {
	refused := errors.New("refused")
	for name, do := range map[string]func(s *Session, a, b *Stream) (end map[*Stream]error){
		"the second of two": func(s *Session, a, b *Stream) map[*Stream]error {
			input(t, s, cmdPSH, a.ID(), "hello")
			s.FailNext(refused)
			input(t, s, cmdFIN, b.ID(), "")
			input(t, s, cmdFIN, a.ID(), "")
			return map[*Stream]error{a: io.EOF, b: refused}
		},
		"both": func(s *Session, a, b *Stream) map[*Stream]error {
			s.FailNext(refused)
			input(t, s, cmdFIN, a.ID(), "")
			s.FailNext(refused)
			input(t, s, cmdFIN, b.ID(), "")
			return map[*Stream]error{a: refused, b: refused}
		},
		"one that is closed already takes its mark along": func(s *Session, a, b *Stream) map[*Stream]error {
			a.Close()
			s.FailNext(refused)
			input(t, s, cmdFIN, a.ID(), "")
			input(t, s, cmdFIN, b.ID(), "")
			return map[*Stream]error{b: io.EOF}
		},
		"a probe takes its mark along": func(s *Session, a, b *Stream) map[*Stream]error {
			passed := make(chan error, 1)
			if _, err := s.startProbe(passed); err != nil {
				t.Fatal(err)
			}
			next(t, s)
			s.FailNext(refused)
			input(t, s, cmdFIN, 7, "")
			input(t, s, cmdFIN, b.ID(), "")
			if err := <-passed; err != nil {
				t.Error(err)
			}
			return map[*Stream]error{b: io.EOF}
		},
		"a closed one that had spoken takes no mark": func(s *Session, a, b *Stream) map[*Stream]error {
			a.Close()
			input(t, s, cmdPSH, a.ID(), "hello")
			s.FailNext(refused)
			input(t, s, cmdFIN, a.ID(), "")
			input(t, s, cmdFIN, b.ID(), "")
			return map[*Stream]error{b: refused}
		},
		"not one opened later": func(s *Session, a, b *Stream) map[*Stream]error {
			s.FailNext(refused)
			c := open(t, s)
			next(t, s)
			input(t, s, cmdFIN, c.ID(), "")
			return map[*Stream]error{c: io.EOF}
		},
		"not one that the agent has not heard of": func(s *Session, a, b *Stream) map[*Stream]error {
			c := open(t, s)
			s.FailNext(refused)
			next(t, s)
			input(t, s, cmdFIN, c.ID(), "")
			return map[*Stream]error{c: io.EOF}
		},
		"forgotten once a later one has spoken": func(s *Session, a, b *Stream) map[*Stream]error {
			s.FailNext(refused)
			c := open(t, s)
			next(t, s)
			input(t, s, cmdPSH, c.ID(), "hello")
			input(t, s, cmdFIN, a.ID(), "")
			return map[*Stream]error{a: io.EOF}
		},
		"ignored when all have spoken": func(s *Session, a, b *Stream) map[*Stream]error {
			input(t, s, cmdPSH, a.ID(), "hello")
			input(t, s, cmdPSH, b.ID(), "hello")
			s.FailNext(refused)
			if len(s.marks) != 0 {
				t.Error("a mark is kept that can mean no stream")
			}
			return nil
		},
	} {
		s := Client(Config{})
		a, b := open(t, s), open(t, s)
		next(t, s)
		for st, want := range do(s, a, b) {
			if _, err := io.Copy(io.Discard, struct{ io.Reader }{st}); err == nil && want != io.EOF || err != nil && !errors.Is(err, want) { //nolint:errorlint // want is a bare value
				t.Errorf("%s: stream %d ends with %v, want %v", name, st.ID(), err, want)
			}
		}
	}
}

// TestGivenUpProbesAreNotDialled: probes that nobody waits for any more, because nothing could be handed out meanwhile, are none
// of the agent's business. One that it has is answered in its time, and nobody is told.
func TestGivenUpProbesAreNotDialled(t *testing.T) {
	s := Client(Config{})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if err := s.Probe(over); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	st := open(t, s)
	if got := next(t, s); !slices.Equal(got, []sent{{cmd: cmdSYN, sid: st.id}}) {
		t.Errorf("handed out %v, want the SYN of the connection alone", got)
	}
	passed := make(chan error, 1)
	probe, err := s.startProbe(passed)
	if err != nil {
		t.Fatal(err)
	}
	next(t, s)
	s.dropProbe(probe)
	input(t, s, cmdFIN, probe.id, "")
	if err := <-passed; err != nil {
		t.Errorf("a probe that the agent has answered: %v", err)
	}
}
