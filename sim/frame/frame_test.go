package frame

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded returns the binary frames that the real ends exchanged; the two text frames are left out.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/frames/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if b[0] != '{' {
			out[filepath.Base(p)] = b
		}
	}
	if len(out) != 22 {
		t.Fatalf("%d recorded frames, want 22", len(out))
	}
	return out
}

func TestRecordedFramesComeBackByteForByte(t *testing.T) {
	for name, b := range recorded(t) {
		m, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Digest != sha256.Sum256(m.Payload) {
			t.Errorf("%s: the digest is not that of the payload", name)
		}
		if got := Append(nil, &m); !bytes.Equal(got, b) {
			t.Errorf("%s: encoded again as\n%x, want\n%x", name, got, b)
		}
		if got := Kind(b); got != m.Type {
			t.Errorf("%s: Kind is %q, want %q", name, got, m.Type)
		}
	}
}

func TestRecordedFields(t *testing.T) {
	for _, want := range []struct {
		file, typ string
		seq       int64
		flags     uint64
		kind      uint32
		payload   int
	}{
		{"03-agent.bin", SessionState, 0, SYN | FIN, 0, 82},
		{"04-agent.bin", Output, 0, SYN, HandshakeRequest, 229},
		{"05-client.bin", Acknowledge, 0, SYN | FIN, 0, 176},
		{"06-client.bin", Input, 0, 0, HandshakeResponse, 147},
		{"08-agent.bin", Output, 1, 0, HandshakeComplete, 57},
		{"24-client.bin", Input, 5, 0, Data, 9},
	} {
		m, err := Parse(recorded(t)[want.file])
		if err != nil {
			t.Fatal(err)
		}
		if m.Type != want.typ || m.Sequence != want.seq || m.Flags != want.flags || m.PayloadType != want.kind || len(m.Payload) != want.payload || m.Schema != 1 {
			t.Errorf("%s: %+v, want %+v", want.file, m, want)
		}
	}
}

func TestRecordedAcknowledgements(t *testing.T) {
	frames := recorded(t)
	ids := map[string]ID{}
	for _, b := range frames {
		m, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		ids[m.ID.String()] = m.ID
	}
	seen := 0
	for name, b := range frames {
		m, _ := Parse(b)
		if m.Type != Acknowledge {
			continue
		}
		seen++
		a, err := ParseAck(m.Payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		id, ok := ids[a.MessageID]
		if !ok {
			t.Errorf("%s acknowledges %s, which no recorded frame has: the halves of the id are mixed up", name, a.MessageID)
		}
		if got := AppendAck(nil, a.MessageType, id, a.Sequence); !bytes.Equal(got, m.Payload) {
			t.Errorf("%s: written again as %s, want %s", name, got, m.Payload)
		}
	}
	if seen != 10 {
		t.Errorf("%d recorded acknowledgements, want 10", seen)
	}
}

func TestBlankHeader(t *testing.T) {
	if len(blank) != payloadOffset {
		t.Errorf("a header has %d bytes, want %d", len(blank), payloadOffset)
	}
}

func TestParseRefuses(t *testing.T) {
	good := Append(nil, &Message{Type: Input, Schema: 1, Created: 1, Payload: []byte("x")})
	change := func(f func(b []byte)) []byte {
		b := bytes.Clone(good)
		f(b)
		return b
	}
	for name, b := range map[string][]byte{
		"empty":                  {},
		"header cut":             good[:119],
		"header length 0":        change(func(b []byte) { b[3] = 0 }),
		"header length 117":      change(func(b []byte) { b[3] = 117 }),
		"header length 2^31":     change(func(b []byte) { b[0] = 0x80 }),
		"no type":                change(func(b []byte) { copy(b[4:36], strings.Repeat(" ", 32)) }),
		"no date":                change(func(b []byte) { clear(b[40:48]) }),
		"pause with length 1000": Append(nil, &Message{Type: Pause})[:100],
	} {
		if m, err := Parse(b); err == nil {
			t.Errorf("%s: read as %+v, want an error", name, m)
		}
	}
	for _, typ := range []string{Pause, Start} {
		b := Append(nil, &Message{Type: typ})
		clear(b[:4])
		if m, err := Parse(b); err != nil || m.Type != typ {
			t.Errorf("%s without a header length: %+v, %v; want it read", typ, m, err)
		}
	}
}

func TestParseAckOfAnotherOrder(t *testing.T) {
	want := Ack{MessageType: Output, MessageID: "a\"b", Sequence: 7, Sequential: false}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseAck(b); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	b := recorded(t)["10-client.bin"]
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		m, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		ack := AppendAck(buf, m.Type, m.ID, m.Sequence)
		_ = Append(ack[len(ack):], &Message{Type: Acknowledge, Schema: 1, Created: 1, Flags: SYN | FIN, Payload: ack})
	}); n != 0 {
		t.Errorf("%v allocations a message, want 0", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range recorded(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(Append(nil, &m))
		if err != nil {
			t.Fatalf("%+v does not come back: %v", m, err)
		}
		again.Digest = m.Digest
		if !bytes.Equal(again.Payload, m.Payload) {
			t.Fatalf("payload %x came back as %x", m.Payload, again.Payload)
		}
		again.Payload, m.Payload = nil, nil
		if a, b := again, m; a.Type != b.Type || a.Schema != b.Schema || a.Created != b.Created || a.Sequence != b.Sequence || a.Flags != b.Flags || a.ID != b.ID || a.PayloadType != b.PayloadType {
			t.Fatalf("%+v came back as %+v", b, a)
		}
	})
}

func FuzzParseAck(f *testing.F) {
	for _, b := range recorded(f) {
		if m, err := Parse(b); err == nil && m.Type == Acknowledge {
			f.Add(m.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, ok := parseRecorded(b)
		if !ok {
			return
		}
		var slow Ack
		if err := json.Unmarshal(b, &slow); err != nil {
			t.Fatalf("%q is read by hand and refused by encoding/json: %v", b, err)
		}
		if fast != slow {
			t.Fatalf("%q: %+v by hand, %+v by encoding/json", b, fast, slow)
		}
	})
}
