package wire

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// recorded is one line of the table in testdata/frames/README.md.
type recorded struct {
	file, kind, msgType string
	seq                 int64
	flags               uint64
	payloadType         PayloadType
	size                int
	data                []byte
}

func recordedFrames(t testing.TB) []recorded {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("testdata", "frames", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	for line := range strings.Lines(string(readme)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 7 || !strings.HasSuffix(strings.TrimSpace(cells[0]), ".bin") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		number := func(s string) int64 {
			if s == "" {
				return 0
			}
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		data, err := os.ReadFile(filepath.Join("testdata", "frames", cells[0]))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, recorded{
			cells[0], cells[1], cells[2], number(cells[3]), uint64(number(cells[4])),
			PayloadType(number(cells[5])), int(number(cells[6])), data,
		})
	}
	if len(all) != 24 {
		t.Fatalf("the table lists %d frames, want 24", len(all))
	}
	return all
}

func TestRecordedFrames(t *testing.T) {
	for _, r := range recordedFrames(t) {
		if r.kind != "binary" {
			continue
		}
		var m Message
		if err := Decode(r.data, &m); err != nil {
			t.Errorf("%s: %v", r.file, err)
			continue
		}
		if m.Type != r.msgType || m.Seq != r.seq || m.Flags != r.flags || m.PayloadType != r.payloadType || len(m.Payload) != r.size {
			t.Errorf("%s: got %s seq %d flags %d type %d, %d bytes", r.file, m.Type, m.Seq, m.Flags, m.PayloadType, len(m.Payload))
		}
		if got := m.Append(nil); !bytes.Equal(got, r.data) {
			t.Errorf("%s: encoded again it differs\n got %x\nwant %x", r.file, got, r.data)
		}
	}
}

// TestRecordedAcks makes every recorded acknowledgement again, of the message that it acknowledges, byte for byte.
func TestRecordedAcks(t *testing.T) {
	byID := map[[16]byte]*Message{}
	acks := 0
	for _, r := range recordedFrames(t) {
		if r.kind != "binary" {
			continue
		}
		m := new(Message)
		if err := Decode(r.data, m); err != nil {
			t.Fatal(err)
		}
		byID[m.ID] = m
		if m.Type != Acknowledge {
			continue
		}
		acks++
		var fast, slow Ack
		if !parseAckFast(m.Payload, &fast) {
			t.Errorf("%s: not of the usual shape: %s", r.file, m.Payload)
		}
		if err := parseAckJSON(m.Payload, &slow); err != nil || fast != slow {
			t.Errorf("%s: %+v by hand, %+v (%v) by encoding/json", r.file, fast, slow, err)
		}
		of := byID[fast.ID]
		if of == nil {
			t.Errorf("%s acknowledges %s, which is not recorded before it", r.file, IDText(fast.ID))
			continue
		}
		if of.Type != fast.Type || of.Seq != fast.Seq || !fast.Sequential {
			t.Errorf("%s: %+v for %s %d", r.file, fast, of.Type, of.Seq)
		}
		if got := AppendAck(nil, of, m.ID, m.Created); !bytes.Equal(got, r.data) {
			t.Errorf("%s: made again it differs\n got %q\nwant %q", r.file, got, r.data)
		}
	}
	if acks != 10 {
		t.Errorf("%d acknowledgements, want 10", acks)
	}
}

func payloadOf(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "frames", file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(string(data), "{") {
		return data
	}
	var m Message
	if err := Decode(data, &m); err != nil {
		t.Fatal(err)
	}
	return m.Payload
}

// TestRecordedBodies reads the recorded JSON bodies and writes those that a client sends byte for byte.
func TestRecordedBodies(t *testing.T) {
	same := func(file string, v any) {
		t.Helper()
		want := payloadOf(t, file)
		if err := json.Unmarshal(want, v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got, err := json.Marshal(v)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n got %s\nwant %s", file, err, got, want)
		}
	}
	same("01-client.bin", new(OpenDataChannelInput))
	same("06-client.bin", new(HandshakeResponse))
	same("08-agent.bin", new(HandshakeComplete))

	var request HandshakeRequest
	if err := json.Unmarshal(payloadOf(t, "04-agent.bin"), &request); err != nil {
		t.Fatal(err)
	}
	if request.AgentVersion != "3.3.0.0" || len(request.RequestedClientActions) != 1 || request.RequestedClientActions[0].Type != ActionSessionType {
		t.Fatalf("%+v", request)
	}
	got, err := request.RequestedClientActions[0].SessionType()
	want := SessionType{"Port", PortProperties{Host: "10.77.0.5", PortNumber: "9200", LocalPortNumber: "0", Type: "LocalPortForwarding"}}
	if err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}
