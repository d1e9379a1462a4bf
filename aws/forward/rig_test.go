package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// rig is a running forwarder on a fake listener, in a synctest bubble.
type rig struct {
	t *testing.T
	*Forwarder
	dialer   *fakeDialer
	listener *fakeListener
	stopRun  context.CancelFunc
	done     chan struct{}
	err      error // of Run, once done is closed
}

func where() aws.Target {
	return aws.Target{
		Instance: aws.Instance{ID: "i-0123", Name: "bastion", Groups: []string{"sg-node"}},
		Database: &aws.Database{ID: "orders", Groups: []string{"sg-db"}},
		Endpoint: aws.Endpoint{Host: "orders.internal", Port: 5432},
	}
}

// bubble runs test with a forwarder that is started and, at the end, stopped; every session must be closed then.
func bubble(t *testing.T, cfg Config, d *fakeDialer, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		if cfg.Target.Database == nil {
			cfg.Target = where()
		}
		r := &rig{t: t, dialer: d, listener: l, done: make(chan struct{})}
		r.Forwarder = newForwarder(cfg.withDefaults(), d, binding{listeners: []net.Listener{l}, local: "127.0.0.1:5432", listening: []string{"127.0.0.1:5432"}})
		var ctx context.Context
		ctx, r.stopRun = context.WithCancel(t.Context())
		go func() {
			defer close(r.done)
			r.err = r.Run(ctx)
		}()
		synctest.Wait()
		test(r)
		r.stopRun()
		<-r.done
		time.Sleep(time.Second) // for those that pump to notice
		for _, s := range d.all() {
			if n := s.count(&s.closed); n != 1 {
				t.Errorf("session %s was closed %d times, want once", s.id, n)
			}
		}
		if got := r.Snapshot(); got.State != aws.StateClosed || len(got.Conns) > 0 || len(got.Sessions) > 0 {
			t.Errorf("after Run: %+v", got)
		}
	})
}

// connect is a local client's connection.
func (r *rig) connect() *end {
	r.t.Helper()
	client, server := newLocal()
	r.listener.conns <- server
	synctest.Wait()
	return client
}

// dialled is the far end of the connection that session n (from 1) has dialled next.
func (r *rig) dialled(n int) *far {
	r.t.Helper()
	synctest.Wait()
	all := r.dialer.all()
	if len(all) < n {
		r.t.Fatalf("%d sessions were opened, want %d", len(all), n)
	}
	select {
	case c := <-all[n-1].dials:
		return c
	default:
		r.t.Fatalf("session %d has dialled nothing more", n)
		return nil
	}
}

// send writes text from one side and expects it at the other.
func (r *rig) send(from io.Writer, to io.Reader, text string) {
	r.t.Helper()
	go func() { _, _ = io.WriteString(from, text) }()
	buf := make([]byte, len(text))
	if _, err := io.ReadFull(to, buf); err != nil || string(buf) != text {
		r.t.Fatalf("got %q, %v; want %q", buf, err, text)
	}
	synctest.Wait()
}

// ends reads c to its end and says how it ended.
func ends(c io.Reader) error {
	_, err := io.Copy(io.Discard, c)
	return err
}

func (r *rig) wantReset(c io.Reader) {
	r.t.Helper()
	if err := ends(c); !errors.Is(err, syscall.ECONNRESET) {
		r.t.Errorf("the local client sees %v, want a reset", err)
	}
}

func (r *rig) wantState(want aws.TunnelState) {
	r.t.Helper()
	synctest.Wait()
	if got := r.Snapshot(); got.State != want {
		r.t.Errorf("the tunnel is %s (%s), want %s", got.State, got.Reason, want)
	}
}

// told is the last event of the kind, with how many there were.
func (r *rig) told(kind aws.EventKind) (last aws.Event, n int) {
	synctest.Wait()
	for _, e := range r.Events(0) {
		if e.Kind == kind {
			last, n = e, n+1
		}
	}
	return last, n
}

// wantTold expects so many events of the kind, the last of which contains each of the words in its text or hint.
func (r *rig) wantTold(kind aws.EventKind, n int, words ...string) {
	r.t.Helper()
	e, got := r.told(kind)
	if got != n {
		r.t.Errorf("%d events %s, want %d: %+v", got, kind, n, r.Events(0))
	}
	for _, w := range words {
		if !says(e, w) {
			r.t.Errorf("event %s says %q, hint %q: nothing of %q", kind, e.Text, e.Next, w)
		}
	}
}

// says is whether an event has each of the words in its text or hint.
func says(e aws.Event, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(e.Text+" / "+e.Next, w) {
			return false
		}
	}
	return true
}
