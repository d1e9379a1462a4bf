package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestCheckStreamURL(t *testing.T) {
	const path = "/v1/data-channel/s-1?role=publish_subscribe&cell-number=AAE%3D"
	for _, c := range []struct {
		url, endpoint string
		ok            bool
	}{
		{"wss://ssmmessages.eu-west-1.amazonaws.com" + path, "", true},
		{"wss://ssmmessages.eu-west-1.amazonaws.com:443" + path, "", true},
		{"wss://SSMMESSAGES.eu-west-1.amazonaws.com" + path, "", true},
		{"wss://ssmmessages-fips.eu-west-1.amazonaws.com" + path, "", true},
		{"wss://ssmmessages.eu-west-1.api.aws" + path, "", true},
		{"wss://ssmmessages.eu-west-1.amazonaws.com.cn" + path, "", true},
		{"wss://vpce-0ab12-xyz.ssmmessages.eu-west-1.vpce.amazonaws.com" + path, "", true},
		{"wss://ssmmessages.eu-west-1.amazonaws.com" + path, "http://127.0.0.1:4566", true},
		{"ws://127.0.0.1:4566" + path, "http://127.0.0.1:4566", true},
		{"wss://127.0.0.1:4566" + path, "https://127.0.0.1:4566", true},
		{"wss://aws.internal" + path, "https://aws.internal:443/", true},

		{"ws://ssmmessages.eu-west-1.amazonaws.com" + path, "", false},
		{"https://ssmmessages.eu-west-1.amazonaws.com" + path, "", false},
		{"wss://ssmmessages.us-east-1.amazonaws.com" + path, "", false},
		{"wss://ssmmessages.eu-west-1.amazonaws.com.evil.example" + path, "", false},
		{"wss://ssmmessages.eu-west-1.amazonaws.example" + path, "", false},
		{"wss://evil.example/ssmmessages.eu-west-1.amazonaws.com" + path, "", false},
		{"wss://x.ssmmessages.eu-west-1.amazonaws.com" + path, "", false},
		{"wss://a.vpce-1.ssmmessages.eu-west-1.vpce.amazonaws.com" + path, "", false},
		{"wss://ssmmessages.eu-west-1.amazonaws.com:8443" + path, "", false},
		{"wss://ssmmessages.eu-west-1.amazonaws.com@evil.example" + path, "", false},
		{"wss://user@ssmmessages.eu-west-1.amazonaws.com" + path, "", false},
		{"wss://ssmmessages.eu-west-1.amazonaws.com" + path + "#f", "", false},
		{"ws://127.0.0.1:4566" + path, "https://127.0.0.1:4566", false},
		{"ws://127.0.0.1:4567" + path, "http://127.0.0.1:4566", false},
		{"ws://localhost:4566" + path, "http://127.0.0.1:4566", false},
		{"http://127.0.0.1:4566" + path, "http://127.0.0.1:4566", false},
		{"wss:///v1", "", false},
		{"wss:ssmmessages.eu-west-1.amazonaws.com", "", false},
		{"", "", false},
		{"wss://ssm messages", "", false},
		{"", "http://127.0.0.1:4566", false},
	} {
		u, err := checkStreamURL(c.url, "eu-west-1", c.endpoint)
		if (err == nil) != c.ok {
			t.Errorf("%s with endpoint %q: %v", c.url, c.endpoint, err)
		}
		if err != nil && !errors.Is(err, ErrStreamURL) {
			t.Errorf("%s: %v is no ErrStreamURL", c.url, err)
		}
		if err == nil && u.RawQuery != "role=publish_subscribe&cell-number=AAE%3D" {
			t.Errorf("%s: query became %q", c.url, u.RawQuery)
		}
	}
}

func FuzzCheckStreamURL(f *testing.F) {
	f.Add("wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/x?role=publish_subscribe")
	f.Add("wss://ssmmessages.eu-west-1.amazonaws.com:443@evil.example/")
	f.Add("wss://vpce-1.ssmmessages.eu-west-1.vpce.amazonaws.com")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := checkStreamURL(raw, "eu-west-1", "")
		if err != nil {
			return
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != u.Host || again.Scheme != "wss" || again.User != nil {
			t.Errorf("%q was let through as %q, which reads back as %v, %v", raw, u, again, err)
		}
		if host := strings.ToLower(again.Hostname()); !strings.HasSuffix(host, "com") && !strings.Contains(host, "ssmmessages") {
			t.Errorf("%q leads to %q", raw, host)
		}
	})
}

