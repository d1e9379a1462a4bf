package agent

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/xtaci/smux"

	"github.com/rdsx/rdsx/sim/frame"
)

// payloadSize is the most that the agent puts into a message.
const payloadSize = 1024

// runMux carries any number of connections by smux (docs/protocol.md §1.4). It returns when the client or ctx ends the session.
func runMux(ctx context.Context, c *channel, t target, client string) string {
	ctx, cancel := context.WithCancel(ctx)
	near, far := newPipe()
	settings := smux.DefaultConfig()
	settings.KeepAliveDisabled = compare(client, quietClient) > 0 && compare(c.cfg.AgentVersion, quietAgent) > 0
	server, err := smux.Server(far, settings)
	if err != nil {
		cancel()
		return err.Error()
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = server.Close() }() // and with it the pipe
	defer cancel()

	ended := make(chan struct{}, 1)
	h := handler(func(kind uint32, payload []byte) error {
		switch {
		case kind == frame.Data:
			_, err := near.Write(payload)
			return err
		case kind == frame.Flag && flagOf(payload) == frame.TerminateSession:
			notify(ended)
		}
		return nil
	})
	c.handler.Store(&h)

	// As in the real one the session lives until both loops have ended: a mux that is out of step stays, and is dead.
	var loops sync.WaitGroup
	loops.Go(func() { pump(ctx, c, near) })
	loops.Go(func() { accept(ctx, c, t, server, &wg) })
	done := make(chan struct{})
	wg.Go(func() { loops.Wait(); close(done) })
	select {
	case <-ended:
	case <-done:
	case <-ctx.Done():
	}
	return ""
}

func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func flagOf(payload []byte) uint32 {
	if len(payload) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(payload)
}

// pump is the agent's whole download: at most 1024 bytes, one message, 1 ms of sleep.
func pump(ctx context.Context, c *channel, from io.Reader) {
	buf := make([]byte, payloadSize)
	for ctx.Err() == nil {
		if !c.paused.Load() {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			c.send(ctx, frame.Data, buf[:n])
		}
		c.rest()
	}
}

// rest is the sleep after a message. A paused agent polls at the real one's pace whatever the setting.
func (c *channel) rest() {
	pace := c.cfg.Pace
	if pace < 0 && c.paused.Load() {
		pace = time.Millisecond
	}
	if pace > 0 {
		c.cfg.Nap(pace)
	}
}

// accept takes one stream after the other and dials for each before it looks at the next.
func accept(ctx context.Context, c *channel, t target, server *smux.Session, wg *sync.WaitGroup) {
	for ctx.Err() == nil {
		stream, err := server.AcceptStream()
		if err != nil {
			return
		}
		conn, err := c.dial(ctx, t)
		if err != nil {
			if ctx.Err() == nil {
				c.cfg.Log.Info("agent: cannot connect", "session", c.cfg.SessionID, "err", err)
				c.send(ctx, frame.Flag, binary.BigEndian.AppendUint32(nil, frame.ConnectToPortError))
			}
			_ = stream.Close()
			continue
		}
		c.count.Connections.Add(1)
		wg.Go(func() {
			defer c.count.Connections.Add(-1)
			transfer(ctx, stream, conn)
		})
	}
}

// transfer copies both ways. The end of one copy closes what it wrote to, both directions of it: there is no half-close.
func transfer(ctx context.Context, stream io.ReadWriteCloser, conn net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(stream, conn)
		_ = stream.Close()
	})
	wg.Go(func() {
		_, _ = io.Copy(conn, stream)
		_ = conn.Close()
	})
	wg.Wait()
}
