package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

const (
	devBox     = "i-0d000000000000001" // account acme-dev
	legacyJump = "i-05000000000000002" // account acme-staging; its agent knows basic mode only
	host       = "target.sim.example"
)

// rig is a simulated AWS with a target behind it.
type rig struct {
	tb  testing.TB
	sim *sim.Sim
	cfg sdk.Config
}

// target answers a request of two counts, up and down: it reads up bytes, sends their SHA-256 and then down bytes that
// random makes from the count.
func target(conn net.Conn) {
	defer conn.Close()
	var head [16]byte
	for {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		if binary.BigEndian.Uint64(head[:]) > 1<<30 || binary.BigEndian.Uint64(head[8:]) > 1<<30 {
			return // no request: bytes are lost or doubled
		}
		h := sha256.New()
		if _, err := io.CopyN(h, conn, int64(binary.BigEndian.Uint64(head[:]))); err != nil {
			return
		}
		down := random(int(binary.BigEndian.Uint64(head[8:])))
		if _, err := conn.Write(append(h.Sum(nil), down...)); err != nil {
			return
		}
	}
}

// random is n bytes that look like noise and depend on n alone.
func random(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(p)
	return p
}

func newRig(tb testing.TB, o sim.Options) *rig {
	tb.Helper()
	s, err := sim.Start(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { target(conn) })
		}
	})
	if err := s.World().SetDial(host+":5432", l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{}
	if ca := s.CA(); ca != nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	tb.Cleanup(func() {
		for _, open := range s.Sessions() {
			tb.Errorf("left open: %+v", open)
		}
		transport.CloseIdleConnections()
		s.Close()
		l.Close()
		conns.Wait()
	})
	return &rig{tb: tb, sim: s, cfg: sdk.Config{
		Region:       "eu-west-1",
		BaseEndpoint: sdk.String(s.URL()),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIASIMDEV0000000001", "sim/dev/mika/this-key-works-nowhere-else", ""),
		HTTPClient:   &http.Client{Transport: transport},
	}}
}

func (r *rig) request() session.Request {
	return session.Request{Target: devBox, Host: host, Port: 5432}
}

func (r *rig) open(o session.Options) *session.Session {
	r.tb.Helper()
	return r.openWith(r.request(), o)
}

func (r *rig) openRequest(q session.Request) *session.Session {
	r.tb.Helper()
	return r.openWith(q, session.Options{})
}

func (r *rig) openWith(q session.Request, o session.Options) *session.Session {
	r.tb.Helper()
	s, err := session.Open(context.Background(), r.cfg, q, o)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			r.tb.Error(err)
		}
	})
	return s
}

func dial(tb testing.TB, s *session.Session) net.Conn {
	tb.Helper()
	conn, err := s.Dial(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return conn
}

// exchange sends up bytes and takes down bytes, and fails on any byte that is not what the other side sent.
func exchange(conn net.Conn, up, down int) error {
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], uint64(up))
	binary.BigEndian.PutUint64(head[8:], uint64(down))
	sent := random(up)
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Write(append(head[:], sent...))
		failed <- err
	}()
	got := make([]byte, sha256.Size+down)
	if _, err := io.ReadFull(conn, got); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if err := <-failed; err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if want := sha256.Sum256(sent); !bytes.Equal(got[:sha256.Size], want[:]) {
		return errors.New("other bytes arrived than were sent")
	}
	if !bytes.Equal(got[sha256.Size:], random(down)) {
		return errors.New("other bytes came back than were sent")
	}
	return nil
}

