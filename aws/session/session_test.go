package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/wire"
)

func dial(tb testing.TB, s *Session) net.Conn {
	tb.Helper()
	conn, err := s.Dial(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return conn
}

// echo sends p and reads it back.
func echo(t *testing.T, conn net.Conn, p []byte) {
	t.Helper()
	go func() { _, _ = conn.Write(p) }()
	got := make([]byte, len(p))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, p) {
		t.Error("the bytes that came back are others")
	}
}

func TestWhatAWSSees(t *testing.T) {
	b := newBox(t, script{customer: "this session is recorded"}, false)
	r := request()
	r.Reason, r.LocalPort = "incident 42", 15432
	s, err := Open(context.Background(), b.config(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.ID() != sessionID || s.Message() != "this session is recorded" {
		t.Errorf("session %q says %q", s.ID(), s.Message())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var in map[string]any
	if err := json.Unmarshal([]byte(b.started[0]), &in); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Target": "i-0123456789abcdef0", "DocumentName": DocumentRemoteHost, "Reason": "incident 42",
		"Parameters": map[string]any{"host": []any{"db.internal"}, "portNumber": []any{"5432"}, "localPortNumber": []any{"15432"}},
	}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("StartSession got %v, want %v", in, want)
	}
	up := b.upgrades[0]
	if auth := up.Header.Get("Authorization"); !strings.Contains(auth, "/eu-west-1/ssmmessages/aws4_request") {
		t.Errorf("the upgrade is signed with %q", auth)
	}
	if q := up.URL.Query(); q.Get("role") != "publish_subscribe" || q.Get("cell-number") != "7" {
		t.Errorf("the upgrade's query is %v", q)
	}
	if h := b.hello; h.MessageSchemaVersion != "1.0" || h.TokenValue != secretToken || h.ClientVersion != ClientVersion || h.RequestID == "" || h.ClientID == "" {
		t.Errorf("hello %+v", h)
	}
	if newer("1.2.764.0", ClientVersion) {
		t.Errorf("client version %s is below the lowest that AWS supports", ClientVersion)
	}
}

func TestCloseTellsEveryone(t *testing.T) {
	for name, c := range map[string]script{
		"acknowledged":           {},
		"flag not acknowledged":  {ignoreFlags: true},
		"TerminateSession fails": {terminateCode: "InternalServerError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, c, false)
			s := open(t, b, Options{})
			conn := dial(t, s)
			echo(t, conn, []byte("hello"))
			var closers sync.WaitGroup
			for range 3 {
				closers.Go(func() {
					if err := s.Close(); (err != nil) != (c.terminateCode != "") {
						t.Errorf("Close: %v", err)
					}
				})
			}
			closers.Wait()
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, aws.ErrClosed) {
				t.Errorf("a connection ends with %v", err)
			}
			if _, err := s.Dial(context.Background()); !errors.Is(err, aws.ErrClosed) {
				t.Errorf("Dial: %v", err)
			}
			if !errors.Is(s.Err(), aws.ErrClosed) {
				t.Errorf("Err: %v", s.Err())
			}
			b.agents.Wait() // the flag is on its way until the agent has seen the socket's end
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.terminated != 1 {
				t.Errorf("terminated %d times", b.terminated)
			}
			if !reflect.DeepEqual(b.flags, []wire.Flag{wire.TerminateSession}) {
				t.Errorf("the agent got the flags %v", b.flags)
			}
		})
	}
}

func TestRefusedByTarget(t *testing.T) {
	for name, version := range map[string]string{"mux": "3.3.0.0", "basic": "3.0.100.0"} {
		t.Run(name, func(t *testing.T) {
			s := open(t, newBox(t, script{refuse: true, agentVersion: version}, false), Options{})
			conn := dial(t, s)
			_, _ = conn.Write([]byte("hello"))
			_, err := conn.Read(make([]byte, 1))
			if !errors.Is(err, aws.ErrRefused) || !strings.Contains(err.Error(), "db.internal:5432") || aws.NextOf(err) == "" {
				t.Errorf("read: %v", err)
			}
			if s.Err() != nil {
				t.Errorf("the session ended: %v", s.Err())
			}
		})
	}
}

