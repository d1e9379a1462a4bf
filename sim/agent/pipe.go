package agent

import (
	"io"
	"sync"
)

// pipeSize is what the kernel holds for the unix socket between the real agent's data channel and its mux. It is the queue
// that stands in front of the 1 KB/ms drain and gives every other stream its 250 ms (docs/protocol.md §3), so its size matters;
// that it is a socket does not, and in memory it is the same on every system.
const pipeSize = 208 << 10

// newPipe returns the two ends of a buffered duplex byte stream. Closing one end closes both.
func newPipe() (a, b *pipeEnd) {
	there, back := newQueue(), newQueue()
	return &pipeEnd{in: back, out: there}, &pipeEnd{in: there, out: back}
}

type pipeEnd struct{ in, out *queue }

// Read returns what is there, at least one byte. io.EOF after Close, once the queue is empty.
func (p *pipeEnd) Read(b []byte) (int, error) { return p.in.read(b) }

// Write returns when all of b is in the queue. It blocks while the queue is full.
func (p *pipeEnd) Write(b []byte) (int, error) { return p.out.write(b) }

// Close ends both directions, and wakes who waits.
func (p *pipeEnd) Close() error {
	p.in.close()
	p.out.close()
	return nil
}

// queue is a ring of bytes.
type queue struct {
	mu       sync.Mutex
	readable sync.Cond
	writable sync.Cond
	ring     []byte
	start, n int
	closed   bool
}

func newQueue() *queue {
	q := &queue{}
	q.readable.L, q.writable.L = &q.mu, &q.mu
	return q
}

func (q *queue) read(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n == 0 {
		if q.closed {
			return 0, io.EOF
		}
		q.readable.Wait()
	}
	total := 0
	for total < len(b) && q.n > 0 {
		end := min(q.start+q.n, len(q.ring))
		c := copy(b[total:], q.ring[q.start:end])
		q.start = (q.start + c) % len(q.ring)
		q.n -= c
		total += c
	}
	q.writable.Signal()
	return total, nil
}

func (q *queue) write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	total := 0
	for {
		if q.closed {
			return total, io.ErrClosedPipe
		}
		if len(b) == total {
			return total, nil
		}
		if q.ring == nil {
			q.ring = make([]byte, pipeSize)
		}
		if q.n == len(q.ring) {
			q.writable.Wait()
			continue
		}
		at := (q.start + q.n) % len(q.ring)
		end := min(at+len(q.ring)-q.n, len(q.ring))
		c := copy(q.ring[at:end], b[total:])
		q.n += c
		total += c
		q.readable.Signal()
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.readable.Broadcast()
	q.writable.Broadcast()
}
