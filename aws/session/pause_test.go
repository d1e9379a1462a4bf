package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/wire"
)

func TestPauseHoldsNewData(t *testing.T) {
	start := wire.Message{Type: wire.StartPublication}
	for name, c := range map[string]struct {
		open    bool // a message waits for its acknowledgement
		release func(*rig)
	}{
		"start_publication": {false, func(r *rig) { r.hear(start) }},
		"acknowledgement":   {true, func(r *rig) { r.ack(2) }},
		"time":              {false, func(*rig) { time.Sleep(pauseLength) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := established(t, Options{}, "3.3.0.0")
				stream := r.dial()
				_, _ = stream.Write([]byte("before"))
				equal(t, "before the pause", r.sent(), []int64{1})
				r.ack(1)
				if c.open {
					_, _ = stream.Write([]byte("just before"))
					r.sent()
				}
				r.hear(wire.Message{Type: wire.PausePublication})
				_, _ = stream.Write([]byte("new"))
				time.Sleep(pauseLength / 2)
				if got := r.sent(); got != nil {
					t.Errorf("sent %v in a pause", got)
				}
				r.say(wire.PayloadOutput, "\x01\x03\x00\x00\x00\x00\x00\x00")
				equal(t, "acknowledged in a pause", r.acked(), []int64{2})
				c.release(r)
				if got := r.written(); !carries(got, "new") {
					t.Errorf("sent %v after the pause, want the new data among it", got)
				}
				if n := r.c.pauses.Load(); n != 1 {
					t.Errorf("%d pauses counted", n)
				}
			})
		})
	}
}

// TestPauseBeforeTheHandshake must not leave a timer that fires for ever.
func TestPauseBeforeTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.hear(wire.Message{Type: wire.PausePublication})
		time.Sleep(pauseLength)
		r.written()
		if w := r.c.sender.wait(); !w.IsZero() {
			t.Errorf("something is due at %v", w)
		}
	})
}

// TestPausedAtTheOldPace: while a pause or a doubt lasts, the pace of the official plugin is no reason to look for new data, or
// the writer would do nothing else.
func TestPausedAtTheOldPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, bulk, _ := duo(t, Options{Legacy: true})
		_, _ = bulk.Write(make([]byte, 100_000))
		r.sent() // up to where the pace stops it
		r.hear(wire.Message{Type: wire.PausePublication})
		looks, end := 0, time.Now().Add(pauseLength+doubtGrace)
		for {
			r.written()
			at := r.c.sender.wait()
			if at.IsZero() || at.After(end) || looks > 100 {
				break
			}
			looks++
			time.Sleep(max(time.Until(at), time.Microsecond))
		}
		if looks > 5 {
			t.Errorf("the writer looked %d times or more at what it may not send", looks)
		}
	})
}

// TestPauseIsOver: an agent that was said to be away, and has acknowledged since, is not away for ever. Hours later it may be
// silent for longer than one that is, because its database reads slowly.
func TestPauseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg, transport := inMemory(t, script{resume: always})
		s, conn := inUse(t, cfg, Options{Transport: transport})
		pause := wire.Message{Type: wire.PausePublication, Created: 1}
		_ = b.agent.write(func(p []byte) []byte { return pause.Append(p) })
		until(s, func(now aws.SessionStats) bool { return now.Pauses > 0 })
		echo(t, conn, []byte("after the pause"))
		time.Sleep(time.Hour)
		b.agent.deaf.Store(true)
		_, _ = conn.Write([]byte("copied"))
		time.Sleep(2 * awayFor)
		b.agent.deaf.Store(false)
		got := make([]byte, len("copied"))
		if _, err := conn.Read(got); err != nil || string(got) != "copied" {
			t.Errorf("%q, %v", got, err)
		}
		transport.CloseIdleConnections()
	})
}

// TestPauseOfABlockedUpload: a target that has taken nothing for minutes is no reason to call an agent gone that is away for a moment
// then, nor one that sends all the time. One that is away for half a minute and says nothing is gone.
func TestPauseOfABlockedUpload(t *testing.T) {
	for name, c := range map[string]struct {
		speaks, back bool
		gone         bool
	}{
		"it is back soon":    {false, true, false},
		"it sends meanwhile": {true, false, false},
		"it stays away":      {false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, cfg, transport := inMemory(t, script{resume: always, status: func() (string, string) { return "connected", "" }})
				s, conn := inUse(t, cfg, Options{Transport: transport})
				say := func(kind string) {
					m := wire.Message{Type: kind, Created: 1}
					_ = b.agent.write(func(p []byte) []byte { return m.Append(p) })
				}
				time.Sleep(time.Minute)
				b.agent.deaf.Store(true)
				_, _ = conn.Write([]byte("rows"))
				time.Sleep(time.Minute)
				say(wire.PausePublication)
				time.Sleep(4 * time.Second)
				if c.back {
					say(wire.StartPublication)
				}
				for range 20 {
					if c.speaks {
						_ = b.agent.send(wire.PayloadSize, nil)
					}
					time.Sleep(2 * time.Second)
				}
				if err := s.Err(); errors.Is(err, ErrAgentGone) != c.gone || (err != nil) != c.gone {
					t.Errorf("the session: %v", err)
				}
				transport.CloseIdleConnections()
			})
		})
	}
}
