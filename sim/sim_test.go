package sim

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/sim/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// rig is a simulator and what a program that was pointed at it by its files and environment would see.
type rig struct {
	*Sim
	t    *testing.T
	http *http.Client
	tls  *tls.Config
}

func startSim(t *testing.T, o Options) *rig {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Sim: s, t: t, tls: &tls.Config{}}
	if o.TLS {
		r.tls.RootCAs = x509.NewCertPool()
		if !r.tls.RootCAs.AppendCertsFromPEM(s.CA()) {
			t.Fatal("the CA is no PEM")
		}
	}
	transport := &http.Transport{TLSClientConfig: r.tls}
	r.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if open := s.Sessions(); len(open) != 0 {
			t.Errorf("still open: %+v", open)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
		_ = os.Unsetenv(name)
	}
	c, k, err := s.WriteConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range s.Env(c, k) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	return r
}

func (r *rig) load(profile string, opts ...func(*config.LoadOptions) error) sdk.Config {
	r.t.Helper()
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
	opts = append(opts, config.WithSharedConfigProfile(profile), config.WithHTTPClient(client), config.WithRetryMaxAttempts(1))
	cfg, err := config.LoadDefaultConfig(r.t.Context(), opts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

func TestProfilesWorkWithTheSDK(t *testing.T) {
	r := startSim(t, Options{})
	for profile, want := range map[string]string{
		"default":                "arn:aws:iam::111122223333:user/mika",
		"acme-dev-mika":          "arn:aws:iam::111122223333:user/mika",
		"acme-dev-reader":        "arn:aws:iam::111122223333:user/reader",
		"acme-prod-oncall":       "arn:aws:iam::777788889999:user/oncall",
		"acme-dev-operator":      "arn:aws:sts::111122223333:assumed-role/operator/",
		"acme-staging-developer": "arn:aws:sts::444455556666:assumed-role/developer/",
		"acme-staging-vendor":    "arn:aws:sts::444455556666:assumed-role/vendor/",
		"acme-prod-break-glass":  "arn:aws:sts::777788889999:assumed-role/break-glass/",
		"acme-prod-operator":     "arn:aws:sts::777788889999:assumed-role/operator/", // with MFA
	} {
		mfa := config.WithAssumeRoleCredentialOptions(mfaOption(r.World().MFACode()))
		out, err := sts.NewFromConfig(r.load(profile, mfa)).GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Errorf("%s: %v", profile, err)
			continue
		}
		if !strings.HasPrefix(sdk.ToString(out.Arn), want) {
			t.Errorf("%s is %s, want %s", profile, sdk.ToString(out.Arn), want)
		}
	}
}

func (r *rig) startSession(target, host string) *ssm.StartSessionOutput {
	r.t.Helper()
	out, err := ssm.NewFromConfig(r.load("acme-prod-oncall")).StartSession(r.t.Context(), &ssm.StartSessionInput{
		Target:       sdk.String(target),
		DocumentName: sdk.String("AWS-StartPortForwardingSessionToRemoteHost"),
		Parameters:   map[string][]string{"host": {host}, "portNumber": {"5432"}, "localPortNumber": {"0"}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// upgrade signs the websocket's GET as clients since 1.2.764.0 do.
func (r *rig) upgrade(url string) http.Header {
	r.t.Helper()
	plain := "http" + strings.TrimPrefix(url, "ws")
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, plain, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	cred, err := r.load("acme-prod-oncall").Credentials.Retrieve(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(r.t.Context(), cred, req, emptySHA256, "ssmmessages", "eu-west-1", time.Now()); err != nil {
		r.t.Fatal(err)
	}
	return req.Header
}

func TestSessionByTheBook(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "TLS": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			r := startSim(t, o)
			out := r.startSession("i-0a000000000000001", "db.example.com")
			if want := "ws" + strings.TrimPrefix(r.URL(), "http") + "/v1/data-channel/"; !strings.HasPrefix(*out.StreamUrl, want) {
				t.Fatalf("stream URL %s, want %s…", *out.StreamUrl, want)
			}
			d := websocket.Dialer{TLSClientConfig: r.tls}
			if _, resp, err := d.Dial(*out.StreamUrl, nil); err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
				t.Fatalf("an upgrade without a signature: %v, %v; want 403", resp, err)
			}
			ws, _, err := d.Dial(*out.StreamUrl, r.upgrade(*out.StreamUrl))
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			open := `{"MessageSchemaVersion":"1.0","RequestId":"1","TokenValue":"` + *out.TokenValue + `","ClientId":"2","ClientVersion":"1.2.896.0"}`
			if err := ws.WriteMessage(websocket.TextMessage, []byte(open)); err != nil {
				t.Fatal(err)
			}
			m := r.next(ws)
			if m.Type != frame.Output || m.PayloadType != frame.HandshakeRequest || !bytes.Contains(m.Payload, []byte(`"AgentVersion":"3.3.4851.0"`)) {
				t.Errorf("first message %+v, want the HandshakeRequest of the world's agent", m)
			}
			if n := len(r.Sessions()); n != 1 {
				t.Errorf("%d sessions open, want 1", n)
			}
			if _, err := ssm.NewFromConfig(r.load("acme-prod-oncall")).TerminateSession(t.Context(), &ssm.TerminateSessionInput{SessionId: out.SessionId}); err != nil {
				t.Fatal(err)
			}
			for m.Type != frame.Closed {
				m = r.next(ws)
			}
			if len(r.Sessions()) != 0 || len(r.AllSessions()) != 1 {
				t.Errorf("%d open, %d in all; want none and one", len(r.Sessions()), len(r.AllSessions()))
			}
		})
	}
}

func (r *rig) next(ws *websocket.Conn) frame.Message {
	r.t.Helper()
	_, b, err := ws.ReadMessage()
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := frame.Parse(b)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func TestThrottledAPI(t *testing.T) {
	r := startSim(t, Options{})
	f := r.Faults()
	f.ThrottledAPI = true
	r.SetFaults(f)
	_, err := sts.NewFromConfig(r.load("default")).GetCallerIdentity(t.Context(), nil)
	var api smithy.APIError
	if !errors.As(err, &api) || !strings.HasPrefix(api.ErrorCode(), "Throttling") {
		t.Errorf("%v, want Throttling", err)
	}
	r.SetFaults(Faults{})
	if _, err := sts.NewFromConfig(r.load("default")).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// call is a request to the control endpoint.
func (r *rig) call(method, path, body string, into any) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			r.t.Fatalf("%s %s: %s: %v", method, path, text, err)
		}
	}
	return resp.StatusCode
}

func TestControlEndpoint(t *testing.T) {
	r := startSim(t, Options{})
	var list []SessionInfo
	if r.call("GET", "/sim/sessions", "", &list); list == nil || len(list) != 0 {
		t.Errorf("no session is listed as %v, want []", list)
	}
	out := r.startSession("i-0a000000000000001", "db.example.com")
	r.call("GET", "/sim/sessions", "", &list)
	if len(list) != 1 || list[0].ID != *out.SessionId || list[0].Status != "Connecting" || list[0].Properties["host"] != "db.example.com" {
		t.Errorf("listed %+v", list)
	}
	var f Faults
	r.call("POST", "/sim/faults", `{"rtt":"20ms","loss":0.01,"freeze":true}`, nil)
	r.call("GET", "/sim/faults", "", &f)
	if want := (Faults{RTT: 20 * time.Millisecond, Up: Direction{Loss: 0.01}, Down: Direction{Loss: 0.01}, Freeze: true}); f != want || r.Faults() != want {
		t.Errorf("faults %+v and %+v, want %+v", f, r.Faults(), want)
	}
	r.Thaw()
	if r.Faults().Freeze || r.Faults().RTT == 0 {
		t.Error("Thaw must end the freeze and nothing else")
	}
	r.Freeze()
	if !r.Faults().Freeze {
		t.Error("Freeze does not freeze")
	}
	r.SetFaults(Faults{})
	var n map[string]int
	// The agent's websocket comes up by itself, and breaking it within an acknowledgement may be over at once: so it is broken
	// first, as soon as it is there.
	up, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for n["cut"] == 0 && up.Err() == nil {
		r.call("POST", "/sim/cut", `{"side":"agent"}`, &n)
	}
	if n["cut"] != 1 {
		t.Errorf("cut agent: %v, want 1", n)
	}
	for side, want := range map[string]int{"client": 0, "bye": 0, "agent-in-ack": 1} {
		if r.call("POST", "/sim/cut", `{"side":"`+side+`"}`, &n); n["cut"] != want {
			t.Errorf("cut %s: %v, want %d", side, n, want)
		}
	}
	r.call("POST", "/sim/dials", `{"db.example.com:5432":"refused"}`, nil)
	if to := r.World().Dial("i-0a000000000000001", "db.example.com", 5432); to.Kind != "refused" {
		t.Errorf("the dial leads to %+v", to)
	}
	if r.call("POST", "/sim/terminate", `{"session":"`+*out.SessionId+`","reason":"enough"}`, &n); n["terminated"] != 1 {
		t.Errorf("terminated %v, want 1", n)
	}
	r.call("GET", "/sim/sessions?all=true", "", &list)
	if len(list) != 1 || list[0].Reason != "enough" || list[0].Status != "Terminated" {
		t.Errorf("listed %+v after the end", list)
	}
	for path, body := range map[string]string{"/sim/cut": `{"side":"top"}`, "/sim/faults": `{"loss":7}`, "/sim/dials": `{"nonsense":"x"}`, "/sim/terminate": `[`} {
		if status := r.call("POST", path, body, nil); status != http.StatusBadRequest {
			t.Errorf("%s with %s: %d, want 400", path, body, status)
		}
	}
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	r := startSim(t, Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+"/sim/sessions", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://example.com")
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a web page may ask: %s", resp.Status)
	}
}

func TestListenFails(t *testing.T) {
	r := startSim(t, Options{})
	taken := strings.TrimPrefix(r.URL(), "http://")
	if s, err := Start(context.Background(), Options{Listen: taken}); err == nil {
		_ = s.Close()
		t.Error("two simulators on one port")
	}
}

// mfaOption types the code of the world's devices.
func mfaOption(code string) func(*stscreds.AssumeRoleOptions) {
	return func(o *stscreds.AssumeRoleOptions) {
		o.TokenProvider = func() (string, error) { return code, nil }
	}
}
