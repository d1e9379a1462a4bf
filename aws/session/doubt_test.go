package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/mux"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// duo is a rig with two connections whose beginnings the agent has taken.
func duo(t *testing.T, o Options) (r *rig, busy, idle *mux.Stream) {
	t.Helper()
	r = established(t, o, "3.3.0.0")
	busy, idle = r.dial(), r.dial()
	for _, st := range []*mux.Stream{busy, idle} {
		_, _ = st.Write([]byte("begin"))
	}
	time.Sleep(time.Millisecond)
	r.ack(r.sent()...)
	return r, busy, idle
}

// alive says whether a connection takes bytes that reach the wire.
func (r *rig) alive(st *mux.Stream) bool {
	r.t.Helper()
	if _, err := st.Write([]byte("more")); err != nil {
		return false
	}
	return slices.ContainsFunc(r.written(), func(m wire.Message) bool { return strings.HasSuffix(string(m.Payload), "more") })
}

// carries says whether one of the messages has data in it.
func carries(all []wire.Message, data string) bool {
	return slices.ContainsFunc(all, func(m wire.Message) bool { return strings.Contains(string(m.Payload), data) })
}

// TestDoubt: what resets connections, and what does not. In every case the message that the busy one has sent is sent again,
// in its place in the sequence; with its bytes only where the agent cannot have them.
func TestDoubt(t *testing.T) {
	pause, start := wire.Message{Type: wire.PausePublication}, wire.Message{Type: wire.StartPublication}
	long := suspectAfter
	for name, c := range map[string]struct {
		happens func(*rig)
		reset   bool
	}{
		"the agent was away": {func(r *rig) {
			r.hear(pause)
			r.hear(start)
			time.Sleep(long)
		}, true},
		"the agent was away and nobody says that it is back": {func(r *rig) {
			r.hear(pause)
			time.Sleep(long)
		}, true},
		"only the path was lossy": {func(*rig) { time.Sleep(long) }, false},
		"our websocket alone was lost": {func(r *rig) {
			r.c.unlinked(time.Now())
			r.c.relinked()
		}, false},
		"our websocket was lost in silence": {func(r *rig) {
			heard := time.Now()
			time.Sleep(long)
			r.c.unlinked(heard)
			r.c.relinked()
		}, false},
		"our websocket was lost after acknowledgements had stopped": {func(r *rig) {
			time.Sleep(long)
			r.c.unlinked(time.Now())
			r.c.relinked()
		}, true},
		"both were lost, the pause comes late": {func(r *rig) {
			r.c.unlinked(time.Now())
			r.c.relinked()
			r.sent()
			r.hear(pause)
			time.Sleep(pauseLength + time.Second)
		}, true},
		"both were lost, the agent is back later": {func(r *rig) {
			r.c.unlinked(time.Now())
			r.c.relinked()
			r.sent()
			r.hear(start)
		}, true},
		"the agent is lost long after a resume": {func(r *rig) {
			r.c.unlinked(time.Now())
			r.c.relinked()
			time.Sleep(doubtAfterResume + time.Second)
			r.ack(r.sent()...)
			r.hear(pause)
			r.hear(start)
			time.Sleep(long)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, busy, idle := duo(t, Options{})
				_, _ = busy.Write([]byte("doubtful"))
				first := r.written()
				if len(first) != 1 {
					t.Fatalf("%d messages", len(first))
				}
				c.happens(r)
				again := r.written()
				if c.reset && carries(again, "doubtful") && !strings.HasPrefix(name, "both") {
					t.Errorf("bytes in doubt are sent again: %+v", again)
				}
				if c.reset {
					if _, err := busy.Read(make([]byte, 1)); !errors.Is(err, aws.ErrReset) || aws.NextOf(err) == "" {
						t.Errorf("the busy connection ends with %v", err)
					}
				}
				if !c.reset && !r.alive(busy) {
					t.Error("the busy connection is dead")
				}
				if !r.alive(idle) {
					t.Error("the idle connection is dead")
				}
				r.c.link.mu.Lock()
				defer r.c.link.mu.Unlock()
				if want := map[bool]uint64{true: 1}[c.reset]; r.c.link.resets != want {
					t.Errorf("%d resets told, want %d", r.c.link.resets, want)
				}
			})
		})
	}
}

