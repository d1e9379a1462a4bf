package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rdsx/rdsx/aws"
)

func request() Request {
	return Request{Target: "i-0123456789abcdef0", Host: "db.internal", Port: 5432}
}

func open(tb testing.TB, b *box, o Options) *Session {
	tb.Helper()
	s, err := Open(context.Background(), b.config(), request(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

func TestEcho(t *testing.T) {
	for name, tls := range map[string]bool{"plain": false, "TLS with its own CA": true} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, script{}, tls)
			s := open(t, b, Options{})
			conn, err := s.Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			want := randomBytes(300_000)
			go func() { _, _ = conn.Write(want) }()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Error("the bytes that came back are others")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if started, terminated, upgrades := b.count(); started != 1 || terminated != 1 || upgrades != 1 {
				t.Errorf("started %d, terminated %d, upgraded %d times", started, terminated, upgrades)
			}
		})
	}
}

// TestStartOutOfTime: StartSession that takes longer than the caller's time is told as such.
func TestStartOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, cfg, transport := inMemory(t, script{starting: func() { time.Sleep(time.Minute) }})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := Open(ctx, cfg, request(), Options{Transport: transport})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second+startGrace {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(time.Minute)
		transport.CloseIdleConnections()
	})
}

// TestNoKeysForNow: keys that a network or a service in trouble keeps from being had are tried again, and are no reason to sign in.
func TestNoKeysForNow(t *testing.T) {
	op := func(err error) error {
		return &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: err}
	}
	answer := func(status int, code string) error {
		return op(&smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code, Message: "no"},
		})
	}
	dns := &net.DNSError{Err: "no such host", Name: "sts.eu-west-1.amazonaws.com", IsNotFound: true}
	for name, c := range map[string]struct {
		failure error
		signIn  bool
	}{
		"offline":          {op(&smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Net: "tcp", Err: dns}}), false},
		"the name is gone": {dns, false},
		"STS is busy":      {answer(503, "ServiceUnavailable"), false},
		"STS throttles":    {answer(400, "Throttling"), false},
		"expired":          {answer(403, "ExpiredToken"), true},
		"no token":         {errors.New("the SSO session has expired or is invalid"), true},
	} {
		b := newBox(t, script{}, false)
		cfg := b.config()
		cfg.Credentials = sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{}, fmt.Errorf("refresh: %w", c.failure)
		})
		if _, err := Open(context.Background(), cfg, request(), Options{}); errors.Is(err, aws.ErrSignIn) != c.signIn || err == nil {
			t.Errorf("%s: %v, next: %s", name, err, aws.NextOf(err))
		}
	}
}
