package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
)

const otherName = "other.internal:7000"

// tunnelList is what these tests read of rdsx ps --json and rdsx down --json.
type tunnelList struct {
	Tunnels []struct {
		Name, Set, Local, State, Profile, Region, Command, Endpoint string
		PID                                                         int
		Up                                                          uint64 `json:"up_bytes"`
		Down                                                        uint64 `json:"down_bytes"`
		Connections                                                 []struct{ Peer string }
	}
	Errors []string
}

// shop is a box with two echo servers in a set, and nothing left on this machine when the test ends.
func shop(t *testing.T) *box {
	t.Helper()
	b := newBox(t, sim.Options{})
	t.Cleanup(func() { // before the simulated AWS goes
		if t.Failed() {
			cmd := exec.Command("rdsx", "down", "--all", "--yes")
			cmd.Env = b.env
			_ = cmd.Run()
		}
	})
	b.reaches(t, echoName, echoServer(t))
	b.reaches(t, otherName, echoServer(t))
	b.env = append(b.env, "XDG_CONFIG_HOME="+filepath.Join(b.home(), "config"))
	dir := filepath.Join(b.home(), "config", "rdsx")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("tunnels:\n  shop: [%q, %q]\ntargets:\n  %q: {via: dev-box}\n  %q: {via: dev-box}\n", echoName, otherName, echoName, otherName)
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *box) tunnels(t *testing.T, args ...string) tunnelList {
	t.Helper()
	out, stderr, code := b.run(t, append(args, "--json")...)
	if code != 0 {
		t.Fatalf("rdsx %v: code %d: %s", args, code, stderr)
	}
	var l tunnelList
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatalf("rdsx %v: %v: %s", args, err, out)
	}
	return l
}

// awaitTunnels asks until what is listed is as wanted.
func (b *box) awaitTunnels(t *testing.T, wanted func(tunnelList) bool) tunnelList {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	timeout := time.After(waitAtMost)
	for {
		l := b.tunnels(t, "ps")
		if wanted(l) {
			return l
		}
		select {
		case <-poll.C:
		case <-timeout:
			t.Fatalf("this is all that is ever listed: %+v", l)
		}
	}
}

// ready waits for the addresses of the targets.
func (p *proc) ready(targets ...string) map[string]string {
	p.t.Helper()
	local := map[string]string{}
	for len(local) < len(targets) {
		ev := p.await(func(ev event) bool { return ev.Event == "state" && (ev.State == "idle" || ev.State == "open") })
		local[ev.Target] = ev.Local
	}
	return local
}

// TestUpPsDown opens a set, sees what moves, and ends one tunnel after the other from another process, which waits until their
// sessions are over.
func TestUpPsDown(t *testing.T) {
	b := shop(t)
	p := b.launch(t, "up", "--json")
	local := p.ready(echoName, otherName)
	c := echoed(t, local[echoName])
	l := b.awaitTunnels(t, func(l tunnelList) bool { return len(l.Tunnels) == 2 && l.Tunnels[0].Down+l.Tunnels[1].Down == 1 })
	for _, x := range l.Tunnels {
		if x.Local != local[x.Name] || x.Endpoint != x.Name || x.Set != "shop" || x.Command != "up" || x.PID != p.cmd.Process.Pid || x.Region != "eu-west-1" || x.Profile != "default" {
			t.Errorf("listed %+v, and %s is at %s in process %d", x, x.Name, local[x.Name], p.cmd.Process.Pid)
		}
		if x.Name == echoName && (x.Up != 1 || x.State != "open" || len(x.Connections) != 1 || x.Connections[0].Peer != c.LocalAddr().String()) {
			t.Errorf("a connection that has sent a byte is listed as %+v", x)
		}
	}
	table, _, _ := b.run(t, "ps")
	if !strings.Contains(table, "NAME") || !strings.Contains(table, echoName+"   "+local[echoName]) {
		t.Errorf("the table is\n%s", table)
	}

	_, stderr, code := b.run(t, "down", echoName)
	if code != 2 || !strings.Contains(stderr, "1 connection may be cut") || !strings.Contains(stderr, "hint: rdsx down "+echoName+" --yes") {
		t.Errorf("nobody to ask: code %d, %s", code, stderr)
	}
	ended := b.tunnels(t, "down", local[otherName][strings.LastIndex(local[otherName], ":"):])
	if len(ended.Tunnels) != 1 || ended.Tunnels[0].Name != otherName || ended.Tunnels[0].State != "closed" {
		t.Errorf("ended by its port: %+v", ended)
	}
	if open := b.Sessions(); len(open) != 1 {
		t.Errorf("one of two is ended, and open at AWS are %d", len(open))
	}
	out, stderr, code := b.run(t, "down", "shop", "--yes")
	if want := echoName + " on " + local[echoName] + ": ↑ 1 B ↓ 1 B in "; code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("code %d, %q, %s; want %q…", code, out, stderr, want)
	}
	if open := b.Sessions(); len(open) != 0 {
		t.Errorf("the command is back before the sessions are over: %+v", open)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
		t.Error("the connection is open still")
	}
	p.await(func(ev event) bool { return ev.State == "closed" && ev.Text == "ended by rdsx down" })
	if code := p.wait(); code != 0 {
		t.Errorf("up ends with %d, want 0; stderr: %s", code, p.stderr)
	}
	if left := b.sockets(t); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

