package mux

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// take is the next message of at most n bytes.
func take(s *Session, n int) []byte {
	p := make([]byte, n)
	return p[:s.Next(p)]
}

// TestFramesAreWhole: whatever is queued and however large a message may be, no frame crosses its border, and Carried finds
// exactly the streams that have data in it.
func TestFramesAreWhole(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := Client(Config{Payload: 32 << 10})
		var streams []*Stream
		for range 5 {
			streams = append(streams, open(t, s))
		}
		got := map[uint32]int{}
		sent := map[uint32]int{}
		for range 200 {
			st := streams[rng.IntN(len(streams))]
			n := rng.IntN(3000)
			if st.send.out.n+n < s.cfg.SendBuffer {
				_, _ = st.Write(make([]byte, n))
				sent[st.ID()] += n
			}
			message := take(s, 16+rng.IntN(4096))
			carried, found := Set{}, Set{}
			s.Carried(message, carried)
			for rest := message; len(rest) > 0; {
				length := int(rest[2]) | int(rest[3])<<8
				if len(rest) < headerSize+length {
					t.Fatalf("seed %d: a frame of %d bytes in a message's last %d", seed, length, len(rest)-headerSize)
				}
				if id := uint32(rest[4]); rest[1] == cmdPSH {
					found[id], got[id] = true, got[id]+length
				}
				rest = rest[headerSize+length:]
			}
			if fmt.Sprint(found) != fmt.Sprint(carried) {
				t.Fatalf("seed %d: %v have data in the message, Carried says %v", seed, found, carried)
			}
		}
		for message := take(s, 4096); len(message) > 0; message = take(s, 4096) {
			for id, f := range eachFrame(message) {
				if f[1] == cmdPSH {
					got[id] += len(f) - headerSize
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(sent) {
			t.Fatalf("seed %d: sent %v, got %v", seed, sent, got)
		}
	}
}

func TestWithout(t *testing.T) {
	message := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	f := func(cmd byte, id uint32, data string) []byte {
		b := make([]byte, headerSize+len(data))
		out := frames{p: b}
		out.header(cmd, len(data), id)
		copy(b[headerSize:], data)
		return b
	}
	for name, c := range map[string]struct{ in, want []byte }{
		"alone":                  {f(cmdPSH, 3, "abc"), f(cmdFIN, 3, "")},
		"with its beginning":     {message(f(cmdSYN, 3, ""), f(cmdPSH, 3, "abc")), f(cmdFIN, 3, "")},
		"among others":           {message(f(cmdPSH, 5, "x"), f(cmdPSH, 3, "abc"), f(cmdPSH, 5, "y"), f(cmdPSH, 3, "")), message(f(cmdPSH, 5, "x"), f(cmdFIN, 3, ""), f(cmdPSH, 5, "y"))},
		"two of them":            {message(f(cmdPSH, 7, "x"), f(cmdPSH, 3, "abc")), message(f(cmdFIN, 7, ""), f(cmdFIN, 3, ""))},
		"none of it":             {f(cmdPSH, 5, "x"), f(cmdPSH, 5, "x")},
		"means nothing":          {f(cmdNOP, 0, ""), f(cmdNOP, 0, "")},
		"its end is there again": {f(cmdFIN, 3, ""), f(cmdFIN, 3, "")},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Client(Config{}).Without(bytes.Clone(c.in), Set{3: true, 7: true}); !bytes.Equal(got, c.want) {
				t.Errorf("% x\nwant % x", got, c.want)
			}
		})
	}
}

// FuzzWithout: it never grows a message, leaves no data of the set, and never reads past the end.
func FuzzWithout(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x00\x03\x00\x00\x00abc\x01\x03\x00\x00\x00\x00\x00\x00"), uint32(3))
	f.Add([]byte("\x01\x02\xff\xff\x03\x00\x00\x00"), uint32(3))
	f.Fuzz(func(t *testing.T, message []byte, id uint32) {
		s, before := Client(Config{}), len(message)
		rest := s.Without(message, Set{id: true})
		if len(rest) > before {
			t.Fatalf("%d bytes became %d", before, len(rest))
		}
		left := Set{}
		if s.Carried(rest, left); left[id] {
			t.Fatal("data is left")
		}
	})
}

func TestCut(t *testing.T) {
	why := errors.New("because")
	var told []error
	s := Client(Config{OnCut: func(err error) { told = append(told, err) }})
	a, b, gone := open(t, s), open(t, s), open(t, s)
	for _, st := range []*Stream{a, b, gone} {
		_, _ = st.Write([]byte("x"))
	}
	take(s, 1024)
	gone.Close()
	take(s, 1024)
	if n := s.Cut(Set{a.ID(): true, gone.ID(): true, 99: true}, why); n != 1 || len(told) != 1 {
		t.Errorf("%d cut, told %v", n, told)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, why) {
		t.Errorf("the cut one: %v", err)
	}
	if got := take(s, 1024); len(got) != headerSize || got[1] != cmdFIN {
		t.Errorf("the agent gets % x, want a FIN", got)
	}
	input(t, s, cmdPSH, b.ID(), "y")
	if got, err := io.ReadAll(io.LimitReader(b, 1)); err != nil || string(got) != "y" {
		t.Errorf("the other one: %q, %v", got, err)
	}
}

// TestUrgent: what is urgent goes past bulk streams, which get nothing.
func TestUrgent(t *testing.T) {
	s := Client(Config{})
	bulk, quick := open(t, s), open(t, s)
	take(s, 1024) // both SYNs
	_, _ = bulk.Write(make([]byte, 100_000))
	p := make([]byte, 1024)
	if n := s.Urgent(p); n != 0 {
		t.Errorf("%d bytes of bulk are urgent", n)
	}
	_, _ = quick.Write([]byte("select 1"))
	n := s.Urgent(p)
	if want := headerSize + len("select 1"); n != want {
		t.Errorf("%d urgent bytes, want %d", n, want)
	}
	quick.Close()
	if n := s.Urgent(p); n != headerSize {
		t.Errorf("a FIN is urgent, and %d bytes came", n)
	}
	if n := Single(Config{}).Urgent(p); n != 0 {
		t.Error("basic mode has one stream and nothing urgent")
	}
}
