package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func sample() Message {
	return Message{
		Type: InputStreamData, Created: 1_700_000_000_000, Seq: 7, Flags: SYN, PayloadType: PayloadOutput, Payload: []byte("\n"),
		ID: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	}
}

func TestDecodeRefuses(t *testing.T) {
	m := sample()
	good := m.Append(nil)
	for name, c := range map[string]struct {
		edit func([]byte) []byte
		want error
	}{
		"nothing":                  {func([]byte) []byte { return nil }, ErrFrame},
		"one byte short":           {func(b []byte) []byte { return b[:Overhead-1] }, ErrFrame},
		"header length 0":          {func(b []byte) []byte { binary.BigEndian.PutUint32(b, 0); return b }, ErrFrame},
		"header length 115":        {func(b []byte) []byte { binary.BigEndian.PutUint32(b, 115); return b }, ErrFrame},
		"header beyond the frame":  {func(b []byte) []byte { binary.BigEndian.PutUint32(b, 118); return b }, ErrFrame},
		"header length 2^32-1":     {func(b []byte) []byte { binary.BigEndian.PutUint32(b, 1<<32-1); return b }, ErrFrame},
		"no type":                  {func(b []byte) []byte { copy(b[4:36], strings.Repeat("\x00", 32)); return b }, ErrFrame},
		"created 0":                {func(b []byte) []byte { clear(b[offCreated:offSeq]); return b }, ErrFrame},
		"one bit of the payload":   {func(b []byte) []byte { b[Overhead] ^= 1; return b }, ErrDigest},
		"one bit of the digest":    {func(b []byte) []byte { b[offDigest] ^= 1; return b }, ErrDigest},
		"a byte more than it says": {func(b []byte) []byte { return append(b, 0) }, ErrDigest},
	} {
		if err := Decode(c.edit(bytes.Clone(good)), new(Message)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestDecodeAccepts(t *testing.T) {
	m := sample()
	want := m
	for name, c := range map[string]struct {
		frame func() []byte
		want  func() Message
	}{
		"as it is": {func() []byte { return m.Append(nil) }, func() Message { return want }},
		"payload length is not believed": {
			func() []byte { b := m.Append(nil); binary.BigEndian.PutUint32(b[116:], 99); return b },
			func() Message { return want },
		},
		"type padded with NULs": {
			func() []byte { b := m.Append(nil); clear(b[4+len(m.Type) : 36]); return b },
			func() Message { return want },
		},
		"longer header": {
			func() []byte {
				b := m.Append(nil)
				binary.BigEndian.PutUint32(b, headerLength+6)
				return append(b[:headerLength:headerLength], append([]byte{9, 9, 9, 9, 9, 9, 0, 0, 0, 1}, m.Payload...)...)
			},
			func() Message { return want },
		},
		"empty payload, no digest": {
			func() []byte { b := m.Append(nil)[:Overhead]; clear(b[offDigest:offPayloadType]); return b },
			func() Message { w := want; w.Payload = []byte{}; return w },
		},
		"pause with header length 0 and no date": {
			func() []byte {
				p := Message{Type: PausePublication}
				b := p.Append(nil)
				binary.BigEndian.PutUint32(b, 0)
				return b
			},
			func() Message { return Message{Type: PausePublication} },
		},
		"start with a payload and a wrong digest": {
			func() []byte {
				p := Message{Type: StartPublication, Payload: []byte("x")}
				b := p.Append(nil)
				b[offDigest]++
				return b
			},
			func() Message { return Message{Type: StartPublication} },
		},
		"unknown type": {
			func() []byte { p := m; p.Type = "some_new_type"; return p.Append(nil) },
			func() Message { w := want; w.Type = "some_new_type"; return w },
		},
	} {
		var got Message
		if err := Decode(c.frame(), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if w := c.want(); fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, w)
		}
	}
}

// TestAppendKeeps proves that Append leaves what is before it alone and fills in stale memory completely.
func TestAppendKeeps(t *testing.T) {
	m := sample()
	want := append([]byte("before"), m.Append(nil)...)
	dirty := bytes.Repeat([]byte{0xff}, 400)
	if got := m.Append(append(dirty[:0], "before"...)); !bytes.Equal(got, want) {
		t.Errorf("\n got %x\nwant %x", got, want)
	}
	inPlace := append(make([]byte, Overhead), m.Payload...)
	there := m
	there.Payload = inPlace[Overhead:]
	if got := there.Append(inPlace[:0]); !bytes.Equal(got, m.Append(nil)) || &got[0] != &inPlace[0] {
		t.Errorf("a payload in its place is spoilt: %x", got)
	}
	of := Message{Type: OutputStreamData, Seq: 12}
	want = append([]byte("before"), AppendAck(nil, &of, m.ID, 5)...)
	if got := AppendAck(append(dirty[:0], "before"...), &of, m.ID, 5); !bytes.Equal(got, want) {
		t.Errorf("ack\n got %x\nwant %x", got, want)
	}
}

func TestParseAck(t *testing.T) {
	const id = "6600946c-4c7a-4d89-ac70-65da30a36ed7"
	parsed, err := ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	usual := Ack{OutputStreamData, parsed, 42, true}
	for body, want := range map[string]*Ack{
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":42,"IsSequentialMessage":true}`:                                       &usual,
		`{ "IsSequentialMessage": true, "AcknowledgedMessageSequenceNumber": 42, "X": [1], "AcknowledgedMessageId":"` + strings.ToUpper(id) + `", "AcknowledgedMessageType":"output\u005fstream_data"}`: &usual,
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":9223372036854775807,"IsSequentialMessage":false}`:                     {OutputStreamData, parsed, 1<<63 - 1, false},
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":9223372036854775808,"IsSequentialMessage":true}`:                      nil,
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":042,"IsSequentialMessage":true}`:                                      nil,
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id + `","IsSequentialMessage":true}`:                                                                              nil,
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id[1:] + `","AcknowledgedMessageSequenceNumber":42,"IsSequentialMessage":true}`:                                   nil,
		`{"AcknowledgedMessageId":"` + id + `","AcknowledgedMessageSequenceNumber":42}`:                                                                                                                 nil,
		``:     nil,
		`null`: nil,
		`{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"` + id: nil,
	} {
		var got Ack
		err := ParseAck([]byte(body), &got)
		if want == nil && err == nil {
			t.Errorf("%s: accepted as %+v", body, got)
		} else if want != nil && (err != nil || got != *want) {
			t.Errorf("%s: got %+v (%v), want %+v", body, got, err, *want)
		}
	}
}

func TestAckOfOddType(t *testing.T) {
	of := Message{Type: "a\"b\\c\n<é", Seq: 3, ID: NewID()}
	var m Message
	if err := Decode(AppendAck(nil, &of, NewID(), 1), &m); err != nil {
		t.Fatal(err)
	}
	var a Ack
	if err := ParseAck(m.Payload, &a); err != nil || a.Type != of.Type || a.ID != of.ID || a.Seq != 3 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestIDs(t *testing.T) {
	a, b := NewID(), NewID()
	if a == b {
		t.Error("two ids are equal")
	}
	if a[6]>>4 != 4 || a[8]>>6 != 2 {
		t.Errorf("%s is not of version 4", IDText(a))
	}
	back, err := ParseID(IDText(a))
	if err != nil || back != a {
		t.Errorf("%x became %x (%v)", a, back, err)
	}
	for _, bad := range []string{"", "6600946c-4c7a-4d89-ac70-65da30a36ed", "6600946c-4c7a-4d89-ac70x65da30a36ed7", "g600946c-4c7a-4d89-ac70-65da30a36ed7"} {
		if _, err := ParseID(bad); !errors.Is(err, ErrFrame) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, f := range []Flag{DisconnectToPort, TerminateSession, ConnectToPortError} {
		if got, err := ParseFlag(AppendFlag(nil, f)); err != nil || got != f {
			t.Errorf("%v became %v (%v)", f, got, err)
		}
	}
	if _, err := ParseFlag([]byte{0, 0, 1}); !errors.Is(err, ErrFrame) {
		t.Errorf("three bytes: %v", err)
	}
	names := map[string]bool{}
	for p := PayloadNone; p <= PayloadExitCode; p++ {
		names[p.String()] = true
	}
	for _, s := range []fmt.Stringer{DisconnectToPort, TerminateSession, ConnectToPortError, ActionSucceeded, ActionFailed, ActionUnsupported} {
		names[s.String()] = true
	}
	if len(names) != 19 || names["payload type 12"] {
		t.Errorf("names are missing or doubled: %v", names)
	}
	for want, s := range map[string]fmt.Stringer{
		"connect to port error": ConnectToPortError, "flag 9": Flag(9), "handshake complete": PayloadHandshakeComplete,
		"payload type 77": PayloadType(77), "failed": ActionFailed, "status 0": ActionStatus(0),
	} {
		if s.String() != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
}

func TestProperties(t *testing.T) {
	want := PortProperties{Host: "db", PortNumber: "5432", LocalPortNumber: "", Type: "LocalPortForwarding"}
	for _, body := range []string{
		`{"SessionType":"Port","Properties":{"host":"db","portNumber":"5432","type":"LocalPortForwarding"}}`,
		`{"SessionType":"Port","Properties":{"host":"db","portNumber":5432,"localPortNumber":null,"type":"LocalPortForwarding","more":{}}}`,
	} {
		got, err := ClientAction{Type: ActionSessionType, Parameters: json.RawMessage(body)}.SessionType()
		if err != nil || got != (SessionType{"Port", want}) {
			t.Errorf("%s: got %+v (%v)", body, got, err)
		}
	}
	for _, body := range []string{``, `{"Properties":{"host":["db"]}}`, `{"Properties":7}`} {
		if _, err := (ClientAction{Parameters: json.RawMessage(body)}).SessionType(); err == nil {
			t.Errorf("%q was accepted", body)
		}
	}
}

func TestBodies(t *testing.T) {
	var closed ChannelClosedBody
	if err := json.Unmarshal([]byte(`{"MessageId":"m","CreatedDate":1700000000000,"SessionId":"s","SchemaVersion":1,"Output":"lookup db: no such host"}`), &closed); err != nil {
		t.Fatal(err)
	}
	if closed.Output != "lookup db: no such host" || closed.SessionID != "s" || closed.CreatedDate != "1700000000000" {
		t.Errorf("%+v", closed)
	}
	var complete HandshakeComplete
	if err := json.Unmarshal([]byte(`{"HandshakeTimeToComplete":21941966,"CustomerMessage":"hi"}`), &complete); err != nil || complete.Took != 21941966*time.Nanosecond || complete.CustomerMessage != "hi" {
		t.Errorf("%+v, %v", complete, err)
	}
}

func TestTokenIsNotPrinted(t *testing.T) {
	in := OpenDataChannelInput{SchemaVersion, "r", "s3cret", "c", "1.2.896.0"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("open", "input", in, "pointer", &in)
	slog.New(slog.NewTextHandler(&log, nil)).Info("open", "input", in)
	all := log.String() + fmt.Sprintf("%v %+v %#v %s %v", in, in, in, in, &in)
	if strings.Contains(all, "s3cret") || !strings.Contains(all, "1.2.896.0") {
		t.Error(all)
	}
}
