package forward

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const (
	bufferSize = 32 << 10
	// drainTime is how long a local client may take to close after the target has finished: closing a socket with unread
	// bytes in it resets it, and on some systems that takes the end of the answer from the client.
	drainTime = time.Second
)

// carry copies both ways and returns when both are done: nil after the target's own end, else why not.
func (f *Forwarder) carry(c *connection) error {
	upDone := make(chan struct{})
	go func() {
		defer close(upDone)
		f.copyUp(c)
	}()
	err := f.copyDown(c)
	f.answered(c, err)
	if err != nil {
		err = f.why(c, err)
		reset(c.local)
		if errors.Is(err, errLingered) || errors.Is(err, errFinished) {
			_ = c.remote.Close() // in order: what the local client has sent is still to arrive
		} else {
			abandon(c.remote, err)
		}
		<-upDone
		return err
	}
	// The agent closes both ways, so what the local client still sends has nowhere to go. The remote side goes first: a
	// client that sees the end may come again at once and, in basic mode, needs the place.
	f.release(c)
	finish(c.local)
	<-upDone
	_ = c.local.Close()
	return nil
}

// finish tells the local client that the answer is complete, and gives it a moment to close its side.
func finish(local net.Conn) {
	if l, ok := local.(interface{ CloseWrite() error }); ok {
		_ = l.CloseWrite() // fails when the client has gone, which the copy upward notices
		_ = local.SetReadDeadline(time.Now().Add(drainTime))
		return
	}
	_ = local.Close()
}

// copyDown copies from the target until its end (nil) or until it is cut.
func (f *Forwarder) copyDown(c *connection) error {
	w := downWriter{f: f, c: c}
	err := f.copy(&w, c.remote)
	for w.err == nil && errors.Is(err, os.ErrDeadlineExceeded) && !c.finishing.Load() && f.bear(c) {
		err = f.copy(&w, c.remote)
	}
	switch {
	case w.err != nil:
		return fmt.Errorf("%w: %w", errLocal, w.err)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.finishing.Load():
		return errFinished
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errLingered
	}
	return err
}

// copyUp copies to the target until the local side has finished or the connection is over.
func (f *Forwarder) copyUp(c *connection) {
	r := upReader{f: f, c: c}
	_ = f.copy(c.remote, &r) // an error that is not r's is the remote's, and copyDown meets it too
	if r.err == nil {
		// The target takes no more, but its answer may still be on the way. Reading on keeps a client that writes before
		// it reads from blocking for ever.
		f.saidAll(c)
		_, r.err = io.Copy(io.Discard, c.local)
	}
	switch {
	case r.err == nil, r.err == io.EOF: //nolint:errorlint // only the bare io.EOF is the end
		f.saidAll(c)
	case errors.Is(r.err, os.ErrDeadlineExceeded), errors.Is(r.err, net.ErrClosed):
		// carry or cut has ended it.
	default:
		f.cut(c, fmt.Errorf("%w: %w", errLocal, r.err))
	}
}

// copy moves bytes from r to w without a buffer in between where the remote side can do that.
func (f *Forwarder) copy(w io.Writer, r io.Reader) error {
	if to, ok := r.(io.WriterTo); ok {
		_, err := to.WriteTo(w)
		return err
	}
	if from, ok := w.(io.ReaderFrom); ok {
		_, err := from.ReadFrom(r)
		return err
	}
	buf := f.buffers.Get().(*[]byte)
	defer f.buffers.Put(buf)
	_, err := io.CopyBuffer(w, r, *buf)
	return err
}

// upReader reads from the local client and counts.
type upReader struct {
	f   *Forwarder
	c   *connection
	err error // of the local side, io.EOF included
}

// Read implements io.Reader.
func (r *upReader) Read(p []byte) (int, error) {
	n, err := r.c.local.Read(p)
	if n > 0 {
		if r.c.up.Add(uint64(n)) == uint64(n) {
			r.f.firstSent(r.c)
		}
		r.f.up.Add(uint64(n))
		r.c.member.up.Add(uint64(n))
	}
	if err != nil {
		r.err = err
	}
	return n, err
}

// downWriter writes to the local client and counts what it has taken.
type downWriter struct {
	f   *Forwarder
	c   *connection
	err error // of the local side
}

// Write implements io.Writer.
func (w *downWriter) Write(p []byte) (int, error) {
	if len(p) > 0 && !w.c.heard.Load() {
		w.c.heard.Store(true)
		w.f.firstByte(w.c)
	}
	n, err := w.c.local.Write(p)
	w.c.down.Add(uint64(n))
	w.f.down.Add(uint64(n))
	w.c.member.down.Add(uint64(n))
	if err != nil {
		w.err = err
	}
	if w.c.lingering.Load() {
		w.f.linger(w.c)
	}
	return n, err
}
