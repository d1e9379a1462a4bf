package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// frames are what has been written of a stream, command by command: 1 is FIN, 2 is data, with its bytes.
func framesOf(all []wire.Message, id uint32) (commands []byte, sizes []int) {
	for _, m := range all {
		if m.Type != wire.InputStreamData || m.PayloadType != wire.PayloadOutput {
			continue
		}
		for p := m.Payload; len(p) >= 8; {
			n := int(p[2]) | int(p[3])<<8
			if p[4] == byte(id) {
				commands, sizes = append(commands, p[1]), append(sizes, n)
			}
			p = p[8+n:]
		}
	}
	return commands, sizes
}

// all gives what is written from now on, each message acknowledged, until there is nothing more.
func (r *rig) all() (all []wire.Message) {
	for {
		got := r.written()
		if len(got) == 0 {
			return all
		}
		for _, m := range got {
			r.ack(m.Seq)
		}
		all = append(all, got...)
	}
}

// TestClosedStreamLeavesNoHole: bytes in doubt of a connection that was closed give way to a FIN; what was still queued must not
// follow it, because an agent whose target is slow would write that behind what came before.
func TestClosedStreamLeavesNoHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, _ := duo(t, Options{})
		_, _ = busy.Write(make([]byte, 200_000)) // the window takes 64 KiB of it
		first := r.sent()
		r.ack(first[:len(first)-3]...)
		r.sent()
		busy.Close()
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		time.Sleep(suspectAfter)
		commands, sizes := framesOf(r.all(), busy.ID())
		fin := false
		for i, c := range commands {
			if c == 2 && fin {
				t.Fatalf("%d bytes follow the FIN that took the place of others", sizes[i])
			}
			fin = fin || c == 1
		}
		if !fin {
			t.Error("no FIN")
		}
		r.c.link.mu.Lock()
		defer r.c.link.mu.Unlock()
		if r.c.link.resets != 1 {
			t.Errorf("%d resets told, want the one of bytes that nobody will get", r.c.link.resets)
		}
	})
}

// TestClosedInBasicMode: the same, where the agent would connect again for what follows.
func TestClosedInBasicMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := established(t, Options{}, "3.0.100.0")
		st := r.dial()
		_, _ = st.Write([]byte("begin"))
		r.ack(r.sent()...)
		_, _ = st.Write(make([]byte, 200_000))
		r.sent()
		st.Close()
		r.hear(wire.Message{Type: wire.PausePublication})
		r.hear(wire.Message{Type: wire.StartPublication})
		time.Sleep(suspectAfter)
		left := false
		for _, m := range r.all() {
			if m.PayloadType == wire.PayloadOutput && left {
				t.Fatalf("%d bytes follow after the agent was told to hang up", len(m.Payload))
			}
			left = left || m.PayloadType == wire.PayloadFlag
		}
		if !left {
			t.Error("the agent is not told to hang up")
		}
	})
}

// TestOneLossIsOneReset: connections that are reset at once and those that are when the doubt is settled are of one loss, and so are
// those of both websockets lost together. The tunnel keeps its pace.
func TestOneLossIsOneReset(t *testing.T) {
	pause, start := wire.Message{Type: wire.PausePublication}, wire.Message{Type: wire.StartPublication}
	for name, happens := range map[string]func(*rig){
		"the agent's": func(r *rig) {
			r.hear(pause)
			r.hear(pause)
			r.hear(start)
		},
		"both": func(r *rig) {
			time.Sleep(suspectAfter)
			r.c.unlinked(time.Now())
			r.c.relinked()
			r.sent()
			_, _ = r.dial().Write([]byte("another"))
			r.sent()
			r.hear(pause)
			r.hear(start)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, busy, idle := duo(t, Options{})
				_, _ = busy.Write([]byte("lost"))
				r.sent()
				time.Sleep(overdue)
				if len(r.sent()) != 1 {
					t.Fatal("not sent again")
				}
				_, _ = idle.Write([]byte("lost too"))
				r.sent()
				happens(r)
				time.Sleep(suspectAfter)
				r.ack(r.sent()...)
				if r.c.link.resets < 2 {
					t.Fatalf("%d connections were reset: nothing is proved", r.c.link.resets)
				}
				if r.c.sender.pace.legacy() {
					t.Error("one loss of the agent has made the tunnel slow for good")
				}
			})
		})
	}
}

// TestManyPauses: a service that says to go slower again and again does not keep a message that was lost from being sent again.
func TestManyPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, _ := duo(t, Options{})
		_, _ = busy.Write([]byte("lost"))
		r.sent()
		for range 10 {
			r.hear(wire.Message{Type: wire.PausePublication})
			time.Sleep(time.Second)
			r.ack(r.sent()...)
		}
		if n := r.c.sender.kept; n > 0 {
			t.Errorf("%d message is not sent again, and nothing new is sent", n)
		}
	})
}

// TestDrainWaitsForTheQueue: a window that is full is no empty queue, whenever its acknowledgements come.
func TestDrainWaitsForTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, _ := duo(t, Options{})
		_, _ = busy.Write(make([]byte, 200_000))
		s := r.c.sender
		done := false
		s.drain(func() { done = true })
		var sent []int64
		for seq := s.next; s.take(time.Now()) != nil; seq++ { // the writer, up to where it looks whether all is done …
			sent = append(sent, seq)
		}
		r.ack(sent...) // … and the reader in between
		s.settled()
		if done {
			t.Error("all is done, with bytes queued")
		}
	})
}

// TestTriedSizeIsGivenUpWhole: the message that tries a size becomes small, too, when sizes are given up for another reason: a gateway
// that does not take it would hold up everything behind it.
func TestTriedSizeIsGivenUpWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, busy, _ := duo(t, Options{Payload: PayloadAuto})
		r.c.sender.resize(4096, []int{16 << 10})
		_, _ = busy.Write(make([]byte, 4000))
		r.written()
		r.c.sender.payload.full = probeAfter
		_, _ = busy.Write(make([]byte, 4000))
		tried := false
		for _, m := range r.written() {
			tried = tried || len(m.Payload) == 16<<10
		}
		if !tried {
			t.Fatal("no size was tried")
		}
		r.resentIn(time.Minute) // nothing is acknowledged for a while
		for range 3 {
			for _, m := range r.resentIn(time.Minute) {
				if len(m.Payload) <= 8<<10 {
					r.ack(m.Seq)
				}
			}
		}
		if n := r.c.sender.kept; n > 0 {
			t.Errorf("%d message waits for ever", n)
		}
	})
}
