// Package forward holds a local port and carries its connections through Session Manager sessions.
//
// It binds the port first and only then asks its Dialer for a session. Connections are copied by two goroutines each, their
// payload bytes are counted in atomics as they pass, and whoever shows them samples Snapshot and Events: nobody who watches
// can slow the copy.
//
// How connections end (the agent knows no half-close, docs/protocol.md §3 point 8): the local side's end is held back until the
// target has finished, or has sent nothing for Config.Linger; the target's end is passed on after its last byte; everything
// else is passed on as a reset, so that a cut never looks like the end of the data. A unix socket has no reset: there a cut
// is a plain close.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// Config says what to hold and where it leads. Only Target has no default.
type Config struct {
	Target aws.Target
	Bind   string // IP address to listen on; "" is 127.0.0.1 and ::1 on the same port
	Port   int    // 0 takes one that is free
	Unix   string // path of a socket to listen on instead of a port

	DialLimit time.Duration // for the instance's connect to the target, seen from the dial; 0 is 8 s
	Linger    time.Duration // silence of the target after which a connection whose local side has finished is closed; 0 is 10 s
	Hold      time.Duration // for how long a connection waits for a session; 0 is 15 s
	Sessions  int           // most sessions that take connections at a time; 0 is 4
	KeepAlive bool          // keep the sessions from becoming idle, against the account's idle time-out
	KeepEvery time.Duration // how often KeepAlive does that; 0, and everything above, is 25 s
	Lazy      bool          // start the first session for the first connection, not at once
	Watcher   Watcher       // tells of a fail-over; nil for none
	Log       *slog.Logger  // nil for none
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v        *time.Duration
		standard time.Duration
	}{{&c.DialLimit, 8 * time.Second}, {&c.Linger, 10 * time.Second}, {&c.Hold, 15 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.standard
		}
	}
	if c.KeepEvery <= 0 || c.KeepEvery > aliveTime {
		c.KeepEvery = aliveTime
	}
	if c.Sessions <= 0 {
		c.Sessions = 4
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Forwarder is a local port that leads to a target. All methods may be called concurrently.
type Forwarder struct {
	cfg      Config
	dialer   Dialer
	bound    binding
	buffers  sync.Pool      // of *[]byte, for conns without a copy path of their own
	running  sync.WaitGroup // every goroutine that Run starts
	finished chan struct{}  // closed when Run has returned, or by a Close without a Run
	up, down atomic.Uint64

	mu       sync.Mutex // guards what follows; nothing that can block is called with it held
	journal  journal
	begun    bool
	ending   bool
	ended    bool
	stop     context.CancelFunc // of the Run that has begun
	failure  error              // why Run gave up
	parting  string             // what End was told
	trouble  string             // why the target cannot be used, until a connection gets a byte
	conns    map[uint64]*connection
	accepted uint64
	pool     pool
	spared   uint64       // accepted, when a session was last started to be in reserve beside a quiet one
	carrier  aws.Instance // that carried the latest session
	server   *aws.Server  // as it said of itself last
	place    Place        // of the watcher's last look
	looked   time.Time    // when that was asked for
	doubt    time.Time    // until then the watcher looks often
	late     time.Time    // sessions started before may lead to where the target was; zero for none
	owed     bool         // a session is to be started when attempts are not held back any more
	drowsy   bool         // it is said that an agent in basic mode cannot be kept from becoming idle
	serves

	stirred   chan struct{} // 1 slot: the keeper is to look again
	wondering chan struct{} // 1 slot: the watcher is to look now
}

// Listen binds the local address and starts nothing else. The port can be used at once: connections wait in its backlog
// until Run takes them. A busy port is a *PortInUse, a busy socket path a *SocketInUse. The caller calls Run or Close.
func Listen(ctx context.Context, cfg Config, d Dialer) (*Forwarder, error) {
	cfg = cfg.withDefaults()
	bound, err := bind(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newForwarder(cfg, d, bound), nil
}

func newForwarder(cfg Config, d Dialer, bound binding) *Forwarder {
	f := &Forwarder{
		cfg: cfg, dialer: d, bound: bound,
		finished: make(chan struct{}),
		conns:    map[uint64]*connection{},
		pool:     newPool(cfg.Sessions),
		journal:  newJournal(cfg.Log),
		carrier:  cfg.Target.Instance,
		stirred:  make(chan struct{}, 1), wondering: make(chan struct{}, 1),
	}
	f.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
	return f
}

// Run starts the session and carries connections until ctx ends, Close is called (both nil), or the first session cannot
// be had (its error). Before it returns it has reset the connections, closed the port, ended every session at AWS and
// waited for its goroutines: as long as the slowest Session.Close takes. It can be called once.
func (f *Forwarder) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	if err := f.begin(stop); err != nil {
		stop()
		return err
	}
	defer f.end(stop)
	for _, l := range f.bound.listeners {
		f.running.Go(func() { f.accept(ctx, l) })
	}
	f.running.Go(func() { f.keep(ctx) })
	if f.cfg.Watcher != nil {
		f.running.Go(func() { f.lookOut(ctx) })
	}
	if !f.cfg.Lazy {
		f.mu.Lock()
		f.startSession(ctx)
		f.settle()
		f.mu.Unlock()
	}
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failure
}

func (f *Forwarder) begin(stop context.CancelFunc) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun {
		return fmt.Errorf("run the tunnel on %s: %w", f.bound.local, aws.ErrClosed)
	}
	f.begun, f.stop = true, stop
	return nil
}

