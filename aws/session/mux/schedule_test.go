package mux

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestFramesStayWhole drives random streams and looks at every message: whole frames, none above the payload, no data
// before its SYN or after its FIN, bytes in order and complete.
func TestFramesStayWhole(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := Client(Config{Payload: 16 + rng.IntN(2000)})
		want, got := map[uint32][]byte{}, map[uint32][]byte{}
		opened, finished := map[uint32]bool{}, map[uint32]bool{}
		var streams []*Stream
		check := func() bool {
			p := make([]byte, 16+rng.IntN(s.cfg.Payload)) // smaller and larger than the payload
			all, err := split(p[:s.Next(p)])
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, f := range all {
				switch {
				case len(f.data) > s.cfg.Payload-headerSize:
					t.Fatalf("seed %d: a frame of %d bytes at payload %d", seed, len(f.data), s.cfg.Payload)
				case f.cmd == cmdSYN && !opened[f.sid]:
					opened[f.sid] = true
				case f.cmd == cmdFIN && opened[f.sid] && !finished[f.sid]:
					finished[f.sid] = true
				case f.cmd == cmdPSH && opened[f.sid] && !finished[f.sid] && f.data != "":
					got[f.sid] = append(got[f.sid], f.data...)
				case f.cmd == cmdNOP:
				default:
					t.Fatalf("seed %d: command %d of stream %d with %d bytes is out of order", seed, f.cmd, f.sid, len(f.data))
				}
			}
			return len(all) > 0
		}
		for range 300 {
			switch rng.IntN(12) {
			case 0:
				streams = append(streams, open(t, s))
			case 1:
				if len(streams) > 0 {
					streams[rng.IntN(len(streams))].Close()
				}
			case 2:
				s.KeepAlive()
			case 3, 4, 5, 6:
				if len(streams) == 0 {
					continue
				}
				st := streams[rng.IntN(len(streams))]
				if st.send.out.n > 150_000 {
					continue
				}
				data := make([]byte, rng.IntN([]int{10, 3000, 50_000}[rng.IntN(3)]))
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
				write := st.Write
				if rng.IntN(2) == 0 {
					write = func(p []byte) (int, error) { n, err := st.ReadFrom(bytes.NewReader(p)); return int(n), err }
				}
				if n, err := write(data); err == nil {
					want[st.ID()] = append(want[st.ID()], data[:n]...)
				}
			default:
				check()
			}
		}
		for _, st := range streams {
			st.Close()
		}
		for check() {
		}
		for _, st := range streams {
			if id := st.ID(); !finished[id] || !bytes.Equal(got[id], want[id]) {
				t.Fatalf("seed %d: stream %d: %d of %d bytes, finished %v", seed, id, len(got[id]), len(want[id]), finished[id])
			}
		}
	}
}

// bulk opens a stream and queues n bytes on it.
func bulk(t *testing.T, s *Session, n int) *Stream {
	t.Helper()
	st := open(t, s)
	if _, err := st.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	return st
}

func say(t *testing.T, st *Stream, text string) {
	t.Helper()
	if _, err := st.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// TestInteractiveFirst: what is small leaves in the very next message, whatever is queued.
func TestInteractiveFirst(t *testing.T) {
	s := Client(Config{SendBuffer: 4 << 20})
	bulk(t, s, 1<<20)
	bulk(t, s, 1<<20)
	for range 100 {
		next(t, s)
	}
	ping := open(t, s)
	say(t, ping, "ping")
	got := next(t, s)
	if len(got) < 3 || got[0].cmd != cmdSYN || got[1] != (sent{cmdPSH, ping.ID(), "ping"}) || got[2].cmd != cmdPSH {
		t.Errorf("a new stream's message begins with %v", got)
	}
	say(t, ping, "pong")
	if got := next(t, s); got[0] != (sent{cmdPSH, ping.ID(), "pong"}) || len(got) != 2 {
		t.Errorf("the message begins with %v", got)
	}
	ping.Close()
	if got := next(t, s); got[0] != (sent{cmdFIN, ping.ID(), ""}) {
		t.Errorf("the FIN waits behind bulk: %v", got)
	}
}

// TestGrownQueueGivesWay: a stream that was interactive when it queued its first bytes, and is not with the rest.
func TestGrownQueueGivesWay(t *testing.T) {
	s := Client(Config{SendBuffer: 4 << 20})
	dump, ping := open(t, s), open(t, s)
	next(t, s)
	say(t, dump, "COPY")
	say(t, dump, string(make([]byte, 100_000)))
	say(t, ping, "ping")
	if got := next(t, s); got[0] != (sent{cmdPSH, ping.ID(), "ping"}) {
		t.Errorf("the message begins with %v", got)
	}
}

// TestBulkInTurn: bulk streams share the messages evenly, whatever the sizes of their queues.
func TestBulkInTurn(t *testing.T) {
	s := Client(Config{SendBuffer: 4 << 20})
	streams := []*Stream{bulk(t, s, 3<<20), bulk(t, s, 1<<20), bulk(t, s, 500_000)}
	got := map[uint32]int{}
	for range 900 {
		for _, f := range next(t, s) {
			got[f.sid] += len(f.data)
		}
	}
	for _, st := range streams {
		if n := got[st.ID()]; n < 900*1000/3-3000 || n > 900*1016/3+3000 {
			t.Errorf("stream %d sent %d bytes of a share of %d", st.ID(), n, 900*1016/3)
		}
	}
}

// TestBulkIsNotStarved: interactive streams enough to fill every message leave bulk its turn.
func TestBulkIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Client(Config{})
		big := bulk(t, s, 200_000)
		var chatty []*Stream
		for range 64 {
			chatty = append(chatty, open(t, s))
		}
		next(t, s)
		turns := 0
		for i := range 900 {
			<-time.After(20 * time.Millisecond) // refills credit
			say(t, chatty[i%len(chatty)], string(make([]byte, 1016)))
			for _, f := range next(t, s) {
				if f.sid == big.ID() && f.cmd == cmdPSH && len(f.data) > 500 {
					turns++
				}
			}
		}
		if turns < 95 || turns > 105 {
			t.Errorf("bulk had %d turns in 900 messages, want one in nine", turns)
		}
	})
}

// TestCredit: a stream stays interactive by how much it sends, not by how it is cut up.
func TestCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Client(Config{})
		st := open(t, s)
		next(t, s)
		trickle := func(n int) {
			for range n {
				say(t, st, string(make([]byte, 1000)))
				next(t, s)
			}
		}
		interactive := func() bool {
			say(t, st, string(make([]byte, 1000)))
			defer next(t, s)
			return st.send.list == &s.sending.interactive
		}
		trickle(10)
		if !interactive() {
			t.Error("11 KB are not interactive")
		}
		trickle(20)
		if interactive() {
			t.Error("a dump in small pieces is still interactive after 31 KB")
		}
		<-time.After(250 * time.Millisecond)
		if !interactive() {
			t.Error("a stream that was quiet for a quarter of a second is not interactive")
		}
		if trickle(14); st.send.credit >= 2000 {
			t.Errorf("credit %d after a burst", st.send.credit)
		}
	})
}
