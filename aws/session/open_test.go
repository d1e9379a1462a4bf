package session

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"
)

func request() Request {
	return Request{Target: "i-0123456789abcdef0", Host: "db.internal", Port: 5432}
}

func open(tb testing.TB, b *box, o Options) *Session {
	tb.Helper()
	s, err := Open(context.Background(), b.config(), request(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

func TestEcho(t *testing.T) {
	for name, tls := range map[string]bool{"plain": false, "TLS with its own CA": true} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, script{}, tls)
			s := open(t, b, Options{})
			conn, err := s.Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			want := randomBytes(300_000)
			go func() { _, _ = conn.Write(want) }()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Error("the bytes that came back are others")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if started, terminated, upgrades := b.count(); started != 1 || terminated != 1 || upgrades != 1 {
				t.Errorf("started %d, terminated %d, upgraded %d times", started, terminated, upgrades)
			}
		})
	}
}