// end undoes everything that Run has done, also while a panic passes through it.
func (f *Forwarder) end(stop context.CancelFunc) {
	why := f.over()
	f.mu.Lock()
	f.ending = true
	open := f.connections(func(*connection) bool { return true })
	f.mu.Unlock()
	stop()
	f.bound.close(f.cfg.Log)
	for _, c := range open {
		f.cut(c, why)
	}
	f.running.Wait()
	f.mu.Lock()
	f.ended = true
	f.settle()
	f.mu.Unlock()
	close(f.finished)
}

// Close ends Run and waits until it has cleaned up, or gives the port back if Run was never called. Further calls only wait.
func (f *Forwarder) Close() {
	f.mu.Lock()
	begun, stop := f.begun, f.stop
	f.begun = true
	f.mu.Unlock()
	switch {
	case !begun:
		f.end(func() {})
	case stop != nil:
		stop()
	}
	<-f.finished
}

// End is Close for a reason: the events of the tunnel's end and of its connections' ends tell it. Only the first counts.
func (f *Forwarder) End(why string) {
	f.mu.Lock()
	if f.parting == "" && !f.ending {
		f.parting = why
	}
	f.mu.Unlock()
	f.Close()
}

// fail makes Run return err. f.mu is held.
func (f *Forwarder) fail(err error) {
	if f.failure == nil && !f.ending {
		f.failure = err
		f.stop()
	}
}

// over is why Run ends.
func (f *Forwarder) over() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure != nil {
		return f.failure
	}
	if f.parting != "" {
		return aws.Advise(errors.New(f.parting), aws.ErrClosed, "")
	}
	return aws.ErrClosed
}

// target is where the tunnel leads, through the instance that carries it now. f.mu is held.
func (f *Forwarder) target() aws.Target {
	t := f.cfg.Target
	t.Instance = f.carrier
	return t
}

// Local is the address to type: 127.0.0.1:PORT, or the path of a unix socket.
func (f *Forwarder) Local() string { return f.bound.local }

// accept takes connections until the listener is closed. Running out of file descriptors is survived by waiting.
func (f *Forwarder) accept(ctx context.Context, l net.Listener) {
	const longest = time.Second
	delay := 5 * time.Millisecond
	for {
		local, err := l.Accept()
		if err == nil {
			delay = 5 * time.Millisecond
			f.running.Go(func() { f.handle(ctx, local) })
			continue
		}
		if ctx.Err() != nil {
			return
		}
		f.cfg.Log.Warn("accept a local connection", "address", l.Addr().String(), "error", err)
		if !pause(ctx, delay) {
			return
		}
		delay = min(2*delay, longest)
	}
}

// pause waits for d and says whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
