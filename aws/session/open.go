package session

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/rdsx/rdsx/aws"
)

// token authenticates the websocket. No way of printing shows it.
type token string

const redacted = "(token)"

func (token) String() string       { return redacted }
func (token) GoString() string     { return redacted }
func (token) LogValue() slog.Value { return slog.StringValue(redacted) }

// Open starts a session and returns when connections can be dialled through it, or with the reason why not: an *aws.Hint
// around one of this package's errors. ctx bounds the opening only. The caller closes the session; after an error there is
// nothing to close, since what had been started is terminated again.
func Open(ctx context.Context, cfg sdk.Config, r Request, o Options) (*Session, error) {
	r, o = r.withDefaults(), o.withDefaults()
	if err := check(cfg, r); err != nil {
		return nil, err
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("start a session on %s: %w", r.Target, credentialsError(err))
	}
	client := newClient(cfg)
	in := &ssm.StartSessionInput{Target: sdk.String(r.Target), DocumentName: sdk.String(r.Document), Parameters: r.Parameters}
	if r.Reason != "" {
		in.Reason = sdk.String(r.Reason)
	}
	out, err := start(ctx, client, in)
	if err != nil && renewed(ctx, cfg, keys, err) {
		out, err = start(ctx, client, in)
	}
	if err != nil {
		forgetKeys(cfg, err)
		return nil, startError(r, err)
	}
	s := &Session{
		id:        sdk.ToString(out.SessionId),
		started:   time.Now(),
		channel:   newChannel(r, o),
		cfg:       cfg,
		client:    client,
		terminate: o.TerminateIn,
	}
	o.Log.Debug("session started", "session", s.id, "target", r.Target, "document", r.Document)
	endpoint := sdk.ToString(client.Options().BaseEndpoint)
	stream, err := checkStreamURL(sdk.ToString(out.StreamUrl), cfg.Region, endpoint)
	if err != nil {
		err = aws.Advise(err, aws.ErrRefusedByAWS, "check the configured endpoint URL and what answers there")
	} else {
		err = s.establish(ctx, cfg, stream, token(sdk.ToString(out.TokenValue)))
	}
	if err != nil {
		s.close(ctx, err) //nolint:errcheck // the first failure is the one to report
		return nil, fmt.Errorf("open session %s on %s: %w", s.id, r.Target, err)
	}
	return s, nil
}

func newClient(cfg sdk.Config) *ssm.Client {
	return ssm.NewFromConfig(cfg, func(so *ssm.Options) {
		so.ClientLogMode &^= sdk.LogRequestWithBody | sdk.LogResponseWithBody // the answer holds the token
	})
}

// renewed says whether a call failed for its keys and there are others now: written to the file meanwhile, for one.
func renewed(ctx context.Context, cfg sdk.Config, keys sdk.Credentials, err error) bool {
	if !forgetKeys(cfg, err) {
		return false
	}
	now, err := cfg.Credentials.Retrieve(ctx)
	return err == nil && (now.AccessKeyID != keys.AccessKeyID || now.SessionToken != keys.SessionToken)
}

// startGrace is how much longer the answer to StartSession is waited for when the caller has given up.
const startGrace = 700 * time.Millisecond

// start calls StartSession. A request that is on its way cannot be taken back, and only its answer names the session: so
// when ctx ends first, the answer gets startGrace to arrive, and the session can be terminated.
func start(ctx context.Context, client *ssm.Client, in *ssm.StartSessionInput) (*ssm.StartSessionOutput, error) {
	calling, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	giveUp := func() { cancel(context.Cause(ctx)) }
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(startGrace, giveUp) })
	defer stop()
	out, err := client.StartSession(calling, in)
	if err != nil && calling.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(calling), err)
	}
	return out, err
}

// check refuses what could never work.
func check(cfg sdk.Config, r Request) error {
	switch {
	case cfg.Region == "":
		return aws.Advise(fmt.Errorf("start a session on %s: no region", r.Target), aws.ErrUsage, "add --region")
	case cfg.Credentials == nil:
		return aws.Advise(fmt.Errorf("start a session on %s: %w", r.Target, ErrCredentials), aws.ErrSignIn, "rdsx profiles login, or aws configure")
	case r.Target == "":
		return aws.Advise(fmt.Errorf("start a session: no instance given"), aws.ErrUsage, "add --via")
	}
	return nil
}

// establish connects the websocket and waits for the end of the handshake.
func (s *Session) establish(ctx context.Context, cfg sdk.Config, stream *url.URL, t token) error {
	c := s.channel
	within, cancel := context.WithTimeout(ctx, c.options.Handshake)
	defer cancel()
	tr, err := dialStream(within, cfg, stream, t, c)
	if err != nil {
		return err
	}
	k := &keeper{s: s, cfg: cfg, stream: stream}
	s.running.Go(func() { k.keep(tr) })
	select {
	case <-c.ready:
		return nil // a failure that is there already is Err's to tell
	case <-c.done:
		if c.shaken() {
			return nil // both at once: the same
		}
		return c.reason()
	case <-within.Done():
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the handshake: %w", context.Cause(ctx))
		}
		if refusal := c.refusedHandshake(); refusal != nil {
			return refusal
		}
		return handshakeTimeout(c.request.Target)
	}
}

// dialStream signs and opens the websocket.
func dialStream(ctx context.Context, cfg sdk.Config, stream *url.URL, t token, c *channel) (*transport, error) {
	signed, header, err := sign(ctx, cfg, stream, time.Now())
	if err != nil {
		return nil, err
	}
	base := c.options.Transport
	if base == nil {
		base = transportOf(cfg)
	}
	tr, err := connect(ctx, signed, header, base, t, c.options, c.signal)
	if err != nil {
		return nil, err
	}
	tr.vitals.ask = connectionStatus(cfg, c.request.Target)
	return tr, nil
}

// transportOf finds the HTTP transport under an SDK configuration: its proxy and root certificates hold for the websocket
// too.
func transportOf(cfg sdk.Config) *http.Transport {
	switch client := cfg.HTTPClient.(type) {
	case interface{ GetTransport() *http.Transport }:
		return client.GetTransport()
	case *http.Client:
		if rt, ok := client.Transport.(*http.Transport); ok {
			return rt
		}
	}
	return awshttp.NewBuildableClient().GetTransport()
}
