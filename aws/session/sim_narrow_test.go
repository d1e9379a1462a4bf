package session_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

// TestNarrowUplink: an upload over a megabit a second sends each message about once.
func TestNarrowUplink(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{Faults: sim.Faults{Bandwidth: 100_000}})
	s := r.open(session.Options{})
	conn := dial(t, s)
	if err := exchange(conn, 1, 1); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	if err := exchange(conn, 400_000, 1); err != nil {
		t.Fatal(err)
	}
	now := s.Stats()
	if again, sent := now.Retransmits-before.Retransmits, now.Sent-before.Sent; again > sent/20 {
		t.Errorf("%d of %d messages were sent again", again, sent)
	}
}

// TestDrainBeforeClose: a client that writes without reading and hangs up has written all of it, though the uplink is narrow and
// its session is closed at once.
func TestDrainBeforeClose(t *testing.T) {
	for name, instance := range map[string]string{"mux": devBox, "basic mode": legacyJump} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, sim.Options{Faults: sim.Faults{Bandwidth: 200_000}})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			got := make(chan int64, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				n, _ := io.Copy(io.Discard, conn)
				got <- n
			}()
			if err := r.sim.World().SetDial(host+":1", l.Addr().String()); err != nil {
				t.Fatal(err)
			}
			if instance == legacyJump {
				r.cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIASIMSTG0000000001", "sim/staging/ci/this-key-works-nowhere-el", "")
			}
			q := r.request()
			q.Target, q.Port = instance, 1
			s := r.openRequest(q)
			conn := dial(t, s)
			const size = 200_000
			if _, err := conn.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			conn.Close()
			within, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := s.Drain(within); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if n := <-got; n != size {
				t.Errorf("%d of %d bytes arrived", n, size)
			}
		})
	}
}
