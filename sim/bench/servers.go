package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// The hosts of the loads, as the simulated agent resolves them.
const (
	echoHost   = "echo.bench.internal:7"
	sinkHost   = "sink.bench.internal:9"
	sourceHost = "source.bench.internal:19"
	mixedHost  = "mixed.bench.internal:7"
	meterHost  = "meter.bench.internal:9"
	dumpHost   = "postgres.bench.internal:5432"
)

// servers are the far ends of the loads: one echoes, one swallows and acknowledges, one sends on request.
type servers struct {
	listeners []net.Listener
	wg        sync.WaitGroup
}

// serve starts handler on a free port and returns the address. close ends it; connections end with their clients.
func (s *servers) serve(ctx context.Context, handler func(net.Conn)) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.listeners = append(s.listeners, l)
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() {
				handler(c)
				_ = c.Close()
			})
		}
	})
	return l.Addr().String(), nil
}

func (s *servers) close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.wg.Wait()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// sink reads a length of 8 bytes, then that much, then answers with one byte.
func sink(c net.Conn) {
	buf := make([]byte, 256<<10)
	for {
		if _, err := io.ReadFull(c, buf[:8]); err != nil {
			return
		}
		if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{io.LimitReader(c, int64(binary.BigEndian.Uint64(buf)))}, buf); err != nil {
			return
		}
		if _, err := c.Write([]byte{'k'}); err != nil {
			return
		}
	}
}

// source reads a length of 8 bytes and sends that much.
func source(c net.Conn) {
	var n [8]byte
	for {
		if _, err := io.ReadFull(c, n[:]); err != nil {
			return
		}
		if _, err := io.CopyN(c, zeros{}, int64(binary.BigEndian.Uint64(n[:]))); err != nil {
			return
		}
	}
}

// mixed echoes, unless the first byte is one of the words of a bulk transfer.
func mixed(c net.Conn) {
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return
	}
	switch first[0] {
	case flood:
		_, _ = io.Copy(c, zeros{})
	case swallow:
		_, _ = io.Copy(io.Discard, c)
	default:
		if _, err := c.Write(first[:]); err == nil {
			echo(c)
		}
	}
}

// The first bytes that mixed knows.
const (
	flood   = 'F' // it sends without end
	swallow = 'S' // it takes without end
)

// meter is a far end that swallows and knows how long it has had to wait for more.
type meter struct {
	mu      sync.Mutex
	last    time.Time
	longest time.Duration
}

func (m *meter) serve(c net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
		m.mu.Lock()
		now := time.Now()
		m.longest, m.last = max(m.longest, now.Sub(m.last)), now
		m.mu.Unlock()
	}
}

// reset begins to measure now.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.longest = time.Now(), 0
}

// gap is the longest wait since reset, the present one included.
func (m *meter) gap() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.longest, time.Since(m.last))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
