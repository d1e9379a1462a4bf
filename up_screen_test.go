package main

import (
	"strings"
	"testing"
)

// TestUpOnATerminal: several tunnels share one line of counters, and Ctrl-C ends them all.
func TestUpOnATerminal(t *testing.T) {
	b := shop(t)
	s := b.screen(t, 120, 30, "up")
	s.await("Ctrl-C ends them.", "2 tunnels  ↑ 0 B")
	local := ""
	for _, x := range b.tunnels(t, "ps").Tunnels {
		if x.Name == echoName {
			local = x.Local
		}
	}
	echoed(t, local)
	s.await("2 tunnels  ↑ 1 B", "↓ 1 B", "1 connection")
	s.press("C-c")
	if code := s.code(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	s.await(echoName+": ↑ 1 B ↓ 1 B in", otherName+": ↑ 0 B ↓ 0 B in")
}

// TestDownAsks: connections are named before they are cut, and No cuts none.
func TestDownAsks(t *testing.T) {
	b := shop(t)
	p := b.connect(t, echoName)
	c := echoed(t, p.local)
	no := b.screen(t, 120, 30, "down", echoName)
	no.await(echoName+" on "+p.local+": "+c.LocalAddr().String()+" since ", "Cut 1 connection and end 1 tunnel? [y/N]")
	no.types("n")
	no.press("Enter")
	if code := no.code(); code != 1 || len(b.Sessions()) != 1 {
		t.Errorf("No: exit code %d, %d sessions open; want 1 and 1", code, len(b.Sessions()))
	}
	yes := b.screen(t, 120, 30, "down", echoName)
	yes.await("[y/N]")
	yes.types("y")
	yes.press("Enter")
	if code := yes.code(); code != 0 || len(b.Sessions()) != 0 {
		t.Errorf("Yes: exit code %d, %d sessions open; want 0 and 0", code, len(b.Sessions()))
	}
	yes.await(echoName + " on " + p.local + ": ↑ 1 B ↓ 1 B in")
	if code := p.wait(); code != 0 {
		t.Errorf("connect ends with %d", code)
	}
}

// TestDetachAsksFirst: the code of an MFA device is asked for where somebody sits, and the process of its own needs none.
func TestDetachAsksFirst(t *testing.T) {
	b := shop(t)
	s := b.screen(t, 120, 30, "up", "-d", "orders-prod", "--profile", "acme-prod-operator")
	s.await("MFA code of ")
	s.types("123456")
	s.press("Enter")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.await("1 tunnel in process ", "orders-prod  127.0.0.1:")
	if text := s.text(); strings.Count(text, "MFA code") != 1 {
		t.Errorf("asked more than once:\n%s", text)
	}
	if l := b.tunnels(t, "down", "--all"); len(l.Tunnels) != 1 || l.Tunnels[0].Profile != "acme-prod-operator" {
		t.Errorf("ended %+v", l)
	}
}