func TestSign(t *testing.T) {
	cfg := sdk.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "session-token")}
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	u, _ := url.Parse("wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/a@b-1?role=publish_subscribe&cell-number=AAE%3D")
	signed, header, err := sign(context.Background(), cfg, u, at)
	if err != nil {
		t.Fatal(err)
	}
	got := header.Get("Authorization")
	for _, part := range []string{"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261001/eu-west-1/ssmmessages/aws4_request", "SignedHeaders=host;x-amz-date;x-amz-security-token", "Signature="} {
		if !strings.Contains(got, part) {
			t.Errorf("Authorization %q lacks %q", got, part)
		}
	}
	if header.Get("X-Amz-Date") != "20261001T120000Z" || header.Get("X-Amz-Security-Token") != "session-token" {
		t.Errorf("headers %v", header)
	}
	if signed.Scheme != "wss" || signed.Host != u.Host || signed.Path != u.Path || !reflect.DeepEqual(signed.Query(), u.Query()) {
		t.Errorf("%v was signed as %v", u, signed)
	}
	u, _ = url.Parse("wss://ssmmessages.eu-west-1.amazonaws.com/v1/x?X-Amz-Signature=abc")
	if signed, header, err = sign(context.Background(), cfg, u, at); err != nil || len(header) != 0 || signed != u {
		t.Errorf("a presigned URL got %v, %v", header, err)
	}
}

func TestRTTEstimator(t *testing.T) {
	const ms = time.Millisecond
	var e rttEstimator
	if got := e.timeout(1); got != rtoInitial {
		t.Errorf("before any sample: %v", got)
	}
	for range 50 {
		e.sample(20*ms, time.Time{})
	}
	if e.srtt != 20*ms || e.timeout(1) != 20*ms+rtoSlack {
		t.Errorf("steady 20 ms: srtt %v, time-out %v", e.srtt, e.timeout(1))
	}
	for range 50 {
		e.sample(300*ms, time.Time{})
	}
	if got := e.timeout(1); got < 300*ms || got > 500*ms {
		t.Errorf("steady 300 ms: time-out %v", got)
	}
	for range 20 {
		e.sample(100*ms, time.Time{})
		e.sample(500*ms, time.Time{})
	}
	if got := e.timeout(1); got < 500*ms {
		t.Errorf("between 100 and 500 ms: time-out %v", got)
	}
	var fresh rttEstimator
	for tries, want := range map[int]time.Duration{1: 200 * ms, 2: 400 * ms, 3: 800 * ms, 4: 1600 * ms, 5: rtoCeil, 60: rtoCeil} {
		if got := fresh.timeout(tries); got != want {
			t.Errorf("try %d: %v, want %v", tries, got, want)
		}
	}
	for tries, want := range map[int]time.Duration{1: 5 * ms, 2: 10 * ms, 3: 20 * ms, 6: 160 * ms, 7: 200 * ms, 60: 200 * ms} {
		if got := fresh.notReadyTimeout(tries); got != want {
			t.Errorf("not ready, try %d: %v, want %v", tries, got, want)
		}
	}
}

func TestWindow(t *testing.T) {
	trip := func(w *window) { // one round trip of a sender that always has data
		n := w.room() / 1024
		for range n {
			w.sent(1024)
		}
		for range n {
			w.acked(1024, true)
		}
	}
	w := newWindow(1 << 20)
	for want := windowFloor; want < 1<<20; want *= 2 {
		if w.size < want*9/10 {
			t.Fatalf("slow start has reached %d, want about %d", w.size, want)
		}
		trip(&w)
	}
	for range 40 {
		trip(&w)
	}
	if w.size != 1<<20 {
		t.Fatalf("the window stands at %d, want the limit", w.size)
	}
	now := time.Now()
	w.timedOut(now, 20*time.Millisecond)
	w.timedOut(now.Add(19*time.Millisecond), 20*time.Millisecond)
	if w.size != 512<<10 {
		t.Errorf("halved within one round trip to %d", w.size)
	}
	before := w.size
	for range 8 {
		trip(&w)
	}
	if grown := w.size - before; grown < 1<<20/windowSteps || grown > 8<<20/windowSteps {
		t.Errorf("additive growth by %d in 8 round trips", grown)
	}
	for i := range 20 {
		w.timedOut(now.Add(time.Duration(i+2)*time.Second), 20*time.Millisecond)
	}
	if w.size != windowFloor {
		t.Errorf("time-outs left %d, want the floor", w.size)
	}
	idle := newWindow(1 << 20)
	for range 10_000 {
		idle.sent(100)
		idle.acked(100, true)
	}
	if idle.size != windowFloor {
		t.Errorf("an idle sender's window grew to %d", idle.size)
	}
	if small := newWindow(2000); small.size != 2000 {
		t.Errorf("a window limited to 2000 starts at %d", small.size)
	}
}

