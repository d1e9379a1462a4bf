package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// TestTuningReachesTheSession: what --window, --payload and --pacing say is what the session does, and without them it is as documented.
func TestTuningReachesTheSession(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	for _, c := range []struct {
		flags           []string
		window, payload int
		legacy          bool
	}{
		{nil, 64 << 10, 1024, false}, // where the window begins; it grows to the limit
		{[]string{"--window", "5000", "--payload", "500", "--pacing", "legacy"}, 5000, 500, true},
	} {
		p := b.start(t, append([]string{echoName, "--via", b.carrier(t)}, c.flags...)...)
		ev := p.await(func(ev event) bool { return len(ev.Tunnel.Sessions) > 0 })
		if s := ev.Tunnel.Sessions[0]; s.Window != c.window || s.Payload != c.payload || s.Legacy != c.legacy {
			t.Errorf("%q: %+v", c.flags, s)
		}
	}
}

// TestPayloadIsLearnt: what a session under --payload auto finds out is kept, for the sessions of later runs.
func TestPayloadIsLearnt(t *testing.T) {
	b := newBox(t, sim.Options{})
	const size = 4 << 20
	b.reaches(t, echoName, sinkServer(t, size))
	state := t.TempDir()
	b.env = append(b.env, "XDG_STATE_HOME="+state)
	p := b.connect(t, echoName, "--via", b.carrier(t), "--payload", "auto", "--sessions", "1")
	for range 2 { // the first is bulk before it is over
		c, err := net.Dial("tcp", p.local)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	_ = p.stop(os.Interrupt)
	var learnt struct {
		Regions map[string]struct{ Bytes int }
	}
	text, err := os.ReadFile(filepath.Join(state, "rdsx", "payloads.json"))
	if err == nil {
		err = json.Unmarshal(text, &learnt)
	}
	if err != nil {
		t.Fatal(err)
	}
	for region, found := range learnt.Regions {
		if !strings.HasPrefix(region, "eu-west-1") || found.Bytes < 1024 {
			t.Errorf("%s: %+v", region, found)
		}
	}
	if len(learnt.Regions) != 1 {
		t.Errorf("learnt %s", text)
	}
}

// sinkServer is a target that takes size bytes of everybody, and then sends one.
func sinkServer(t *testing.T, size int64) string {
	return farEnd(t, func(c net.Conn) {
		if _, err := io.CopyN(io.Discard, c, size); err == nil {
			_, _ = c.Write([]byte{'x'})
		}
	})
}
