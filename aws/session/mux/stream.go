package mux

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

var _ net.Conn = (*Stream)(nil)

// Stream is one connection through the session: a net.Conn whose methods may be used by several goroutines.
type Stream struct {
	session *Session
	id      uint32
	recv    receiver
	fed     bool // Input's and Wake's: bytes have come that a waiting reader does not know of

	// The session's lock guards what follows.
	send     sender
	heard    bool // a byte has come from the agent
	finished bool // the agent's FIN has come
	closed   bool // by this side
}

func newStream(s *Session, id uint32) *Stream {
	st := &Stream{session: s, id: id}
	st.send.out.pool, st.send.changed.L = &s.pool, &s.mu
	st.send.credit = burst
	st.recv.in.pool, st.recv.changed.L = &s.pool, &st.recv.mu
	st.recv.limit, st.recv.spillDir, st.recv.spillLimit = s.cfg.RecvBuffer, s.cfg.SpillDir, s.cfg.SpillLimit
	st.recv.kind = s.cfg.Reset
	return st
}

// ID is the stream's number on the wire; 0 in a Single session.
func (st *Stream) ID() uint32 { return st.id }

// Read implements net.Conn. It gives io.EOF after the last byte when the agent has finished the stream, the error given to
// FailNext or Abort, an *OverrunError, os.ErrDeadlineExceeded, or net.ErrClosed after Close.
func (st *Stream) Read(p []byte) (int, error) {
	n, err := st.recv.read(p)
	if err != nil {
		st.failed(err)
	}
	return n, err
}

// WriteTo implements io.WriterTo without a buffer in between. It returns nil when the agent has finished the stream.
func (st *Stream) WriteTo(w io.Writer) (int64, error) {
	n, err := st.recv.writeTo(w)
	if err != nil {
		st.failed(err)
	}
	return n, err
}

// failed resets the stream if err says that its spill file could not be read.
func (st *Stream) failed(err error) {
	var overrun *OverrunError
	if errors.As(err, &overrun) && st.recv.tellOnce() {
		st.session.tellCut(err)
		st.Reset(err)
	}
}

// Write implements net.Conn. It returns when all of p is queued, which is long before it is sent, and blocks while
// Config.SendBuffer bytes are. It fails with io.ErrClosedPipe once the agent has finished the stream.
func (st *Stream) Write(p []byte) (int, error) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) == 0 {
		return 0, st.send.err
	}
	n := 0
	for {
		room, err := st.room()
		if err != nil {
			return n, err
		}
		part := p[n:min(n+room, len(p))]
		st.send.out.write(part)
		n += len(part)
		s.place(st)
		if n == len(p) {
			return n, nil
		}
	}
}

// ReadFrom implements io.ReaderFrom: it reads into the memory that is queued. It returns nil at the end of r and does not
// close the stream. While r blocks it holds 4 KiB.
func (st *Stream) ReadFrom(r io.Reader) (total int64, err error) {
	s := st.session
	c := s.pool.get()
	defer func() { s.pool.put(c) }()
	for {
		n, err := r.Read(c.data[:])
		if n > 0 {
			c.w = n
			if c, n = st.queue(c); n == 0 {
				return total, st.writeError()
			}
			total += int64(n)
		}
		if err == io.EOF { //nolint:errorlint // io.Reader returns the bare io.EOF
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// queue queues the bytes of c and returns an empty chunk with their number, or c and 0 when the stream takes no more. Only
// a chunk that is at least half full is kept as it is: many small ones must not cost 4 KiB each.
func (st *Stream) queue(c *chunk) (*chunk, int) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := st.room(); err != nil {
		return c, 0
	}
	n := c.w
	if n >= chunkSize/2 {
		st.send.out.adopt(c)
		c = s.pool.get()
	} else {
		st.send.out.write(c.data[:n])
		c.w = 0
	}
	s.place(st)
	return c, n
}

func (st *Stream) writeError() error {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	if st.send.err != nil {
		return st.send.err
	}
	return os.ErrDeadlineExceeded
}

// room waits until bytes may be queued and says how many. The session's lock is held.
func (st *Stream) room() (int, error) {
	o := &st.send
	for {
		switch room := st.session.cfg.SendBuffer - o.out.n; {
		case o.err != nil:
			return 0, o.err
		case o.deadline.passed():
			return 0, os.ErrDeadlineExceeded
		case room > 0:
			return room, nil
		}
		o.writers++
		o.changed.Wait()
		o.writers--
	}
}

// Close implements net.Conn: FIN follows the data that is queued, and unread bytes are dropped. There is no half-close
// (docs/protocol.md §1.4): whoever wants the answer reads it first. A second call does nothing.
func (st *Stream) Close() error {
	st.leave(net.ErrClosed, false)
	return nil
}

// Reset closes the stream at once: queued data is dropped, FIN goes into the next message, and reads and writes fail with
// err (net.ErrClosed for nil). A stream of which the agent knows nothing yet is forgotten.
func (st *Stream) Reset(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	st.leave(err, true)
}

func (st *Stream) leave(err error, reset bool) {
	st.recv.fail(err)
	s, o := st.session, &st.send
	s.mu.Lock()
	defer s.mu.Unlock()
	unknown := o.syn
	if reset {
		o.stop(err)
	}
	if o.err == nil {
		o.err = err
		o.changed.Broadcast()
	}
	o.deadline.stop()
	switch {
	case s.basic:
		s.leaveBasic(st)
	case !st.closed:
		delete(s.streams, st.id)
		o.fin = s.err == nil && (!reset || !unknown)
		if o.fin && !reset && !st.finished {
			s.closing[st.id] = struct{}{}
		}
		if o.fin && !st.heard && !st.finished {
			s.unheard[st.id] = nil
		}
	case reset && unknown:
		delete(s.unheard, st.id)
		delete(s.closing, st.id)
		s.allClosed()
	case reset:
		delete(s.closing, st.id)
		s.allClosed()
		o.fin = o.list != nil // closed earlier: the FIN is owed if it is still queued
	}
	st.closed = true
	s.place(st)
}

// LocalAddr implements net.Conn.
func (st *Stream) LocalAddr() net.Addr { return Addr(st.id) }

// RemoteAddr implements net.Conn.
func (st *Stream) RemoteAddr() net.Addr { return Addr(st.id) }

// Addr is a stream id as a net.Addr: the agent never says which address it dialled.
type Addr uint32

// Network implements net.Addr.
func (a Addr) Network() string { return "smux" }

// String implements net.Addr.
func (a Addr) String() string { return "stream " + strconv.FormatUint(uint64(a), 10) }

// SetDeadline implements net.Conn. A deadline that has passed fails pending and future calls with os.ErrDeadlineExceeded.
func (st *Stream) SetDeadline(t time.Time) error {
	if err := st.SetReadDeadline(t); err != nil {
		return err
	}
	return st.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (st *Stream) SetReadDeadline(t time.Time) error {
	st.recv.setDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (st *Stream) SetWriteDeadline(t time.Time) error {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.closed {
		st.send.deadline.set(t, &s.mu, st.send.changed.Broadcast)
	}
	return nil
}