func TestBasicMode(t *testing.T) {
	b := newBox(t, script{agentVersion: "3.0.100.0"}, false)
	s := open(t, b, Options{})
	if s.Stats().Mux {
		t.Error("reported as mux")
	}
	if err := s.Probe(context.Background()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Probe: %v", err)
	}
	for range 3 {
		conn := freeDial(t, s)
		echo(t, conn, randomBytes(50_000))
		if _, err := s.Dial(context.Background()); !errors.Is(err, aws.ErrBusy) {
			t.Errorf("a second connection: %v", err)
		}
		conn.Close()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// freeDial dials until the agent has acknowledged that the connection before is closed.
func freeDial(t *testing.T, s *Session) net.Conn {
	t.Helper()
	for {
		conn, err := s.Dial(context.Background())
		if err == nil {
			return conn
		}
		if !errors.Is(err, aws.ErrBusy) {
			t.Fatal(err)
		}
	}
}

func TestBasicModeRemoteClose(t *testing.T) {
	b := newBox(t, script{agentVersion: "3.0.100.0", serve: func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 100))
		_, _ = io.WriteString(conn, "bye")
	}}, false)
	s := open(t, b, Options{})
	for range 2 {
		conn := freeDial(t, s)
		_, _ = conn.Write([]byte("hello"))
		if got, err := io.ReadAll(conn); err != nil || string(got) != "bye" {
			t.Errorf("read %q, %v", got, err)
		}
		conn.Close()
	}
}

// TestSlowReader: a connection that nobody reads stops neither the others nor the acknowledgements, and loses nothing.
func TestSlowReader(t *testing.T) {
	big := randomBytes(8 << 20)
	b := newBox(t, script{serve: func(conn net.Conn) {
		kind := make([]byte, 1)
		if _, _ = io.ReadFull(conn, kind); kind[0] == 'b' {
			_, _ = conn.Write(big)
			return
		}
		_, _ = io.Copy(conn, conn)
	}}, false)
	s := open(t, b, Options{SpillDir: t.TempDir()})
	slow, quick := dial(t, s), dial(t, s)
	_, _ = io.WriteString(slow, "b")
	_, _ = io.WriteString(quick, "e")
	for before := uint64(0); s.Stats().Received < 8<<20/1024; { // the service has sent it all: nothing pushed back
		echo(t, quick, []byte("ping"))
		if now := s.Stats().Received; now < before {
			t.Fatal("the counter fell")
		} else {
			before = now
		}
	}
	got := make([]byte, len(big))
	if _, err := io.ReadFull(slow, got); err != nil || !bytes.Equal(got, big) {
		t.Errorf("the slow reader got other bytes: %v", err)
	}
	if n, err := slow.Read(got); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("then %d bytes, %v", n, err)
	}
}

// TestStoppedReaderIsCutAlone: above its bound a reader that has stopped loses its connection, with the reason; the others go on.
func TestStoppedReaderIsCutAlone(t *testing.T) {
	b := newBox(t, script{serve: func(conn net.Conn) {
		kind := make([]byte, 1)
		if _, _ = io.ReadFull(conn, kind); kind[0] == 'b' {
			_, _ = conn.Write(make([]byte, 4<<20))
			return
		}
		_, _ = io.Copy(conn, conn)
	}}, false)
	s := open(t, b, Options{SpillDir: t.TempDir(), SpillLimit: 1 << 20})
	stopped, quick := dial(t, s), dial(t, s)
	_, _ = io.WriteString(quick, "e")
	_, _ = io.WriteString(stopped, "b")
	until(s, func(now aws.SessionStats) bool { return now.Resets > 0 })
	if now := s.Stats(); now.Resets != 1 || !strings.Contains(now.LastReset, "reads too slowly") {
		t.Errorf("%d resets: %s", now.Resets, now.LastReset)
	}
	if _, err := io.ReadAll(stopped); !errors.Is(err, aws.ErrReset) {
		t.Errorf("the stopped reader's connection ends with %v", err)
	}
	echo(t, quick, []byte("ping"))
}

