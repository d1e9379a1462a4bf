package main

import (
	"strings"
	"testing"
)

// TestCountersOnANarrowTerminal: the counters are one row, however narrow it is, and each reading takes the place of the last.
func TestCountersOnANarrowTerminal(t *testing.T) {
	b := shop(t)
	s := b.screen(t, 30, 30, "connect", echoName)
	s.await("Ctrl-C ends it.", "↑ 0 B")
	local := b.tunnels(t, "ps").Tunnels[0].Local
	for _, moved := range []string{"↑ 1 B (0 B/s)", "↑ 2 B (0 B/s)"} {
		echoed(t, local)
		if text := s.await(moved); strings.Count(text, "↑") != 1 || !strings.Contains(text, "…\n") {
			t.Errorf("the counters stand there more than once, or uncut:\n%s", text)
		}
	}
	s.press("C-c")
	if code := s.code(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}
