package forward

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

// echoing gives sessions whose targets send back what they get, and finish when the client does.
func echoing() *fakeDialer {
	return sessions(func(s *fakeSession) {
		s.target = func(r *far) {
			_, _ = io.Copy(r, r)
			_ = r.Close()
		}
	})
}

// run runs f until the test ends and gives what Run returns.
func run(t testing.TB, f *Forwarder) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f.Run(context.Background()) }()
	return done
}

func dialTCP(t testing.TB, f *Forwarder) *net.TCPConn {
	t.Helper()
	var dialer net.Dialer
	c, err := dialer.DialContext(context.Background(), "tcp", f.Local())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// echo sends n random bytes and compares what comes back.
func echo(c net.Conn, n int) error {
	var seed [32]byte
	want := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(want)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		sent <- err
	}()
	got := make([]byte, n)
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if sha256.Sum256(got) != sha256.Sum256(want) {
		return errors.New("bytes came back changed")
	}
	return <-sent
}

// TestManyConnections opens and closes 200 connections on both addresses, twenty at a time, and counts every byte.
func TestManyConnections(t *testing.T) {
	const size = 10_000
	f := listen(t, Config{}, echoing())
	run(t, f)
	addrs := f.Snapshot().Listening
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for worker := range 20 {
		wg.Go(func() {
			for i := range 10 {
				var dialer net.Dialer
				c, err := dialer.DialContext(context.Background(), "tcp", addrs[(worker+i)%len(addrs)])
				if err == nil {
					err = echo(c, size)
					_ = c.Close()
				}
				errs <- err
			}
		})
	}
	wg.Wait()
	for range 200 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(f.Snapshot().Sessions); n > 4 {
		t.Errorf("%d sessions, want at most the 4 that are the default", n)
	}
	f.Close() // a client can have its last bytes before they are counted
	got := f.Snapshot()
	if got.Connections != 200 || got.Up != 200*size || got.Down != 200*size {
		t.Errorf("%d connections, %d up, %d down; want 200 and %d each way", got.Connections, got.Up, got.Down, 200*size)
	}
}

// TestHalfCloseTCP: a real client shuts its side down, and still gets all of the answer and then its end.
func TestHalfCloseTCP(t *testing.T) {
	answer := bytes.Repeat([]byte("0123456789"), 10_000)
	f := listen(t, Config{}, sessions(func(s *fakeSession) {
		s.target = func(r *far) {
			_, _ = io.ReadFull(r, make([]byte, 5))
			_, _ = r.Write(answer)
			r.endWith(nil)
		}
	}))
	run(t, f)
	c := dialTCP(t, f)
	if _, err := c.Write([]byte("query")); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, answer) {
		t.Errorf("got %d bytes and %v, want %d", len(got), err, len(answer))
	}
}

// TestResetsTCP: a real client sees a reset where the answer was cut, and never an end.
func TestResetsTCP(t *testing.T) {
	for name, end := range map[string]error{"refused": aws.ErrRefused, "cut": errors.New("stream broken")} {
		t.Run(name, func(t *testing.T) {
			f := listen(t, Config{}, sessions(func(s *fakeSession) {
				s.target = func(r *far) {
					_, _ = io.ReadFull(r, make([]byte, 5)) // a reset before that can meet the client in its connect
					_, _ = r.Write([]byte("half of the ans"))
					r.endWith(end)
				}
			}))
			run(t, f)
			c := dialTCP(t, f)
			if _, err := c.Write([]byte("query")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(c); !isReset(err) {
				t.Errorf("the client sees %v, want a reset", err)
			}
		})
	}
}

func isReset(err error) bool {
	const wsaeconnreset = syscall.Errno(10054) // what Windows calls it
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, wsaeconnreset)
}

// BenchmarkCopy is the copy loop between a TCP client and a far end in memory, both ways at once.
func BenchmarkCopy(b *testing.B) {
	f, err := Listen(context.Background(), Config{Target: where()}, echoing())
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	run(b, f)
	c := dialTCP(b, f)
	const block = 64 << 10
	b.SetBytes(2 * block)
	b.ReportAllocs()
	go func() {
		out := make([]byte, block)
		for range b.N {
			if _, err := c.Write(out); err != nil {
				return
			}
		}
	}()
	in := make([]byte, block)
	for range b.N {
		if _, err := io.ReadFull(c, in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConnection is a connection from its accept to its end, one byte each way.
func BenchmarkConnection(b *testing.B) {
	l := newFakeListener()
	bound := binding{listeners: []net.Listener{l}, local: "127.0.0.1:5432"}
	f := newForwarder(Config{Target: where()}.withDefaults(), sessions(func(s *fakeSession) {
		s.dials = make(chan *far, b.N)
		s.target = func(r *far) {
			_, _ = io.CopyN(r, r, 1)
			_ = r.Close()
		}
	}), bound)
	defer f.Close()
	run(b, f)
	b.ReportAllocs()
	for range b.N {
		client, server := newLocal()
		l.conns <- server
		if err := echo(client, 1); err != nil {
			b.Fatal(err)
		}
		_ = client.Close()
	}
	if got := f.Snapshot(); got.Up < uint64(b.N) {
		b.Fatal(fmt.Sprint(got.Up, " bytes for ", b.N, " connections"))
	}
}
