package mux

import (
	"io"
	"os"
	"sync"
	"time"
)

// refillSize is how much comes back from the disk at a time.
const refillSize = 16 * chunkSize

// receiver is the half of a stream that takes bytes from the agent. It has a lock of its own, so that a reader and the
// disk behind it hold up no other stream.
type receiver struct {
	mu       sync.Mutex
	changed  sync.Cond
	in       buffer // older than what is in the spill
	spill    *spill // nil until it is needed
	end      error  // given to the reader after the last byte; nil while more may come
	gone     error  // given to the reader at once
	deadline deadline

	limit      int // bytes in memory
	spillDir   string
	spillLimit int64
	kind       error // of an OverrunError
	told       bool  // that it is overrun
}

// deliver queues p for the reader, who learns of it from changed, and says how many bytes were dropped because nobody will
// read. An error is an *OverrunError: the stream is to be reset.
func (r *receiver) deliver(p []byte) (dropped int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil || r.end != nil {
		return len(p), nil
	}
	if r.spill.unread() == 0 && r.in.n+len(p) <= r.limit {
		r.in.write(p)
		return 0, nil
	}
	if r.spill == nil {
		if r.spill, err = newSpill(r.spillDir, r.spillLimit); err != nil {
			return len(p), r.overrun(int64(len(p)), err)
		}
	}
	if err := r.spill.write(p); err != nil {
		return len(p), r.overrun(int64(len(p)), err)
	}
	return 0, nil
}

// overrun ends the receiver because of cause. r.mu is held.
func (r *receiver) overrun(more int64, cause error) error {
	err := &OverrunError{Unread: int64(r.in.n) + r.spill.unread() + more, Err: cause, kind: r.kind}
	r.release(err)
	return err
}

// tellOnce is true for the first who finds the receiver overrun.
func (r *receiver) tellOnce() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.told
	r.told = true
	return first
}

// release drops everything; reads fail with err from now on. r.mu is held.
func (r *receiver) release(err error) {
	if r.gone == nil {
		r.gone = err
	}
	r.in.clear()
	r.spill.close()
	r.spill = nil
	r.deadline.stop()
	r.changed.Broadcast()
}

// fail is release for callers without the lock.
func (r *receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(err)
}

// finish gives the reader err after the bytes that have arrived.
func (r *receiver) finish(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		r.end = err
	}
	r.changed.Broadcast()
}

// wait returns when r.in has bytes, or with the reason why it will not. r.mu is held.
func (r *receiver) wait() error {
	for {
		switch {
		case r.gone != nil:
			return r.gone
		case r.deadline.passed():
			return os.ErrDeadlineExceeded
		case r.in.n > 0:
			return nil
		case r.spill.unread() > 0:
			if err := r.refill(); err != nil {
				return err
			}
		case r.end != nil:
			return r.end
		default:
			r.changed.Wait()
		}
	}
}

// refill brings the oldest bytes on disk back into memory. r.mu is held.
func (r *receiver) refill() error {
	for r.in.n < refillSize && r.spill.unread() > 0 {
		c := r.in.pool.get()
		n, err := r.spill.read(c.data[:])
		if err != nil {
			return r.overrun(0, err)
		}
		c.w = n
		r.in.adopt(c)
	}
	return nil
}

func (r *receiver) read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p) == 0 {
		return 0, r.gone
	}
	if err := r.wait(); err != nil {
		return 0, err
	}
	return r.in.read(p), nil
}

// writeTo hands the chunks themselves to w.
func (r *receiver) writeTo(w io.Writer) (total int64, err error) {
	for {
		c, err := r.next()
		if err == io.EOF { //nolint:errorlint // only the bare io.EOF is the end; a wrapped one is a failure
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(c.data[c.r:c.w])
		total += int64(n)
		short := n < c.w-c.r
		r.in.pool.put(c)
		switch {
		case err != nil:
			return total, err
		case short:
			return total, io.ErrShortWrite
		}
	}
}

func (r *receiver) next() (*chunk, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.wait(); err != nil {
		return nil, err
	}
	return r.in.pop(), nil
}

func (r *receiver) setDeadline(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone == nil {
		r.deadline.set(t, &r.mu, r.changed.Broadcast)
	}
}
