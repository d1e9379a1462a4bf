package session

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/gorilla/websocket"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// pipes is a network in memory: what waits on it waits in synctest's time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inMemory is a box on a network in memory, and a configuration that leads there.
func inMemory(t *testing.T, s script) (*box, sdk.Config, *http.Transport) {
	t.Helper()
	network := newPipes()
	b := newBoxAt(t, s, false, network)
	transport := &http.Transport{DialContext: network.dial}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := b.config()
	cfg.HTTPClient = &http.Client{Transport: transport}
	return b, cfg, transport
}

// bye closes the websocket as the service does each hour.
func (b *box) bye() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.conns {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "Bye"), time.Now().Add(time.Second))
	}
	b.conns = nil
}

// expire ends the session as the service does with an idle one.
func (b *box) expire() {
	b.mu.Lock()
	a := b.agent
	b.agent = nil
	b.mu.Unlock()
	_ = a.write(func(p []byte) []byte {
		m := wire.Message{Type: wire.ChannelClosed, Created: 1, Flags: 3, ID: wire.NewID(), Payload: []byte(`{"Output":"Your session timed out due to inactivity."}`)}
		return m.Append(p)
	})
	a.hangUp()
	a.tasks.Wait()
}

// hourly are credentials that are good for an hour, and taken by nobody later.
type hourly struct {
	t       *testing.T
	mu      sync.Mutex
	renewed int
}

func (h *hourly) Retrieve(context.Context) (sdk.Credentials, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.renewed++
	return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: secretKey, CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
}

// TestDay is 24 hours: four sessions, a websocket that is closed each hour and once in a while cut, credentials that expire
// each hour, a query a minute, and the end of each session by idleness. Every byte comes back, nothing is left behind.
func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg, transport := inMemory(t, script{resume: always})
		keys := &hourly{t: t}
		cfg.Credentials = sdk.NewCredentialsCache(keys)
		began := time.Now()
		var heap []uint64
		var goroutines []int
		const sessions = 4
		for range sessions {
			session(t, b, cfg, transport)
			transport.CloseIdleConnections() // those of the API are the transport's to keep
			synctest.Wait()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap, goroutines = append(heap, m.HeapAlloc), append(goroutines, runtime.NumGoroutine())
		}
		if lasted := time.Since(began); lasted < 24*time.Hour {
			t.Errorf("the day had %v", lasted)
		}
		if last := len(heap) - 1; heap[last] > heap[0]+1<<20 || goroutines[last] > goroutines[1] {
			t.Errorf("after each session %v bytes, %v goroutines", heap, goroutines)
		}
		if _, terminated, _ := b.count(); terminated != sessions {
			t.Errorf("%d sessions were terminated", terminated)
		}
		if keys.renewed < 20 {
			t.Errorf("credentials were renewed %d times", keys.renewed)
		}
		transport.CloseIdleConnections()
	})
}

// session is six hours of one.
func session(t *testing.T, b *box, cfg sdk.Config, transport *http.Transport) {
	t.Helper()
	s, err := Open(context.Background(), cfg, request(), Options{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := s.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	const hours = 5
	for minute := 1; minute < hours*60+30; minute++ {
		time.Sleep(time.Minute)
		switch {
		case minute%60 == 0:
			b.bye()
		case minute%97 == 0:
			b.cut()
		}
		echo(t, conn, randomBytes(10+minute*7))
	}
	now := s.Stats()
	if now.Resumes < hours+3 || now.Resets != 0 || now.Pending != 0 || now.Streams != 1 {
		t.Errorf("after hours %+v", now)
	}
	time.Sleep(31 * time.Minute)
	b.expire()
	<-s.Done()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrClosedByService) {
		t.Errorf("the idle connection ends with %v", err)
	}
	conn.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := len(s.channel.acks.done); n > acksKept {
		t.Errorf("%d acknowledgements remembered", n)
	}
}

// TestSleep: the wall clock has run ahead, the network is gone. That is found out by a ping at once, and not by the next
// regular one.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg, transport := inMemory(t, script{resume: always})
		s, conn := inUse(t, cfg, Options{Transport: transport, PingEvery: time.Hour})
		time.Sleep(time.Minute)
		b.mute()
		var ahead time.Duration
		var mu sync.Mutex
		s.channel.setWall(func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead).Round(0)
		})
		time.Sleep(10 * time.Minute)
		if now := s.Stats(); now.Link != aws.LinkUp || now.Resumes != 0 {
			t.Errorf("before the sleep %+v", now)
		}
		mu.Lock()
		ahead = time.Hour
		mu.Unlock()
		woke := time.Now()
		until(s, func(now aws.SessionStats) bool { return now.Resumes > 0 })
		if took := time.Since(woke); took > beat+urgentPong+time.Second {
			t.Errorf("resumed %v after the sleep", took)
		}
		echo(t, conn, []byte("after"))
		transport.CloseIdleConnections()
	})
}

