package session_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

// BenchmarkSimUpload is one connection's upload of 64 MB through the simulator, in MB/s, at round-trip times and payload sizes.
func BenchmarkSimUpload(b *testing.B) {
	for _, rtt := range []time.Duration{0, 20 * time.Millisecond, 80 * time.Millisecond} {
		for name, payload := range map[string]int{"1 KB": 0, "auto": session.PayloadAuto} {
			b.Run(fmt.Sprintf("%v, %s", rtt, name), func(b *testing.B) {
				r := newRig(b, sim.Options{Faults: sim.Faults{RTT: rtt}})
				conn := dial(b, r.open(session.Options{Payload: payload}))
				b.SetBytes(64 << 20)
				for b.Loop() {
					if err := exchange(conn, 64<<20, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPingBesideUpload is the median time of one byte there and back while another connection of the session uploads
// without end, and how much of it the upload adds.
func BenchmarkPingBesideUpload(b *testing.B) {
	for name, o := range map[string]session.Options{"1 KB": {}, "auto": {Payload: session.PayloadAuto}} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, sim.Options{})
			s := r.open(o)
			quiet, busy := dial(b, s), dial(b, s)
			alone := pings(b, func() error { return exchange(quiet, 1, 1) })
			stop, done := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						done <- nil
						return
					default:
					}
					if err := exchange(busy, 16<<20, 0); err != nil {
						done <- err
						return
					}
				}
			}()
			for s.Stats().Sent < 20_000 && s.Stats().Payload < 32<<10 {
				time.Sleep(time.Millisecond)
			}
			var beside time.Duration
			for b.Loop() {
				beside = pings(b, func() error { return exchange(quiet, 1, 1) })
			}
			close(stop)
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(alone.Microseconds())/1000, "ms-alone")
			b.ReportMetric(float64(beside.Microseconds())/1000, "ms-beside")
		})
	}
}

// pings is the median of 200.
func pings(b *testing.B, ping func() error) time.Duration {
	b.Helper()
	all := make([]time.Duration, 200)
	for i := range all {
		began := time.Now()
		if err := ping(); err != nil {
			b.Fatal(err)
		}
		all[i] = time.Since(began)
		time.Sleep(3 * time.Millisecond)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
