package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// load is what a connection does.
type load byte

// The loads. Every byte of them is made from a seed, so that either end knows at each one whether it is the right one.
const (
	idle     load = 'i' // a chunk there and back, nothing, and after the fault another
	download load = 'd'
	upload   load = 'u'
	ping     load = 'p' // chunks there and back, one after the other
)

func (l load) String() string {
	return map[load]string{idle: "idle connection", download: "download", upload: "upload", ping: "ping"}[l]
}

const (
	chunk      = 1 << 10 // of a ping
	headLength = 17      // load, seed, size
)

// errHung is a lane that was still waiting when the round's time was over.
var errHung = errors.New("it hangs")

// contents are the bytes of a seed.
func contents(seed uint64) io.Reader {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// witness is the far end of a trial: it knows which bytes it must be sent, and notes where they were wrong.
type witness struct {
	l     net.Listener
	wg    sync.WaitGroup
	seeds atomic.Uint64

	mu    sync.Mutex
	wrong map[uint64]string // by seed: how the bytes were not what was sent
	begun map[uint64]func() // by seed: to be called when a quarter of an upload is here
	conns map[net.Conn]struct{}
}

func newWitness(ctx context.Context) (*witness, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &witness{l: l, wrong: map[uint64]string{}, begun: map[uint64]func(){}, conns: map[net.Conn]struct{}{}}
	w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.conns[c] = struct{}{}
			w.mu.Unlock()
			w.wg.Go(func() {
				w.serve(c)
				_ = c.Close()
				w.mu.Lock()
				delete(w.conns, c)
				w.mu.Unlock()
			})
		}
	})
	return w, nil
}

func (w *witness) addr() string { return w.l.Addr().String() }

func (w *witness) close() {
	_ = w.l.Close()
	w.mu.Lock()
	for c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// seed is a new one.
func (w *witness) seed() uint64 { return w.seeds.Add(1) }

func (w *witness) spoilt(seed uint64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong[seed]
}

func (w *witness) note(seed uint64, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong[seed] = text
}

// onceBegun calls f when a quarter of the upload has come.
func (w *witness) onceBegun(seed uint64, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[seed] = f
}

// counting calls what onceBegun was given.
func (w *witness) counting(seed uint64, n int64) func([]byte) error {
	came := int64(0)
	return func(p []byte) error {
		before := came
		came += int64(len(p))
		if before <= n/4 && came > n/4 {
			w.mu.Lock()
			f := w.begun[seed]
			w.mu.Unlock()
			f()
		}
		return nil
	}
}

// serve answers one connection. After a wrong byte it answers nothing more and reads to the end: only the tunnel can end the
// connection then.
func (w *witness) serve(c net.Conn) {
	var head [headLength]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return
	}
	seed, n := binary.BigEndian.Uint64(head[1:]), int64(binary.BigEndian.Uint64(head[9:]))
	var err error
	switch load(head[0]) {
	case download:
		_, err = io.CopyN(c, contents(seed), n)
	case upload:
		err = compare(c, contents(seed), n, w.counting(seed, n))
	case ping, idle:
		err = compare(c, contents(seed), n, func(p []byte) error { _, err := c.Write(p); return err })
	default:
		err = &difference{0}
	}
	var d *difference
	if errors.As(err, &d) {
		w.note(seed, d.Error())
		_, _ = io.Copy(io.Discard, c)
		return
	}
	if err != nil {
		return
	}
	if load(head[0]) == upload {
		if _, err := c.Write([]byte{'k'}); err != nil {
			return
		}
	}
	if extra, _ := io.Copy(io.Discard, c); extra > 0 {
		w.note(seed, fmt.Sprintf("%d bytes too many at the target", extra))
	}
}

// difference is the first byte that is not what was sent.
type difference struct{ at int64 }

func (d *difference) Error() string { return fmt.Sprintf("wrong from byte %d on", d.at) }

// compare reads n bytes that must be want's and gives each piece to then.
func compare(r io.Reader, want io.Reader, n int64, then func([]byte) error) error {
	got, expected := make([]byte, 32<<10), make([]byte, 32<<10)
	for at := int64(0); at < n; {
		k, err := r.Read(got[:min(int64(len(got)), n-at)])
		if _, wantErr := io.ReadFull(want, expected[:k]); wantErr != nil {
			return wantErr
		}
		if !bytes.Equal(got[:k], expected[:k]) {
			for i := range k {
				if got[i] != expected[i] {
					return &difference{at + int64(i)}
				}
			}
		}
		at += int64(k)
		if then != nil && k > 0 {
			if err := then(got[:k]); err != nil {
				return err
			}
		}
		if err != nil && at < n {
			return fmt.Errorf("after %d of %d bytes: %w", at, n, err)
		}
	}
	return nil
}

// carry runs a lane to its end.
func (t *trial) carry(ctx context.Context, l *lane) {
	c, err := dialTunnel(ctx, t.addr)
	if err != nil {
		l.cut = err
		return
	}
	defer c.Close() //nolint:errcheck // only read and written
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	head := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{byte(l.kind)}, l.seed), uint64(l.n))
	t.witness.onceBegun(l.seed, l.underWay)
	if _, err = c.Write(head); err == nil {
		switch l.kind {
		case download:
			err = l.download(c)
		case upload:
			err = l.upload(c)
		default:
			err = l.ping(ctx, c)
		}
	}
	var d *difference
	switch {
	case err == nil:
	case errors.As(err, &d):
		l.wrong = d.Error()
	case ctx.Err() != nil:
		l.cut = fmt.Errorf("%w: %w", errHung, err)
	default:
		l.cut = err
	}
}

func (l *lane) download(c net.Conn) error {
	moved := int64(0)
	return compare(c, contents(l.seed), l.n, func(p []byte) error {
		if moved += int64(len(p)); moved > l.n/4 {
			l.underWay()
		}
		return nil
	})
}

func (l *lane) upload(c net.Conn) error {
	from := contents(l.seed)
	for moved := int64(0); moved < l.n; {
		n, err := io.CopyN(c, from, min(16<<10, l.n-moved))
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", moved, l.n, err)
		}
		moved += n
	}
	var k [1]byte
	if _, err := io.ReadFull(c, k[:]); err != nil {
		return fmt.Errorf("waiting for the target to have it all: %w", err)
	}
	return nil
}

// ping sends a chunk when the last one is back. An idle lane rests in the midst of it until the fault has struck.
func (l *lane) ping(ctx context.Context, c net.Conn) error {
	out, back := contents(l.seed), contents(l.seed)
	rested := false
	for moved := int64(0); moved < l.n; {
		n := min(chunk, l.n-moved)
		start := time.Now()
		if _, err := io.CopyN(c, out, n); err != nil {
			return err
		}
		if err := compare(c, back, n, nil); err != nil {
			return err
		}
		if rested && l.gap == 0 {
			l.gap = time.Since(start)
		}
		if moved += n; moved > l.n/4 {
			l.underWay()
		}
		if l.kind == idle && !rested {
			select {
			case <-l.after:
				rested = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}
