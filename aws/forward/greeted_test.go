package forward

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/rdsx/rdsx/aws"
)

// greeting is what a fake session has learnt of its target.
type greeting struct {
	done   chan struct{}
	server *aws.Server
	err    error
}

func (g *greeting) Greeted() <-chan struct{} { return g.done }

func (g *greeting) Greeting() (*aws.Server, error) {
	select {
	case <-g.done:
		return g.server, g.err
	default:
		return nil, nil
	}
}

// greetingDialer opens sessions that have greeted the target.
type greetingDialer struct {
	*fakeDialer
	*greeting
}

type greeter struct {
	Session
	*greeting
}

func (d greetingDialer) Open(ctx context.Context) (Session, error) {
	s, err := d.fakeDialer.Open(ctx)
	if err != nil {
		return nil, err
	}
	return greeter{s, d.greeting}, nil
}

// greetedBy runs a forwarder whose session has greeted the target with g.
func greetedBy(t *testing.T, role aws.Role, g *greeting, test func(*Forwarder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g.done = make(chan struct{}) // of the bubble
		if g.err != nil {
			close(g.done)
		}
		cfg := Config{Target: where()}
		cfg.Target.Database.Role = role
		f := newForwarder(cfg.withDefaults(), greetingDialer{sessions(nil), g}, binding{listeners: []net.Listener{newFakeListener()}, local: "127.0.0.1:5432"})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = f.Run(ctx)
		}()
		synctest.Wait()
		test(f)
		stop()
		<-ended
	})
}

func TestServerIsToldWhenItIsKnown(t *testing.T) {
	t.Parallel()
	g := &greeting{server: &aws.Server{Text: "Redis 7, writer", Role: "writer"}}
	greetedBy(t, aws.RoleWriter, g, func(f *Forwarder) {
		if now := f.Snapshot(); now.State != aws.StateIdle || now.Server != nil {
			t.Errorf("before the rest is learnt: %s, %+v; want ready, and nothing said yet", now.State, now.Server)
		}
		close(g.done)
		synctest.Wait()
		if now := f.Snapshot(); now.Server == nil || now.Server.Text != "Redis 7, writer" || now.Serving != "" {
			t.Errorf("after it: %+v, serving %q", now.Server, now.Serving)
		}
		events := f.Events(0)
		if last := events[len(events)-1]; last.Kind != aws.EventServer || last.Text != "Redis 7, writer" {
			t.Errorf("the last event is %+v", last)
		}
	})
}

func TestReaderBehindAWriterEndpoint(t *testing.T) {
	t.Parallel()
	g := &greeting{server: &aws.Server{Text: "Redis 7, reader", Role: "reader"}}
	greetedBy(t, aws.RoleWriter, g, func(f *Forwarder) {
		close(g.done)
		synctest.Wait()
		if now := f.Snapshot(); now.Serving != "reader" {
			t.Errorf("serving %q, want that it is said", now.Serving)
		}
	})
}

// TestSilenceIsToldFirst: whoever waits for the tunnel to be ready reads why the target does not answer before that.
func TestSilenceIsToldFirst(t *testing.T) {
	t.Parallel()
	g := &greeting{err: aws.Advise(errors.New("it does not answer"), aws.ErrUnreachable, "open the group")}
	greetedBy(t, aws.RoleInstance, g, func(f *Forwarder) {
		events := f.Events(0)
		silence := slices.IndexFunc(events, func(e aws.Event) bool {
			return e.Kind == aws.EventServer && e.Text == "it does not answer" && e.Next == "open the group"
		})
		ready := slices.IndexFunc(events, func(e aws.Event) bool { return e.State == aws.StateIdle })
		if silence < 0 || ready < 0 || silence > ready {
			t.Errorf("silence is event %d, ready event %d of %+v", silence, ready, events)
		}
		if now := f.Snapshot(); now.Server != nil {
			t.Errorf("a server is told: %+v", now.Server)
		}
	})
}
