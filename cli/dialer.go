package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/forward"
	"github.com/rdsx/rdsx/aws/session"
)

// mostOthers is how many other instances that are gone as well are tried when one is: each try can take as long as a handshake may.
const mostOthers = 3

// sessionDialer opens the sessions of a tunnel. When the instance that carries it is gone, the next best one takes over and
// stays.
type sessionDialer struct {
	cfg     sdk.Config
	request session.Request
	options session.Options
	keep    func(*session.Session, aws.Instance) forward.Session
	probe   *prober // nil asks the target nothing
	// others are the instances that could carry the tunnel now, the best first; nil where the user has named one.
	others func(ctx context.Context) ([]aws.Instance, error)

	payloads *payloads // where --payload auto is in force

	mu      sync.Mutex
	carrier aws.Instance
	took    chan struct{} // 1 slot: held while another instance is looked for
}

// newDialer opens the sessions of the route.
func (a *app) newDialer(r route, flags connectFlags) forward.Dialer {
	d := &sessionDialer{
		cfg: r.cfg,
		request: session.Request{
			Document: flags.document, Parameters: parameters(flags.parameters),
			Host: r.target.Endpoint.Host, Port: r.target.Endpoint.Port, Reason: flags.reason,
		},
		options: session.Options{
			Log: a.log(), Window: flags.window, Payload: flags.size(), Legacy: flags.pacing == legacy, SpillDir: a.tempDir(),
			PingEvery: flags.every(), Resets: new(session.Resets),
		},
		keep: func(s *session.Session, by aws.Instance) forward.Session {
			t := r.target
			t.Instance = by
			return a.ledger.kept(s, a.entry(t.Account, t))
		},
		probe:   a.newProber(r, flags),
		carrier: r.target.Instance,
		took:    make(chan struct{}, 1),
	}
	if flags.payload == automatic {
		known := a.payloadsOf(r.cfg.Region, cmp.Or(a.flags.endpointURL, a.getenv("AWS_ENDPOINT_URL")))
		d.payloads = &known
	}
	if flags.via == "" {
		d.others = func(ctx context.Context) ([]aws.Instance, error) { return candidates(ctx, r) }
	}
	return d
}

// candidates are the instances that could carry the route now, in the order in which they would be chosen.
func candidates(ctx context.Context, r route) ([]aws.Instance, error) {
	inv, err := discover.New(r.cfg, r.target.Account, discover.Options{}).All(ctx)
	if err != nil {
		return nil, err
	}
	whole := inv
	var out []aws.Instance
	for len(inv.Instances) > 0 {
		i, _, err := discover.Choose(inv, r.target.Database, r.target.Endpoint)
		if err != nil {
			break // none is left that is fit
		}
		out = append(out, i)
		inv.Instances = slices.DeleteFunc(slices.Clone(inv.Instances), func(x aws.Instance) bool { return x.ID == i.ID })
	}
	return reorder(ctx, r, whole, out), nil
}

// Open implements forward.Dialer.
func (d *sessionDialer) Open(ctx context.Context) (forward.Session, error) {
	by := d.current()
	s, err := d.open(ctx, by, nil)
	if err == nil || !gone(err) || d.others == nil {
		return s, err
	}
	select {
	case d.took <- struct{}{}:
		defer func() { <-d.took }()
	case <-ctx.Done():
		return nil, err
	}
	if now := d.current(); now.ID != by.ID { // somebody else has found one meanwhile
		return d.open(ctx, now, err)
	}
	return d.takeOver(ctx, by, err)
}

// takeOver tries the other instances in turn, and passes by those that a policy does not allow: it may well allow the next. Where
// none works, why the first did not is the error.
func (d *sessionDialer) takeOver(ctx context.Context, from aws.Instance, why error) (forward.Session, error) {
	all, err := d.others(ctx)
	if err != nil {
		return nil, why
	}
	all = slices.DeleteFunc(all, func(i aws.Instance) bool { return i.ID == from.ID })
	for tried := 0; len(all) > 0 && tried < mostOthers; all = all[1:] {
		s, err := d.open(ctx, all[0], why)
		switch {
		case err == nil:
			d.mu.Lock()
			d.carrier = all[0]
			d.mu.Unlock()
			return s, nil
		case gone(err):
			tried++
		case !deniedOnInstance(err):
			return nil, err
		}
	}
	return nil, why
}

func (d *sessionDialer) current() aws.Instance {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.carrier
}

// open starts a session on the instance; why says why it is not another. The first one is handed over once the target answers.
func (d *sessionDialer) open(ctx context.Context, by aws.Instance, why error) (forward.Session, error) {
	return d.probe.greeted(ctx, by, func() (carriedSession, error) { return d.start(ctx, by, why) })
}

