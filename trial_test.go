package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/forward"
	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

// trial is a simulated AWS of its own, a tunnel through it made of the real session and forwarder, and a witness behind it.
type trial struct {
	box     *sim.Sim
	witness *witness
	forward *forward.Forwarder
	addr    string
	dir     string
	http    *awshttp.BuildableClient
	stop    context.CancelFunc
	ran     chan error
}

const (
	trialHost     = "witness.internal"
	trialInstance = "i-0d000000000000001" // of the default profile's account
)

// sessions opens sessions for the forwarder, as the command line does.
type sessions struct {
	cfg     sdk.Config
	options session.Options
}

// Open implements forward.Dialer.
func (s sessions) Open(ctx context.Context) (forward.Session, error) {
	opened, err := session.Open(ctx, s.cfg, session.Request{Target: trialInstance, Host: trialHost, Port: 5432}, s.options)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// newTrial starts all of it. target is where the tunnel leads, "" for a witness. The caller closes it.
func newTrial(ctx context.Context, o sim.Options, so session.Options, target string) (t *trial, err error) {
	t = &trial{ran: make(chan error, 1), stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.box, err = sim.Start(ctx, o); err != nil {
		return t, err
	}
	if target == "" {
		if t.witness, err = newWitness(ctx); err != nil {
			return t, err
		}
		target = t.witness.addr()
	}
	if err := t.box.World().SetDial(trialHost+":5432", target); err != nil {
		return t, err
	}
	if t.dir, err = os.MkdirTemp("", "rdsx-trial-"); err != nil {
		return t, err
	}
	config, credentials, err := t.box.WriteConfig(t.dir)
	if err != nil {
		return t, err
	}
	cfg, acct, _, err := account.Load(ctx, account.Options{Env: append(t.box.Env(config, credentials), "HOME="+t.dir)})
	if err != nil {
		return t, err
	}
	t.http = awshttp.NewBuildableClient()
	cfg.HTTPClient = t.http
	// The machine may be slow, and that is not what is tried.
	so.SpillDir, so.Handshake, so.TerminateIn = t.dir, time.Minute, 20*time.Second
	where := aws.Target{Account: acct, Instance: aws.Instance{ID: trialInstance}, Endpoint: aws.Endpoint{Host: trialHost, Port: 5432}}
	if t.forward, err = forward.Listen(ctx, forward.Config{Target: where, DialLimit: roundLimit, Hold: roundLimit}, sessions{cfg, so}); err != nil {
		return t, err
	}
	t.addr = t.forward.Snapshot().Local
	running, stop := context.WithCancel(ctx)
	t.stop = stop
	go func() { t.ran <- t.forward.Run(running) }()
	return t, nil
}

// close takes everything down and says what was left open.
func (t *trial) close() error {
	var errs []error
	t.stop()
	if t.forward != nil {
		if err := <-t.ran; err != nil {
			errs = append(errs, fmt.Errorf("the tunnel ended: %w", err))
		}
	}
	if t.http != nil {
		t.http.GetTransport().CloseIdleConnections()
	}
	if t.box != nil {
		for _, left := range t.box.Sessions() {
			errs = append(errs, fmt.Errorf("left open at AWS: %+v", left))
		}
		errs = append(errs, t.box.Close())
	}
	if t.witness != nil {
		t.witness.close()
	}
	if t.dir != "" {
		errs = append(errs, os.RemoveAll(t.dir))
	}
	http.DefaultClient.CloseIdleConnections()
	return errors.Join(errs...)
}

// errand is what a connection is to do.
type errand struct {
	kind load
	n    int64 // bytes to move
}

// lane is one connection through the tunnel and what became of it.
type lane struct {
	errand
	seed  uint64
	ready chan struct{} // closed when it is under way, or over
	once  sync.Once
	after chan struct{} // closed when the fault has struck
	cut   error         // why it ended early
	wrong string        // what must never be
	gap   time.Duration // of an idle one: from the fault to its first byte there and back
}

func (l *lane) underWay() { l.once.Do(func() { close(l.ready) }) }

// newLane is a connection that does e, and is idle until after is closed.
func (t *trial) newLane(e errand, after chan struct{}) *lane {
	return &lane{errand: e, seed: t.witness.seed(), ready: make(chan struct{}), after: after}
}

// round sends traffic through the tunnel, lets the fault strike in the midst of it, and waits for their ends. It
// returns the longest gap of an idle connection, and what must not be: a hang, bytes lost, changed or doubled, a cut that the fault does not excuse, a tunnel that
// carries nothing afterwards.
func (t *trial) round(ctx context.Context, errands []errand, f fault) (gap time.Duration, err error) {
	ctx, stop := context.WithTimeout(ctx, roundLimit)
	defer stop()
	after := make(chan struct{})
	var lanes []*lane
	var running sync.WaitGroup
	for _, e := range errands {
		l := t.newLane(e, after)
		lanes = append(lanes, l)
		running.Go(func() {
			defer l.underWay()
			t.carry(ctx, l)
		})
	}
	for _, l := range lanes {
		<-l.ready
	}
	if f.strike != nil {
		f.strike(ctx, t)
		wait(ctx, f.rest)
	}
	close(after)
	running.Wait()
	t.box.SpareAgent("")
	var errs []error
	for _, l := range lanes {
		errs = append(errs, t.judge(l, f))
		gap = max(gap, l.gap)
	}
	if ctx.Err() == nil {
		errs = append(errs, t.alive(ctx, f))
	}
	if err := errors.Join(errs...); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, t.state())
	}
	return gap, nil
}

