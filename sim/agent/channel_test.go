package agent

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/sim/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHandshakeIsTheRecordedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) {
			pipeTarget(n)
			c.SessionID = "rig-fccd2e371c9db5463"
			c.Properties = map[string]string{"type": "LocalPortForwarding", "host": "10.77.0.5", "portNumber": "9200", "localPortNumber": "0"}
		})
		synctest.Wait()
		if len(r.sent) != 2 {
			t.Fatalf("%d frames before the client's answer, want 2", len(r.sent))
		}
		same(t, r.sent[0].Message, "03-agent.bin")
		same(t, r.sent[1].Message, "04-agent.bin")
		r.ack(0)
		r.forget()
		r.post(frame.HandshakeResponse, answerOf(client, "1"))
		if len(r.sent) != 2 {
			t.Fatalf("%d frames after the client's answer, want an acknowledgement and HandshakeComplete", len(r.sent))
		}
		kinds := []string{r.sent[0].Type, r.sent[1].Type}
		slices.Sort(kinds)
		if kinds[0] != frame.Acknowledge || kinds[1] != frame.Output {
			t.Errorf("got %v", kinds)
		}
		complete := r.of(frame.Output, frame.HandshakeComplete)
		if len(complete) != 1 || complete[0].Sequence != 1 || complete[0].Flags != 0 {
			t.Errorf("HandshakeComplete %+v, want one with sequence 1 and no flag", complete)
		}
		if got := string(complete[0].Payload); !strings.HasPrefix(got, `{"HandshakeTimeToComplete":`) || !strings.HasSuffix(got, `,"CustomerMessage":""}`) {
			t.Errorf("HandshakeComplete is %s", got)
		}
	})
}

// same compares with a recorded frame in everything but id, date and digest.
func same(t *testing.T, got frame.Message, file string) {
	t.Helper()
	b, err := os.ReadFile("../frame/testdata/frames/" + file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := frame.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Type != want.Type || got.Sequence != want.Sequence || got.Flags != want.Flags || got.PayloadType != want.PayloadType {
		t.Errorf("%s: %+v, want %+v", file, got, want)
	}
	if string(got.Payload) != string(want.Payload) {
		t.Errorf("%s:\n%s, want\n%s", file, got.Payload, want.Payload)
	}
}

func TestHandshakeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, nil)
		time.Sleep(15*time.Second - time.Millisecond)
		synctest.Wait()
		select {
		case o := <-r.output:
			t.Fatalf("ended before 15 s: %s", o)
		default:
		}
		time.Sleep(3 * time.Second) // and 2 s for acknowledgements that do not come
		if got := r.end(); !strings.Contains(got, "Handshake timed out") {
			t.Errorf("reason %q", got)
		}
	})
}

func TestHandshakeFails(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		refuse bool
	}{"failed": {"2", false}, "unsupported": {"3", false}, "fault": {"1", true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRig(t, func(cfg *Config, _ *fakeNet) { cfg.Refuse = c.refuse })
				synctest.Wait()
				r.ack(0)
				r.post(frame.HandshakeResponse, answerOf(client, c.status))
				time.Sleep(20 * time.Millisecond)
				if got := r.end(); !strings.HasPrefix(got, "Encountered error while initiating handshake. SessionType failed on client with status ") {
					t.Errorf("reason %q", got)
				}
			})
		})
	}
}

func TestSilentAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(cfg *Config, _ *fakeNet) { cfg.Silent = true })
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(r.of(frame.Output, 0)); n != 0 {
			t.Errorf("%d stream messages, want none", n)
		}
	})
}

func TestEarlyData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
		synctest.Wait()
		r.ack(0)
		r.forget()
		r.post(frame.Data, mux(cmdSYN, 3, "")) // before the handshake: acknowledged and thrown away
		if got := r.acks(); !slices.Equal(got, []int64{0}) {
			t.Fatalf("acknowledged %v before the handshake, want [0]", got)
		}
		r.set(func() { r.acked = true })
		r.post(frame.HandshakeResponse, answerOf(client, "1"))
		r.forget()
		seq := r.post(frame.Data, mux(cmdSYN, 3, "")) // the handler is not up: neither acknowledged nor kept
		if got := r.acks(); len(got) != 0 {
			t.Fatalf("acknowledged %v before the handler is up, want nothing", got)
		}
		time.Sleep(5 * time.Millisecond)
		r.raw(frame.Message{Type: frame.Input, Sequence: seq, PayloadType: frame.Data, Payload: []byte(mux(cmdSYN, 3, ""))})
		if got := r.acks(); !slices.Equal(got, []int64{seq}) {
			t.Fatalf("acknowledged %v when it came again, want [%d]", got, seq)
		}
		if e, n, d := r.count.Early.Load(), r.count.NotReady.Load(), r.count.Dials.Load(); e != 1 || n != 1 || d != 1 {
			t.Errorf("%d early, %d not ready, %d dials; want 1 each", e, n, d)
		}
	})
}

func TestReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		data := func(seq int64, s string) {
			r.raw(frame.Message{Type: frame.Input, Sequence: seq, PayloadType: frame.Data, Payload: []byte(mux(cmdPSH, 3, s))})
		}
		r.raw(frame.Message{Type: frame.Input, Sequence: 1, PayloadType: frame.Data, Payload: []byte(mux(cmdSYN, 3, ""))})
		data(4, "c")
		data(3, "b")
		data(4, "c")
		data(2, "a")
		data(2, "a")
		data(5, "d")
		if got, want := r.acks(), []int64{1, 4, 3, 4, 2, 2, 5}; !slices.Equal(got, want) {
			t.Errorf("acknowledged %v, want %v: one each, duplicates again", got, want)
		}
		got := make([]byte, 4)
		conn := <-far
		for i := range got {
			if _, err := conn.Read(got[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != "abcd" {
			t.Errorf("delivered %q, want abcd", got)
		}
		if d, o := r.count.Duplicates.Load(), r.count.OutOfOrder.Load(); d != 2 || o != 2 {
			t.Errorf("%d duplicates and %d out of order, want 2 and 2", d, o)
		}
	})
}

func TestOnlyTheOldestIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		r.set(func() { r.acked = false })
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		conn := <-far
		for range 3 {
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Millisecond)
		}
		first := r.of(frame.Output, frame.Data)
		if len(first) != 3 {
			t.Fatalf("%d messages, want 3", len(first))
		}
		time.Sleep(2 * time.Second)
		again := r.of(frame.Output, frame.Data)[3:]
		if len(again) < 4 || len(again) > 20 {
			t.Errorf("%d retransmissions in 2 s, want some, and no more than ten a second", len(again))
		}
		for i, s := range again {
			if s.Sequence != first[0].Sequence {
				t.Errorf("sent %d again, want only the oldest, %d", s.Sequence, first[0].Sequence)
			}
			if i > 0 && s.at-again[i-1].at < 100*time.Millisecond {
				t.Errorf("two retransmissions within %v", s.at-again[i-1].at)
			}
		}
		r.forget()
		r.ack(first[0].Sequence)
		time.Sleep(1200 * time.Millisecond)
		if got := r.of(frame.Output, frame.Data); len(got) == 0 || got[0].Sequence != first[1].Sequence {
			t.Errorf("after the acknowledgement of the oldest: %v, want the next", got)
		}
	})
}

func TestB8AcknowledgementOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		r.set(func() { r.acked = false })
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		once := true
		hook := func(m frame.Message) error {
			if m.Type == frame.Output && once {
				once = false
				r.ack(m.Sequence)       // arrives before the agent files the message
				time.Sleep(time.Second) // the ack is dealt with: the reader is not this goroutine
			}
			return nil
		}
		r.set(func() { r.hook = hook })
		if _, err := (<-far).Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if n := r.count.Retransmits.Load(); n == 0 {
			t.Error("an acknowledgement before the filing was honoured; the real agent ignores it")
		}
		r.ack(2) // acknowledged again, as a good client does
		synctest.Wait()
		n := r.count.Retransmits.Load()
		time.Sleep(3 * time.Second)
		if again := r.count.Retransmits.Load(); again != n {
			t.Errorf("%d more retransmissions after the second acknowledgement", again-n)
		}
	})
}

func TestB4RepeatsWhatItCouldNotAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		hook := func(m frame.Message) error {
			if m.Type != frame.Acknowledge {
				return nil
			}
			r.set(func() { r.hook = nil })
			r.cut()
			return errDown
		}
		r.set(func() { r.hook = hook })
		seq := r.post(frame.Data, mux(cmdPSH, 3, "once"))
		time.Sleep(time.Second)
		r.raw(frame.Message{Type: frame.Input, Sequence: seq, PayloadType: frame.Data, Payload: []byte(mux(cmdPSH, 3, "once"))})
		conn := <-far
		got := make([]byte, 8)
		for i := range got {
			if _, err := conn.Read(got[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != "onceonce" || r.count.Repeated.Load() != 1 {
			t.Errorf("delivered %q, counted %d; want the bug: onceonce, 1", got, r.count.Repeated.Load())
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far chan net.Conn
		r := startRig(t, func(c *Config, n *fakeNet) { far = pipeTarget(n) })
		r.shake(client)
		r.post(frame.Data, mux(cmdSYN, 3, ""))
		conn := <-far
		r.raw(frame.Message{Type: frame.Pause})
		for range 3 {
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // or the pump could read them together
		}
		time.Sleep(time.Second)
		// The pump was reading when the pause came: that one message is filed, not sent. The others stay in the mux.
		if got := r.of(frame.Output, 0); len(got) != 0 {
			t.Fatalf("sent %d messages while paused", len(got))
		}
		r.raw(frame.Message{Type: frame.Start})
		time.Sleep(time.Second)
		if got := r.of(frame.Output, frame.Data); len(got) < 2 {
			t.Errorf("%d messages after start_publication, want the filed one and the rest", len(got))
		}
		if r.count.Pauses.Load() != 1 || r.count.Retransmits.Load() == 0 {
			t.Errorf("%d pauses, %d retransmissions; want 1 and at least 1", r.count.Pauses.Load(), r.count.Retransmits.Load())
		}
		r.raw(frame.Message{Type: frame.Pause})
		r.post(frame.Data, mux(cmdPSH, 3, ""))
		before := len(r.of(frame.Output, 0))
		if _, err := conn.Write([]byte("y")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		if len(r.of(frame.Output, 0)) == before {
			t.Error("a stream message did not end the pause")
		}
	})
}

func TestChannelClosedAndFlagEndTheSession(t *testing.T) {
	for name, m := range map[string]frame.Message{
		"channel_closed": {Type: frame.Closed, Payload: []byte(`{}`)},
		"flag":           {Type: frame.Input, Sequence: 1, PayloadType: frame.Flag, Payload: []byte{0, 0, 0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
				r.shake(client)
				r.raw(m)
				if got := r.end(); got != "" {
					t.Errorf("reason %q, want none", got)
				}
			})
		})
	}
}
