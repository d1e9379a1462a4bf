package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
	"github.com/rdsx/rdsx/sim/world"
)

// download asks a source for n bytes and checks them. The agent's loss does not harm it: bug B4 is one of uploads.
func download(m *mini, n int) error {
	s, err := m.mux.OpenStream()
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Write([]byte("?")); err != nil {
		return err
	}
	got := make([]byte, n)
	if k, err := io.ReadFull(s, got); err != nil {
		return fmt.Errorf("%d of %d bytes came: %w", k, n, err)
	}
	want := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(want)
	if !bytes.Equal(got, want) {
		return errors.New("the bytes came changed")
	}
	return nil
}

// source answers one byte with n.
func source(n int) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, n)
		_, _ = rand.NewChaCha8([32]byte{}).Read(b)
		if _, err := c.Read(make([]byte, 1)); err == nil {
			_, _ = c.Write(b)
			_, _ = io.Copy(io.Discard, c)
		}
	}
}

func TestResume(t *testing.T) {
	const size = 150_000
	for _, side := range []string{"client", "agent", "both", "bye"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			g := gatewayFor(t, listen(t, source(size)), Options{})
			m := start(t, g, "1")
			defer m.finish()
			m.open()
			done := make(chan error, 1)
			go func() { done <- download(m, size) }()
			until(t, "the transfer", func() bool { return g.Sessions()[0].Counters.SentBytes > 20_000 })
			if side == "agent" || side == "both" {
				if g.CutAgent("") != 1 {
					t.Error("no agent was cut")
				}
			}
			if side == "client" || side == "both" {
				if g.CutClient("mika-1") != 1 {
					t.Error("no client was cut")
				}
			}
			if side == "bye" && g.CloseClient("") != 1 {
				t.Error("no client was closed")
			}
			if side == "client" {
				until(t, "the agent to be told that its client is away", func() bool { return g.Sessions()[0].Counters.Pauses > 0 })
			}
			if side != "agent" {
				why := reason(t, m)
				if side == "bye" != strings.Contains(why, "close 1000 (normal): Bye") {
					t.Errorf("the websocket ended with %s", why)
				}
				token, url, err := g.Resume(t.Context(), "mika-1")
				if err != nil || token == "" {
					t.Errorf("no token to resume with: %v", err)
				}
				if err := m.dial(url, token); err != nil {
					t.Error(err)
				}
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			c := g.Sessions()[0].Counters
			m.mu.Lock()
			if side == "agent" && (m.kinds[frame.Pause] != 1 || m.kinds[frame.Start] != 1) {
				t.Errorf("the client got %v while its agent was away, want a pause and a start", m.kinds)
			}
			m.mu.Unlock()
			if side != "agent" && c.Resumes != 1 {
				t.Errorf("%d resumes, want 1", c.Resumes)
			}
		})
	}
}

func TestResumeOfWhatIsOver(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{})
	m := start(t, g, "1")
	defer m.finish()
	m.open()
	g.SetFaults(Faults{ResumeRefused: true})
	if token, _, err := g.Resume(t.Context(), "mika-1"); token != "" || err != nil {
		t.Errorf("token %q, %v in spite of the fault", token, err)
	}
	g.SetFaults(Faults{})
	late, url, _ := g.Resume(t.Context(), "mika-1")
	if err := g.Terminate(t.Context(), "mika-1"); err != nil {
		t.Fatal(err)
	}
	if why := reason(t, m); why != "closed: " {
		t.Errorf("terminated: %s", why)
	}
	for _, id := range []string{"mika-1", "unknown"} {
		if token, _, err := g.Resume(t.Context(), id); token != "" || err != nil {
			t.Errorf("%s: token %q, %v; want none", id, token, err)
		}
		if err := g.Terminate(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	again := newMini(t, "1.2.896.0") // whoever holds a token still learns that it is over
	defer again.finish()
	if err := again.dial(url, late); err != nil {
		t.Fatal(err)
	}
	if why := reason(t, again); why != "closed: " {
		t.Errorf("a late client: %s, want channel_closed", why)
	}
	if len(g.Sessions()) != 0 || len(g.All()) != 1 || g.List()[0].Status != world.StatusTerminated || g.List()[0].End.IsZero() {
		t.Errorf("open %v, listed %+v", g.Sessions(), g.List())
	}
}

func TestHourlyClose(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{HourlyClose: 150 * time.Millisecond})
	m := start(t, g, "1")
	defer m.finish()
	if why := reason(t, m); !strings.Contains(why, "close 1000 (normal): Bye") {
		t.Errorf("the websocket ended with %s", why)
	}
	if n := len(g.Sessions()); n != 1 {
		t.Errorf("%d sessions open after the websocket's hour, want the one", n)
	}
	until(t, "the disconnected state", func() bool { return g.List()[0].Status == world.StatusDisconnected })
}

func TestAgentDown(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{})
	m := start(t, g, "1")
	defer m.finish()
	m.open()
	exchange(t, m, 10)
	g.SetFaults(Faults{AgentDown: true})
	g.CutAgent("")
	done := make(chan error, 1)
	go func() { done <- carry(m, 10) }()
	select {
	case err := <-done:
		t.Fatalf("data passed without an agent: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if i := g.Sessions()[0]; i.Agent || !i.Client {
		t.Errorf("agent connected %v, client connected %v; want only the client", i.Agent, i.Client)
	}
	g.SetFaults(Faults{}) // before its five retries are over
	if err := <-done; err != nil {
		t.Error(err)
	}
}
