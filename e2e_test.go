package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rdsx/rdsx/sim"
)

// TestMain lets tests and scripts run this very program as rdsx: it is on PATH under that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rdsx": main, "kubectl-rdsx": main, "browse": browse})
}

// waitAtMost bounds what a test waits for; it is never what a test asserts.
const waitAtMost = 90 * time.Second

// box is a simulated AWS with its profiles on disk.
type box struct {
	*sim.Sim
	env []string // for a child process: the simulated AWS and nothing of the user's
}

// newBox starts a simulated AWS. When the test ends it asserts that no session is left open in it.
func newBox(t *testing.T, o sim.Options) *box {
	t.Helper()
	s, err := sim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, left := range s.Sessions() {
			t.Errorf("session left open in the simulated AWS: %+v", left)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	config, credentials, err := s.WriteConfig(filepath.Join(home, ".aws"))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + t.TempDir(), "GORACE=atexit_sleep_ms=0"}
	// Most targets here are no databases; probe_test.go asks them all the same.
	env = append(env, "RDSX_NO_PROBE=true")
	return &box{Sim: s, env: append(env, s.Env(config, credentials)...)}
}

// reaches lets the simulated instances reach addr under the name host:port.
func (b *box) reaches(t *testing.T, name, addr string) {
	t.Helper()
	if err := b.World().SetDial(name, addr); err != nil {
		t.Fatal(err)
	}
}

// event is what these tests read of a line of rdsx connect --json.
type event struct {
	Event   string
	Target  string
	State   string
	Local   string
	Text    string
	Hint    string
	Command []string
	Tunnel  struct {
		Serving string
		Pool    []struct{ Member, Serving string }
		// Sessions are what a session says of its own settings.
		Sessions []struct {
			Window  int  `json:"window_bytes"`
			Payload int  `json:"payload_bytes"`
			Legacy  bool `json:"legacy_pacing"`
		}
	}
}

// proc is a running rdsx connect --json.
type proc struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *lockedBuffer
	events chan event // closed when stdout ends
	local  string
	done   bool
}

// start runs rdsx connect with --json and does not wait for anything.
func (b *box) start(t *testing.T, args ...string) *proc {
	t.Helper()
	return b.launch(t, append([]string{"connect", "--json"}, args...)...)
}

// launch runs rdsx, whose stdout is events, and does not wait for anything.
func (b *box) launch(t *testing.T, args ...string) *proc {
	t.Helper()
	return b.by(t, "rdsx", args...)
}

// by is launch by a program that runs rdsx in its own place.
func (b *box) by(t *testing.T, program string, args ...string) *proc {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = b.env
	p := &proc{t: t, cmd: cmd, stderr: &lockedBuffer{}, events: make(chan event, 4096)}
	cmd.Stderr = p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(out)
	t.Cleanup(func() {
		if !p.done {
			p.stop(syscall.SIGTERM)
		}
	})
	return p
}

func (p *proc) read(out io.Reader) {
	defer close(p.events)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ev event
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			ev = event{Event: "unreadable", Text: lines.Text()}
		}
		select {
		case p.events <- ev:
		default: // counters that nobody waits for
		}
	}
}

// connect runs rdsx connect and waits until its tunnel is open.
func (b *box) connect(t *testing.T, args ...string) *proc {
	t.Helper()
	p := b.start(t, args...)
	p.local = p.await(func(ev event) bool { return ev.Event == "state" && (ev.State == "idle" || ev.State == "open") }).Local
	return p
}

// await returns the next event that is wanted.
func (p *proc) await(wanted func(event) bool) event {
	p.t.Helper()
	timeout := time.After(waitAtMost)
	for {
		select {
		case ev, ok := <-p.events:
			if !ok {
				p.t.Fatalf("rdsx ended while it was waited for; stderr: %s", p.stderr)
			}
			if wanted(ev) {
				return ev
			}
		case <-timeout:
			p.t.Fatalf("nothing came in %v; stderr: %s", waitAtMost, p.stderr)
		}
	}
}

// stop sends the signal and returns the exit code.
func (p *proc) stop(sig os.Signal) int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(sig)
	return p.wait()
}

// wait returns the exit code once the program has ended by itself.
func (p *proc) wait() int {
	p.t.Helper()
	p.done = true
	timeout := time.AfterFunc(waitAtMost, func() { _ = p.cmd.Process.Kill() })
	defer timeout.Stop()
	for range p.events { // to the end of stdout, as os/exec wants before Wait
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// run runs rdsx to its end.
func (b *box) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), waitAtMost)
	defer stop()
	cmd := exec.CommandContext(ctx, "rdsx", args...)
	cmd.Env = b.env
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), talk.String(), cmd.ProcessState.ExitCode()
}

// tool finds a program, also where Debian and Homebrew hide PostgreSQL's, or skips the test naming it.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/opt/homebrew/opt/postgresql*/bin/"} {
		if found, _ := filepath.Glob(pattern + name); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// lockedBuffer is a bytes.Buffer that a child process and a test share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.b.String())
}

// listed is what these tests read of rdsx ls --json.
type listed struct {
	Databases []struct {
		ID, Engine, Role, Via, Unusable string
		Endpoint                        struct {
			Host string
			Port int
		}
	}
}

func (b *box) ls(t *testing.T, args ...string) listed {
	t.Helper()
	out, stderr, code := b.run(t, append([]string{"ls", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("rdsx ls: code %d: %s", code, stderr)
	}
	var l listed
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// carrier is an instance of the default profile's world that can carry a tunnel.
func (b *box) carrier(t *testing.T) string {
	t.Helper()
	for _, db := range b.ls(t).Databases {
		if db.Via != "" {
			return db.Via
		}
	}
	t.Fatal("the default world has no instance that can carry a tunnel")
	return ""
}

// database is the identifier and host:port of a database of that engine that can be opened.
func (b *box) database(t *testing.T, engine string) (id, host, endpoint string) {
	t.Helper()
	for _, db := range b.ls(t).Databases {
		if db.Engine == engine && db.Unusable == "" && db.Role == "instance" {
			return db.ID, db.Endpoint.Host, net.JoinHostPort(db.Endpoint.Host, strconv.Itoa(db.Endpoint.Port))
		}
	}
	t.Fatalf("the default world has no usable database of engine %s", engine)
	return "", "", ""
}

// secrets are all keys and tokens of the simulated AWS that rdsx can have seen.
func (b *box) secrets(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, kv := range b.env {
		path, ok := strings.CutPrefix(kv, "AWS_SHARED_CREDENTIALS_FILE=")
		if !ok {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, "=")
			if key = strings.TrimSpace(key); key == "aws_secret_access_key" || key == "aws_session_token" {
				out = append(out, strings.TrimSpace(value))
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("no secret found to look for: the test proves nothing")
	}
	return out
}
