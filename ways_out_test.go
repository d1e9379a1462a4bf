package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// echoServer is a far end that answers every byte.
func echoServer(t *testing.T) string {
	return farEnd(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
}

// farEnd is a target that does the same with every connection, and then closes it.
func farEnd(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

const echoName = "echo.internal:7000"

// echoed sends one byte through the tunnel and reads it back; the connection stays open until the test ends.
func echoed(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	b := []byte{'x'}
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("nothing came back through the tunnel: %v", err)
	}
	return c
}

// TestSignalsEndTheSession ends a tunnel with a live connection by each signal that a terminal or a supervisor sends. newBox
// asserts that the session is over at AWS.
func TestSignalsEndTheSession(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			b := newBox(t, sim.Options{})
			b.reaches(t, echoName, echoServer(t))
			p := b.connect(t, echoName, "--via", b.carrier(t))
			echoed(t, p.local)
			if n := len(b.Sessions()); n != 1 {
				t.Fatalf("%d sessions are open while the tunnel is, want 1", n)
			}
			if code := p.stop(sig); code != 130 {
				t.Errorf("exit code %d, want 130; stderr: %s", code, p.stderr)
			}
		})
	}
}

// TestReaderGoesFirst ends a tunnel whose output nobody reads any more, as Ctrl-C does in rdsx connect … | tee log: what is
// printed meanwhile ends neither the tunnel nor rdsx. newBox asserts that the session is over at AWS.
func TestReaderGoesFirst(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	cmd := exec.Command("rdsx", "connect", "--json", echoName, "--via", b.carrier(t), "--port", "0")
	cmd.Env = b.env
	read, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() //nolint:errcheck // it has ended, unless the test has failed
	var ev event
	for lines := json.NewDecoder(read); ev.State != "idle"; {
		if err := lines.Decode(&ev); err != nil {
			t.Fatalf("the tunnel did not open: %v", err)
		}
	}
	_, _ = read.Close(), talk.Close()
	echoed(t, ev.Local) // says that a connection has opened
	echoed(t, ev.Local)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d (%s), want 130", code, cmd.ProcessState)
	}
}

// TestRefusalsEndTheSession goes through the ways in which a session can fail after StartSession has succeeded.
func TestRefusalsEndTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		faults sim.Faults
		code   int
		says   string
	}{
		"handshake refused": {sim.Faults{HandshakeRefused: true}, 6, "handshake"},
		"token refused":     {sim.Faults{TokenRefused: true}, 6, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, sim.Options{Faults: c.faults})
			b.reaches(t, echoName, echoServer(t))
			_, stderr, code := b.run(t, "connect", echoName, "--via", b.carrier(t), "--port", "0")
			if code != c.code || !strings.Contains(strings.ToLower(stderr), c.says) || !strings.Contains(stderr, "hint:") {
				t.Errorf("code %d and %q; want %d, something about the %s, and a hint", code, stderr, c.code, c.says)
			}
			if len(b.AllSessions()) == 0 {
				t.Error("no session was started: the test proves nothing")
			}
		})
	}
}

// TestDebugTellsNoSecrets reads everything that rdsx prints at --debug and looks for keys and tokens.
func TestDebugTellsNoSecrets(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	p := b.connect(t, echoName, "--via", b.carrier(t), "--debug")
	echoed(t, p.local)
	p.stop(os.Interrupt)
	said := p.stderr.String()
	if !strings.Contains(said, "level=DEBUG") {
		t.Fatalf("--debug logged nothing: %q", said)
	}
	for _, secret := range b.secrets(t) {
		if strings.Contains(said, secret) {
			t.Errorf("--debug tells a secret that begins %.4s…", secret)
		}
	}
	for _, word := range []string{"X-Amz-Signature", "Authorization", "TokenValue"} {
		if strings.Contains(said, word) {
			t.Errorf("--debug prints %s", word)
		}
	}
}

// takenPort is a local port that another program has until the end of the test.
func takenPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return portOf(l.Addr().String())
}

// TestAnotherProgramHoldsThePort finds the port taken before any session is started.
func TestAnotherProgramHoldsThePort(t *testing.T) {
	b := newBox(t, sim.Options{})
	port := takenPort(t)
	_, stderr, code := b.run(t, "connect", echoName, "--via", b.carrier(t), "--port", port)
	if code != 1 || !strings.Contains(stderr, port) || !strings.Contains(stderr, "hint: rdsx connect") {
		t.Errorf("code %d, stderr %q; want 1, the port and a hint with a free one", code, stderr)
	}
	if n := len(b.AllSessions()); n != 0 {
		t.Errorf("%d sessions were started for a port that cannot be had", n)
	}
}
