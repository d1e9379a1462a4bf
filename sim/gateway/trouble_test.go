package gateway

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/rdsx/rdsx/sim/frame"
	"github.com/rdsx/rdsx/sim/world"
)

func TestRefusedSilentAndBack(t *testing.T) {
	addr := listen(t, echo)
	w := testWorld(t, world.Refused)
	g := New(Options{World: w})
	serve(t, g)
	m := start(t, g, "1")
	defer m.finish()
	m.open()
	s, err := m.mux.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read from a refused connection: %v", err)
	}
	m.mu.Lock()
	if len(m.flags) != 1 || m.flags[0] != frame.ConnectToPortError {
		t.Errorf("flags %v, want ConnectToPortError", m.flags)
	}
	m.mu.Unlock()
	if err := w.SetDial(target+":5432", addr); err != nil {
		t.Fatal(err)
	}
	exchange(t, m, 100) // the database is back: the same session reaches it
	if err := w.SetDial(target+":5432", world.Silent); err != nil {
		t.Fatal(err)
	}
	if _, err := m.mux.OpenStream(); err != nil {
		t.Fatal(err)
	}
	until(t, "the silent dial", func() bool { return g.Sessions()[0].Counters.Dials == 3 })
	if err := w.SetDial(target+":5432", addr); err != nil {
		t.Fatal(err)
	}
	if _, err := m.mux.OpenStream(); err != nil {
		t.Fatal(err)
	}
	g.End("", "bye") // ends the silent dial too; Close waits for it
	if why := reason(t, m); why != "closed: bye" {
		t.Error(why)
	}
	if n := g.All()[0].Counters.Dials; n != 3 {
		t.Errorf("%d dials, want the fourth connection to wait behind the silent one", n)
	}
}

func TestFrozenGatewayAnswersNothing(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{})
	m := start(t, g, "1")
	defer m.finish()
	m.open()
	exchange(t, m, 10)
	pongs := make(chan string, 10)
	m.mu.Lock()
	m.ws.SetPongHandler(func(s string) error { pongs <- s; return nil })
	ping := func(s string) {
		if err := m.ws.WriteControl(websocket.PingMessage, []byte(s), time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
	}
	ping("1")
	m.mu.Unlock()
	if got := <-pongs; got != "1" {
		t.Errorf("pong %q", got)
	}
	until(t, "the last acknowledgement", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.out) == 0
	})
	g.SetFaults(Faults{Freeze: true})
	before := g.Sessions()[0].Counters.Received
	m.mu.Lock()
	ping("2")
	m.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- carry(m, 100) }()
	select {
	case p := <-pongs:
		t.Errorf("pong %q while frozen", p)
	case err := <-done:
		t.Fatalf("data passed while frozen: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if n := g.Sessions()[0].Counters.Received; n != before {
		t.Errorf("the agent received %d messages while frozen", n-before)
	}
	g.SetFaults(Faults{})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := <-pongs; got != "2" {
		t.Errorf("pong %q after the thaw", got)
	}
}

func TestCutInAcknowledgementRepeatsTheMessage(t *testing.T) {
	received := make(chan []byte, 100)
	g := gatewayFor(t, listen(t, func(c net.Conn) {
		b := make([]byte, 100)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			received <- append([]byte(nil), b[:n]...)
		}
	}), Options{})
	m := start(t, g, "1")
	defer m.finish()
	m.open()
	s, err := m.mux.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	got := string(<-received)
	until(t, "the acknowledgement of a", m.settled) // or it would be the one that is cut
	if g.CutAgentInAck("") != 1 {
		t.Fatal("nothing to cut")
	}
	g.SpareAgent("")
	if _, err := s.Write([]byte("-")); err != nil {
		t.Fatal(err)
	}
	got += string(<-received)
	until(t, "the acknowledgement of -", m.settled)
	g.CutAgentInAck("")
	if _, err := s.Write([]byte("b")); err != nil {
		t.Fatal(err)
	}
	for len(got) < 4 {
		got += string(<-received)
	}
	if got != "a-bb" {
		t.Errorf("the target got %q; want the bug: a-bb", got)
	}
	until(t, "the count of one repeated message", func() bool { return g.Sessions()[0].Counters.Repeated == 1 })
}