// TestDoubtSparesTheAcknowledged: an acknowledgement that was under way when the agent was lost takes its message out of doubt.
func TestDoubtSparesTheAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, late, lost := duo(t, Options{})
		_, _ = late.Write([]byte("late"))
		first := r.sent()
		_, _ = lost.Write([]byte("lost"))
		r.sent()
		r.hear(wire.Message{Type: wire.PausePublication})
		r.ack(first...)
		r.hear(wire.Message{Type: wire.StartPublication})
		time.Sleep(suspectAfter)
		got := r.written()
		if len(got) == 0 || len(got[0].Payload) != 8 || got[0].Payload[1] != 1 {
			t.Errorf("in the place of the lost message came %+v, want a FIN", got)
		}
		if !r.alive(late) || r.alive(lost) {
			t.Error("the wrong connection was reset")
		}
	})
}

// TestSecondCopyAcknowledged: what was on its way twice when the agent was lost may have been taken twice, acknowledged or not.
func TestSecondCopyAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, idle := duo(t, Options{})
		_, _ = busy.Write([]byte("doubtful"))
		first := r.sent()
		time.Sleep(time.Second)
		equal(t, "sent again", r.sent(), first)
		r.hear(wire.Message{Type: wire.PausePublication})
		if _, err := busy.Read(make([]byte, 1)); !errors.Is(err, aws.ErrReset) { // not until an answer has made all seem well
			t.Errorf("at once: %v", err)
		}
		r.hear(wire.Message{Type: wire.StartPublication})
		r.ack(first...)
		if r.alive(busy) || !r.alive(idle) {
			t.Error("the wrong connection was reset")
		}
	})
}

// TestNothingNewInDoubt: what is written while messages are in doubt waits until that is settled, whatever is acknowledged.
func TestNothingNewInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, idle := duo(t, Options{})
		_, _ = busy.Write([]byte("early"))
		early := r.sent()
		_, _ = busy.Write([]byte("doubtful"))
		r.sent()
		r.hear(wire.Message{Type: wire.PausePublication})
		r.ack(early...) // on its way when the agent was lost; the pause is over
		_, _ = busy.Write([]byte("late"))
		_, _ = idle.Write([]byte("other"))
		r.hear(wire.Message{Type: wire.StartPublication})
		if got := r.sent(); got != nil {
			t.Errorf("sent %v before the doubt is settled", got)
		}
		time.Sleep(time.Second)
		got := r.written()
		if carries(got, "doubtful") || carries(got, "late") || !carries(got, "other") {
			t.Errorf("sent %+v, want the FIN of the one and the bytes of the other", got)
		}
	})
}

// TestNoHoles: a message that the agent waits for, because it has a later one, is sent as it was. Its connection is reset too.
func TestNoHoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, idle := duo(t, Options{})
		_, _ = busy.Write([]byte("doubtful"))
		r.sent()
		_, _ = busy.Write([]byte("later"))
		r.ack(r.sent()...)
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		time.Sleep(time.Second)
		if got := r.written(); !carries(got, "doubtful") {
			t.Errorf("sent %+v, the agent waits for the message", got)
		}
		if r.alive(busy) || !r.alive(idle) {
			t.Error("the wrong connection was reset")
		}
	})
}

// TestNoHolesBeforeASecondCopy: the same where the later message is acknowledged while both are in doubt.
func TestNoHolesBeforeASecondCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, idle := duo(t, Options{})
		_, _ = busy.Write([]byte("doubtful"))
		first := r.sent()
		_, _ = busy.Write([]byte("later"))
		later := r.sent()
		time.Sleep(time.Second)
		equal(t, "sent again", r.sent(), append(first, later...))
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		r.ack(later...)
		time.Sleep(time.Second)
		if got := r.written(); !carries(got, "doubtful") {
			t.Errorf("sent %+v, the agent waits for the message", got)
		}
		if r.alive(busy) || !r.alive(idle) {
			t.Error("the wrong connection was reset")
		}
	})
}

// TestNoCopyForAnother: the agent waits for the last bytes of a connection because it has later ones of another. It may well have
// had them, and their answer has come and the client has gone: there is no hole to fear, and nobody left to be told of a copy.
func TestNoCopyForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, idle := duo(t, Options{})
		_, _ = idle.Write([]byte("last"))
		r.sent()
		_, _ = busy.Write([]byte("later"))
		later := r.sent() // kept by the service while the agent is away
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		r.ack(later...)
		idle.Close()
		time.Sleep(time.Second)
		if got := r.written(); len(got) == 0 || carries(got, "last") {
			t.Errorf("sent %+v, want an end in the place of the bytes", got)
		}
		if !r.alive(busy) {
			t.Error("the wrong connection was reset")
		}
	})
}

