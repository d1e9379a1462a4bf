package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// end is one end of a local connection made of two pipes: it can be half-closed and reset like a TCP connection.
type end struct {
	net.Conn // reads
	out      net.Conn
	linger   atomic.Int32 // -1 until SetLinger
	reset    *atomic.Bool // by this end
	wasReset *atomic.Bool // by the other end
}

func newLocal() (client, server *end) {
	upIn, upOut := net.Pipe()
	downIn, downOut := net.Pipe()
	var a, b atomic.Bool
	client = &end{Conn: downIn, out: upOut, reset: &a, wasReset: &b}
	server = &end{Conn: upIn, out: downOut, reset: &b, wasReset: &a}
	client.linger.Store(-1)
	server.linger.Store(-1)
	return client, server
}

func (e *end) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if err != nil && e.wasReset.Load() {
		err = syscall.ECONNRESET
	}
	return n, err
}

func (e *end) Write(p []byte) (int, error) {
	n, err := e.out.Write(p)
	if err != nil {
		err = syscall.EPIPE
	}
	return n, err
}

func (e *end) CloseWrite() error           { return e.out.Close() }
func (e *end) SetLinger(sec int) error     { e.linger.Store(int32(sec)); return nil }
func (e *end) RemoteAddr() net.Addr        { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000} }
func (e *end) SetDeadline(time.Time) error { panic("not used") }

func (e *end) Close() error {
	if e.linger.Load() == 0 {
		e.reset.Store(true)
	}
	_ = e.out.Close()
	return e.Conn.Close()
}

// abort resets the connection.
func (e *end) abort() {
	_ = e.SetLinger(0)
	_ = e.Close()
}

// fakeListener is a local address without a socket.
type fakeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFakeListener() *fakeListener {
	return &fakeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5432} }

// far is the remote side of a connection that was dialled: what the session gives (near) and what a test's target holds.
type far struct {
	net.Conn // the target's end
	near     *near
}

// near is the Conn that a fake session gives: its end can be made any error, as the mux does.
type near struct {
	net.Conn
	mu     sync.Mutex
	end    error // in place of io.EOF
	resets []error
	closes int
}

func (n *near) Read(p []byte) (int, error) {
	k, err := n.Conn.Read(p)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.end != nil && errors.Is(err, io.EOF) {
		err = n.end
	}
	return k, err
}

func (n *near) Reset(err error) {
	n.mu.Lock()
	n.resets = append(n.resets, err)
	n.mu.Unlock()
	_ = n.Conn.Close()
}

func (n *near) Close() error {
	n.mu.Lock()
	n.closes++
	n.mu.Unlock()
	return n.Conn.Close()
}

// endWith ends the connection from the target's side: nil is its FIN.
func (r *far) endWith(err error) {
	r.near.mu.Lock()
	r.near.end = err
	r.near.mu.Unlock()
	_ = r.Close()
}

// fakeSession is a session in memory. Its targets do what the test says.
type fakeSession struct {
	id     string
	basic  bool          // one connection at a time, no probes
	frees  time.Duration // basic: how long after a connection's end the session is free
	probe  func(ctx context.Context) error
	closer error        // what Close gives
	target func(r *far) // run for each connection dialled; nil leaves it to the test
	dials  chan *far    // 100 slots: every connection dialled
	wg     sync.WaitGroup

	mu     sync.Mutex
	done   chan struct{}
	err    error
	open   []*far
	inUse  int
	closed int
	probes int
}

func newSession(id string) *fakeSession {
	return &fakeSession{
		id: id, done: make(chan struct{}), dials: make(chan *far, 1000),
		probe: func(context.Context) error { return nil },
	}
}

func (s *fakeSession) Dial(context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if s.basic && s.inUse > 0 {
		return nil, aws.ErrBusy
	}
	a, b := net.Pipe()
	r := &far{Conn: b, near: &near{Conn: a}}
	s.open = append(s.open, r)
	s.inUse++
	s.dials <- r
	if s.target != nil {
		s.wg.Go(func() { s.target(r) })
	}
	if s.basic {
		return &counted{near: r.near, s: s}, nil
	}
	return r.near, nil
}

// counted frees a basic session's slot when its connection is closed.
type counted struct {
	*near
	s    *fakeSession
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		time.AfterFunc(c.s.frees, func() {
			c.s.mu.Lock()
			defer c.s.mu.Unlock()
			c.s.inUse--
		})
	})
	return c.near.Close()
}

func (s *fakeSession) Probe(ctx context.Context) error {
	s.mu.Lock()
	s.probes++
	basic := s.basic
	s.mu.Unlock()
	if basic {
		return errors.ErrUnsupported
	}
	return s.probe(ctx)
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }

func (s *fakeSession) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// end ends the session with err, and every connection through it.
func (s *fakeSession) end(err error) {
	s.mu.Lock()
	first, open := s.err == nil, s.open
	if first {
		s.err = err
		close(s.done)
	}
	s.mu.Unlock()
	for _, r := range open {
		if first {
			r.endWith(err)
		}
	}
}

func (s *fakeSession) Close() error {
	s.end(aws.ErrClosed)
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return s.closer
}

func (s *fakeSession) Stats() aws.SessionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return aws.SessionStats{ID: s.id, Mux: !s.basic}
}

func (s *fakeSession) count(what *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *what
}

// fakeDialer opens the sessions that make gives, numbered from 1.
type fakeDialer struct {
	mu     sync.Mutex
	opened []*fakeSession
	calls  int
	make   func(ctx context.Context, n int) (*fakeSession, error)
}

// sessions opens one session after the other, each set up by with.
func sessions(with func(*fakeSession)) *fakeDialer {
	return &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
		s := newSession(fmt.Sprintf("s-%d", n))
		if with != nil {
			with(s)
		}
		return s, nil
	}}
}

func (d *fakeDialer) Open(ctx context.Context) (Session, error) {
	d.mu.Lock()
	d.calls++
	n := d.calls
	d.mu.Unlock()
	s, err := d.make(ctx, n)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened = append(d.opened, s)
	return s, nil
}

func (d *fakeDialer) tries() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// all are the sessions opened so far, the first being number 0.
func (d *fakeDialer) all() []*fakeSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*fakeSession(nil), d.opened...)
}

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
		cfg.Target = where()
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
		if !strings.Contains(e.Text+" / "+e.Next, w) {
			r.t.Errorf("event %s says %q, hint %q: nothing of %q", kind, e.Text, e.Next, w)
		}
	}
}
