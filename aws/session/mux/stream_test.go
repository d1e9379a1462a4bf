package mux

import (
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// TestOpening: what a new stream puts on the wire, message by message.
func TestOpening(t *testing.T) {
	write := func(st *Stream, text string) {
		t.Helper()
		if n, err := st.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	for name, c := range map[string]struct {
		do   func(*Session)
		want []sent
	}{
		"SYN does not wait for data": {func(s *Session) { open(t, s) }, []sent{{cmdSYN, 3, ""}}},
		"SYN and first data together": {
			func(s *Session) { write(open(t, s), "query") },
			[]sent{{cmdSYN, 3, ""}, {cmdPSH, 3, "query"}},
		},
		"FIN behind the data": {
			func(s *Session) { st := open(t, s); write(st, "bye"); st.Close() },
			[]sent{{cmdSYN, 3, ""}, {cmdPSH, 3, "bye"}, {cmdFIN, 3, ""}},
		},
		"closed twice, one FIN": {
			func(s *Session) { st := open(t, s); st.Close(); st.Close() },
			[]sent{{cmdSYN, 3, ""}, {cmdFIN, 3, ""}},
		},
		"several streams in one message, SYNs in order": {
			func(s *Session) { a, b := open(t, s), open(t, s); write(b, "b"); write(a, "a") },
			[]sent{{cmdSYN, 3, ""}, {cmdSYN, 5, ""}, {cmdPSH, 3, "a"}, {cmdPSH, 5, "b"}},
		},
		"reset before the agent knows": {func(s *Session) { st := open(t, s); write(st, "x"); st.Reset(nil) }, nil},
		"closed, then reset, before the agent knows": {
			func(s *Session) { st := open(t, s); write(st, "x"); st.Close(); st.Reset(nil) }, nil,
		},
		"reset drops the data": {
			func(s *Session) {
				st := open(t, s)
				next(t, s)
				write(st, "x")
				st.Reset(nil)
			},
			[]sent{{cmdFIN, 3, ""}},
		},
		"closed, then reset": {
			func(s *Session) {
				st := open(t, s)
				next(t, s)
				write(st, "x")
				st.Close()
				st.Reset(nil)
			},
			[]sent{{cmdFIN, 3, ""}},
		},
		"closed and sent, then reset": {
			func(s *Session) { st := open(t, s); st.Close(); next(t, s); st.Reset(nil) }, nil,
		},
		"the agent's FIN drops what it would throw away": {
			func(s *Session) {
				st := open(t, s)
				next(t, s)
				write(st, "x")
				input(t, s, cmdFIN, 3, "")
			}, nil,
		},
		"our FIN follows the agent's": {
			func(s *Session) { st := open(t, s); next(t, s); input(t, s, cmdFIN, 3, ""); st.Close() },
			[]sent{{cmdFIN, 3, ""}},
		},
		"keep-alive":           {func(s *Session) { s.KeepAlive(); s.KeepAlive() }, []sent{{cmdNOP, 0, ""}}},
		"nothing after Abort":  {func(s *Session) { write(open(t, s), "x"); s.KeepAlive(); s.Abort(nil) }, nil},
		"no FIN after Abort":   {func(s *Session) { st := open(t, s); next(t, s); s.Abort(nil); st.Close() }, nil},
		"the agent's SYN, NOP": {func(s *Session) { input(t, s, cmdSYN, 2, ""); input(t, s, cmdNOP, 0, "") }, nil},
	} {
		s := Client(Config{})
		c.do(s)
		if got := next(t, s); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if got := next(t, s); got != nil {
			t.Errorf("%s: and then %v", name, got)
		}
		if c.want == nil && len(s.unheard) > 0 && strings.Contains(name, "before the agent knows") {
			t.Errorf("%s: a FIN is awaited that the agent will never send", name)
		}
	}
}

func TestEnds(t *testing.T) {
	refused, dead := errors.New("refused"), errors.New("dead")
	for name, c := range map[string]struct {
		do          func(*Session, *Stream)
		data        string
		read, write error
	}{
		"agent's FIN": {
			func(s *Session, _ *Stream) { input(t, s, cmdPSH, 3, "rest"); input(t, s, cmdFIN, 3, "") },
			"rest", io.EOF, io.ErrClosedPipe,
		},
		"data after the agent's FIN": {
			func(s *Session, _ *Stream) { input(t, s, cmdFIN, 3, ""); input(t, s, cmdPSH, 3, "late") },
			"", io.EOF, io.ErrClosedPipe,
		},
		"refused": {func(s *Session, _ *Stream) { s.FailNext(refused); input(t, s, cmdFIN, 3, "") }, "", refused, refused},
		"refused, but had a byte": {func(s *Session, _ *Stream) {
			s.FailNext(refused)
			input(t, s, cmdPSH, 3, "x")
			input(t, s, cmdFIN, 3, "")
		}, "x", io.EOF, io.ErrClosedPipe},
		"Close":                {func(s *Session, st *Stream) { input(t, s, cmdPSH, 3, "x"); st.Close() }, "", net.ErrClosed, net.ErrClosed},
		"Reset":                {func(s *Session, st *Stream) { input(t, s, cmdPSH, 3, "x"); st.Reset(dead) }, "", dead, dead},
		"Abort gives the rest": {func(s *Session, _ *Stream) { input(t, s, cmdPSH, 3, "x"); s.Abort(dead) }, "x", dead, dead},
		"Abort after the agent's FIN": {
			func(s *Session, _ *Stream) { input(t, s, cmdPSH, 3, "x"); input(t, s, cmdFIN, 3, ""); s.Abort(dead) },
			"x", io.EOF, io.ErrClosedPipe,
		},
	} {
		s := Client(Config{})
		st := open(t, s)
		next(t, s)
		c.do(s, st)
		var got strings.Builder
		_, err := io.Copy(&got, struct{ io.Reader }{st})
		if err == nil {
			err = io.EOF
		}
		if got.String() != c.data || !errors.Is(err, c.read) {
			t.Errorf("%s: read %q, %v; want %q, %v", name, got.String(), err, c.data, c.read)
		}
		if _, err := st.Write([]byte("x")); !errors.Is(err, c.write) {
			t.Errorf("%s: write gives %v, want %v", name, err, c.write)
		}
		if _, err := st.ReadFrom(strings.NewReader("x")); !errors.Is(err, c.write) {
			t.Errorf("%s: ReadFrom gives %v, want %v", name, err, c.write)
		}
		st.Close()
		if n := s.Streams(); n != 0 {
			t.Errorf("%s: %d streams", name, n)
		}
	}
}

// TestEverybodyWakes: Abort, Reset, Close and the agent's FIN end whatever blocks.
func TestEverybodyWakes(t *testing.T) {
	reason := errors.New("reason")
	for name, c := range map[string]struct {
		end         func(*Session, *Stream)
		read, write error
		probe       error
	}{
		"Abort": {func(s *Session, _ *Stream) { s.Abort(reason) }, reason, reason, reason},
		"Reset": {func(_ *Session, st *Stream) { st.Reset(reason) }, reason, reason, nil},
		"Close": {func(_ *Session, st *Stream) { st.Close() }, net.ErrClosed, net.ErrClosed, nil},
		"FIN":   {func(s *Session, st *Stream) { input(t, s, cmdFIN, st.ID(), "") }, io.EOF, io.ErrClosedPipe, nil},
		"violation": {func(s *Session, _ *Stream) {
			if err := s.Input([]byte{2, 0, 0, 0, 0, 0, 0, 0}); !errors.Is(err, ErrProtocol) {
				t.Error(err)
			}
		}, ErrProtocol, ErrProtocol, ErrProtocol},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := Client(Config{SendBuffer: 10})
			st := open(t, s)
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := st.Read(make([]byte, 1)); !errors.Is(err, c.read) {
					t.Errorf("%s: Read ends with %v", name, err)
				}
			})
			for range 2 {
				all.Go(func() {
					if _, err := st.Write(make([]byte, 100)); !errors.Is(err, c.write) {
						t.Errorf("%s: Write ends with %v", name, err)
					}
				})
			}
			all.Go(func() {
				if err := s.Probe(t.Context()); !errors.Is(err, c.probe) {
					t.Errorf("%s: Probe ends with %v", name, err)
				}
			})
			synctest.Wait()
			next(t, s)
			c.end(s, st)
			if c.probe == nil {
				input(t, s, cmdFIN, 5, "")
			} else {
				if _, err := s.Open(); !errors.Is(err, c.probe) {
					t.Errorf("%s: Open gives %v", name, err)
				}
				if err := s.Input([]byte{1}); !errors.Is(err, c.probe) {
					t.Errorf("%s: Input gives %v", name, err)
				}
				if err := s.Probe(t.Context()); !errors.Is(err, c.probe) {
					t.Errorf("%s: a new Probe gives %v", name, err)
				}
			}
			all.Wait()
		})
	}
}

