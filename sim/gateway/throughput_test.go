package gateway

import (
	"io"
	"net"
	"testing"
	"time"
)

// BenchmarkUpload is what the simulator can take in from the test's own client, which shares the machine: 1024-byte messages.
func BenchmarkUpload(b *testing.B) {
	for name, rtt := range map[string]time.Duration{"rtt0": 0, "rtt20": 20 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			target := listen(b, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
			g := New(Options{World: testWorld(b, target), Faults: Faults{RTT: rtt}})
			serve(b, g)
			m := start(b, g, "")
			defer m.finish()
			m.open()
			stream, err := m.mux.OpenStream()
			if err != nil {
				b.Fatal(err)
			}
			payload := make([]byte, 32<<10)
			b.SetBytes(int64(len(payload)))
			b.ResetTimer()
			for b.Loop() {
				if _, err := stream.Write(payload); err != nil {
					b.Fatal(err)
				}
			}
			m.mu.Lock()
			for len(m.out) > 0 {
				m.room.Wait()
			}
			m.mu.Unlock()
		})
	}
}