// TestBytesExact: what is written arrives, up and down, whatever the network between does short of cutting it.
func TestBytesExact(t *testing.T) {
	both := func(d sim.Direction) sim.Faults { return sim.Faults{Up: d, Down: d, Seed: 7} }
	faults := func(f sim.Faults, rtt time.Duration) sim.Faults {
		f.RTT = rtt
		return f
	}
	small := [][2]int{{1, 1}, {2, 0}, {1016, 1016}, {1017, 1017}, {1024, 1024}, {1025, 1025}, {100_000, 100_000}}
	for name, c := range map[string]struct {
		sim.Faults
		sizes [][2]int
	}{
		"good network":                 {sim.Faults{}, append(small, [2]int{64 << 20, 0}, [2]int{0, 2 << 20})},
		"20 ms":                        {sim.Faults{RTT: 20 * time.Millisecond}, append(small, [2]int{16 << 20, 1 << 20})},
		"1 % loss both ways":           {both(sim.Direction{Loss: .01}), append(small, [2]int{4 << 20, 300_000})},
		"1 % loss both ways and 20 ms": {faults(both(sim.Direction{Loss: .01}), 20*time.Millisecond), append(small, [2]int{2 << 20, 300_000})},
		"duplicates":                   {both(sim.Direction{Duplicate: .05}), append(small, [2]int{4 << 20, 500_000})},
		"reorder":                      {both(sim.Direction{Reorder: .01}), append(small, [2]int{4 << 20, 500_000})},
		"everything":                   {faults(both(sim.Direction{Loss: .01, Duplicate: .01, Reorder: .01}), 5*time.Millisecond), append(small, [2]int{1 << 20, 200_000})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, sim.Options{Faults: c.Faults})
			s := r.open(session.Options{})
			conn := dial(t, s)
			for _, n := range c.sizes {
				if err := exchange(conn, n[0], n[1]); err != nil {
					t.Fatalf("%d bytes up, %d down: %v; stats %+v", n[0], n[1], err, s.Stats())
				}
			}
			t.Logf("%+v", s.Stats())
			if n := s.Stats().Retransmits; c.Up.Loss > 0 && n < 10 {
				t.Errorf("%d retransmits: the network was not lossy", n)
			}
		})
	}
}

// TestLargeBytesExact moves 64 MB each way under each fault. But for the losses the agent does not sleep here, so that the way
// down takes seconds. What is lost on the way down it repeats ten times a second at most, one after the other (docs/protocol.md
// §1.3): there it keeps its pace, and 4 MB are enough.
func TestLargeBytesExact(t *testing.T) {
	if testing.Short() {
		t.Skip("moves half a gigabyte")
	}
	const large = 64 << 20
	duplicate, reorder, loss := sim.Direction{Duplicate: .01}, sim.Direction{Reorder: .01}, sim.Direction{Loss: .01}
	const noPace, itsPace = -1, 0
	for name, c := range map[string]struct {
		sim.Faults
		pace time.Duration
		down int
	}{
		"delay":      {sim.Faults{RTT: 20 * time.Millisecond}, noPace, large},
		"bandwidth":  {sim.Faults{Bandwidth: 40_000_000}, noPace, large},
		"duplicates": {sim.Faults{Up: duplicate, Down: duplicate, Seed: 7}, noPace, large},
		"reorder":    {sim.Faults{Up: reorder, Down: reorder, Bandwidth: 20_000_000, Seed: 7}, noPace, large},
		"loss":       {sim.Faults{Up: loss, Down: loss, RTT: 20 * time.Millisecond, Seed: 7}, itsPace, 4 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sim.Options{Faults: c.Faults, Pace: c.pace})
			s := r.open(session.Options{})
			if err := exchange(dial(t, s), large, c.down); err != nil {
				t.Fatalf("%v; stats %+v", err, s.Stats())
			}
			t.Logf("%+v", s.Stats())
		})
	}
}