func (d *sessionDialer) start(ctx context.Context, by aws.Instance, why error) (carriedSession, error) {
	request := d.request
	request.Target = by.ID
	options := d.options
	if d.payloads != nil {
		options.Payload = d.payloads.best(time.Now())
	}
	s, err := session.Open(ctx, d.cfg, request, options)
	switch {
	case errors.Is(err, session.ErrThrottled):
		return carriedSession{}, laterError{err}
	case err != nil:
		return carriedSession{}, err
	}
	return carriedSession{Session: d.keep(s, by), inner: s, by: by, why: why, payloads: d.payloads, probe: d.probe}, nil
}

// askingMFA asks for the code of an MFA device, as askMFA, and counts in asking while it does: credentials may have to be renewed
// in the middle of a tunnel's life, and what reports on the tunnel must leave the question alone until it is answered.
func (a *app) askingMFA(asking *atomic.Int32) account.AskMFA {
	return func(ctx context.Context, serial string, refused bool) (string, error) {
		asking.Add(1)
		defer asking.Add(-1)
		if a.isTerminal(a.Stderr) {
			fmt.Fprint(a.Stderr, "\r\x1b[K") // the live counters
		}
		return a.askMFA(ctx, serial, refused)
	}
}

// gone says that the instance cannot carry a session now, whatever is asked of it.
func gone(err error) bool {
	return errors.Is(err, session.ErrTargetNotConnected) || errors.Is(err, session.ErrHandshakeTimeout)
}

// deniedOnInstance says that a policy does not allow a session on this instance. It may be its tag that is missing.
func deniedOnInstance(err error) bool {
	var denied *session.AccessDeniedError
	return errors.As(err, &denied) && !denied.OnDocument()
}

// laterError is a refusal that ends by itself.
type laterError struct{ error }

// Is makes it the kind of error that forward waits for.
func (laterError) Is(target error) bool { return target == aws.ErrBusy } //nolint:errorlint // the kind itself is asked for

func (e laterError) Unwrap() error { return e.error }

// What forward finds in a session beyond its contract it asks for at run time: without these a method that is lost is lost unseen.
var (
	_ forward.Awake   = carriedSession{}
	_ forward.Asker   = carriedSession{}
	_ forward.Carrier = carriedSession{}
	_ forward.Linked  = carriedSession{}
	_ interface {
		forward.Awake
		forward.Asker
		forward.Carrier
		forward.Linked
		forward.Greeter
		Drain(ctx context.Context) error
	} = greetedSession{}
)

// carriedSession is a session that knows its instance; what forward asks of it beyond its contract is passed on.
type carriedSession struct {
	forward.Session
	inner    *session.Session
	by       aws.Instance
	why      error
	payloads *payloads
	probe    *prober
}

// Ask implements forward.Asker.
func (c carriedSession) Ask(ctx context.Context) (*aws.Server, error) {
	if c.probe == nil {
		return nil, fmt.Errorf("ask what answers: %w", errors.ErrUnsupported)
	}
	within, cancel := context.WithTimeout(ctx, engine.Patience)
	defer cancel()
	return c.probe.server(within, c, nil)
}

// Close ends the session, and keeps what it has found out.
func (c carriedSession) Close() error {
	if c.payloads != nil {
		c.payloads.learn(c.inner.Stats(), time.Now())
	}
	return c.Session.Close()
}

// Carrier implements forward.Carrier.
func (c carriedSession) Carrier() (aws.Instance, error) { return c.by, c.why }

// Changed implements forward.Linked.
func (c carriedSession) Changed() <-chan struct{} { return c.inner.Changed() }

// Retry implements forward.Linked.
func (c carriedSession) Retry() { c.inner.Retry() }

// KeepAlive keeps the session from becoming idle.
func (c carriedSession) KeepAlive() { c.inner.KeepAlive() }

// Drain waits until the agent has what was written to the session's connections.
func (c carriedSession) Drain(ctx context.Context) error { return c.inner.Drain(ctx) }

// whereabouts watches for a fail-over of the target.
type whereabouts struct {
	cfg sdk.Config
	db  aws.Database
}

// watcher is nil for a target that does not move under its name.
func (r route) watcher() forward.Watcher {
	if !discover.Moves(r.target.Database) {
		return nil
	}
	return whereabouts{cfg: r.cfg, db: *r.target.Database}
}

// Look implements forward.Watcher.
func (w whereabouts) Look(ctx context.Context) (forward.Place, error) {
	now, err := discover.Locate(ctx, w.cfg, w.db)
	if err != nil {
		return forward.Place{}, fmt.Errorf("watch for a fail-over: %w", err)
	}
	place := forward.Place{Mark: now.Mark, What: now.What, At: now.At}
	for _, m := range now.Members {
		role := aws.RoleReader
		if m.Writer {
			role = aws.RoleWriter
		}
		place.Members = append(place.Members, forward.Member{ID: m.ID, Host: m.Host, Role: string(role)})
	}
	return place, nil
}
