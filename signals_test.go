package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// TestIgnoredSignals: what nohup and the shell of a script have ignored at the start is not for rdsx. What ends it then is rdsx down,
// which is no failure, as an end by a signal would be.
func TestIgnoredSignals(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	via := b.carrier(t)
	for ignored, sent := range map[string][]syscall.Signal{
		"HUP":      {syscall.SIGHUP},
		"INT QUIT": {syscall.SIGINT, syscall.SIGQUIT},
	} {
		t.Run(ignored, func(t *testing.T) {
			p := b.by(t, "sh", "-c", `trap "" `+ignored+`; exec rdsx "$@"`, "sh", "connect", "--json", echoName, "--via", via, "--port", "0")
			local := p.ready("")[""]
			for _, sig := range sent {
				if err := p.cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			if l := b.tunnels(t, "ps"); len(l.Tunnels) != 1 {
				t.Errorf("after %v, listed are %+v; want the tunnel", sent, l.Tunnels)
			}
			echoed(t, local)
			_, _, _ = b.run(t, "down", "--all", "--yes")
			if code := p.wait(); code != 0 {
				t.Errorf("exit code %d, want 0: %v ended it; stderr: %s", code, sent, p.stderr)
			}
		})
	}
}

// TestQuit: Ctrl-\ says what rdsx is doing where --debug asks for such things, and only there.
func TestQuit(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	via := b.carrier(t)
	for _, debug := range []bool{true, false} {
		p := b.connect(t, echoName, "--via", via, "--port", "0", fmt.Sprintf("--debug=%v", debug))
		if code := p.stop(syscall.SIGQUIT); code != 130 {
			t.Errorf("exit code %d, want 130; stderr: %s", code, p.stderr)
		}
		if tells := strings.Contains(p.stderr.String(), "\ngoroutine "); tells != debug {
			t.Errorf("--debug=%v, and the goroutines are told: %v; stderr: %s", debug, tells, p.stderr)
		}
	}
}

// TestQuitIsThePrograms: Ctrl-\ reaches every process of the terminal, and rdsx exec leaves it to the program as it does Ctrl-C.
func TestQuitIsThePrograms(t *testing.T) {
	b := newBox(t, sim.Options{})
	id, _, _ := b.database(t, "postgres")
	cmd := exec.Command("rdsx", "exec", id, "--", "sh", "-c", "echo runs; read word; exit 7")
	cmd.Env = b.env
	said := &lockedBuffer{}
	cmd.Stderr = said
	in, out := started(t, cmd)
	if _, err := out.Read(make([]byte, 5)); err != nil { // the program runs
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "on")
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, want the program's 7; stderr: %s", code, said)
	}
}