func TestViolations(t *testing.T) {
	for name, header := range map[string]string{
		"version 2":         "\x02\x02\x00\x00\x03\x00\x00\x00",
		"command 4":         "\x01\x04\x08\x00\x03\x00\x00\x00",
		"a SYN with length": "\x01\x00\x01\x00\x03\x00\x00\x00",
	} {
		s := Client(Config{})
		if err := s.Input([]byte(header)); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLateDataIsCounted: bytes for closed and unknown streams are normal, and dropped.
func TestLateDataIsCounted(t *testing.T) {
	s := Client(Config{})
	st := open(t, s)
	next(t, s)
	st.Close()
	input(t, s, cmdPSH, 3, "12345")
	input(t, s, cmdPSH, 99, "678")
	input(t, s, cmdPSH, 3, "")
	input(t, s, cmdFIN, 99, "")
	if n := s.Dropped(); n != 8 {
		t.Errorf("%d bytes dropped, want 8", n)
	}
}

func TestIDsRunOut(t *testing.T) {
	s := Client(Config{})
	s.nextID = 1<<32 - 1
	if st := open(t, s); st.ID() != 1<<32-1 || st.LocalAddr().String() != "stream 4294967295" {
		t.Errorf("got stream %v", st.LocalAddr())
	}
	if _, err := s.Open(); !errors.Is(err, ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

// TestReady: a signal comes for what is queued after Next has given 0.
func TestReady(t *testing.T) {
	s := Client(Config{})
	signalled := func() bool {
		select {
		case <-s.Ready():
			return true
		default:
			return false
		}
	}
	if signalled() {
		t.Error("signalled for nothing")
	}
	st := open(t, s)
	for what, do := range map[string]func(){
		"Write": func() { st.Write([]byte("x")) }, //nolint:errcheck // the signal is the question
		"nop":   s.KeepAlive,
		"Open":  func() { open(t, s) },
	} {
		drain(s)
		signalled()
		if do(); !signalled() {
			t.Errorf("no signal after %s", what)
		}
	}
	drain(s)
	if st.Close(); !signalled() {
		t.Error("no signal after Close")
	}
}
