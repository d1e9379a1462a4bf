package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/forward"
	"github.com/rdsx/rdsx/aws/reach"
)

// prober asks the database for its first words through the first session of a tunnel, so that ready means ready.
type prober struct {
	cfg    sdk.Config
	target aws.Target
	engine engine.Engine
	asked  atomic.Bool
}

// newProber is nil where nothing is to be asked: the user does not want it, or the engine has no first words.
func (a *app) newProber(r route, flags connectFlags) *prober {
	e := engine.Of(r.target.Engine)
	if flags.noProbe || !e.Speaks() {
		return nil
	}
	return &prober{cfg: r.cfg, target: r.target, engine: e}
}

// greeted opens a session with start and hands it over once the database has answered through it, one round trip later. A
// database that does not answer in time gets a session all the same, and what reach makes of it is told. by is the instance.
func (p *prober) greeted(ctx context.Context, by aws.Instance, start func() (carriedSession, error)) (forward.Session, error) {
	s, err := start()
	if err != nil {
		return nil, err // not s: a carriedSession without a session is no session
	}
	// An agent in basic mode carries one connection in a session's life: it is the user's.
	if p == nil || !s.Stats().Mux || p.asked.Swap(true) {
		return s, nil
	}
	g := p.ask(s)
	select {
	case <-g.answered:
		return greetedSession{s, g}, nil
	case <-g.done:
	case <-ctx.Done():
		g.stop()
		_ = s.Close() // ctx's error is the one to report
		return nil, ctx.Err()
	}
	switch _, err := g.Greeting(); {
	case err == nil:
		return greetedSession{s, g}, nil
	case !errors.Is(err, context.DeadlineExceeded):
		if ended := endOf(s); ended != nil {
			_ = s.Close() // it is over
			return nil, ended
		}
		g.err = p.explain(err)
		return greetedSession{s, g}, nil
	}
	// The agent still waits for its dial, and every later one of this session would wait behind it (docs/aws.md §4).
	_ = s.Close() // terminated or not, another one takes its place
	g.err = p.silence(ctx, by)
	if s, err = start(); err != nil {
		return nil, err
	}
	return greetedSession{s, g}, nil
}

// endOf is why the session is over. What ends it is noticed by its connections first.
func endOf(s forward.Session) error {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-s.Done():
		return s.Err()
	case <-timer.C:
		return nil
	}
}

func (p *prober) explain(err error) error {
	next := "check host and port, and that the database is up: " + p.target.Account.Typed("rdsx doctor "+p.target.Name())
	if errors.Is(err, aws.ErrRefused) {
		return aws.Advise(fmt.Errorf("%s refuses connections", p.target.Endpoint), aws.ErrRefused, next)
	}
	return aws.Advise(fmt.Errorf("%s answers, but not as %s: %w", p.target.Endpoint, p.engine.Name, err), nil, next)
}

// silence says that nothing came back, and which rule may be why.
func (p *prober) silence(ctx context.Context, by aws.Instance) error {
	err := fmt.Errorf("%s does not answer within %s", p.target.Endpoint, engine.Patience)
	next := p.target.Account.Typed("rdsx doctor " + p.target.Name() + " --via " + by.ID)
	if p.target.Database == nil {
		return aws.Advise(err, aws.ErrUnreachable, next)
	}
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	db := *p.target.Database
	db.Endpoint = p.target.Endpoint
	snapshot, failed := reach.Fetch(within, p.cfg, reach.Need{Instances: []aws.Instance{by}, Databases: []aws.Database{db}})
	if failed != nil {
		return aws.Advise(err, aws.ErrUnreachable, next)
	}
	verdict := reach.Check(snapshot, snapshot.Source(by), snapshot.Dest(db)).For(p.target.Account)
	switch why := verdict.Why(); {
	case verdict.Answer == aws.Yes:
		err = fmt.Errorf("%w, although every rule from %s to it lets it through: a firewall of the instance, or of the network", err, by.ID)
	case why != "":
		err = fmt.Errorf("%w: %s", err, why)
	}
	if fix := verdict.Fix(); fix != nil && fix.Command != "" {
		next = fix.Command
	}
	return aws.Advise(err, aws.ErrUnreachable, next)
}

// greeting is what is learnt of a server. server and err are settled once done is closed, or before the session is handed over.
type greeting struct {
	answered chan struct{} // closed with the first answer
	done     chan struct{} // closed when nothing more is asked
	cancel   context.CancelFunc
	server   *aws.Server
	err      error
}

// ask speaks to the server until it is silent for too long, or the greeting is stopped.
func (p *prober) ask(s forward.Session) *greeting {
	ctx, cancel := context.WithTimeout(context.Background(), engine.Patience)
	g := &greeting{answered: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(g.done)
		defer cancel()
		g.server, g.err = p.server(ctx, s, func(engine.Info) { close(g.answered) })
	}()
	return g
}

// server is what the server at the end of the session says of itself; answered is told of its first answer.
func (p *prober) server(ctx context.Context, s forward.Session, answered func(engine.Info)) (*aws.Server, error) {
	dial := func(ctx context.Context) (net.Conn, error) { return s.Dial(ctx) }
	info, err := p.engine.Probe(ctx, dial, p.target.Endpoint.Host, answered)
	switch {
	case errors.Is(err, engine.ErrTLS):
		return &aws.Server{Text: p.engine.Name + ", behind TLS", TLS: true}, nil
	case err != nil:
		return nil, err
	}
	said := info
	said.Names = askedFirst(info.Names, p.target.Endpoint.Host)
	return &aws.Server{Text: p.engine.Describe(said), Version: info.Version, TLS: info.TLS, Names: info.Names, Role: info.Role}, nil
}

func (g *greeting) stop() {
	g.cancel()
	<-g.done
}

// Greeted implements forward.Greeter.
func (g *greeting) Greeted() <-chan struct{} { return g.done }

// Greeting implements forward.Greeter.
func (g *greeting) Greeting() (*aws.Server, error) {
	select {
	case <-g.done:
		return g.server, g.err
	default:
		return nil, nil
	}
}

// greetedSession is a session through which the target has been greeted.
type greetedSession struct {
	carriedSession
	*greeting
}

// Close ends the greeting too.
func (s greetedSession) Close() error {
	s.cancel()
	err := s.carriedSession.Close()
	<-s.done
	return err
}

// askedFirst are the names of a certificate, that which was asked for alone where it is among them.
func askedFirst(names []string, host string) []string {
	if slices.Contains(names, host) {
		return []string{host}
	}
	return names
}
