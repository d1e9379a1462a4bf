package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
)

// shown is rdsx on a terminal of tmux.
type shown struct {
	t      *testing.T
	tmux   string
	socket string
	pid    int // of rdsx

	codeFile string // where its exit code will be
}

// screen starts rdsx on a terminal of that many cells.
func (b *box) screen(t *testing.T, w, h int, args ...string) *shown {
	t.Helper()
	dir := t.TempDir()
	s := &shown{t: t, tmux: tool(t, "tmux"), socket: filepath.Join(dir, "tmux"), codeFile: filepath.Join(dir, "code")}
	t.Cleanup(func() {
		_ = exec.Command(s.tmux, "-S", s.socket, "kill-server").Run()
		s.wait()
	})
	// A shell outside keeps the exit code, which tmux forgets at times, and the terminal, for what stays on it.
	pidFile := filepath.Join(dir, "pid")
	outer := `trap : INT; sh -c 'echo $$ >"$0" && exec rdsx "$@"' "$0" "$@"; echo $? >` + s.codeFile + `.new; mv ` + s.codeFile + `.new ` + s.codeFile + `; sleep 600`
	s.tell(append(b.env, "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=xterm-256color"), append([]string{
		"-f", "/dev/null", "new-session", "-d",
		"-x", strconv.Itoa(w), "-y", strconv.Itoa(h), "sh", "-c", outer, pidFile,
	}, args...)...)
	s.pid = number(t, pidFile)
	return s
}

