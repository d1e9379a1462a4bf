package agent

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/rdsx/rdsx/sim/frame"
)

func TestDigestIsNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
		r.shake(client)
		b := frame.Append(nil, &frame.Message{Type: frame.Input, Schema: 1, Created: 1, Sequence: 1, PayloadType: frame.Data, Payload: []byte(mux(cmdSYN, 3, ""))})
		b[80] ^= 1
		r.in <- b
		synctest.Wait()
		if got := r.acks(); !slices.Equal(got, []int64{1}) || r.count.Dials.Load() != 1 {
			t.Errorf("acknowledged %v, %d dials; want the message taken in spite of its digest", got, r.count.Dials.Load())
		}
	})
}

func TestNoiseIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, func(c *Config, n *fakeNet) { pipeTarget(n) })
		r.shake(client)
		r.in <- []byte("too short")
		r.raw(frame.Message{Type: "interactive_shell"})
		r.raw(frame.Message{Type: frame.Acknowledge, Payload: []byte("no JSON")})
		r.raw(frame.Message{Type: frame.Acknowledge, Payload: frame.AppendAck(nil, frame.Output, frame.ID{}, 999)})
		if r.post(frame.Data, mux(cmdSYN, 3, "")); r.count.Dials.Load() != 1 {
			t.Error("the channel does not work after noise")
		}
	})
}

func TestFullSendBufferKeepsNothingMore(t *testing.T) {
	c := newChannel(Config{}, nil, &Counters{}, nil)
	for i := range int64(outgoingLimit + 1) {
		c.file(&outgoing{sequence: i})
	}
	if c.out.Len() != outgoingLimit || c.bySequence[outgoingLimit] != nil {
		t.Errorf("%d messages kept, want %d and not the last", c.out.Len(), outgoingLimit)
	}
}
