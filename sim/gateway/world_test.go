package gateway

import (
	"net"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

const (
	newAgent = "i-0a000000000000001" // of the default world: 3.3.4851.0
	oldAgent = "i-05000000000000002" // 3.0.161.0: basic mode
	target   = "db.example.com"      // a name that only Dials knows
)

// listen serves every connection with f until the test ends.
func listen(t testing.TB, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// testWorld is the default world with target:5432 leading to addr, or to one of the world's words.
func testWorld(t testing.TB, addr string) *world.World {
	t.Helper()
	w, err := world.Default()
	if err != nil {
		t.Fatal(err)
	}
	if addr != "" {
		if err := w.SetDial(target+":5432", addr); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// input is a session that the API would have admitted.
func input(instance, id string) world.StartInput {
	return world.StartInput{
		ID: "mika-" + id, Target: instance, Document: "AWS-StartPortForwardingSessionToRemoteHost", Type: "Port", Idle: 20 * time.Minute,
		Properties: map[string]string{"type": "LocalPortForwarding", "host": target, "portNumber": "5432", "localPortNumber": "0"},
	}
}

// start starts a session on a new agent and connects a client to it.
func start(t testing.TB, g *Gateway, id string) *mini {
	t.Helper()
	out, err := g.Start(t.Context(), input(newAgent, id))
	if err != nil {
		t.Fatal(err)
	}
	m := newMini(t, "1.2.896.0")
	if err := m.dial(out.StreamURL, out.Token); err != nil {
		t.Fatal(err)
	}
	return m
}