// number waits for a file with a number in it.
func number(t *testing.T, path string) int {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	timeout := time.After(waitAtMost)
	for {
		text, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(string(text), "\n") {
			n, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		select {
		case <-poll.C:
		case <-timeout:
			t.Fatalf("%s is never written: %v", path, err)
		}
	}
}

func (s *shown) tell(env []string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.tmux, append([]string{"-u", "-S", s.socket}, args...)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// types sends text as it is; press sends keys by tmux's names.
func (s *shown) types(text string) {
	s.t.Helper()
	if head, semicolon := strings.CutSuffix(text, ";"); semicolon {
		text = head + `\;` // tmux takes one at the end of an argument for its own
	}
	s.tell(nil, "send-keys", "-l", text)
}

func (s *shown) press(keys ...string) {
	s.t.Helper()
	s.tell(nil, append([]string{"send-keys"}, keys...)...)
}

func (s *shown) text() string {
	s.t.Helper()
	return s.tell(nil, "capture-pane", "-p", "-J", "-S", "-")
}

// await waits until the words are on the screen.
func (s *shown) await(words ...string) string {
	s.t.Helper()
	return s.awaitThat(strings.Join(words, " and "), func(text string) bool {
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	})
}

func (s *shown) awaitThat(what string, holds func(string) bool) string {
	s.t.Helper()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	timeout := time.After(waitAtMost)
	for {
		text := s.text()
		if holds(text) {
			return text
		}
		select {
		case <-poll.C:
		case <-timeout:
			s.t.Fatalf("%s: never shown:\n%s", what, text)
		}
	}
}

// code waits for the end of rdsx and returns its exit code.
func (s *shown) code() int {
	s.t.Helper()
	return number(s.t, s.codeFile)
}

// wait returns once the process is gone, also without its terminal.
func (s *shown) wait() {
	if s.pid == 0 {
		return
	}
	p, err := os.FindProcess(s.pid)
	if err != nil {
		return
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	timeout := time.After(waitAtMost)
	for p.Signal(syscall.Signal(0)) == nil {
		select {
		case <-poll.C:
		case <-timeout:
			s.t.Errorf("process %d is still there", s.pid)
			_ = p.Kill()
			return
		}
	}
}

// open goes from the list to a tunnel to the named target and returns its local address.
func (s *shown) open(name string) string {
	s.t.Helper()
	s.await("1 region ·") // the scan is over
	s.types(name)
	s.await("> "+name, "› ")
	s.press("Enter")
	s.await("local port for "+name, "✓ free")
	s.enter("local port for " + name)
	text := s.await("tunnels", "○ idle")
	_, rest, _ := strings.Cut(text, "○ idle")
	fields := strings.Fields(rest)
	for _, f := range fields {
		if strings.HasPrefix(f, "127.0.0.1:") {
			return f
		}
		if port, short := strings.CutPrefix(f, ":"); short {
			return "127.0.0.1:" + port
		}
	}
	s.t.Fatalf("no address in:\n%s", text)
	return ""
}

// enter presses Enter until the dialog has gone: one that has just opened takes none. It gives the screen a second to show what
// came of it, so that a second Enter does not land on what lies behind.
func (s *shown) enter(dialog string) {
	s.t.Helper()
	var last time.Time
	s.awaitThat(dialog+" to go", func(text string) bool {
		if !strings.Contains(text, dialog) {
			return true
		}
		if time.Since(last) > time.Second {
			s.press("Enter")
			last = time.Now()
		}
		return false
	})
}

// TestScreen goes the way of the issue: type, Enter, Enter, a client through it, counters move, quit with a question.
func TestScreen(t *testing.T) {
	b := newBox(t, sim.Options{})
	id, _, endpoint := b.database(t, "postgres")
	b.reaches(t, endpoint, echoServer(t))
	s := b.screen(t, 100, 30)
	local := s.open(id)
	if n := len(b.Sessions()); n != 1 {
		t.Fatalf("%d sessions are open", n)
	}
	c := echoed(t, local)
	s.await("● open", "1 open, 1 in all")
	if _, err := c.Write(make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	s.await("5.0 kB")
	s.press("q")
	s.await("close everything and leave?", "1 connection is open")
	s.press("Escape")
	s.awaitThat("the question to go", func(text string) bool { return !strings.Contains(text, "leave?") })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.await("○ idle")
	s.press("q")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	port := portOf(local)
	s.await(id+": ↑ 5.0 kB ↓ 5.0 kB in", "1 connection", "again: rdsx connect "+id, "--port "+port)
}

// TestScreenClient opens psql from the screen, interrupts a query in it, and comes back.
func TestScreenClient(t *testing.T) {
	tool(t, "psql")
	tool(t, "postgres")
	b := newBox(t, sim.Options{})
	id, host, endpoint := b.database(t, "postgres")
	db, err := databases.Start(t.Context(), databases.Options{Kind: databases.Postgres, Names: []string{host}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.reaches(t, endpoint, db.Addr)
	b.env = append(b.env, "PGUSER="+db.User, "PGPASSWORD="+db.Password, "PGDATABASE="+db.Database, "PGSSLROOTCERT="+db.CAFile, "PAGER=cat")
	s := b.screen(t, 110, 30)
	s.open(id)
	s.press("o")
	s.await("leave the client to come back", "Type \"help\"", "=> ")
	s.types("select 6*7 as answer;")
	s.press("Enter")
	s.await("42")
	s.types("select 1 as begun; select pg_sleep(600);")
	s.press("Enter")
	s.awaitThat("the second answer", func(text string) bool { return strings.Count(text, "(1 row)") == 2 })
	s.awaitThat("psql to be interrupted, and nobody else", func(text string) bool {
		if strings.Contains(text, "canceling statement") {
			return true
		}
		s.press("C-c")
		return false
	})
	s.types(`\q`)
	s.press("Enter")
	s.await("tunnels", "○ idle", id)
	s.press("q")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestScreenSaysWhatIsWrong meets a target that no instance reaches, one that refuses, and a session that AWS does not give.
func TestScreenSaysWhatIsWrong(t *testing.T) {
	t.Run("no instance", func(t *testing.T) {
		b := newBox(t, sim.Options{})
		s := b.screen(t, 100, 30)
		s.await("1 region ·")
		s.types("hr-dev")
		s.press("Enter")
		s.await("✗ no online instance")
		s.press("Escape")
		s.awaitThat("the reason to go", func(text string) bool { return !strings.Contains(text, "╭") })
		s.press("C-c")
		if code := s.code(); code != 0 || len(b.AllSessions()) != 0 {
			t.Errorf("exit code %d, %d sessions", code, len(b.AllSessions()))
		}
	})
	t.Run("refused", func(t *testing.T) {
		b := newBox(t, sim.Options{})
		id, _, endpoint := b.database(t, "mysql")
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		nobody := l.Addr().String()
		_ = l.Close()
		b.reaches(t, endpoint, nobody)
		s := b.screen(t, 100, 30)
		local := s.open(id)
		// The refusal is passed on as a reset, which can be there before Dial has returned.
		c, err := net.Dial("tcp", local)
		switch {
		case err == nil:
			defer c.Close()
			_, _ = c.Write([]byte("x"))
			_, _ = c.Read(make([]byte, 1))
		case !errors.Is(err, syscall.ECONNRESET):
			t.Fatal(err)
		}
		s.await("! degraded", "refused")
		s.press("q")
		s.code()
	})
	t.Run("no session", func(t *testing.T) {
		b := newBox(t, sim.Options{Faults: sim.Faults{HandshakeRefused: true}})
		id, _, _ := b.database(t, "postgres")
		s := b.screen(t, 100, 30)
		s.await("1 region ·")
		s.types(id)
		s.press("Enter")
		s.await("✓ free")
		s.enter("local port for")
		s.await("✗ failed", "handshake", "→")
		s.press("q")
		s.code()
	})
}

// TestScreenSurvivesResizes changes the terminal's size while a search is typed, below the least size too.
func TestScreenSurvivesResizes(t *testing.T) {
	b := newBox(t, sim.Options{})
	s := b.screen(t, 100, 30)
	s.await("1 region ·")
	for i, letter := range "orders" {
		s.types(string(letter))
		s.tell(nil, "resize-window", "-x", strconv.Itoa(20+i*23), "-y", strconv.Itoa(6+i*5))
	}
	s.tell(nil, "resize-window", "-x", "20", "-y", "6")
	s.await("terminal too small")
	s.tell(nil, "resize-window", "-x", "90", "-y", "24")
	s.await("> orders", "orders-dev", "enter connect")
	s.press("C-c")
	s.code()
}