// TestDoubtInBasicMode: the agent is told to hang up in the place of what it may have.
func TestDoubtInBasicMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := established(t, Options{}, "3.0.100.0")
		st := r.dial()
		_, _ = st.Write([]byte("begin"))
		r.ack(r.sent()...)
		_, _ = st.Write([]byte("doubtful"))
		r.sent()
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		time.Sleep(suspectAfter)
		got := r.written()
		if len(got) != 2 || got[0].PayloadType != wire.PayloadFlag || got[1].PayloadType != wire.PayloadFlag {
			t.Fatalf("sent %+v, want DisconnectToPort twice: in the message's place, and because the connection is closed", got)
		}
		if _, err := st.Write([]byte("x")); !errors.Is(err, aws.ErrReset) {
			t.Errorf("a write: %v", err)
		}
		r.ack(got[0].Seq, got[1].Seq)
		st = r.dial()
		if !r.alive(st) {
			t.Error("the next connection is dead")
		}
	})
}

// TestResumeSendsAllAtOnce: what is not acknowledged, in order, without waiting for its time, and once.
func TestResumeSendsAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, _ := duo(t, Options{})
		_, _ = busy.Write(make([]byte, 20_000))
		first := r.sent()
		r.ack(first[2])
		r.c.unlinked(time.Now())
		r.c.relinked()
		want := slices.DeleteFunc(slices.Clone(first), func(seq int64) bool { return seq == first[2] })
		equal(t, "sent again", r.sent(), want)
		equal(t, "and again", r.sent(), nil)
		time.Sleep(suspectAfter)
		equal(t, "once more when overdue", r.sent(), want)
		r.ack(want...)
		if w := r.c.sender.wait(); !w.IsZero() {
			t.Errorf("something is due at %v though all is acknowledged", w)
		}
	})
}

// TestResumeAcknowledgesAgain: what was acknowledged shortly before the loss, and nothing older.
func TestResumeAcknowledgesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nop := "\x01\x03\x00\x00\x00\x00\x00\x00"
		r := established(t, Options{}, "3.3.0.0")
		r.say(wire.PayloadOutput, nop)
		equal(t, "acknowledged", r.acked(), []int64{2})
		time.Sleep(time.Minute)
		r.say(wire.PayloadOutput, nop)
		r.say(wire.PayloadOutput, nop)
		equal(t, "acknowledged", r.acked(), []int64{3, 4})
		r.say(wire.PayloadOutput, nop) // accepted, and its acknowledgement not written yet
		r.c.unlinked(time.Now())
		r.c.relinked()
		equal(t, "acknowledged again", r.acked(), []int64{3, 4, 5})
		equal(t, "and no more", r.acked(), nil)
	})
}

// TestLegacyAfterTwoResets: the second reset within a minute makes the sender slow.
func TestLegacyAfterTwoResets(t *testing.T) {
	for name, c := range map[string]struct {
		apart  time.Duration
		legacy bool
	}{
		"within a minute": {20 * time.Second, true},
		"far apart":       {2 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := established(t, Options{}, "3.3.0.0")
				for range 2 {
					st := r.dial()
					_, _ = st.Write([]byte("begin"))
					time.Sleep(time.Millisecond)
					r.sent()
					r.hear(wire.Message{Type: wire.PausePublication})
					r.hear(wire.Message{Type: wire.StartPublication})
					time.Sleep(c.apart)
					r.ack(r.sent()...)
				}
				if got := r.c.sender.pace.legacy(); got != c.legacy {
					t.Errorf("legacy pacing: %v", got)
				}
			})
		})
	}
}

// TestBasicModeFreesInOrder: an acknowledgement of the end of a connection that has overtaken others says that the agent has it,
// not that it has acted on it. The next connection waits for those others.
func TestBasicModeFreesInOrder(t *testing.T) {
	r := established(t, Options{}, "3.0.100.0")
	stream := r.dial()
	_, _ = stream.Write([]byte("bye"))
	stream.Close()
	got := r.written()
	r.ack(got[1].Seq)
	if _, err := r.c.session().Open(); !errors.Is(err, mux.ErrBusy) {
		t.Errorf("before the data is acknowledged: %v", err)
	}
	r.ack(got[0].Seq)
	r.dial()
}
