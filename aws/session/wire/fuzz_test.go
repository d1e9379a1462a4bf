package wire

import (
	"bytes"
	"testing"
)

// FuzzDecode: no input panics, and what is accepted means the same after it is encoded again.
func FuzzDecode(f *testing.F) {
	for _, r := range recordedFrames(f) {
		f.Add(r.data)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var m, again Message
		if Decode(frame, &m) != nil || m.Created == 0 {
			return
		}
		if err := Decode(m.Append(nil), &again); err != nil {
			t.Fatalf("%+v: encoded again it is refused: %v", m, err)
		}
		if !bytes.Equal(m.Payload, again.Payload) {
			t.Fatalf("payload %x became %x", m.Payload, again.Payload)
		}
		m.Payload, again.Payload = nil, nil
		if m.Type != again.Type || m.Created != again.Created || m.Seq != again.Seq || m.Flags != again.Flags ||
			m.ID != again.ID || m.PayloadType != again.PayloadType {
			t.Fatalf("%+v became %+v", m, again)
		}
	})
}

// FuzzParseAck: what the hand parser understands, encoding/json understands in the same way.
func FuzzParseAck(f *testing.F) {
	for _, r := range recordedFrames(f) {
		if r.msgType == Acknowledge {
			f.Add(r.data[Overhead:])
		}
	}
	f.Add([]byte(`{"AcknowledgedMessageType":"a","AcknowledgedMessageId":"6600946c-4c7a-4d89-ac70-65da30a36ed7","AcknowledgedMessageSequenceNumber":0,"IsSequentialMessage":false}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var fast, slow Ack
		understood := parseAckFast(body, &fast)
		err := parseAckJSON(body, &slow)
		if understood && (err != nil || fast != slow) {
			t.Fatalf("%q: %+v by hand, %+v (%v) by encoding/json", body, fast, slow, err)
		}
		var got Ack
		if parsed := ParseAck(body, &got); (parsed == nil) != (err == nil) || got != slow {
			t.Fatalf("%q: %+v (%v), want %+v (%v)", body, got, parsed, slow, err)
		}
	})
}