// sockets are the files by which rdsx processes find each other.
func (b *box) sockets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.home(), ".local", "state", "rdsx", "run", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// aged has the files be an hour old.
func (b *box) aged(t *testing.T, paths ...string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	for _, path := range paths {
		if err := os.Chtimes(path, long, long); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// TestUpEndsBySignal: every session of every tunnel is over when the process is.
func TestUpEndsBySignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			b := shop(t)
			p := b.launch(t, "up", "shop", "--json")
			local := p.ready(echoName, otherName)
			echoed(t, local[echoName])
			echoed(t, local[otherName])
			if n := len(b.Sessions()); n < 2 {
				t.Fatalf("%d sessions are open, want one for each tunnel", n)
			}
			if code := p.stop(sig); code != 130 {
				t.Errorf("exit code %d, want 130; stderr: %s", code, p.stderr)
			}
			if left := b.sockets(t); len(left) > 0 {
				t.Errorf("files are left: %v", left)
			}
		})
	}
}

// TestUpDetached: the command is back when the tunnels are ready, a process of its own carries them, and down ends it. Neither its
// command line nor its files tell a secret.
func TestUpDetached(t *testing.T) {
	b := shop(t)
	out, stderr, code := b.run(t, "up", "-d")
	if code != 0 || strings.Count(out, "\n") != 2 {
		t.Fatalf("code %d, %q, %s", code, out, stderr)
	}
	l := b.tunnels(t, "ps")
	if len(l.Tunnels) != 2 {
		t.Fatalf("listed %+v, want two", l)
	}
	for _, x := range l.Tunnels {
		if !strings.Contains(out, x.Name+" ") || !strings.Contains(out, " "+x.Local) {
			t.Errorf("%s on %s is not in %q", x.Name, x.Local, out)
		}
		echoed(t, x.Local)
	}
	pid := l.Tunnels[0].PID
	logs, _ := filepath.Glob(filepath.Join(b.home(), ".local", "state", "rdsx", "log", "*.log"))
	if len(logs) != 1 || !strings.Contains(stderr, fmt.Sprintf("2 tunnels in process %d: ", pid)) || !strings.Contains(stderr, logs[0]) {
		t.Errorf("said %q of process %d with the logs %v", stderr, pid, logs)
	}
	told, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // where there is such a thing
	for _, path := range append(logs, b.sockets(t)...) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", path, info.Mode(), err)
		}
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm() != 0o700 {
			t.Errorf("the folder of %s: %v, %v; want 0700", path, dir.Mode(), err)
		}
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, text...)
		}
	}
	for _, secret := range b.secrets(t) {
		if strings.Contains(string(told), secret) {
			t.Errorf("a secret is told that begins %.4s…", secret)
		}
	}
	if ended := b.tunnels(t, "down", "--all", "--yes"); len(ended.Tunnels) != 2 {
		t.Errorf("ended %+v, want both", ended)
	}
	if open := b.Sessions(); len(open) != 0 {
		t.Errorf("open at AWS: %+v", open)
	}
	if left := append(b.sockets(t), b.notes(t)...); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
	if text, _ := os.ReadFile(logs[0]); !strings.Contains(string(text), "ended by rdsx down") || strings.Contains(string(text), "connected") {
		t.Errorf("the log says\n%s", text)
	}
}

