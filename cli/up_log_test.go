package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestBoundedLog: the file stays small, and what is in it are the latest lines, whole.
func TestBoundedLog(t *testing.T) {
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "l"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := &boundedLog{f: f, most: 1000}
	for i := range 1000 {
		if n, err := fmt.Fprintf(l, "line %d\n", i); n == 0 || err != nil {
			t.Fatal(err)
		}
		if info, err := f.Stat(); err != nil || info.Size() > 1000 {
			t.Fatalf("after line %d: %d bytes, %v", i, info.Size(), err)
		}
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 50 || !strings.Contains(lines[0], "no longer kept") {
		t.Errorf("%d lines, the first is %q", len(lines), lines[0])
	}
	for i, line := range lines[1:] {
		if want := fmt.Sprintf("line %d", 1000-len(lines)+1+i); line != want {
			t.Fatalf("%q, want %q", line, want)
		}
	}
}

// heard is a reporter that keeps the events' texts.
type heard struct{ texts []string }

func (h *heard) event(ev aws.Event, _ aws.Tunnel) {
	h.texts = append(h.texts, strings.TrimSpace(string(ev.State)+" "+ev.Text+" "+ev.Next))
}
func (h *heard) counters(aws.Tunnel) {}
func (h *heard) end(aws.Tunnel)      { h.texts = append(h.texts, "end") }

// TestRepeats: a message that comes over and over is said at once, then once a minute with how often it came, and at the end. Others
// are said between, and one that comes seldom is said each time.
func TestRepeats(t *testing.T) {
	var h heard
	now := time.Now()
	r := &repeats{reporter: &h, now: func() time.Time { return now }}
	said := func(want ...string) {
		t.Helper()
		if !slices.Equal(h.texts, want) {
			t.Errorf("said %q, want %q", h.texts, want)
		}
		h.texts = nil
	}
	refused := aws.Event{Kind: aws.EventConnRefused, State: aws.StateDegraded, Text: "db refused it", Next: "look"}
	degraded := aws.Event{Kind: aws.EventState, State: aws.StateDegraded}
	for range 3 {
		r.event(refused, aws.Tunnel{})
		r.event(degraded, aws.Tunnel{})
	}
	for peer := range 2 {
		r.event(aws.Event{Kind: aws.EventConnReset, Text: fmt.Sprintf("127.0.0.1:%d cut: gone", 50000+peer)}, aws.Tunnel{})
	}
	r.event(aws.Event{Kind: aws.EventServer, Text: "it is PostgreSQL"}, aws.Tunnel{})
	said("degraded db refused it look", "degraded", "127.0.0.1:50000 cut: gone", "it is PostgreSQL")

	now = now.Add(repeatsTime)
	r.counters(aws.Tunnel{})
	said("degraded db refused it … 2 times more", "cut: gone … 1 time more")

	now = now.Add(repeatsTime)
	r.event(aws.Event{Kind: aws.EventServer, Text: "it is PostgreSQL"}, aws.Tunnel{})
	r.event(refused, aws.Tunnel{})
	r.event(refused, aws.Tunnel{})
	said("it is PostgreSQL", "degraded db refused it look")
	r.end(aws.Tunnel{})
	said("degraded db refused it … 1 time more", "end")
}
