package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
)

// TestOpenErrors holds every way in which a session can fail to open to its error, its kind, its advice, and to
// TerminateSession: called once when something was started, never when nothing was.
func TestOpenErrors(t *testing.T) {
	const (
		user     = "User: arn:aws:sts::111122223333:assumed-role/dev/alice is not authorized to perform: ssm:StartSession on resource: "
		why      = " because no identity-based policy allows the ssm:StartSession action"
		document = "arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSessionToRemoteHost"
		instance = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"
		shell    = `[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Standard_Stream","Properties":{}}}]`
	)
	for name, c := range map[string]struct {
		script
		is, kind error
		says     string // in the error
		next     string // in the advice
		started  bool
	}{
		"target not connected": {
			script{startCode: "TargetNotConnected", startText: "i-0123456789abcdef0 is not connected."},
			ErrTargetNotConnected, aws.ErrRefusedByAWS, "i-0123456789abcdef0", "--via", false,
		},
		"denied on the instance": {
			script{startCode: "AccessDeniedException", startText: user + instance + why},
			ErrAccessDenied, aws.ErrRefusedByAWS, "on the instance", "instance", false,
		},
		"denied on the document": {
			script{startCode: "AccessDeniedException", startText: user + document + why},
			ErrAccessDenied, aws.ErrRefusedByAWS, "on the document", DocumentRemoteHost, false,
		},
		"invalid document": {
			script{startCode: "InvalidDocument", startText: "Document does not exist"},
			ErrInvalidDocument, aws.ErrRefusedByAWS, "Document does not exist", "--document", false,
		},
		"throttled": {
			script{startCode: "ThrottlingException", startText: "Rate exceeded"},
			ErrThrottled, aws.ErrRefusedByAWS, "Rate exceeded", "wait", false,
		},
		"expired credentials": {
			script{startCode: "ExpiredTokenException", startText: "The security token included in the request is expired"},
			ErrCredentials, aws.ErrSignIn, "expired", "again", false,
		},
		"unknown key": {
			script{startCode: "UnrecognizedClientException", startText: "The security token included in the request is invalid."},
			ErrCredentials, aws.ErrSignIn, "credentials", "again", false,
		},
		"something else": {
			script{startCode: "BadRequest", startText: "Enable advanced-instances tier to use Session Manager"},
			nil, aws.ErrRefusedByAWS, "advanced-instances", "get-connection-status", false,
		},
		"stream URL elsewhere": {
			script{streamURL: "wss://ssmmessages.eu-west-1.example.com/v1/data-channel/x"},
			ErrStreamURL, aws.ErrRefusedByAWS, "example.com", "endpoint", true,
		},
		"upgrade forbidden": {
			script{upgradeStatus: http.StatusForbidden},
			ErrTokenRefused, aws.ErrRefusedByAWS, "403", "clock", true,
		},
		"upgrade fails": {
			script{upgradeStatus: http.StatusBadGateway},
			ErrConnectionLost, nil, "502", "network", true,
		},
		"upgrade redirected": {
			script{upgradeStatus: http.StatusFound},
			ErrConnectionLost, nil, "302", "network", true,
		},
		"token refused after the upgrade": {
			script{closeCode: 1008},
			ErrTokenRefused, aws.ErrRefusedByAWS, "1008 token not accepted", "again", true,
		},
		"cut at once": {
			script{cut: true},
			ErrConnectionLost, nil, "", "network", true,
		},
		"handshake timed out": {
			script{silent: true},
			ErrHandshakeTimeout, aws.ErrRefusedByAWS, "handshake", "agent on i-0123456789abcdef0", true,
		},
		"handshake refused": {
			script{actions: shell},
			ErrHandshakeRefused, aws.ErrRefusedByAWS, "Standard_Stream", "document", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, c.script, false)
			o := Options{}
			if c.silent {
				o.Handshake = 50 * time.Millisecond
			}
			_, err := Open(context.Background(), b.config(), request(), o)
			if err == nil {
				t.Fatal("no error")
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v\nis not %q", err, c.is)
			}
			if c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("%v\nis not of kind %q", err, c.kind)
			}
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "i-0123456789abcdef0") {
				t.Errorf("%v\ndoes not say %q and the instance", err, c.says)
			}
			if next := aws.NextOf(err); !strings.Contains(next, c.next) || strings.HasSuffix(next, ".") {
				t.Errorf("advice %q, want %q in it", next, c.next)
			}
			want := 0
			if c.started {
				want = 1
			}
			if _, terminated, _ := b.count(); terminated != want {
				t.Errorf("terminated %d times, want %d", terminated, want)
			}
		})
	}
}

func TestOpenChecksFirst(t *testing.T) {
	b := newBox(t, script{}, false)
	for name, c := range map[string]struct {
		change func(*sdk.Config, *Request)
		kind   error
	}{
		"no region":      {func(c *sdk.Config, _ *Request) { c.Region = "" }, aws.ErrUsage},
		"no credentials": {func(c *sdk.Config, _ *Request) { c.Credentials = nil }, aws.ErrSignIn},
		"no target":      {func(_ *sdk.Config, r *Request) { r.Target = "" }, aws.ErrUsage},
		"credentials that fail": {func(c *sdk.Config, _ *Request) {
			c.Credentials = sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
				return sdk.Credentials{}, errors.New("the cupboard is bare")
			})
		}, aws.ErrSignIn},
	} {
		cfg, r := b.config(), request()
		c.change(&cfg, &r)
		if _, err := Open(context.Background(), cfg, r, Options{}); !errors.Is(err, c.kind) || aws.NextOf(err) == "" {
			t.Errorf("%s: %v, want kind %v and advice", name, err, c.kind)
		}
	}
	if started, _, _ := b.count(); started != 0 {
		t.Errorf("%d sessions were started", started)
	}
}

