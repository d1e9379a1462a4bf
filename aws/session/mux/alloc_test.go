package mux

import (
	"io"
	"testing"
)

// steady is a session in the middle of a transfer: one bulk stream each way.
type steady struct {
	s       *Session
	st      *Stream
	data    []byte
	message []byte
	in      []byte
}

func newSteady(t testing.TB) *steady {
	s := Client(Config{})
	x := &steady{s: s, st: open(t, s), data: make([]byte, 1016), message: make([]byte, 1024)}
	s.Next(x.message)
	x.in = frameBytes(cmdPSH, 3, string(x.data))
	return x
}

func (x *steady) out(t testing.TB) {
	if _, err := x.st.Write(x.data); err != nil {
		t.Fatal(err)
	}
	if n := x.s.Next(x.message); n != len(x.message) {
		t.Fatal(n)
	}
}

func (x *steady) input(t testing.TB) {
	if err := x.s.Input(x.in); err != nil {
		t.Fatal(err)
	}
	x.s.Wake()
	if _, err := io.ReadFull(x.st, x.data); err != nil {
		t.Fatal(err)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	x := newSteady(t)
	for name, f := range map[string]func(){"out": func() { x.out(t) }, "in": func() { x.input(t) }} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations a message", name, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	x := newSteady(b)
	b.ReportAllocs()
	b.SetBytes(1016)
	for b.Loop() {
		x.out(b)
	}
}

func BenchmarkInput(b *testing.B) {
	x := newSteady(b)
	b.ReportAllocs()
	b.SetBytes(1016)
	for b.Loop() {
		x.input(b)
	}
}

// BenchmarkSpill is a reader that is always behind: every byte goes through the disk.
func BenchmarkSpill(b *testing.B) {
	s := Client(Config{RecvBuffer: 1, SpillDir: b.TempDir()})
	st := open(b, s)
	defer st.Close()
	frame := frameBytes(cmdPSH, 3, string(make([]byte, 1016)))
	p := make([]byte, 64*1016)
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		for range 64 {
			if err := s.Input(frame); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := io.ReadFull(st, p); err != nil {
			b.Fatal(err)
		}
	}
}