// inUse opens a session in memory with a connection through which bytes have gone both ways. The test's end closes it.
func inUse(t *testing.T, cfg sdk.Config, o Options) (*Session, net.Conn) {
	t.Helper()
	s, err := Open(context.Background(), cfg, request(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	conn, err := s.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	echo(t, conn, []byte("before"))
	return s, conn
}

// TestSuspect: a link that is up and brings no acknowledgements for ten seconds is no place for newcomers, until they come.
func TestSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg, transport := inMemory(t, script{resume: always})
		s, conn := inUse(t, cfg, Options{Transport: transport})
		time.Sleep(time.Minute)
		b.agent.deaf.Store(true)
		began := time.Now()
		_, _ = conn.Write([]byte("unheard"))
		until(s, func(now aws.SessionStats) bool { return now.Link == aws.LinkSuspect })
		if took := time.Since(began); took < suspectAfter || took > suspectAfter+2*beat {
			t.Errorf("suspect after %v", took)
		}
		b.agent.deaf.Store(false)
		until(s, func(now aws.SessionStats) bool { return now.Link == aws.LinkUp })
		got := make([]byte, len("unheard"))
		if _, err := conn.Read(got); err != nil || string(got) != "unheard" {
			t.Errorf("%q, %v", got, err)
		}
		transport.CloseIdleConnections()
	})
}

// TestBlockedUpload: a target that takes nothing keeps its agent from acknowledging, for as long as a table is locked. That ends the
// session only when the agent is gone, or nobody can say whether it is.
func TestBlockedUpload(t *testing.T) {
	const connected, gone = "connected", "notconnected"
	for name, c := range map[string]struct {
		status func(asked int) (status, code string)
		speaks bool          // the agent sends something now and then
		lasts  time.Duration // 0: until the target takes it
	}{
		"the agent lives":          {func(int) (string, string) { return connected, "" }, false, 0},
		"the agent is gone":        {func(int) (string, string) { return gone, "" }, false, mutedFor},
		"it goes later":            {func(n int) (string, string) { return []string{connected, gone}[min(n/10, 1)], "" }, false, mutedFor + 10*aliveFor},
		"nobody may ask":           {func(int) (string, string) { return "", "AccessDeniedException" }, false, mutedFor},
		"nobody may ask, it talks": {func(int) (string, string) { return "", "AccessDeniedException" }, true, 0},
		"it cannot be learnt":      {func(int) (string, string) { return "", "InternalServerError" }, false, 2 * mutedFor},
		"it can be learnt at last": {func(n int) (string, string) { return connected, []string{"InternalServerError", ""}[min(n/3, 1)] }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				b, cfg, transport := inMemory(t, script{resume: always, status: func() (string, string) { return c.status(int(asked.Add(1) - 1)) }})
				s, conn := inUse(t, cfg, Options{Transport: transport})
				time.Sleep(time.Minute)
				b.agent.deaf.Store(true)
				began := time.Now()
				_, _ = conn.Write([]byte("rows"))
				for range 40 {
					if c.speaks {
						_ = b.agent.send(wire.PayloadSize, nil)
					}
					time.Sleep(30 * time.Second)
					if s.Err() != nil {
						break
					}
				}
				if c.lasts > 0 {
					if took := time.Since(began); !errors.Is(s.Err(), ErrAgentGone) || took < c.lasts || took > c.lasts+time.Minute {
						t.Errorf("after %v: %v", took, s.Err())
					}
					transport.CloseIdleConnections()
					return
				}
				b.agent.deaf.Store(false)
				got := make([]byte, len("rows"))
				if _, err := io.ReadFull(conn, got); err != nil || string(got) != "rows" {
					t.Errorf("%q, %v; the session: %v", got, err, s.Err())
				}
				transport.CloseIdleConnections()
			})
		})
	}
}

// TestHomeless: the address of the websocket is one of this machine's, and of no other.
func TestHomeless(t *testing.T) {
	for address, lost := range map[string]bool{"127.0.0.1": false, "127.0.0.9": false, "192.0.2.77": true} {
		tr := &transport{batch: &batchConn{Conn: localised{ip: net.ParseIP(address)}}}
		if err := tr.homeless(); (err != nil) != lost {
			t.Errorf("%s: %v", address, err)
		}
	}
}

type localised struct {
	net.Conn
	ip net.IP
}

func (l localised) LocalAddr() net.Addr { return &net.TCPAddr{IP: l.ip, Port: 1} }
