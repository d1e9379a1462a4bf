package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// sessionList is what these tests read of rdsx sessions --json.
type sessionList struct {
	Sessions []struct {
		ID, Target, Owner, Document string
		Mine, Orphan                bool
		PID                         int
	}
	Terminated []string
}

func (b *box) sessions(t *testing.T, args ...string) sessionList {
	t.Helper()
	out, stderr, code := b.run(t, append([]string{"sessions", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("rdsx sessions: code %d: %s", code, stderr)
	}
	var l sessionList
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// notes are the files that rdsx keeps of its sessions.
func (b *box) notes(t *testing.T) []string {
	t.Helper()
	for _, kv := range b.env {
		if home, ok := strings.CutPrefix(kv, "HOME="); ok {
			files, err := filepath.Glob(filepath.Join(home, ".local", "state", "rdsx", "sessions", "*"))
			if err != nil {
				t.Fatal(err)
			}
			return files
		}
	}
	t.Fatal("no HOME")
	return nil
}

// TestKilledRunIsFoundAndEnded kills rdsx as nothing can be prepared for. The next start names the session that it left, rdsx
// sessions marks it and ends it, and the start after that has nothing to say.
func TestKilledRunIsFoundAndEnded(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	via := b.carrier(t)

	p := b.connect(t, echoName, "--via", via)
	echoed(t, p.local)
	l := b.sessions(t)
	if len(l.Sessions) != 1 || !l.Sessions[0].Mine || l.Sessions[0].Orphan || l.Sessions[0].PID != p.cmd.Process.Pid {
		t.Fatalf("while it runs: %+v, want one that process %d carries", l.Sessions, p.cmd.Process.Pid)
	}
	id := l.Sessions[0].ID
	for _, file := range b.notes(t) {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", file, info.Mode(), err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range b.secrets(t) {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds a secret", file)
			}
		}
	}
	p.stop(syscall.SIGKILL)

	again := b.connect(t, echoName, "--via", via)
	echoed(t, again.local)
	if said := again.stderr.String(); !strings.Contains(said, id+" to "+echoName) || !strings.Contains(said, "hint: rdsx sessions --terminate "+id) {
		t.Errorf("the next start says %q, want the session %s and how to end it", said, id)
	}
	l = b.sessions(t, "--mine")
	if len(l.Sessions) != 2 || l.Sessions[0].Orphan || !l.Sessions[1].Orphan || l.Sessions[1].ID != id {
		t.Errorf("listed %+v, want the running one and the orphan", l.Sessions)
	}
	if _, stderr, code := b.run(t, "sessions", "--terminate", id); code != 2 || !strings.Contains(stderr, "hint: rdsx sessions --terminate "+id+" --yes") {
		t.Errorf("nobody to ask: code %d, %q", code, stderr)
	}
	if l := b.sessions(t, "--terminate", id, "--yes"); len(l.Terminated) != 1 || l.Terminated[0] != id {
		t.Errorf("terminated %v, want %s", l.Terminated, id)
	}
	if open := b.Sessions(); len(open) != 1 || open[0].ID == id {
		t.Errorf("open at AWS: %+v, want the running one alone", open)
	}
	again.stop(syscall.SIGTERM)

	third := b.connect(t, echoName, "--via", via)
	if said := third.stderr.String(); strings.Contains(said, "still open") {
		t.Errorf("after the end of the orphan: %q", said)
	}
	third.stop(syscall.SIGTERM)
	if left := b.notes(t); len(left) != 0 {
		t.Errorf("files are left when no session is: %v", left)
	}
}

// TestOrphanThatEndedByItself is forgotten without a word.
func TestOrphanThatEndedByItself(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	via := b.carrier(t)
	p := b.connect(t, echoName, "--via", via)
	p.stop(syscall.SIGKILL)
	if len(b.notes(t)) == 0 {
		t.Fatal("the killed run left no note: the test proves nothing")
	}
	b.Terminate("", "idle")
	again := b.connect(t, echoName, "--via", via)
	again.stop(syscall.SIGTERM)
	if said := again.stderr.String(); strings.Contains(said, "still open") {
		t.Errorf("said %q of a session that is over", said)
	}
	if left := b.notes(t); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
}
