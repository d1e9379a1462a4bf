package session

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// batchLimit is how many bytes pile up before the writer flushes on its own account.
const batchLimit = 64 << 10

// readAhead is how much is read from the socket at a time: more than comes during a rest at the agent's pace. TLS asks for little
// more than one record, which carries one message.
const readAhead = 32 << 10

// batchConn gathers the writes of many small frames into one system call. It lies below TLS. Until hold is called it
// writes through, for the TLS and HTTP handshakes; afterwards Write only appends, which never blocks, and the channel's
// writer calls flush. So a pong or a close frame that the websocket library writes from the reading side can never stall
// reading, nor time out and close the socket, because an upload fills the network.
//
// It reads ahead, so that messages that wait in the socket together cost one system call. In a bulk download it gathers reads
// as well: it rests before it reads again, unless there is more to read than a rest is for. What comes after a rest of silence is
// never delayed: by then the reader is waiting for it.
type batchConn struct {
	net.Conn

	born     time.Time
	lastRead atomic.Int64 // when bytes last arrived, ns after born

	// The reading goroutine's.
	dry     func() time.Duration // called when all that has arrived is dealt with: how long to rest; nil before the data channel is up
	idle    func()               // called when bytes have come that were waited for longer than a bulk download lets one wait; may be nil
	ahead   []byte               // read and not yet taken
	buf     []byte               // where ahead lies
	drained bool                 // the last read took all there was
	resting *time.Timer
	quiet   *quiet // nil before the first rest

	mu      sync.Mutex
	holding bool
	writing bool // the writer is between begin and flush: what is appended now will be flushed without a wake
	pending []byte
	spare   []byte // the buffer that the last flush has written out
	err     error  // of the last failed flush; sticky
	wake    func() // tells the writer that bytes wait that it has not written itself

	flushing sync.Mutex // one flush at a time keeps the bytes in order
}

// hold starts gathering. wake is called, from any goroutine, when there is something to flush.
func (c *batchConn) hold(wake func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding, c.wake = true, wake
}

// begin announces writes that the caller will flush.
func (c *batchConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = true
}

// Read implements net.Conn.
func (c *batchConn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// fill reads ahead, after a rest if there is to be one.
func (c *batchConn) fill() error {
	if c.buf == nil {
		c.buf = make([]byte, readAhead)
	}
	rest := time.Duration(0)
	if c.dry != nil {
		rest = c.dry()
	}
	n := 0
	if rest > 0 && c.drained {
		n = c.rest(rest)
	}
	if n == 0 {
		c.quiet.end()
		asked := time.Now()
		var err error
		if n, err = c.Conn.Read(c.buf); n == 0 {
			return err
		}
		if c.idle != nil && time.Since(asked) > bulkPause {
			c.idle()
		}
	}
	c.drained = n < len(c.buf)
	c.ahead = c.buf[:n]
	c.lastRead.Store(int64(time.Since(c.born)))
	return nil
}

// lastHeard is when bytes last arrived; when it was opened, if none have.
func (c *batchConn) lastHeard() time.Time { return c.born.Add(time.Duration(c.lastRead.Load())) }

// rest sleeps for d and reads what has come meanwhile, 0 where that cannot be known without waiting.
func (c *batchConn) rest(d time.Duration) int {
	if c.resting == nil {
		c.resting = time.NewTimer(d)
		c.quiet = newQuiet(c.Conn)
	} else {
		c.resting.Reset(d)
	}
	c.quiet.begin()
	<-c.resting.C
	return c.quiet.read(c.buf)
}

func (c *batchConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return 0, c.err
	}
	if !c.holding {
		c.mu.Unlock()
		return c.Conn.Write(p)
	}
	alone := len(c.pending) == 0 && !c.writing
	c.pending = append(c.pending, p...)
	wake := c.wake
	c.mu.Unlock()
	if alone {
		wake()
	}
	return len(p), nil
}

// buffered is the number of bytes that wait for flush.
func (c *batchConn) buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// flush writes what has piled up. It blocks as long as the network does.
func (c *batchConn) flush() error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	out, err := c.pending, c.err
	c.writing = false
	c.pending, c.spare = c.spare[:0], nil
	c.mu.Unlock()
	if err == nil && len(out) > 0 {
		_, err = c.Conn.Write(out)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = out[:0]
	if c.err == nil {
		c.err = err
	}
	return err
}
