package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var (
	keys = sdk.Credentials{AccessKeyID: "AKIASIMDEV0000000001", SecretAccessKey: "secret/that+works=nowhere", SessionToken: "token=="}
	now  = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

func sumOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// received turns a client's request into the one a server sees.
func received(t *testing.T, sent *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := sent.Write(&wire); err != nil {
		t.Fatal(err)
	}
	lines, rest, _ := strings.Cut(wire.String(), "\r\n")
	target := strings.Fields(lines)[1]
	got := httptest.NewRequestWithContext(t.Context(), sent.Method, target, strings.NewReader(""))
	for line := range strings.SplitSeq(rest, "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			got.Header.Add(name, value)
		} else if line == "" {
			break
		}
	}
	got.Host = got.Header.Get("Host")
	got.Header.Del("Host")
	return got
}

func TestMatchesTheSDKsSigner(t *testing.T) {
	for name, c := range map[string]struct{ method, url, body string }{
		"query service": {"POST", "https://sts.eu-west-1.amazonaws.com/", "Action=GetCallerIdentity&Version=2011-06-15"},
		"data channel":  {"GET", "https://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/a+b@c=d,e-0123?role=publish_subscribe&cell-number=A%2FB", ""},
		"escapes":       {"GET", "https://h.example/a%20b/%E6%9D%B1?k=v%20w&k=a&empty=&~=~", ""},
	} {
		t.Run(name, func(t *testing.T) {
			sent, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			sent.Header.Set("X-Two", "a   b ")
			if err := v4.NewSigner().SignHTTP(context.Background(), keys, sent, sumOf(c.body), "ssmmessages", "eu-west-1", now); err != nil {
				t.Fatal(err)
			}
			check(t, received(t, sent), c.body)
		})
	}
}

func TestMatchesPresigned(t *testing.T) {
	sent, err := http.NewRequestWithContext(t.Context(), "GET", "https://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/mika-0123?role=publish_subscribe&X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), keys, sent, sumOf(""), "ssmmessages", "eu-west-1", now)
	if err != nil {
		t.Fatal(err)
	}
	presigned, err := http.NewRequestWithContext(t.Context(), "GET", signed, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := received(t, presigned)
	check(t, got, "")
	if a, _ := Parse(got); a.Expires != time.Minute {
		t.Errorf("expires after %s", a.Expires)
	}
}

// check demands that the request verifies, and that it does not once anything of it has changed.
func check(t *testing.T, r *http.Request, body string) {
	t.Helper()
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.AccessKey != keys.AccessKeyID || a.Region != "eu-west-1" || a.Service != "ssmmessages" || !a.Time.Equal(now) || a.Token != keys.SessionToken {
		t.Errorf("parsed %+v", a)
	}
	if !a.Matches(r, []byte(body), keys.SecretAccessKey) {
		t.Error("the right secret does not match")
	}
	if a.Matches(r, []byte(body), "other") {
		t.Error("another secret matches")
	}
	if a.Matches(r, []byte(body+"x"), keys.SecretAccessKey) {
		t.Error("another body matches")
	}
	moved := r.Clone(t.Context())
	moved.URL.Path += "x"
	moved.URL.RawPath = ""
	if a.Matches(moved, []byte(body), keys.SecretAccessKey) {
		t.Error("another path matches")
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=K/20261124/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
	for header, part := range map[string]string{
		"Bearer x": "algorithm",
		strings.Replace(good, "Signature=00", "", 1):                      "Signature",
		strings.Replace(good, "Credential=K", "Credential=", 1):           "KEY/DATE",
		strings.Replace(good, "aws4_request", "aws4", 1):                  "KEY/DATE",
		strings.Replace(good, "20261124", "20261123", 1):                  "date",
		strings.Replace(good, "host;x-amz-date", "x-amz-date", 1):         "host",
		strings.Replace(good, "host;x-amz-date", "x-amz-date;host", 1):    "sorted",
		strings.Replace(good, "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", 1): "algorithm",
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
		r.Header.Set("Authorization", header)
		r.Header.Set("X-Amz-Date", "20261124T120000Z")
		if _, err := Parse(r); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %v does not name %q", header, err, part)
		}
	}
	if _, err := Parse(httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)); !errors.Is(err, ErrMissing) {
		t.Errorf("unsigned request: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=K/20261124/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "20261124T120000Z", "")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20261124%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20261124T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
	f.Fuzz(func(t *testing.T, header, date, query string) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/a%20b", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", header)
		r.Header.Set("X-Amz-Date", date)
		a, err := Parse(r)
		if err != nil {
			return
		}
		if a.AccessKey == "" || a.Service == "" || len(a.Headers) == 0 {
			t.Fatalf("accepted %+v", a)
		}
		if a.Matches(r, nil, "secret") {
			t.Fatal("an invented signature matches")
		}
	})
}