// TestDeadContext: a context that dies in the handshake still gets its session terminated.
func TestDeadContext(t *testing.T) {
	b := newBox(t, script{silent: true}, false)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, b.config(), request(), Options{}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrHandshakeTimeout) {
		t.Errorf("%v, want the context's own error", err)
	}
	if _, terminated, _ := b.count(); terminated != 1 {
		t.Errorf("terminated %d times", terminated)
	}
}

// TestDeadContextInStartSession: StartSession is on its way when the user gives up. Its answer names the session, which is
// terminated.
func TestDeadContextInStartSession(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := newBox(t, script{starting: cancel}, false)
	if _, err := Open(ctx, b.config(), request(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's own error", err)
	}
	if started, terminated, _ := b.count(); started != 1 || terminated != 1 {
		t.Errorf("%d started, %d terminated", started, terminated)
	}
}

// TestEndedByService: what ends a session after Open is Err's to tell, and every connection's.
func TestEndedByService(t *testing.T) {
	for name, c := range map[string]struct {
		output   string
		is, kind error
		next     string
	}{
		"name not resolved":  {"lookup db.internal on 10.0.0.2:53: no such host", ErrNameNotResolved, aws.ErrUnreachable, "db.internal"},
		"destination denied": {"Forwarding to IP address 169.254.169.254 is forbidden.", ErrDestinationDenied, aws.ErrUnreachable, "another host"},
		"refused, basic":     {"Unable to connect to specified port: dial tcp 10.0.0.9:5432: connect: connection refused", ErrClosedByService, aws.ErrRefused, "is up"},
		"terminated":         {"Session terminated by administrator", ErrClosedByService, aws.ErrRefusedByAWS, "again"},
		"idle":               {"", ErrClosedByService, aws.ErrRefusedByAWS, "idle"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, script{closedOutput: &c.output}, false)
			s, err := Open(context.Background(), b.config(), request(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			<-s.Done()
			err = s.Err()
			if !errors.Is(err, c.is) || !errors.Is(err, ErrClosedByService) || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.output) {
				t.Errorf("ended with %v", err)
			}
			if next := aws.NextOf(err); !strings.Contains(next, c.next) {
				t.Errorf("advice %q", next)
			}
			if _, dialErr := s.Dial(context.Background()); !errors.Is(dialErr, c.is) {
				t.Errorf("Dial: %v", dialErr)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			s.Close()
			if _, terminated, _ := b.count(); terminated != 1 {
				t.Errorf("terminated %d times", terminated)
			}
			if !errors.Is(s.Err(), c.is) {
				t.Errorf("after Close the reason is %v", s.Err())
			}
		})
	}
}

// TestSecretsStaySecret looks for the token, the key and the signature in everything that could be printed.
func TestSecretsStaySecret(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var out strings.Builder
	for i, s := range []script{
		{},
		{upgradeStatus: 403},
		{cut: true},
		{closeCode: 1008},
		{silent: true},
		{streamURL: "wss://elsewhere.example/?X-Amz-Signature=" + secretToken},
		{streamURL: "ws://127.0.0.1:1/?X-Amz-Signature=" + secretToken},
		{streamURL: "wss://ssmmessages.eu-west-1.amazonaws.com:443/\x7f?X-Amz-Signature=" + secretToken},
	} {
		b := newBox(t, s, false)
		cfg := b.config()
		cfg.ClientLogMode = sdk.LogResponseWithBody | sdk.LogRequestWithBody | sdk.LogSigning
		if strings.HasPrefix(s.streamURL, "ws://127") {
			cfg.HTTPClient = &http.Client{Transport: detour{b.server.Client().Transport, b.server.Listener.Addr().String()}}
			cfg.BaseEndpoint = sdk.String("http://127.0.0.1:1")
		}
		sess, err := Open(context.Background(), cfg, request(), Options{Log: logger, Handshake: 200 * time.Millisecond})
		fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
		if sess != nil {
			fmt.Fprintf(&out, "%v %+v\n", sess.Stats(), sess.Close())
		}
		b.mu.Lock()
		if i == 0 && b.hello.TokenValue != secretToken {
			t.Errorf("the service got the token %q", b.hello.TokenValue)
		}
		b.mu.Unlock()
	}
	tok := token(secretToken)
	fmt.Fprintf(&out, "%v %+v %#v %s", tok, tok, tok, tok)
	logger.Info("token", "token", tok)
	for _, secret := range []string{secretToken, secretKey, "Signature="} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("printed: %s", out.String())
		}
		if strings.Contains(log.String(), secret) {
			t.Errorf("logged: %s", log.String())
		}
	}
}

// detour sends the API's calls to another address, so that an endpoint can be configured where nothing listens.
type detour struct {
	http.RoundTripper
	addr string
}

func (d detour) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = d.addr
	return d.RoundTripper.RoundTrip(r)
}
