package forward

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

func listen(t *testing.T, cfg Config, d Dialer) *Forwarder {
	t.Helper()
	cfg.Target = where()
	f, err := Listen(t.Context(), cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// occupied is a port of 127.0.0.1 (or ::1) that this test holds.
func occupied(t *testing.T, network, addr string) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, addr)
	if err != nil {
		t.Skipf("no %s here: %v", addr, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return portOf(l.Addr())
}

// TestBindsFirst: the port is there, on both addresses, before anything is asked of AWS.
func TestBindsFirst(t *testing.T) {
	d := sessions(nil)
	f := listen(t, Config{}, d)
	got := f.Snapshot()
	host, port, err := net.SplitHostPort(got.Local)
	if err != nil || host != "127.0.0.1" || f.Local() != got.Local || got.State != aws.StateBinding {
		t.Errorf("%+v", got)
	}
	for _, addr := range got.Listening {
		var dialer net.Dialer
		c, err := dialer.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Errorf("nothing listens on %s: %v", addr, err)
			continue
		}
		_ = c.Close()
		if _, p, _ := net.SplitHostPort(addr); p != port {
			t.Errorf("%s is not the port of %s", addr, got.Local)
		}
	}
	if want := []string{got.Local, "[::1]:" + port}; len(got.Listening) == 2 && got.Listening[1] != want[1] || len(got.Listening) == 0 {
		t.Errorf("listening on %v, want %v", got.Listening, want)
	}
	if d.tries() != 0 {
		t.Error("a session was started")
	}
	e := f.Events(0)
	if len(e) != 1 || !strings.Contains(e[0].Text, "listening on "+got.Local) {
		t.Errorf("events %+v", e)
	}
	f.Close()
	if _, err := Listen(t.Context(), Config{Port: portOfText(t, port)}, d); err != nil {
		t.Errorf("the port is not given back: %v", err)
	}
}

func portOfText(t *testing.T, text string) int {
	t.Helper()
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestPortInUse: who has it, and which one is free.
func TestPortInUse(t *testing.T) {
	for _, held := range []struct{ network, addr string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
		t.Run(held.addr, func(t *testing.T) {
			port := occupied(t, held.network, held.addr)
			_, err := Listen(t.Context(), Config{Port: port}, sessions(nil))
			var taken *PortInUse
			if !errors.As(err, &taken) {
				t.Fatalf("got %v, want a PortInUse", err)
			}
			if taken.Port != port || taken.Free <= port || taken.Free > 65535 {
				t.Errorf("%+v", taken)
			}
			text := err.Error()
			if !strings.Contains(text, "port "+strconv.Itoa(port)+" is taken by ") || !strings.Contains(text, strconv.Itoa(taken.Free)+" is free") {
				t.Error(text)
			}
			if runtime.GOOS == "linux" {
				comm, err := os.ReadFile("/proc/self/comm")
				if want := strings.TrimSpace(string(comm)) + " (pid " + strconv.Itoa(os.Getpid()) + ")"; err != nil || !strings.Contains(text, want) {
					t.Errorf("%s: nothing of %s", text, want)
				}
			}
		})
	}
}

// TestPortOfAnotherProcess: the holder of one of the two addresses is named, not ourselves with the other.
func TestPortOfAnotherProcess(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			occupied(t, "tcp", addr) // skips where there is no IPv6
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolds$", addr)
			in, err := child.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = in.Close()
				_ = child.Wait()
			}()
			var port int
			if _, err := fmt.Fscanf(out, "%d", &port); err != nil {
				t.Fatal(err)
			}
			_, err = Listen(t.Context(), Config{Port: port}, sessions(nil))
			var taken *PortInUse
			if !errors.As(err, &taken) {
				t.Fatalf("got %v, want a PortInUse", err)
			}
			if runtime.GOOS == "linux" && taken.Holder.PID != child.Process.Pid {
				t.Errorf("held by %v, want pid %d", taken.Holder, child.Process.Pid)
			}
		})
	}
}

