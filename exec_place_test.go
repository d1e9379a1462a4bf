package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// TestExecPointsAtWhatIsBound: the program is led to the address that rdsx listens on, by every way it can be told.
func TestExecPointsAtWhatIsBound(t *testing.T) {
	b := newBox(t, sim.Options{})
	id, _, _ := b.database(t, "postgres")
	const script = `echo "$RDSX_LOCAL_ADDRESS $RDSX_LOCAL_HOST:$RDSX_LOCAL_PORT $PGHOSTADDR:$PGPORT $1"`
	for bind, host := range map[string]string{"": "127.0.0.1", "127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.2", "::1": "::1", "0.0.0.0": "127.0.0.1", "::": "::1"} {
		if !canBind(bind) {
			t.Logf("%s cannot be bound here", bind)
			continue
		}
		args := []string{"exec", id, "--", "sh", "-c", script, "sh", "{host}:{port} {url}"}
		if bind != "" {
			args = append([]string{"exec", "--bind", bind}, args[1:]...)
		}
		out, stderr, code := b.run(t, args...)
		words := strings.Fields(out)
		if code != 0 || len(words) != 5 {
			t.Errorf("--bind %q: code %d, %q, %s", bind, code, out, stderr)
			continue
		}
		_, port, _ := net.SplitHostPort(words[0])
		if words[0] != net.JoinHostPort(host, port) {
			t.Errorf("--bind %q: the address is %s, want %s", bind, words[0], host)
		}
		for _, got := range words[1:4] {
			if got != host+":"+port {
				t.Errorf("--bind %q: the program is led to %s, want %s:%s", bind, got, host, port)
			}
		}
		if want := "hostaddr=" + strings.ReplaceAll(host, ":", "%3A"); !strings.Contains(words[4], want) {
			t.Errorf("--bind %q: the URL is %s, want %s in it", bind, words[4], want)
		}
	}
}

// canBind says whether this machine has the address: not every one has IPv6, nor more of 127.0.0.0/8 than its first.
func canBind(host string) bool {
	if host == "" {
		return true
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// TestExecOnASocket: a program that looks for a port is not run, because its client would find another server. One that is told
// the socket is.
func TestExecOnASocket(t *testing.T) {
	b := newBox(t, sim.Options{})
	postgres, _, _ := b.database(t, "postgres")
	mysql, _, _ := b.database(t, "mysql")
	b.reaches(t, echoName, echoServer(t))
	socket := filepath.Join(b.home(), "s.sock")
	for _, c := range []struct {
		name string
		args []string // behind --
		code int
		says string // on stdout, or stderr where it fails
	}{
		{postgres, []string{"echo", "ran"}, 2, "no port for PGHOST, PGHOSTADDR and PGPORT: echo would look for a server of this machine\nhint: the same without --unix"},
		{mysql, []string{"echo", "ran"}, 2, "no port for MYSQL_HOST and MYSQL_TCP_PORT"},
		{postgres, []string{"echo", "{address}:{port}"}, 2, "{port} stands for a port, and --unix listens on none\nhint: the same without --unix"},
		{echoName, []string{"echo", "{url}"}, 2, "{url} stands for a port"},
		{postgres, []string{"echo", "host={address}"}, 0, "host=" + socket + "\n"},
		{mysql, []string{"echo", "{host}"}, 0, socket + "\n"},
		{echoName, []string{"sh", "-c", `echo "$RDSX_LOCAL_ADDRESS"`}, 0, socket + "\n"},
	} {
		args := append([]string{"exec", c.name, "--unix", socket, "--"}, c.args...)
		if c.name == echoName {
			args = append([]string{"exec", "--via", b.carrier(t)}, args[1:]...)
		}
		out, stderr, code := b.run(t, args...)
		said := out
		if c.code != 0 {
			said = stderr
		}
		if code != c.code || !strings.Contains(said, c.says) || c.code != 0 && out != "" {
			t.Errorf("%s %q: code %d, %q, %s; want %d and %q", c.name, c.args, code, out, stderr, c.code, c.says)
		}
	}
}
