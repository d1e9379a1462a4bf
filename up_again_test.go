package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim"
)

// TestUpAgain: what another rdsx up carries to the same target is not opened a second time, in the foreground or the background; a
// target that it does not carry is, and so is one on a port of its own. What does not work is said with what to do about it.
func TestUpAgain(t *testing.T) {
	b := shop(t)
	first, stderr, code := b.run(t, "up", "-d", echoName)
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	pid := b.tunnels(t, "ps").Tunnels[0].PID
	line := strings.TrimSuffix(first, "\n")

	out, stderr, code := b.run(t, "up", "-d")
	l := b.awaitTunnels(t, func(l tunnelList) bool { return len(l.Tunnels) == 2 })
	if code != 0 || strings.Count(out, "\n") != 2 || !contains(out, fields(line)) || !strings.Contains(out, l.Tunnels[1].Local) {
		t.Errorf("code %d, %q, want %q and one more", code, out, line)
	}
	if !strings.Contains(stderr, fmt.Sprintf("%s: it is open already, in process %d", echoName, pid)) || !strings.Contains(stderr, "1 tunnel in process") {
		t.Errorf("said %q", stderr)
	}
	if l.Tunnels[0].Name != echoName || l.Tunnels[1].Name != otherName || l.Tunnels[1].PID == pid {
		t.Errorf("listed %+v", l.Tunnels)
	}

	out, stderr, code = b.run(t, "up")
	if code != 0 || strings.Count(out, "\n") != 2 || !contains(out, fields(line)) || strings.Count(stderr, "it is open already") != 2 || strings.Contains(stderr, "Ctrl-C") {
		t.Errorf("in the foreground: code %d, %q, %q", code, out, stderr)
	}
	for _, args := range [][]string{{"up", "--json"}, {"up", "-d", "--json"}} {
		out, _, code = b.run(t, args...)
		told := 0
		for l := range strings.Lines(out) {
			var ev struct {
				Event, State, Target, Local, Text string
				PID                               int
			}
			if err := json.Unmarshal([]byte(l), &ev); err != nil {
				t.Fatal(err)
			}
			if ev.Event == "state" && ev.State == "idle" && ev.Target == echoName && ev.PID == pid && strings.Contains(line, ev.Local) {
				told++
			}
		}
		if code != 0 || told != 1 {
			t.Errorf("%v: code %d, told %d times: %s", args, code, told, out)
		}
	}
	if l := b.tunnels(t, "ps"); len(l.Tunnels) != 2 {
		t.Errorf("listed %+v, want two", l.Tunnels)
	}

	b.SetFaults(sim.Faults{FailResumes: 1 << 20})
	b.CutClient("")
	b.awaitTunnels(t, func(l tunnelList) bool { return l.Tunnels[0].State == string(aws.StateResuming) })
	out, stderr, code = b.run(t, "up", "-d", echoName)
	if code != 1 || out != "" || !strings.Contains(stderr, "it is open already, in process") || !strings.Contains(stderr, "and resuming: ") ||
		!strings.Contains(stderr, "hint: rdsx down "+echoName+", then the same command again") {
		t.Errorf("one that does not work: code %d, %q, %s", code, out, stderr)
	}
	b.SetFaults(sim.Faults{})

	// A port that is asked for is given.
	config := fmt.Sprintf("targets:\n  %q: {via: dev-box, port: %s}\n", echoName, freePort(t))
	if err := os.WriteFile(filepath.Join(b.home(), "config", "rdsx", "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := b.run(t, "up", "-d", echoName); code != 0 || strings.Contains(stderr, "already") {
		t.Errorf("on another port: code %d: %s", code, stderr)
	}
	if ended := b.tunnels(t, "down", "--all", "--yes"); len(ended.Tunnels) != 3 {
		t.Errorf("ended %+v, want two", ended.Tunnels)
	}
}

// fields is a line without its padding.
func fields(line string) string { return strings.Join(strings.Fields(line), " ") }

// contains says whether a line of text is as given but for its padding.
func contains(text, line string) bool {
	for l := range strings.Lines(text) {
		if fields(l) == line {
			return true
		}
	}
	return false
}
