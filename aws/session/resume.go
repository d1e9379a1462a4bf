package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

const (
	firstRetry = 100 * time.Millisecond // after the first failed attempt to resume; doubled with each
	lastRetry  = 5 * time.Second
	// deniedFor is how long ResumeSession may be denied, with no other answer in between, before the session is given up: a
	// policy that has just been changed takes some seconds, and one that stays as it is would let every connection hang.
	deniedFor = time.Minute
	// A websocket that worked is replaced without a pause, quickResumes times in a row and once more for each quickEvery: the
	// service must not be asked without end for websockets that it closes at once.
	quickResumes = 20
	quickEvery   = 5 * time.Second
	// callLimit bounds ResumeSession, whose answer a dead network never brings.
	callLimit = 10 * time.Second
	// keysLimit bounds the wait for credentials: somebody may have to type a code.
	keysLimit = 2 * time.Minute

	resumeSession  = "ssm:ResumeSession"
	unknownSession = "DoesNotExistException" // what AWS answers about a session that it has forgotten
)

// keeper gives a session one websocket after the other. The service closes each after about an hour, and networks do so
// when they like (docs/protocol.md §1.5): as long as the session exists, nobody but Stats notices.
type keeper struct {
	s      *Session
	cfg    sdk.Config // of the latest attempt
	stream *url.URL
	tries  int       // attempts in a row
	denied time.Time // since when ResumeSession is denied, zero while it is not

	quick   int       // resumes without a pause that are left
	quickAt time.Time // as of then
}

// again says, after a websocket that worked, whether the first attempt may be made at once.
func (k *keeper) again(now time.Time) bool {
	if more := int(now.Sub(k.quickAt) / quickEvery); more > 0 {
		k.quick, k.quickAt = min(k.quick+more, quickResumes), now
	}
	if k.quick == 0 {
		return false
	}
	k.quick--
	return true
}

// keep runs transports until the session is over.
func (k *keeper) keep(t *transport) {
	c := k.s.channel
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k.s.running.Go(func() {
		<-c.done
		cancel()
	})
	for t != nil {
		err := t.run(c)
		if c.reason() != nil {
			return
		}
		if !c.shaken() {
			c.end(c.lost(err))
			return
		}
		if t.proven.Load() && k.again(time.Now()) {
			k.tries = 0
		}
		c.log.Debug("websocket lost", "session", k.s.id, "error", err)
		c.unlinked(t.batch.lastHeard())
		c.link.lost(lossOf(err))
		t = k.resume(ctx)
	}
}

// lossOf is why a websocket was lost, for a person.
func lossOf(err error) error {
	if status := closeStatus(err); status != "" {
		return errors.New("the service closed the websocket: " + status)
	}
	var network *net.OpError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was cut")
	case errors.As(err, &network):
		return network
	}
	return err
}

// resume tries until there is a websocket. It gives none, and has ended the channel, when the session is over.
func (k *keeper) resume(ctx context.Context) *transport {
	c := k.s.channel
	select {
	case <-c.retry: // meant for an earlier loss
	default:
	}
	for {
		if !k.wait(ctx) {
			return nil
		}
		t, err := k.attempt(ctx)
		var over *ClosedError
		switch {
		case err == nil:
			k.denied = time.Time{}
			c.relinked()
			return t
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &over), k.hopeless(err, time.Now()):
			c.end(err)
			return nil
		}
		c.log.Debug("session not resumed", "session", k.s.id, "attempt", k.tries, "error", err)
		c.link.failed(err)
	}
}

// hopeless takes note of why an attempt has failed, and says whether no more are to be made.
func (k *keeper) hopeless(err error, now time.Time) bool {
	switch {
	case !errors.Is(err, ErrAccessDenied):
		k.denied = time.Time{}
		return false
	case k.denied.IsZero():
		k.denied = now
	}
	return now.Sub(k.denied) >= deniedFor
}

