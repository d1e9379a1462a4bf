//go:build unix

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rdsx/rdsx/sim"
)

// TestReaderStops ends a tunnel whose output is a full pipe that is open and that nobody reads, as of a supervisor that has read
// the address and now waits for rdsx to end. newBox asserts that the session is over at AWS.
func TestReaderStops(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, b *box, p *os.Process) (code int){
		"interrupt": func(_ *testing.T, _ *box, p *os.Process) int { _ = p.Signal(os.Interrupt); return 130 },
		"terminate": func(_ *testing.T, _ *box, p *os.Process) int { _ = p.Signal(syscall.SIGTERM); return 130 },
		"rdsx down": func(t *testing.T, b *box, _ *os.Process) int {
			if l := b.tunnels(t, "down", "--all", "--yes"); len(l.Tunnels) != 1 {
				t.Errorf("rdsx down ended %d tunnels, want 1", len(l.Tunnels))
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, sim.Options{})
			b.reaches(t, echoName, echoServer(t))
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer write.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // of a process that would stay for ever
			defer cancel()
			cmd := exec.CommandContext(ctx, "rdsx", "connect", "--json", echoName, "--via", b.carrier(t), "--port", "0")
			cmd.Env, cmd.Stdout, cmd.Stderr = b.env, write, write
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var ev event
			for lines := json.NewDecoder(read); ev.State != "idle"; {
				if err := lines.Decode(&ev); err != nil {
					t.Fatalf("the tunnel did not open: %v", err)
				}
			}
			fill(t, write)
			echoed(t, ev.Local) // says that a connection has opened
			want := end(t, b, cmd.Process)
			_ = cmd.Wait() // the exit code says it
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("exit code %d (%s), want %d", code, cmd.ProcessState, want)
			}
		})
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, pipe *os.File) {
	t.Helper()
	for {
		room := []unix.PollFd{{Fd: int32(pipe.Fd()), Events: unix.POLLOUT}}
		if n, err := unix.Poll(room, 0); err != nil && err != unix.EINTR {
			t.Fatal(err)
		} else if n == 0 && err == nil {
			return
		}
		if _, err := pipe.Write(make([]byte, 4096)); err != nil { // POLLOUT promises that much (pipe(7))
			t.Fatal(err)
		}
	}
}