func TestBatchConn(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	var wakes atomic.Int32
	c := &batchConn{Conn: near}
	defer c.Close()
	got := make(chan []byte, 8)
	go func() {
		defer close(got)
		for {
			p := make([]byte, 64)
			n, err := far.Read(p) // a pipe hands over one write at a time
			if err != nil {
				return
			}
			got <- p[:n]
		}
	}()
	want := func(text string) {
		t.Helper()
		if p := <-got; string(p) != text {
			t.Errorf("one write of %q, want %q", p, text)
		}
	}
	_, _ = io.WriteString(c, "handshake")
	want("handshake")
	c.hold(func() { wakes.Add(1) })
	_, _ = io.WriteString(c, "pong")
	if n := wakes.Load(); n != 1 {
		t.Errorf("a write from elsewhere woke the writer %d times", n)
	}
	c.begin()
	_, _ = io.WriteString(c, "+one")
	_, _ = io.WriteString(c, "+two")
	if n := wakes.Load(); n != 1 {
		t.Error("the writer woke itself")
	}
	if c.buffered() != len("pong+one+two") {
		t.Errorf("%d bytes wait", c.buffered())
	}
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	want("pong+one+two")
	_, _ = io.WriteString(c, "ping")
	if n := wakes.Load(); n != 2 {
		t.Errorf("after a flush, %d wakes", n)
	}
	far.Close()
	if err := c.flush(); err == nil {
		t.Error("a flush into a closed connection succeeded")
	}
	if _, err := io.WriteString(c, "x"); err == nil {
		t.Error("a write after a failed flush succeeded")
	}
	if err := c.flush(); err == nil {
		t.Error("the failure was forgotten")
	}
}

// TestBatchNeverBlocks: a pong must not wait for a network that takes nothing.
func TestBatchNeverBlocks(t *testing.T) {
	near, far := net.Pipe()
	c := &batchConn{Conn: near}
	c.hold(func() {})
	_, _ = io.WriteString(c, "stuck")
	done := make(chan error, 1)
	go func() { done <- c.flush() }()
	for range 1000 {
		if _, err := c.Write(bytes.Repeat([]byte{1}, 100)); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if err := <-done; err == nil {
		t.Error("the flush of a closed connection succeeded")
	}
	far.Close()
}

func TestGatherKeepsSettings(t *testing.T) {
	base := &http.Transport{ForceAttemptHTTP2: true, Proxy: http.ProxyURL(&url.URL{Host: "proxy:1"})}
	rt, _ := gather(base)
	if rt == base || rt.ForceAttemptHTTP2 || rt.Proxy == nil || rt.Protocols.HTTP2() || !rt.Protocols.HTTP1() {
		t.Errorf("transport %+v", rt)
	}
	if !base.ForceAttemptHTTP2 {
		t.Error("the caller's transport was changed")
	}
}

func TestRequestParameters(t *testing.T) {
	for name, c := range map[string]struct {
		in       Request
		document string
		want     map[string][]string
	}{
		"remote host": {
			Request{Host: "db", Port: 5432, LocalPort: 15432},
			DocumentRemoteHost,
			map[string][]string{"host": {"db"}, "portNumber": {"5432"}, "localPortNumber": {"15432"}},
		},
		"the instance itself":  {Request{Port: 22}, DocumentPort, map[string][]string{"portNumber": {"22"}}},
		"the instance by name": {Request{Host: "localhost", Port: 22}, DocumentPort, map[string][]string{"portNumber": {"22"}}},
		"its loopback":         {Request{Host: "127.0.0.1", Port: 22}, DocumentPort, map[string][]string{"portNumber": {"22"}}},
		"loopback, asked for": {
			Request{Host: "::1", Port: 22, Document: DocumentRemoteHost},
			DocumentRemoteHost,
			map[string][]string{"host": {"::1"}, "portNumber": {"22"}},
		},
		"a custom document": {Request{Document: "team-db", Host: "db", Port: 1}, "team-db", nil},
		"a custom document with parameters": {
			Request{Document: "team-db", Parameters: map[string][]string{"db": {"orders"}}},
			"team-db",
			map[string][]string{"db": {"orders"}},
		},
		"a custom document that asks": {
			Request{Document: "team-db", Host: "db", Port: 1, SendEndpoint: true},
			"team-db",
			map[string][]string{"host": {"db"}, "portNumber": {"1"}},
		},
	} {
		got := c.in.withDefaults()
		if got.Document != c.document || !reflect.DeepEqual(got.Parameters, c.want) {
			t.Errorf("%s: %s %v, want %s %v", name, got.Document, got.Parameters, c.document, c.want)
		}
	}
}
