package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/sim/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway stands for the message gateway: it remembers what it was asked.
type gateway struct {
	mu   sync.Mutex
	all  []world.SessionInfo
	fail error
}

func (g *gateway) Start(_ context.Context, in world.StartInput) (world.StartOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return world.StartOutput{}, g.fail
	}
	at := time.Date(2026, 11, 24, 12, 0, len(g.all), 0, time.UTC)
	g.all = append(g.all, world.SessionInfo{StartInput: in, Status: world.StatusConnected, Start: at})
	return world.StartOutput{Token: "token-of-" + in.ID, StreamURL: "wss://gw/v1/data-channel/" + in.ID + "?role=publish_subscribe"}, nil
}

func (g *gateway) Resume(_ context.Context, id string) (string, string, error) {
	for _, s := range g.List() {
		if s.ID == id && s.Status.Active() {
			return "again-" + id, "wss://gw/v1/data-channel/" + id, nil
		}
	}
	return "", "", nil
}

func (g *gateway) Terminate(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.all {
		if g.all[i].ID == id {
			g.all[i].Status, g.all[i].End = world.StatusTerminated, g.all[i].Start.Add(time.Minute)
		}
	}
	return nil
}

func (g *gateway) List() []world.SessionInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]world.SessionInfo(nil), g.all...)
}

// rig is an API on a loopback port with what stands round it.
type rig struct {
	world   *world.World
	gateway *gateway
	api     *API
	url     string
	log     *bytes.Buffer
	client  *http.Client
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	w, err := world.Default()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{world: w, gateway: &gateway{}, log: &bytes.Buffer{}}
	o.Log = slog.New(slog.NewTextHandler(&guarded{w: r.log}, nil))
	r.api = New(w, r.gateway, o)
	server := httptest.NewServer(r.api)
	r.url, r.client = server.URL, server.Client()
	r.client.Transport = wholeBodies{r.client.Transport}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		server.Close()
	})
	return r
}

// wholeBodies hands net/http a body that it knows to be in memory. The SDK closes its own kind of body as soon as an answer
// begins, which on loopback can be before net/http has seen the body's end: net/http then drops the connection, and the SDK
// retries. These tests run without retries, so that they see the first answer.
type wholeBodies struct{ http.RoundTripper }

func (w wholeBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return w.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	whole := r.Clone(r.Context())
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return w.RoundTripper.RoundTrip(whole)
}

// CloseIdleConnections lets http.Client reach the transport's own.
func (w wholeBodies) CloseIdleConnections() {
	if c, ok := w.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// guarded lets a buffer be logged to from several requests.
type guarded struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(p)
}

func (r *rig) config(region string, p sdk.CredentialsProvider) sdk.Config {
	return sdk.Config{Region: region, Credentials: p, BaseEndpoint: &r.url, HTTPClient: r.client, RetryMaxAttempts: 1}
}

// as gives the configuration of a user of the world, by name.
func (r *rig) as(t *testing.T, user, region string) sdk.Config {
	t.Helper()
	for _, a := range r.world.Accounts() {
		for _, u := range a.Users {
			if u.Name == user {
				return r.config(region, credentials.NewStaticCredentialsProvider(u.AccessKey, u.SecretKey, ""))
			}
		}
	}
	t.Fatalf("no user %s", user)
	return sdk.Config{}
}

// assume gives the configuration of an assumed role.
func (r *rig) assume(t *testing.T, from sdk.Config, in *sts.AssumeRoleInput) sdk.Config {
	t.Helper()
	out, err := sts.NewFromConfig(from).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	k := out.Credentials
	return r.config(from.Region, credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, *k.SessionToken))
}

// wantCode demands an API error of that code whose message holds text.
func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) {
		t.Errorf("error is %v, want %s", err, code)
		return
	}
	if e.ErrorCode() != code || !bytes.Contains([]byte(e.ErrorMessage()), []byte(text)) {
		t.Errorf("error %s %q, want %s %q", e.ErrorCode(), e.ErrorMessage(), code, text)
	}
}

func ptr[T any](v T) *T { return &v }