// TestDetachedEndsByTerm: a detached process ends its sessions when it is told to end, as one in the foreground does.
func TestDetachedEndsByTerm(t *testing.T) {
	b := shop(t)
	if _, stderr, code := b.run(t, "up", "--detach"); code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	l := b.tunnels(t, "ps")
	if len(l.Tunnels) == 0 {
		t.Fatal("nothing is listed: the test proves nothing")
	}
	if err := signalTo(l.Tunnels[0].PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b.awaitTunnels(t, func(l tunnelList) bool { return len(l.Tunnels) == 0 })
	if open := b.Sessions(); len(open) != 0 {
		t.Errorf("open at AWS: %+v", open)
	}
}

// TestInterruptedDetach: who gives up waiting leaves nothing behind; who is killed meanwhile, nothing that the next ps does not
// remove.
func TestInterruptedDetach(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGKILL: -1} {
		t.Run(sig.String(), func(t *testing.T) {
			b := shop(t)
			l, err := net.Listen("tcp", "127.0.0.1:0") // an AWS that never answers
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			asked := make(chan net.Conn, 64)
			go func() {
				defer close(asked)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					asked <- c
				}
			}()
			p := b.launch(t, "up", "-d", "--json", "--endpoint-url", "http://"+l.Addr().String())
			c := <-asked // by the process of its own: this one asks nothing of AWS
			defer c.Close()
			if code := p.stop(sig); code != want {
				t.Errorf("exit code %d, want %d; stderr: %s", code, want, p.stderr)
			}
			if sig == syscall.SIGKILL {
				b.aged(t, b.sockets(t)...)
				b.tunnels(t, "ps")
			}
			if left := b.sockets(t); len(left) > 0 {
				t.Errorf("files are left: %v", left)
			}
			if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the process of its own still asks: %v", err)
			}
		})
	}
}

// TestDeadSocket: what a killed process has left is taken away without a word.
func TestDeadSocket(t *testing.T) {
	b := shop(t)
	p := b.connect(t, echoName)
	p.stop(syscall.SIGKILL)
	b.Terminate("", "killed")
	left := b.sockets(t)
	if len(left) != 1 {
		t.Fatalf("the killed process has left %v: the test proves nothing", left)
	}
	b.aged(t, left...)
	out, stderr, code := b.run(t, "ps")
	if code != 0 || out != "" || stderr != "no tunnel is open\n" {
		t.Errorf("code %d, %q, %q", code, out, stderr)
	}
	if left := b.sockets(t); len(left) > 0 {
		t.Errorf("it is there still: %v", left)
	}
}

// TestDownEndsConnect: connect says who has ended it, and that is no failure. exec goes on with its program.
func TestDownEndsConnect(t *testing.T) {
	b := shop(t)
	p := b.connect(t, echoName)
	cmd := exec.Command("rdsx", "exec", otherName, "--", "sh", "-c", "read word; exit 7")
	cmd.Env = b.env
	said := &lockedBuffer{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	by := map[string]string{}
	for _, x := range b.awaitTunnels(t, func(l tunnelList) bool { return len(l.Tunnels) == 2 && l.Tunnels[1].State == "idle" }).Tunnels {
		by[x.Name] = x.Command
	}
	if by[echoName] != "connect" || by[otherName] != "exec" {
		t.Errorf("listed by name: %v", by)
	}
	if ended := b.tunnels(t, "down", "--all"); len(ended.Tunnels) != 2 {
		t.Errorf("ended %+v, want both", ended)
	}
	p.await(func(ev event) bool { return ev.State == "closed" && ev.Text == "ended by rdsx down" })
	if code := p.wait(); code != 0 {
		t.Errorf("connect ends with %d, want 0; stderr: %s", code, p.stderr)
	}
	fmt.Fprintln(in, "on")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 || !strings.Contains(said.String(), "ended by rdsx down") {
		t.Errorf("exec ends with %d and says %q; want its program's 7, and who has ended the tunnel", code, said)
	}
}

// TestDownEndsATunnelOfTheScreens: the dashboard shows it closed and who has closed it; the screens go on.
func TestDownEndsATunnelOfTheScreens(t *testing.T) {
	b := shop(t)
	s := b.screen(t, 120, 40)
	id, _, _ := b.database(t, "postgres")
	s.open(id)
	b.awaitTunnels(t, func(l tunnelList) bool {
		return len(l.Tunnels) == 1 && l.Tunnels[0].Command == "screens" && l.Tunnels[0].State == "idle"
	})
	if ended := b.tunnels(t, "down", id); len(ended.Tunnels) != 1 {
		t.Errorf("ended %+v, want the one", ended)
	}
	s.await("– closed")
	s.press("Enter")
	s.await("ended by rdsx down")
	s.press("C-c")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
