package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/rdsx/rdsx/sim/world"
)

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// gatewayFor serves a gateway whose target:5432 leads to addr.
func gatewayFor(t testing.TB, addr string, o Options) *Gateway {
	t.Helper()
	o.World = testWorld(t, addr)
	g := New(o)
	serve(t, g)
	return g
}

// exchange sends n random bytes through a stream to an echo and compares what comes back.
func exchange(t testing.TB, m *mini, n int) {
	t.Helper()
	if err := carry(m, n); err != nil {
		t.Fatal(err)
	}
}

// carry is exchange for other goroutines than the test's.
func carry(m *mini, n int) error {
	s, err := m.mux.OpenStream()
	if err != nil {
		return err
	}
	defer s.Close()
	want := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(want)
	errs := make(chan error, 1)
	go func() {
		_, err := s.Write(want)
		errs <- err
	}()
	got := make([]byte, n)
	if k, err := io.ReadFull(s, got); err != nil {
		return fmt.Errorf("%d of %d bytes came back: %w", k, n, err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes came back changed", n)
	}
	return <-errs
}

// reason waits for the end of the session as the client sees it.
func reason(t testing.TB, m *mini) string {
	t.Helper()
	select {
	case why := <-m.closed:
		return why
	case <-time.After(20 * time.Second):
		t.Fatal("the session does not end")
		return ""
	}
}

// until waits for a condition that must come.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func TestDataGoesThroughAndComesBack(t *testing.T) {
	for name, f := range map[string]Faults{
		"plain":     {},
		"rtt":       {RTT: 20 * time.Millisecond},
		"loss":      {Up: Direction{Loss: 0.01}, Down: Direction{Loss: 0.01}, Seed: 1},
		"duplicate": {Up: Direction{Duplicate: 0.05}, Down: Direction{Duplicate: 0.05}},
		"reorder":   {Up: Direction{Reorder: 0.02}, Down: Direction{Reorder: 0.02}},
		"narrow":    {Bandwidth: 2_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gatewayFor(t, listen(t, echo), Options{Faults: f, Pace: -1})
			m := start(t, g, "1")
			defer m.finish()
			m.open()
			exchange(t, m, 200_000)
			exchange(t, m, 1)
			i := g.Sessions()[0]
			if i.Counters.RecvBytes < 200_000 || i.Counters.SentBytes < 200_000 || i.Counters.Received == 0 || i.Counters.Dials != 2 || !i.Mux || i.ClientVersion == "" {
				t.Errorf("counters %+v", i)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{TokenLife: time.Hour})
	out, err := g.Start(t.Context(), input(newAgent, "1"))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, token string) {
		t.Helper()
		m := newMini(t, "1.2.896.0")
		defer m.finish()
		if err := m.dial(out.StreamURL, token); err != nil {
			t.Fatal(err)
		}
		why := reason(t, m)
		m.mu.Lock()
		defer m.mu.Unlock()
		if !strings.Contains(why, "1008") || len(m.kinds) != 0 {
			t.Errorf("%s token: %s after %v, want close 1008 and no frame", name, why, m.kinds)
		}
	}
	refused("wrong", "nonsense")
	refused("empty", "")
	m := newMini(t, "1.2.896.0")
	defer m.finish()
	if err := m.dial(out.StreamURL, out.Token); err != nil {
		t.Fatal(err)
	}
	m.open()
	refused("used", out.Token)
	g.SetFaults(Faults{TokenRefused: true})
	token, _, _ := g.Resume(t.Context(), "mika-1")
	refused("good, refused by the fault", token)
	g.SetFaults(Faults{})
	exchange(t, m, 1000)
}

func TestTokensDie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(New(Options{World: testWorld(t, ""), TokenLife: time.Minute}), input(newAgent, "1"))
		a, b := s.newToken(), s.newToken()
		time.Sleep(time.Minute - time.Nanosecond)
		if !s.redeem(a) || s.redeem(a) {
			t.Error("a token must work once within its minute")
		}
		time.Sleep(time.Nanosecond)
		if s.redeem(b) {
			t.Error("a token works after its minute")
		}
	})
}

