package mux

import "sync"

// chunkSize makes a chunk 4096 bytes with its fields: an idle stream holds none, one with a byte in it holds one.
const chunkSize = 4096 - 3*8

type chunk struct {
	next *chunk
	r, w int
	data [chunkSize]byte
}

// pool keeps up to 1 MiB of chunks for reuse.
type pool struct {
	mu   sync.Mutex
	free *chunk
	n    int
}

const poolChunks = 256

func (p *pool) get() *chunk {
	p.mu.Lock()
	c := p.free
	if c == nil {
		p.mu.Unlock()
		return new(chunk)
	}
	p.free = c.next
	p.n--
	p.mu.Unlock()
	c.next, c.r, c.w = nil, 0, 0
	return c
}

func (p *pool) put(c *chunk) {
	p.mu.Lock()
	if p.n < poolChunks {
		c.next, p.free = p.free, c
		p.n++
	}
	p.mu.Unlock()
}

// buffer is a queue of bytes in chunks. Its owner's lock guards it.
type buffer struct {
	pool       *pool
	head, tail *chunk
	n          int
}

func (b *buffer) write(p []byte) {
	b.n += len(p)
	for len(p) > 0 {
		if b.tail == nil || b.tail.w == chunkSize {
			b.append(b.pool.get())
		}
		c := b.tail
		n := copy(c.data[c.w:], p)
		c.w += n
		p = p[n:]
	}
}

func (b *buffer) append(c *chunk) {
	if b.tail == nil {
		b.head = c
	} else {
		b.tail.next = c
	}
	b.tail = c
}

// adopt queues the bytes of c without copying, and c is the buffer's from now on.
func (b *buffer) adopt(c *chunk) {
	b.n += c.w - c.r
	b.append(c)
}

func (b *buffer) read(p []byte) int {
	total := 0
	for len(p) > total && b.head != nil {
		c := b.head
		n := copy(p[total:], c.data[c.r:c.w])
		c.r += n
		total += n
		if c.r == c.w {
			b.drop()
		}
	}
	b.n -= total
	return total
}

// pop takes the first chunk out, for the caller to put back into the pool; nil when the buffer is empty.
func (b *buffer) pop() *chunk {
	c := b.head
	if c == nil {
		return nil
	}
	b.n -= c.w - c.r
	if b.head = c.next; b.head == nil {
		b.tail = nil
	}
	c.next = nil
	return c
}

func (b *buffer) drop() { b.pool.put(b.pop()) }

func (b *buffer) clear() {
	for b.head != nil {
		b.drop()
	}
}
