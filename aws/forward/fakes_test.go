package forward

import (
	"context"
	"errors"
	"io"
	"net"
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
	deaf   bool
	mu     sync.Mutex
	end    error // in place of io.EOF
	resets []error
	closes int

	wroteTo, readFrom atomic.Bool // by fast
}

// fast is a conn with copy paths of its own.
type fast struct{ *near }

func (c fast) WriteTo(w io.Writer) (int64, error) {
	c.wroteTo.Store(true)
	return io.Copy(w, struct{ io.Reader }{c.near})
}

func (c fast) ReadFrom(r io.Reader) (int64, error) {
	c.readFrom.Store(true)
	return io.Copy(struct{ io.Writer }{c.near}, r)
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

func (n *near) Write(p []byte) (int, error) {
	if n.deaf {
		return 0, io.ErrClosedPipe
	}
	return n.Conn.Write(p)
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
	basic  bool // one connection, no probes
	probe  func(ctx context.Context) error
	deaf   bool         // its targets take nothing
	fast   bool         // its conns copy by themselves
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
	stats  aws.SessionStats // what Stats adds to id and basic
	kept   int              // calls of KeepAlive
	retry  int              // calls of Retry
	drains int              // calls of Drain before Close
	drain  time.Duration    // how long it takes

	changed chan struct{}
	carrier *aws.Instance // nil for that of the tunnel's target
	instead error         // why it is not another

	ask   func(n int) (*aws.Server, error) // the n-th answer of Ask; nil has none
	greet *greeting                        // where the target is greeted before the session is handed over
	asks  int
}

func newSession(id string) *fakeSession {
	return &fakeSession{
		id: id, done: make(chan struct{}), dials: make(chan *far, 1000),
		probe:   func(context.Context) error { return nil },
		changed: make(chan struct{}, 1),
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
	r := &far{Conn: b, near: &near{Conn: a, deaf: s.deaf}}
	s.open = append(s.open, r)
	s.inUse++
	s.dials <- r
	if s.target != nil {
		s.wg.Go(func() { s.target(r) })
	}
	switch {
	case s.basic:
		return r.near, nil
	case s.fast:
		return fast{r.near}, nil
	}
	return r.near, nil
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
	stats := s.stats
	stats.ID, stats.Mux = s.id, !s.basic
	return stats
}

func (s *fakeSession) Changed() <-chan struct{} { return s.changed }

func (s *fakeSession) Retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retry++
}

func (s *fakeSession) Drain(ctx context.Context) error {
	s.mu.Lock()
	if s.closed == 0 {
		s.drains++
	}
	s.mu.Unlock()
	select {
	case <-time.After(s.drain):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeSession) KeepAlive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept++
}

// Ask implements Asker.
func (s *fakeSession) Ask(context.Context) (*aws.Server, error) {
	s.mu.Lock()
	s.asks++
	n := s.asks
	s.mu.Unlock()
	if s.ask == nil {
		return nil, errors.ErrUnsupported
	}
	return s.ask(n)
}

// relink makes the session's websocket what stats say.
func (s *fakeSession) relink(stats aws.SessionStats) {
	s.mu.Lock()
	s.stats = stats
	s.mu.Unlock()
	s.changed <- struct{}{}
	synctest.Wait()
}

// carried is a fakeSession that knows its instance.
type carried struct{ *fakeSession }

func (c carried) Carrier() (aws.Instance, error) { return *c.carrier, c.instead }

func (s *fakeSession) count(what *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *what
}
