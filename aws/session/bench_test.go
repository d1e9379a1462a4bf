package session

import (
	"context"
	"io"
	"net"
	"testing"
)

// sink takes everything and answers each megabyte with a byte.
func sink(conn net.Conn) {
	buf := make([]byte, 32<<10)
	for total := 0; ; {
		n, err := conn.Read(buf)
		for before := total >> 20; before < (total+n)>>20; before++ {
			if _, err := conn.Write(buf[:1]); err != nil {
				return
			}
		}
		total += n
		if err != nil {
			return
		}
	}
}

func dialled(b *testing.B, s script, tls bool) net.Conn {
	b.Helper()
	conn, err := open(b, newBox(b, s, tls), Options{}).Dial(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// BenchmarkUpload is one connection's throughput with 1024-byte messages; the fake agent's work is in the figure.
func BenchmarkUpload(b *testing.B) {
	for name, tls := range map[string]bool{"plain": false, "TLS": true} {
		b.Run(name, func(b *testing.B) {
			conn := dialled(b, script{serve: sink}, tls)
			chunk, answer := make([]byte, 1<<20), make([]byte, 1)
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			go func() {
				for range b.N {
					if _, err := conn.Write(chunk); err != nil {
						return
					}
				}
			}()
			for range b.N {
				if _, err := io.ReadFull(conn, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPingPong is the latency of one byte there and back.
func BenchmarkPingPong(b *testing.B) {
	conn := dialled(b, script{}, true)
	p := make([]byte, 1)
	for b.Loop() {
		if _, err := conn.Write(p); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, p); err != nil {
			b.Fatal(err)
		}
	}
}
