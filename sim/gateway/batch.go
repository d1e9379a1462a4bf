package gateway

import (
	"net"
	"sync"
	"time"
)

// batchSize is when a batch is written even though more is coming.
const batchSize = 64 << 10

// Batch wraps a listener so that the gateway can join many frames into one write. With TLS, wrap the TLS listener.
func Batch(l net.Listener) net.Listener { return batchListener{l} }

type batchListener struct{ net.Listener }

// Accept implements net.Listener.
func (l batchListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &batchConn{Conn: conn}, nil
}

// batchConn writes through, unless it is corked.
type batchConn struct {
	net.Conn
	mu      sync.Mutex
	corked  bool
	buf     []byte
	failure error
}

func (c *batchConn) cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = true
}

// uncork writes what has piled up.
func (c *batchConn) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = false
	return c.flush()
}

func (c *batchConn) flush() error {
	if len(c.buf) > 0 && c.failure == nil {
		_, c.failure = c.Conn.Write(c.buf)
	}
	c.buf = c.buf[:0]
	return c.failure
}

// Write implements net.Conn. While corked it fails late, with the error of an earlier batch.
func (c *batchConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.corked {
		return c.Conn.Write(b)
	}
	c.buf = append(c.buf, b...)
	if len(c.buf) >= batchSize {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// SetWriteDeadline does nothing: the websocket library would set one, mostly none, for each message.
func (c *batchConn) SetWriteDeadline(time.Time) error { return nil }