// wait passes the time until the next attempt, which Retry ends. The upper half of it is random: many tunnels that lose one
// network do not come back at once.
func (k *keeper) wait(ctx context.Context) bool {
	c := k.s.channel
	if k.tries > 0 {
		d := min(firstRetry<<min(k.tries-1, 10), lastRetry)
		d = d/2 + rand.N(d/2)
		c.link.trying(k.tries+1, time.Now().Add(d))
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.retry:
		case <-ctx.Done():
			return false
		}
	}
	k.tries++
	c.link.trying(k.tries, time.Time{})
	return ctx.Err() == nil
}

// attempt gets fresh credentials, a new token and a websocket. The error is a *ClosedError when the session is over.
func (k *keeper) attempt(ctx context.Context) (*transport, error) {
	s, o := k.s, k.s.channel.options
	doing := func(err error) error { return fmt.Errorf("resume session %s: %w", s.id, err) }
	if err := k.configure(ctx); err != nil {
		return nil, doing(err)
	}
	client := newClient(k.cfg)
	within, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	out, err := client.ResumeSession(within, &ssm.ResumeSessionInput{SessionId: sdk.String(s.id)}, func(so *ssm.Options) { so.RetryMaxAttempts = 1 })
	if err != nil {
		forgetKeys(k.cfg, err)
		return nil, doing(resumeError(err))
	}
	if sdk.ToString(out.TokenValue) == "" { // docs/protocol.md §1.1
		return nil, doing(closedError("", s.channel.request.Host))
	}
	if raw := sdk.ToString(out.StreamUrl); raw != "" {
		stream, err := checkStreamURL(raw, k.cfg.Region, sdk.ToString(client.Options().BaseEndpoint))
		if err == nil {
			k.stream = stream
		} else {
			o.Log.Debug("stream URL of ResumeSession refused, the old one is used", "session", s.id, "error", err)
		}
	}
	within, cancel = context.WithTimeout(ctx, o.Handshake)
	defer cancel()
	t, err := dialStream(within, k.cfg, k.stream, token(sdk.ToString(out.TokenValue)), s.channel)
	if err != nil {
		return nil, doing(err)
	}
	t.resumed = true
	s.client = client
	return t, nil
}

// configure asks for the configuration and lets its provider renew the credentials.
func (k *keeper) configure(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, keysLimit)
	defer cancel()
	if renew := k.s.channel.options.Config; renew != nil {
		cfg, err := renew(within)
		if err != nil {
			return err
		}
		k.cfg = cfg
	}
	if k.cfg.Credentials == nil {
		return credentialsError(ErrCredentials)
	}
	if _, err := k.cfg.Credentials.Retrieve(within); err != nil {
		return credentialsError(err)
	}
	return nil
}

// forgetKeys makes the provider of cfg renew credentials that AWS does not take, whatever expiry it believes in. It says whether
// that was what err said.
func forgetKeys(cfg sdk.Config, err error) bool {
	var api smithy.APIError
	cache, ok := cfg.Credentials.(interface{ Invalidate() })
	if !ok || !errors.As(err, &api) || !refusedKeys(api.ErrorCode()) {
		return false
	}
	cache.Invalidate()
	return true
}

// resumeError explains what ResumeSession answered.
func resumeError(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch code := api.ErrorCode(); {
	case code == unknownSession:
		return closedError("", "")
	case refusedKeys(code), noAccess(err) && fromCredentials(err): // the call was not even made
		return credentialsError(err)
	case noAccess(err):
		denied := deniedBy(api.ErrorMessage())
		denied.Action = resumeSession
		return aws.Advise(denied, aws.ErrRefusedByAWS, "ask for a policy that allows "+resumeSession+
			" on your own sessions; rdsx policy connect prints one")
	}
	return err
}

// needsSignIn says whether an attempt failed because of who asked, which no network and no patience will mend.
func needsSignIn(err error) bool {
	return errors.Is(err, aws.ErrSignIn) && !passing(err) && !errors.Is(err, context.DeadlineExceeded)
}
