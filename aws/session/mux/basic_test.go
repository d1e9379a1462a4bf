package mux

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

func raw(s *Session) string {
	p := make([]byte, s.cfg.Payload)
	return string(p[:s.Next(p)])
}

// TestSingleLife: one stream at a time, raw bytes, the flag after the last byte, and nothing of one connection in the next.
func TestSingleLife(t *testing.T) {
	s := Single(Config{Payload: 16})
	st := open(t, s)
	if _, err := s.Open(); !errors.Is(err, ErrBusy) {
		t.Errorf("a second stream: %v", err)
	}
	if got := raw(s); got != "" || s.TakeClose() {
		t.Errorf("an open stream sends %q", got)
	}
	say(t, st, "0123456789abcdefXYZ")
	if err := s.Input([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 10)
	if n, err := st.Read(p); string(p[:n]) != "answer" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
	st.Close()
	st.Close()
	if s.Streams() != 0 {
		t.Error("a closed stream is counted")
	}
	if s.TakeClose() {
		t.Error("the flag would overtake data")
	}
	if got := raw(s) + raw(s); got != "0123456789abcdefXYZ" {
		t.Errorf("sent %q", got)
	}
	s.Free() // too early: means nothing
	if !s.TakeClose() || s.TakeClose() {
		t.Error("the flag is due exactly once")
	}
	if _, err := s.Open(); !errors.Is(err, ErrBusy) {
		t.Errorf("a stream before the flag is acknowledged: %v", err)
	}
	if err := s.Input([]byte("old rows")); err != nil || s.Dropped() != 8 {
		t.Errorf("%v, %d bytes dropped", err, s.Dropped())
	}
	s.Free()
	again := open(t, s)
	if err := s.Input([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if n, err := again.Read(p); string(p[:n]) != "new" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
	again.Close()
}

func TestSingleHangup(t *testing.T) {
	refused := errors.New("refused")
	for _, want := range []error{nil, refused} {
		s := Single(Config{})
		first := open(t, s)
		s.Hangup(refused)
		first.Close()
		s.Hangup(refused) // nobody to tell
		st := open(t, s)
		say(t, st, "lost")
		if err := s.Input([]byte("rest")); err != nil {
			t.Fatal(err)
		}
		s.Hangup(want)
		got, err := io.ReadAll(struct{ io.Reader }{st})
		if string(got) != "rest" || !errors.Is(err, want) {
			t.Errorf("%q, %v; want %v", got, err, want)
		}
		if _, err := st.Write([]byte("x")); err == nil {
			t.Error("a write after the agent's flag succeeds")
		}
		if got := raw(s); got != "" {
			t.Errorf("sent %q after the agent's flag", got)
		}
		st.Close()
		if s.TakeClose() {
			t.Error("a flag is due for a connection that the agent has closed")
		}
		open(t, s).Close()
	}
}

// TestSingleFirstWords: the agent connects before anyone opens a stream, and what the server says then is for the first one.
func TestSingleFirstWords(t *testing.T) {
	s := Single(Config{})
	if s.Streams() != 0 {
		t.Error("a stream that nobody has opened is counted")
	}
	if err := s.Input([]byte("greeting")); err != nil {
		t.Fatal(err)
	}
	st := open(t, s)
	p := make([]byte, 16)
	if n, err := st.Read(p); string(p[:n]) != "greeting" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
	if _, err := s.Open(); !errors.Is(err, ErrBusy) {
		t.Errorf("a second stream beside it: %v", err)
	}
	refused := errors.New("refused")
	s = Single(Config{})
	s.Hangup(refused)
	if _, err := open(t, s).Read(p); !errors.Is(err, refused) {
		t.Errorf("the first stream of a session whose agent could not connect: %v", err)
	}
}

// TestSingleCrossing: both sides close at the same time.
func TestSingleCrossing(t *testing.T) {
	s := Single(Config{})
	st := open(t, s)
	say(t, st, "x")
	st.Close()
	s.Hangup(nil)
	if s.TakeClose() || raw(s) != "" {
		t.Error("something is sent for a connection that the agent has closed")
	}
	st = open(t, s)
	st.Reset(nil)
	if !s.TakeClose() {
		t.Error("no flag is due after Reset")
	}
	s.Hangup(nil) // late
	if _, err := s.Open(); !errors.Is(err, ErrBusy) {
		t.Errorf("Open before Free: %v", err)
	}
	s.Free()
	open(t, s)
}

func TestSingleHasNoMux(t *testing.T) {
	s := Single(Config{})
	if err := s.Probe(context.Background()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Probe: %v", err)
	}
	st := open(t, s)
	s.KeepAlive()
	s.FailNext(errors.New("x"))
	if got := raw(s); got != "" {
		t.Errorf("sent %q", got)
	}
	s.Abort(nil)
	if _, err := st.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Abort: %v", err)
	}
	if _, err := s.Open(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Open after Abort: %v", err)
	}
	st.Close()
	if s.TakeClose() {
		t.Error("a flag is due on a dead session")
	}
}

// TestSingleCarries moves bytes both ways through an echo.
func TestSingleCarries(t *testing.T) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(far, far) //nolint:errcheck // ends with the pipe
	}()
	defer func() { <-done }()
	defer far.Close()
	s := Single(Config{SpillDir: t.TempDir()})
	pump(t, s, near, 1000)
	st := patient(t, open(t, s))
	defer st.Close()
	want := random(11, 1<<20)
	go st.Write(want) //nolint:errcheck // the reader counts
	got := make([]byte, len(want))
	if _, err := io.ReadFull(st, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, equal %v", err, bytes.Equal(got, want))
	}
}
