package session

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// TestHandshakeGolden replays the recorded handshake of the real agent; the answers must be the real plugin's.
func TestHandshakeGolden(t *testing.T) {
	recorded := func(name string) wire.Message {
		frame, err := os.ReadFile(filepath.Join("wire", "testdata", "frames", name))
		if err != nil {
			t.Fatal(err)
		}
		var m wire.Message
		if err := wire.Decode(frame, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	r := newRig(t, Options{})
	if err := r.receive(recorded("04-agent.bin")); err != nil {
		t.Fatal(err)
	}
	got := r.written()
	if len(got) != 2 {
		t.Fatalf("%d messages answer the handshake request, want 2", len(got))
	}
	ack, response := recorded("05-client.bin"), recorded("06-client.bin")
	if string(got[0].Payload) != string(ack.Payload) || got[0].Type != ack.Type || got[0].Flags != ack.Flags {
		t.Errorf("acknowledgement\n%s\nwant\n%s", got[0].Payload, ack.Payload)
	}
	want := strings.Replace(string(response.Payload), "1.2.677.0", ClientVersion, 1)
	if string(got[1].Payload) != want {
		t.Errorf("response\n%s\nwant\n%s", got[1].Payload, want)
	}
	if got[1].Seq != 0 || got[1].Flags != 0 || got[1].Type != wire.InputStreamData || got[1].PayloadType != wire.PayloadHandshakeResponse {
		t.Errorf("response header %+v", got[1])
	}
	if err := r.receive(recorded("07-agent.bin")); err != nil {
		t.Fatal(err)
	}
	if err := r.receive(recorded("08-agent.bin")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.c.ready:
	default:
		t.Fatal("not ready after HandshakeComplete")
	}
	if n := r.c.sender.statInFlight.Load(); n != 0 {
		t.Errorf("%d bytes in flight after the recorded acknowledgement", n)
	}
}

func TestHandshakeRefusals(t *testing.T) {
	for name, c := range map[string]struct{ actions, status string }{
		"another session type":  {`[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Standard_Stream","Properties":null}}]`, `"ActionStatus":3`},
		"encryption":            {`[{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"k"}}]`, `"ActionStatus":3`},
		"unreadable parameters": {`[{"ActionType":"SessionType","ActionParameters":[1]}]`, `"ActionStatus":2`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Options{})
			r.say(wire.PayloadHandshakeRequest, `{"AgentVersion":"3.3.0.0","RequestedClientActions":`+c.actions+`}`)
			all := r.written()
			response := string(all[len(all)-1].Payload)
			if !strings.Contains(response, c.status) {
				t.Errorf("answered %s, want %s", response, c.status)
			}
			if r.c.reason() != nil {
				t.Error("ended before the answer has arrived")
			}
			r.ack(0)
			if err := r.c.reason(); !errors.Is(err, ErrHandshakeRefused) || !errors.Is(err, aws.ErrRefusedByAWS) {
				t.Errorf("ended with %v", err)
			}
		})
	}
	r := newRig(t, Options{})
	if err := r.receive(r.message(0, wire.PayloadEncryptionChallengeRequest, `{}`)); !errors.Is(err, ErrHandshakeRefused) {
		t.Errorf("encryption challenge: %v", err)
	}
}

func TestModesByVersion(t *testing.T) {
	for version, want := range map[string]struct{ mux, keepalive bool }{
		"2.3.700.0":  {false, true},
		"3.0.196.0":  {false, true},
		"3.0.197.0":  {true, true},
		"3.1.1511.0": {true, true},
		"3.1.1512.0": {true, false},
		"3.10.1.0":   {true, false},
		"4":          {true, false},
	} {
		r := established(t, Options{}, version)
		if r.c.multiplex != want.mux || r.c.keepalive != want.keepalive {
			t.Errorf("%s: mux %v, keepalive %v", version, r.c.multiplex, r.c.keepalive)
		}
	}
}

func TestKeepaliveForOldAgents(t *testing.T) {
	for version, want := range map[string]int{"3.1.1000.0": 1, "3.3.0.0": 0} {
		r := established(t, Options{}, version)
		r.c.sendKeepalive()
		if got := r.sent(); got != nil {
			t.Errorf("%s: keepalive %v without a connection", version, got)
		}
		r.dial()
		r.sent() // SYN
		r.c.sendKeepalive()
		if got := r.sent(); len(got) != want {
			t.Errorf("%s: %d keepalives, want %d", version, len(got), want)
		}
	}
}

func TestHandshakeResponseIsJSON(t *testing.T) {
	r := newRig(t, Options{})
	r.say(wire.PayloadHandshakeRequest, `{"AgentVersion":"3.3.0.0"}`)
	var body struct {
		ProcessedClientActions []any
		Errors                 any
	}
	all := r.written()
	if err := json.Unmarshal(all[1].Payload, &body); err != nil || body.ProcessedClientActions == nil || body.Errors != nil {
		t.Errorf("%s: %v", all[1].Payload, err)
	}
}