// judge says what was wrong with a lane.
func (t *trial) judge(l *lane, f fault) error {
	what := fmt.Sprintf("%s of %d bytes", l.kind, l.n)
	spoilt := t.witness.spoilt(l.seed)
	switch {
	case l.wrong != "":
		return fmt.Errorf("%s: %s", what, l.wrong)
	case errors.Is(l.cut, errHung):
		return fmt.Errorf("%s: %w; spoilt at the target: %q", what, l.cut, spoilt)
	case l.cut == nil && spoilt != "":
		return fmt.Errorf("%s: %s, and the connection was not reset", what, spoilt)
	case errors.Is(l.cut, io.EOF) && f.cuts != everybody:
		return fmt.Errorf("%s: a cut that looks like the end of the data: %w", what, l.cut)
	case l.cut != nil && !f.excuses(l.kind):
		return fmt.Errorf("%s was cut: %w", what, l.cut)
	}
	return nil
}

// alive asks for one byte there and back on a new connection. A fault that cuts connections may still be at it for the first.
func (t *trial) alive(ctx context.Context, f fault) error {
	l := t.newLane(errand{ping, 1}, nil)
	t.carry(ctx, l)
	if l.cut != nil && l.wrong == "" && f.cuts != nobody {
		l = t.newLane(errand{ping, 1}, nil)
		t.carry(ctx, l)
	}
	if l.cut != nil || l.wrong != "" {
		return fmt.Errorf("a new connection afterwards: %w %s", l.cut, l.wrong)
	}
	return nil
}

// state is what can be known of a tunnel that has failed.
func (t *trial) state() string {
	now := t.forward.Snapshot()
	text := fmt.Sprintf("tunnel %s %s; faults %+v\n", now.State, now.Reason, t.box.Faults())
	for _, v := range []any{now.Conns, now.Sessions, now.Pool} {
		line, err := json.Marshal(v)
		text += fmt.Sprintf("  %s %v\n", line, err)
	}
	for _, s := range t.box.AllSessions() {
		text += fmt.Sprintf("  %s %s %q client %v agent %v connections %d %+v\n", s.ID, s.Status, s.Reason, s.Client, s.Agent, s.Connections, s.Counters)
	}
	events := t.forward.Events(0)
	for _, e := range events[max(0, len(events)-25):] {
		text += fmt.Sprintf("  %s %s %s conn %d: %s\n", e.At.Format("05.000"), e.Kind, e.State, e.Conn, e.Text)
	}
	return text
}

func dialTunnel(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}
