package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/mux"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// rig drives a channel by hand: what the agent says goes in by say, what the client writes comes out of written.
type rig struct {
	t   *testing.T
	c   *channel
	seq int64 // of the agent's next message
}

func newRig(t *testing.T, o Options) *rig {
	return &rig{t: t, c: newChannel(request().withDefaults(), o.withDefaults())}
}

// established is a rig after the handshake, with everything acknowledged.
func established(t *testing.T, o Options, version string) *rig {
	t.Helper()
	r := newRig(t, o)
	r.say(wire.PayloadHandshakeRequest, fmt.Sprintf(`{"AgentVersion":%q,"RequestedClientActions":%s}`, version, portActions))
	r.say(wire.PayloadHandshakeComplete, `{"HandshakeTimeToComplete":5,"CustomerMessage":""}`)
	for _, m := range r.written() {
		if m.Type == wire.InputStreamData {
			r.ack(m.Seq)
		}
	}
	return r
}

func (r *rig) dial() *mux.Stream {
	r.t.Helper()
	stream, err := r.c.session().Open()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.c.end(aws.ErrClosed) })
	return stream
}

func (r *rig) receive(m wire.Message) error {
	return r.c.receive(m.Append(nil))
}

// hear is receive where nothing may go wrong.
func (r *rig) hear(m wire.Message) {
	r.t.Helper()
	if err := r.receive(m); err != nil {
		r.t.Fatal(err)
	}
}

// say delivers the agent's next stream message.
func (r *rig) say(t wire.PayloadType, payload string) {
	r.t.Helper()
	if err := r.receive(r.message(r.seq, t, payload)); err != nil {
		r.t.Fatal(err)
	}
	r.seq++
}

func (r *rig) message(seq int64, t wire.PayloadType, payload string) wire.Message {
	return wire.Message{Type: wire.OutputStreamData, Created: 1, Seq: seq, ID: [16]byte{byte(seq), 7}, PayloadType: t, Payload: []byte(payload)}
}

func (r *rig) ack(seqs ...int64) {
	r.t.Helper()
	for _, seq := range seqs {
		frame := wire.AppendAck(nil, &wire.Message{Type: wire.InputStreamData, Seq: seq}, wire.NewID(), 1)
		if err := r.c.receive(frame); err != nil {
			r.t.Fatal(err)
		}
	}
}

// written is everything that the writer has to write now, and what it would do if it were a transport.
func (r *rig) written() []wire.Message {
	r.t.Helper()
	var all []wire.Message
	for frame := r.c.take(time.Now()); frame != nil; frame = r.c.take(time.Now()) {
		var m wire.Message
		if err := wire.Decode(slices.Clone(frame), &m); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// sent is the stream messages among what is written now, by sequence number.
func (r *rig) sent() []int64 {
	r.t.Helper()
	var seqs []int64
	for _, m := range r.written() {
		if m.Type == wire.InputStreamData {
			seqs = append(seqs, m.Seq)
		}
	}
	return seqs
}

// acked is the acknowledgements among what is written now.
func (r *rig) acked() []int64 {
	r.t.Helper()
	var seqs []int64
	for _, m := range r.written() {
		var a wire.Ack
		if m.Type == wire.Acknowledge && wire.ParseAck(m.Payload, &a) == nil {
			seqs = append(seqs, a.Seq)
		}
	}
	return seqs
}

// overdue is a little more than the time-out of a path without delay.
const overdue = rtoSlack + time.Millisecond

func equal(t *testing.T, what string, got, want []int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestFirstDataResent: the agent drops data until its mux is up, a few ms after HandshakeComplete.
func TestFirstDataResent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := established(t, Options{}, "3.3.0.0")
		_, _ = r.dial().Write(make([]byte, 3000))
		equal(t, "first burst", r.sent(), []int64{1, 2, 3})
		began := time.Now()
		for _, at := range []time.Duration{5, 15, 35} {
			time.Sleep(time.Until(r.c.sender.wait()))
			if took := time.Since(began); took != at*time.Millisecond {
				t.Errorf("resent after %v, want %v ms", took, at)
			}
			equal(t, "resent", r.sent(), []int64{1})
		}
		size := r.c.sender.window.size
		r.ack(1)
		equal(t, "the rest, which the agent threw away too", r.sent(), []int64{2, 3})
		r.ack(2, 3)
		if got := r.c.sender.window.size; got < size {
			t.Errorf("the window fell from %d to %d because the agent was not ready", size, got)
		}
		if w := r.c.sender.wait(); !w.IsZero() {
			t.Errorf("something is due at %v though all is acknowledged", w)
		}
	})
}