// TestNewlineStaysNewline: the official plugin turns a message that is one newline into a carriage return (B1).
func TestNewlineStaysNewline(t *testing.T) {
	for name, instance := range map[string]string{"mux": devBox, "basic mode": legacyJump} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, sim.Options{})
			lines, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer lines.Close()
			go func() {
				conn, err := lines.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
			if err := r.sim.World().SetDial(host+":1", lines.Addr().String()); err != nil {
				t.Fatal(err)
			}
			if instance == legacyJump {
				r.cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIASIMSTG0000000001", "sim/staging/ci/this-key-works-nowhere-el", "")
			}
			q := r.request()
			q.Target, q.Port = instance, 1
			s := r.openRequest(q)
			conn := dial(t, s)
			for _, n := range []int{1, 1017, 1018, 1025, 2041} { // 1017+8 leaves one byte after the cut at 1024
				want := bytes.Repeat([]byte{'\n'}, n)
				if _, err := conn.Write(want); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, n)
				if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d newlines came back as %q, %v", n, got, err)
				}
			}
		})
	}
}

func TestSimulatedFailures(t *testing.T) {
	for name, c := range map[string]struct {
		request func(*session.Request)
		faults  sim.Faults
		is      error
		late    bool // Open succeeds, Err tells
	}{
		"unknown instance":   {func(q *session.Request) { q.Target = "i-0ffffffffffffffff" }, sim.Faults{}, session.ErrTargetNotConnected, false},
		"unknown document":   {func(q *session.Request) { q.Document = "Acme-None" }, sim.Faults{}, session.ErrInvalidDocument, false},
		"throttled":          {nil, sim.Faults{ThrottledAPI: true}, session.ErrThrottled, false},
		"token refused":      {nil, sim.Faults{TokenRefused: true}, session.ErrTokenRefused, false},
		"handshake silent":   {nil, sim.Faults{HandshakeSilent: true}, session.ErrHandshakeTimeout, false},
		"handshake refused":  {nil, sim.Faults{HandshakeRefused: true}, aws.ErrRefusedByAWS, false},
		"name not resolved":  {func(q *session.Request) { q.Host = "nowhere.sim.example" }, sim.Faults{}, session.ErrNameNotResolved, true},
		"destination denied": {func(q *session.Request) { q.Host = "169.254.169.254" }, sim.Faults{}, session.ErrDestinationDenied, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, sim.Options{Faults: c.faults})
			r.cfg.RetryMaxAttempts = 1
			q := r.request()
			if c.request != nil {
				c.request(&q)
			}
			s, err := session.Open(context.Background(), r.cfg, q, session.Options{Handshake: 300 * time.Millisecond})
			if c.late {
				if err != nil && !errors.Is(err, c.is) {
					t.Fatal(err)
				}
				if s != nil {
					<-s.Done()
					err = s.Err()
					s.Close()
				}
			}
			if !errors.Is(err, c.is) || aws.NextOf(err) == "" {
				t.Errorf("%v, advice %q; want %v", err, aws.NextOf(err), c.is)
			}
		})
	}
}

func TestSimulatedRefusal(t *testing.T) {
	r := newRig(t, sim.Options{})
	if err := r.sim.World().SetDial(host+":2", "refused"); err != nil {
		t.Fatal(err)
	}
	q := r.request()
	q.Port = 2
	conn := dial(t, r.openRequest(q))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, aws.ErrRefused) {
		t.Errorf("read: %v", err)
	}
}

// TestProbeSeesTheDialQueue: a silent host holds up every later dial of the session (B6).
func TestProbeSeesTheDialQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{})
	s := r.open(session.Options{})
	if err := s.Probe(context.Background()); err != nil {
		t.Errorf("quiet queue: %v", err)
	}
	if err := r.sim.World().SetDial(host+":5432", "silent"); err != nil {
		t.Fatal(err)
	}
	dial(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := s.Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stuck queue: %v", err)
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{TLS: true})
	conn := dial(t, r.open(session.Options{}))
	for range 2 {
		if err := exchange(conn, 1<<20, 100_000); err != nil {
			t.Error(err)
		}
		r.sim.CutClient("") // and once more over another websocket
	}
	r.cfg.HTTPClient = &http.Client{Transport: &http.Transport{}}
	if _, err := session.Open(context.Background(), r.cfg, r.request(), session.Options{}); err == nil {
		t.Error("a session was opened with a service whose certificate nobody vouches for")
	}
}
