package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/rdsx/rdsx/sim/frame"
)

// basic carries one connection at a time, without a mux (docs/protocol.md §1.4).
type basic struct {
	c      *channel
	t      target
	local  bool       // type LocalPortForwarding: a connection that ended is opened again on the next input
	redial chan error // to the pump: the handler has dialled again

	mu      sync.Mutex
	conn    net.Conn
	waiting bool // the pump waits for redial
}

// runBasic dials at once, and again on input after the connection was lost.
func runBasic(ctx context.Context, c *channel, t target) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &basic{c: c, t: t, local: c.cfg.Properties["type"] == "LocalPortForwarding", redial: make(chan error)}
	if err := b.connect(ctx); err != nil {
		return err.Error()
	}
	ended, done := make(chan struct{}, 1), make(chan struct{})
	h := handler(func(kind uint32, payload []byte) error { return b.handle(ctx, kind, payload, ended) })
	c.handler.Store(&h)
	go func() {
		defer close(done)
		b.pump(ctx)
	}()
	select {
	case <-ended:
	case <-done:
	case <-ctx.Done():
	}
	cancel()
	b.drop()
	<-done
	b.drop() // a handler may have dialled while the first drop ran
	return ""
}

func (b *basic) connect(ctx context.Context) error {
	conn, err := b.c.dial(ctx, b.t)
	if err != nil {
		return errors.New("Unable to connect to specified port: " + err.Error()) //nolint:staticcheck,revive // the agent's own words
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn = conn
	b.c.count.Connections.Store(1)
	return nil
}

func (b *basic) current() (conn net.Conn, waiting bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conn, b.waiting
}

// drop closes the connection; it stays in place, closed, as in the agent.
func (b *basic) drop() {
	conn, _ := b.current()
	_ = conn.Close()
	b.c.count.Connections.Store(0)
}

func (b *basic) handle(ctx context.Context, kind uint32, payload []byte, ended chan<- struct{}) error {
	switch {
	case kind == frame.Data:
		if err := b.again(ctx); err != nil {
			return err
		}
		conn, _ := b.current()
		_, err := conn.Write(payload)
		return err
	case kind == frame.Flag && flagOf(payload) == frame.DisconnectToPort:
		b.drop()
	case kind == frame.Flag && flagOf(payload) == frame.TerminateSession:
		notify(ended)
	}
	return nil
}

// again dials when the pump has lost the connection, and tells it.
func (b *basic) again(ctx context.Context) error {
	if _, waiting := b.current(); !waiting {
		return nil
	}
	err := b.connect(ctx)
	select {
	case b.redial <- err:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	return nil
}

func (b *basic) pump(ctx context.Context) {
	buf := make([]byte, payloadSize)
	for ctx.Err() == nil {
		if !b.c.paused.Load() {
			conn, _ := b.current()
			n, err := conn.Read(buf)
			if err != nil {
				if !b.lost(ctx, err) {
					return
				}
				continue
			}
			b.c.send(ctx, frame.Data, buf[:n])
		}
		b.c.rest()
	}
}

// lost waits until the handler has connected again; false ends the session.
func (b *basic) lost(ctx context.Context, err error) bool {
	if !b.local {
		if !errors.Is(err, io.EOF) {
			b.c.cfg.Log.Info("agent: failed to read from port", "session", b.c.cfg.SessionID, "err", err)
		}
		return false
	}
	b.mu.Lock()
	_ = b.conn.Close()
	b.c.count.Connections.Store(0)
	b.waiting = true
	b.mu.Unlock()
	select {
	case err := <-b.redial:
		return err == nil
	case <-ctx.Done():
		return false
	}
}