func TestUpgradeRefused(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{Verify: func(r *http.Request) error {
		if r.Header.Get("Authorization") == "" {
			return errors.New("Missing Authentication Token")
		}
		return nil
	}})
	out, err := g.Start(t.Context(), input(newAgent, "1"))
	if err != nil {
		t.Fatal(err)
	}
	signed := http.Header{"Authorization": {"x"}}
	for name, c := range map[string]struct {
		url    string
		header http.Header
		status int
	}{
		"unsigned":          {out.StreamURL, nil, http.StatusForbidden},
		"unknown session":   {strings.Replace(out.StreamURL, "mika-1", "mika-2", 1), signed, http.StatusNotFound},
		"no role":           {strings.Replace(out.StreamURL, "role=", "rule=", 1), signed, http.StatusNotFound},
		"parameter dropped": {strings.Split(out.StreamURL, "&")[0], signed, http.StatusNotFound},
		"as given":          {out.StreamURL, signed, http.StatusSwitchingProtocols},
	} {
		ws, resp, err := websocket.DefaultDialer.Dial(c.url, c.header)
		if ws != nil {
			_ = ws.Close()
		}
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: %v, %v; want %d", name, resp, err, c.status)
		}
	}
}

func TestReasonsReachTheClient(t *testing.T) {
	for name, c := range map[string]struct {
		addr string
		o    Options
		want string
	}{
		"idle":      {"", Options{Idle: 100 * time.Millisecond}, "closed: " + reasonIdle},
		"maximum":   {"", Options{MaxDuration: 100 * time.Millisecond}, "closed: " + reasonMax},
		"unknown":   {world.Unresolvable, Options{}, "closed: lookup db.example.com: no such host"},
		"handshake": {"", Options{Faults: Faults{HandshakeRefused: true}}, "closed: Encountered error while initiating handshake. SessionType failed on client with status 2 error: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := c.addr
			if addr == "" {
				addr = listen(t, echo)
			}
			g := gatewayFor(t, addr, c.o)
			m := start(t, g, "1")
			defer m.finish()
			if why := reason(t, m); why != c.want {
				t.Errorf("%s, want %s", why, c.want)
			}
			if len(g.Sessions()) != 0 {
				t.Error("the session is still open")
			}
		})
	}
}

func TestIdleAndMaximumToTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := input(newAgent, "1")
		in.Idle, in.Max = 20*time.Minute, time.Hour
		s := newSession(New(Options{World: testWorld(t, "")}), in)
		go s.watch(t.Context())
		for range 3 {
			time.Sleep(19 * time.Minute)
			s.input.Store(int64(time.Since(s.started)))
		}
		synctest.Wait()
		if s.over() {
			t.Fatal("ended although there was input each 19 minutes")
		}
		time.Sleep(3*time.Minute - time.Second)
		synctest.Wait()
		if s.over() {
			t.Fatal("ended before its hour")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s.info().Reason != reasonMax {
			t.Errorf("reason %q after an hour", s.info().Reason)
		}
		in.Max = 0
		s = newSession(New(Options{World: testWorld(t, "")}), in)
		go s.watch(t.Context())
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if s.info().Reason != reasonIdle {
			t.Errorf("reason %q after 20 idle minutes", s.info().Reason)
		}
	})
}

func TestSecondClientReplacesTheFirst(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{})
	m := start(t, g, "1")
	defer m.finish()
	m.open()
	token, url, _ := g.Resume(t.Context(), "mika-1")
	if err := m.dial(url, token); err != nil {
		t.Fatal(err)
	}
	if why := reason(t, m); !strings.HasPrefix(why, "websocket: ") {
		t.Errorf("the first websocket ended with %s", why)
	}
	exchange(t, m, 1000)
	if n := len(g.Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestBasicModeThroughTheGateway(t *testing.T) {
	g := gatewayFor(t, "", Options{})
	addr := listen(t, echo)
	if err := g.o.World.SetDial(oldAgent+":8080", addr); err != nil {
		t.Fatal(err)
	}
	in := input(oldAgent, "1")
	delete(in.Properties, "host") // AWS-StartPortForwardingSession: the instance itself
	in.Properties["portNumber"] = "8080"
	out, err := g.Start(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	m := newMini(t, "1.2.896.0")
	defer m.finish()
	if err := m.dial(out.StreamURL, out.Token); err != nil {
		t.Fatal(err)
	}
	<-m.shaken
	if _, err := m.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(m.in, got); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if i := g.Sessions()[0]; i.Mux || i.Connections != 1 || i.AgentVersion != "3.0.161.0" {
		t.Errorf("%+v, want basic mode with one connection", i)
	}
}

func TestClosedGatewayTakesNothing(t *testing.T) {
	g := New(Options{World: testWorld(t, "")})
	var ids []string
	for i := range 5 {
		if _, err := g.Start(t.Context(), input(newAgent, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, g.List()[i].ID)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if len(g.Sessions()) != 0 || len(ids) != 5 {
		t.Errorf("open after Close: %v", g.Sessions())
	}
	if _, err := g.Start(context.Background(), input(newAgent, "6")); !errors.Is(err, errClosed) {
		t.Errorf("Start after Close: %v", err)
	}
}