func TestManyConnections(t *testing.T) {
	s := open(t, newBox(t, script{}, true), Options{})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			conn, err := s.Dial(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			want := randomBytes(1000 * (i + 1))
			go func() { _, _ = conn.Write(want) }()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if err := s.Probe(context.Background()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	st := s.Stats()
	if !st.Mux || st.ID != sessionID || st.AgentVersion == "" || st.RTT <= 0 || st.Window < windowFloor || st.Sent < 2000 || st.Received < 2000 || st.Started.IsZero() {
		t.Errorf("stats %+v", st)
	}
}

// TestConnectionLost: the websocket is lost, and the service says that the session is over.
func TestConnectionLost(t *testing.T) {
	b := newBox(t, script{}, false)
	s := open(t, b, Options{})
	conn := dial(t, s)
	echo(t, conn, []byte("hello"))
	b.cut()
	<-s.Done()
	if err := s.Err(); !errors.Is(err, ErrClosedByService) || aws.NextOf(err) == "" {
		t.Errorf("ended with %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrClosedByService) {
		t.Errorf("the connection ends with %v", err)
	}
	s.Close()
	if _, terminated, _ := b.count(); terminated != 1 {
		t.Errorf("terminated %d times", terminated)
	}
}

// frozen is a connection that can stop without a word, as a network does behind a sleeping router.
type frozen struct {
	net.Conn
	stop   chan struct{} // closed: nothing moves any more
	closed chan struct{}
	once   sync.Once
}

func (f *frozen) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	select {
	case <-f.stop:
		<-f.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (f *frozen) Write(p []byte) (int, error) {
	select {
	case <-f.stop:
		<-f.closed
		return 0, net.ErrClosed
	default:
		return f.Conn.Write(p)
	}
}

func (f *frozen) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Conn.Close()
}

func freezing(stop chan struct{}) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &frozen{Conn: conn, stop: stop, closed: make(chan struct{})}, err
	}}
}

func TestSilentNetwork(t *testing.T) {
	stop := make(chan struct{})
	b := newBox(t, script{}, false)
	s := open(t, b, Options{Transport: freezing(stop), PingEvery: 20 * time.Millisecond})
	echo(t, dial(t, s), []byte("hello"))
	close(stop)
	for s.Stats().Link != aws.LinkResuming {
		<-s.Changed()
	}
	if got := s.Stats().Trouble; got != errSilent.Error() {
		t.Errorf("resuming because of %q", got)
	}
}

func TestPingsKeepAQuietSession(t *testing.T) {
	t.Parallel()
	b := newBox(t, script{}, false)
	s := open(t, b, Options{PingEvery: 300 * time.Millisecond})
	<-b.pings
	<-b.pings // so the first was answered in time
	if s.Err() != nil {
		t.Error(s.Err())
	}
	echo(t, dial(t, s), []byte("hello"))
}

// TestCloseWithStuckNetwork: the writer hangs in a write that never ends, and Close must not.
func TestCloseWithStuckNetwork(t *testing.T) {
	stop := make(chan struct{})
	b := newBox(t, script{}, true)
	transport := freezing(stop)
	transport.TLSClientConfig = transportOf(b.config()).TLSClientConfig
	s := open(t, b, Options{Transport: transport})
	conn := dial(t, s)
	echo(t, conn, []byte("hello"))
	close(stop)
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(make([]byte, 4<<20))
		written <- err
	}()
	s.Close()
	if err := <-written; !errors.Is(err, aws.ErrClosed) {
		t.Errorf("the blocked write ends with %v", err)
	}
	if _, terminated, _ := b.count(); terminated != 1 {
		t.Errorf("terminated %d times", terminated)
	}
}

func TestDialDeadContext(t *testing.T) {
	s := open(t, newBox(t, script{}, false), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
}
