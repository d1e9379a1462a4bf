package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// logs are the files of detached processes, the oldest first.
func (b *box) logs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.home(), ".local", "state", "rdsx", "log", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestLogOfTheLiving: the log of a process that lives stays, however many others there have been since. One that opens nothing leaves
// none, unless something has failed.
func TestLogOfTheLiving(t *testing.T) {
	b := shop(t)
	if _, stderr, code := b.run(t, "up", "-d", echoName); code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	living := b.logs(t)
	for i := range 25 {
		if err := os.WriteFile(filepath.Join(filepath.Dir(living[0]), fmt.Sprintf("up-29990101T0000%02d.000-1.log", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, code := b.run(t, "up", "-d", otherName); code != 0 || !strings.Contains(stderr, "its log is ") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	left := b.logs(t)
	if len(living) != 1 || !slices.Contains(left, living[0]) || len(left) != 21 {
		t.Errorf("of %v and 25 of the dead are left %d: %v", living, len(left), left)
	}

	out, stderr, code := b.run(t, "up", "-d", "--json")
	if code != 0 || strings.Contains(out, `"log"`) {
		t.Errorf("all is open: code %d, %s, %s", code, out, stderr)
	}
	if now := b.logs(t); !slices.Equal(now, left) {
		t.Errorf("one that has opened nothing has left a log: %v, before %v", now, left)
	}
	if _, stderr, code = b.run(t, "up", "-d", echoName, "nowhere"); code != 4 {
		t.Errorf("code %d, want 4: %s", code, stderr)
	}
	failed := slices.DeleteFunc(b.logs(t), func(path string) bool { return slices.Contains(left, path) })
	if len(failed) != 1 {
		t.Fatalf("of one that has failed are left %v, want its log", failed)
	}
	if text, err := os.ReadFile(failed[0]); err != nil || !strings.Contains(string(text), "rdsx: nowhere: ") {
		t.Errorf("its log says %q, %v", text, err)
	}
	b.tunnels(t, "down", "--all", "--yes")
}

// TestLogStaysSmall: what comes over and over is counted, and a log that has grown too large loses its older half.
func TestLogStaysSmall(t *testing.T) {
	b := shop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.reaches(t, otherName, l.Addr().String())
	_ = l.Close() // a database that is down
	if _, stderr, code := b.run(t, "up", "-d", otherName); code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	local := b.tunnels(t, "ps").Tunnels[0].Local
	for range 50 {
		if c, err := net.Dial("tcp", local); err == nil { // not reset before it was there
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}
	path := b.logs(t)[0]
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 << 10 {
		if _, err := fmt.Fprintf(f, "%-1023d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Close()
	before, _ := os.ReadFile(path)
	if n := bytes.Count(before, []byte("refused the connection")); n == 0 || n > 10 {
		t.Errorf("50 connections were refused, which is said %d times", n)
	}
	b.tunnels(t, "down", "--all", "--yes")
	text, err := os.ReadFile(path)
	if err != nil || len(text) > 8<<20 || len(text) < 3<<20 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if !bytes.HasPrefix(text, []byte("… what was before is no longer kept\n")) || !bytes.Contains(text, fmt.Appendf(nil, "\n%-1023d\n", 9<<10-1)) ||
		!bytes.Contains(text, []byte(" times more\n")) || !bytes.Contains(text, []byte("ended by rdsx down")) {
		t.Errorf("it begins with %q and ends with %q", text[:200], text[len(text)-1000:])
	}
}