// TestHolds is the other process of the test above: it holds a port until its input ends. Without an argument it has
// nothing to do.
func TestHolds(t *testing.T) {
	if flag.NArg() == 0 {
		return
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", flag.Arg(0))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := fmt.Fprintln(os.Stdout, portOf(l.Addr())); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestFreePort(t *testing.T) {
	for _, held := range []struct{ network, addr string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
		port := occupied(t, held.network, held.addr)
		if free := FreePort(port); free <= port {
			t.Errorf("%d is free, although %s has %d", free, held.addr, port)
		}
	}
	if free := FreePort(0); free == 0 {
		t.Error("no port is free")
	}
	if free := FreePort(65536); free != 0 {
		t.Errorf("port %d", free)
	}
}

func TestProcess(t *testing.T) {
	for want, p := range map[string]Process{
		"postgres (pid 812)":         {PID: 812, Name: "postgres"},
		"pid 812":                    {PID: 812},
		"a program of user postgres": {User: "postgres"},
		"another program":            {},
	} {
		if got := p.String(); got != want {
			t.Errorf("%+v is %q, want %q", p, got, want)
		}
	}
}

// TestBind: other addresses, what to type for them, and the warning.
func TestBind(t *testing.T) {
	for bind, c := range map[string]struct {
		host string
		warn bool
	}{
		"127.0.0.1": {"127.0.0.1", false},
		"::1":       {"::1", false},
		"0.0.0.0":   {"127.0.0.1", true},
		"::":        {"::1", true},
	} {
		t.Run(bind, func(t *testing.T) {
			if strings.Contains(bind, ":") {
				occupied(t, "tcp6", "[::1]:0") // skips where there is no IPv6
			}
			f := listen(t, Config{Bind: bind}, sessions(nil))
			if host, _, _ := net.SplitHostPort(f.Local()); host != c.host {
				t.Errorf("type %s, want %s", f.Local(), c.host)
			}
			e := f.Events(0)[0]
			if warned := strings.Contains(e.Text, "every machine"); warned != c.warn || warned != (e.Next != "") {
				t.Errorf("%q, hint %q", e.Text, e.Next)
			}
			var dialer net.Dialer
			conn, err := dialer.DialContext(t.Context(), "tcp", f.Local())
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		})
	}
	for name, cfg := range map[string]Config{
		"a name":         {Bind: "localhost"},
		"a port too far": {Port: 65536},
		"a negative one": {Port: -1},
		"not ours":       {Bind: "192.0.2.1"},
	} {
		if f, err := Listen(t.Context(), cfg, sessions(nil)); err == nil {
			f.Close()
			t.Errorf("%s was bound", name)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "fwd") // t.TempDir can be longer than a socket's path may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "orders.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close() // as a process that died

	f := listen(t, Config{Unix: path}, echoing())
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	var inUse *SocketInUse
	if _, err := Listen(t.Context(), Config{Unix: path}, sessions(nil)); !errors.As(err, &inUse) {
		t.Errorf("a second one gives %v", err)
	}
	done := run(t, f)
	var dialer net.Dialer
	c, err := dialer.DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := echo(c, 100_000); err != nil {
		t.Error(err)
	}
	if got := f.Snapshot(); got.Local != path || len(got.Conns) == 0 || got.Conns[len(got.Conns)-1].Peer != "unix socket" {
		t.Errorf("%+v", got)
	}
	_ = c.Close()
	f.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), Config{Unix: path}, sessions(nil)); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the way gives %v", err)
	}
	if kept, _ := os.ReadFile(path); string(kept) != "precious" {
		t.Error("the file in the way was touched")
	}
}

// TestCloseWithoutRun gives the port back and refuses a later Run.
func TestCloseWithoutRun(t *testing.T) {
	f := listen(t, Config{}, sessions(nil))
	f.Close()
	f.Close()
	if err := f.Run(context.Background()); !errors.Is(err, aws.ErrClosed) {
		t.Errorf("Run gives %v", err)
	}
	if got := f.Snapshot(); got.State != aws.StateClosed || got.Reason == "" {
		t.Errorf("%+v", got)
	}
}