func TestOverdueAllResent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := established(t, Options{}, "3.3.0.0")
		stream := r.dial()
		_, _ = stream.Write([]byte("x"))
		r.ack(r.sent()...) // the agent is ready
		_, _ = stream.Write(make([]byte, 20_000))
		first := r.sent()
		if len(first) < 20 {
			t.Fatalf("%d messages for 20 kB", len(first))
		}
		r.ack(first[3], first[7]) // not only the front one is lost, and acknowledgements are single
		lost := slices.DeleteFunc(slices.Clone(first), func(seq int64) bool { return seq == first[3] || seq == first[7] })
		if got := r.sent(); got != nil {
			t.Errorf("resent %v before anything was due", got)
		}
		time.Sleep(overdue)
		equal(t, "resent when overdue", r.sent(), lost)
		if got := r.sent(); got != nil {
			t.Errorf("resent %v twice at once", got)
		}
		time.Sleep(overdue)
		if got := r.sent(); got != nil {
			t.Errorf("resent %v without back-off", got)
		}
		time.Sleep(overdue)
		equal(t, "resent after twice the time", r.sent(), lost)
		r.ack(lost...)
		time.Sleep(time.Minute)
		if got := r.sent(); got != nil {
			t.Errorf("resent %v though acknowledged", got)
		}
		if n := r.c.sender.statInFlight.Load(); n != 0 {
			t.Errorf("%d bytes in flight at the end", n)
		}
	})
}

func TestRetransmissionIsTheSameMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := established(t, Options{}, "3.3.0.0")
		_, _ = r.dial().Write([]byte("hello"))
		first := r.written()
		time.Sleep(time.Second)
		again := r.written()
		if len(first) != 1 || len(again) != 1 || first[0].ID != again[0].ID || string(first[0].Payload) != string(again[0].Payload) {
			t.Errorf("first %+v, again %+v", first, again)
		}
	})
}

func TestWindowBoundsAndGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 300 << 10
		r := established(t, Options{Window: limit}, "3.3.0.0")
		stream := r.dial()
		go func() { _, _ = stream.Write(make([]byte, 16<<20)) }()
		synctest.Wait()
		peak := 0
		for range 40 {
			flight := r.sent()
			synctest.Wait()
			inFlight := int(r.c.sender.statInFlight.Load())
			if inFlight > limit {
				t.Fatalf("%d bytes in flight, over the limit of %d", inFlight, limit)
			}
			peak = max(peak, inFlight)
			time.Sleep(time.Millisecond)
			r.ack(flight...)
			synctest.Wait()
		}
		if peak < limit*9/10 {
			t.Errorf("at most %d bytes in flight, the window should reach %d", peak, limit)
		}
		before := r.c.sender.window.size
		r.sent()
		time.Sleep(overdue)
		r.sent()
		if got := r.c.sender.window.size; got > before/2 || got < before/4 {
			t.Errorf("the window went from %d to %d on a time-out, want half", before, got)
		}
		r.c.end(aws.ErrClosed)
	})
}

func TestDuplicateAcknowledgedAgain(t *testing.T) {
	r := established(t, Options{}, "3.3.0.0")
	nop := "\x01\x03\x00\x00\x00\x00\x00\x00"
	r.say(wire.PayloadOutput, nop)
	equal(t, "acknowledged", r.acked(), []int64{2})
	for range 3 {
		r.hear(r.message(2, wire.PayloadOutput, nop))
	}
	equal(t, "acknowledged again", r.acked(), []int64{2, 2, 2})
	if got := r.c.duplicates.Load(); got != 3 {
		t.Errorf("%d duplicates counted, want 3", got)
	}
}

