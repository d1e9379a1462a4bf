package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
)

// TestKeepAliveOutlivesTheIdleTimeout: with --keep-alive a session that nobody uses is ended by its maximum duration alone, an open
// and silent connection in it included; without it, by the account's idle time-out.
func TestKeepAliveOutlivesTheIdleTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		flags []string
		ends  string
	}{
		"with":    {[]string{"--keep-alive", "--ping", "2s"}, "maximum duration"},
		"without": {nil, "inactivity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, sim.Options{Idle: 6 * time.Second, MaxDuration: 12 * time.Second})
			b.reaches(t, echoName, echoServer(t))
			p := b.connect(t, append([]string{echoName, "--sessions", "1", "--via", b.carrier(t)}, c.flags...)...)
			quiet := echoed(t, p.local)
			defer quiet.Close()
			ended := p.await(func(ev event) bool { return ev.Event == "session" && strings.Contains(ev.Text, "ended") })
			if !strings.Contains(ended.Text, c.ends) {
				t.Errorf("the event says %q, want its end by %s", ended.Text, c.ends)
			}
		})
	}
}