func TestReorderedDataInOrder(t *testing.T) {
	r := established(t, Options{}, "3.0.100.0") // basic mode: bytes as they are
	stream := r.dial()
	for _, seq := range []int64{4, 3, 4, 2, 5} {
		r.hear(r.message(seq, wire.PayloadOutput, string(rune('a'+seq-2))))
	}
	equal(t, "acknowledged", r.acked(), []int64{4, 3, 4, 2, 5})
	got := make([]byte, 16)
	n, _ := stream.Read(got)
	for n < 4 {
		m, err := stream.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(got[:n]) != "abcd" {
		t.Errorf("read %q, want abcd", got[:n])
	}
}

func TestAheadIsBounded(t *testing.T) {
	r := established(t, Options{}, "3.3.0.0")
	big := strings.Repeat("x", 1<<20)
	for seq := int64(10); seq < 20; seq++ {
		r.hear(r.message(seq, wire.PayloadOutput, big))
	}
	equal(t, "acknowledged up to the bound", r.acked(), []int64{10, 11, 12, 13, 14, 15, 16, 17})
	if r.c.receiver.bytes > aheadBytes || len(r.c.receiver.ahead) != 8 {
		t.Errorf("kept %d messages, %d bytes", len(r.c.receiver.ahead), r.c.receiver.bytes)
	}
}

func TestBadDigestDropped(t *testing.T) {
	r := established(t, Options{}, "3.3.0.0")
	m := r.message(2, wire.PayloadOutput, "\x01\x03\x00\x00\x00\x00\x00\x00")
	frame := m.Append(nil)
	frame[len(frame)-1]++
	if err := r.c.receive(frame); err != nil {
		t.Errorf("a damaged message ended the channel: %v", err)
	}
	if got := r.acked(); got != nil {
		t.Errorf("acknowledged %v", got)
	}
	if got := r.c.dropped.Load(); got != 1 {
		t.Errorf("%d dropped, want 1", got)
	}
	r.hear(m)
	equal(t, "the undamaged one", r.acked(), []int64{2})
}

// TestAdvanceWithoutAck: the counter moves on whether or not the acknowledgement could be sent (B5).
func TestAdvanceWithoutAck(t *testing.T) {
	r := established(t, Options{}, "3.0.100.0")
	stream := r.dial()
	r.hear(r.message(2, wire.PayloadOutput, "once")) // nothing is written: the websocket is down
	r.hear(r.message(2, wire.PayloadOutput, "once"))
	r.hear(r.message(3, wire.PayloadFlag, "\x00\x00\x00\x01"))
	got := make([]byte, 16)
	n, err := stream.Read(got)
	if err != nil || string(got[:n]) != "once" {
		t.Errorf("read %q, %v", got[:n], err)
	}
	if n, err = stream.Read(got); n != 0 || err == nil {
		t.Errorf("then %q, %v: want the end", got[:n], err)
	}
}

func TestBasicModeCloses(t *testing.T) {
	r := established(t, Options{}, "3.0.100.0")
	stream := r.dial()
	if _, err := r.c.session().Open(); !errors.Is(err, mux.ErrBusy) {
		t.Errorf("second connection: %v", err)
	}
	_, _ = stream.Write([]byte("bye"))
	stream.Close()
	got := r.written()
	if len(got) != 2 || string(got[0].Payload) != "bye" || got[1].PayloadType != wire.PayloadFlag || got[1].Payload[3] != byte(wire.DisconnectToPort) {
		t.Fatalf("written %+v, want the data, then DisconnectToPort", got)
	}
	if _, err := r.c.session().Open(); !errors.Is(err, mux.ErrBusy) {
		t.Errorf("before the flag is acknowledged: %v", err)
	}
	r.ack(got[0].Seq, got[1].Seq)
	r.dial()
}

// FuzzReceive: whatever arrives, the channel neither panics nor acknowledges what it did not take.
func FuzzReceive(f *testing.F) {
	f.Add(wire.OutputStreamData, int64(0), uint32(wire.PayloadHandshakeRequest), []byte(`{"AgentVersion":"3.3.0.0","RequestedClientActions":[{"ActionType":"KMSEncryption"}]}`), false)
	f.Add(wire.OutputStreamData, int64(2), uint32(wire.PayloadOutput), []byte("\x01\x03\x00\x00\x00\x00\x00\x00"), true)
	f.Add(wire.OutputStreamData, int64(2), uint32(wire.PayloadFlag), []byte{0, 0, 0, 3}, true)
	f.Add(wire.Acknowledge, int64(0), uint32(0), []byte(`{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"","AcknowledgedMessageSequenceNumber":-1}`), true)
	f.Add(wire.ChannelClosed, int64(0), uint32(0), []byte(`{"Output":7}`), true)
	f.Add(wire.PausePublication, int64(0), uint32(0), []byte{}, false)
	f.Fuzz(func(t *testing.T, kind string, seq int64, payloadType uint32, payload []byte, shaken bool) {
		r := &rig{t: t, c: newChannel(request().withDefaults(), Options{}.withDefaults())}
		if shaken {
			r = established(t, Options{}, "3.3.0.0")
		}
		expected := r.c.receiver.expected
		m := wire.Message{Type: kind, Created: 1, Seq: seq, PayloadType: wire.PayloadType(payloadType), Payload: payload}
		for range 2 {
			if err := r.receive(m); err != nil {
				r.c.end(err)
			}
		}
		r.written()
		if got := r.c.receiver.expected; got != expected && (kind != wire.OutputStreamData || got != expected+1) {
			t.Errorf("one message took the counter from %d to %d", expected, got)
		}
		r.c.end(aws.ErrClosed)
	})
}
