package databases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	stopGrace  = 5 * time.Second // between asking a server to stop and killing it
	startLimit = 60 * time.Second
	pollEvery  = 20 * time.Millisecond
)

// process is a running server.
type process struct {
	end  context.CancelFunc
	done chan struct{}
	err  error // why it ended; read after done
	log  string
}

// run starts the server program in its folder; it ends with stop. Its output goes to a file, so that no pipe can fill.
func (s *Server) run(ctx context.Context, path string, args ...string) error {
	logPath := filepath.Join(s.dir, "server.log")
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the server has its own
	own, end := context.WithCancel(context.WithoutCancel(ctx))
	cmd := exec.CommandContext(own, path, args...)
	s.prepare(cmd)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return quit(cmd.Process, s.Kind) }
	cmd.WaitDelay = stopGrace
	p := &process{end: end, done: make(chan struct{}), log: logPath}
	started := make(chan error, 1)
	go p.watch(cmd, s.Kind, started)
	if err := <-started; err != nil {
		end()
		<-p.done
		return err
	}
	s.process = p
	return nil
}

// watch keeps its thread as long as the server runs: Linux sends the parent-death signal when the thread that forked ends.
func (p *process) watch(cmd *exec.Cmd, kind Kind, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	dieWithParent(cmd, kind)
	err := cmd.Start()
	started <- err
	if err == nil {
		p.err = cmd.Wait()
		killGroup(cmd.Process.Pid) // at once: later the number could be another's
	}
}

func (p *process) stop() {
	p.end()
	<-p.done
}

// tool runs a program that sets something up, with text on its standard input, and reports what it said when it fails.
func (s *Server) tool(ctx context.Context, input, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	s.prepare(cmd)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &out
	cmd.WaitDelay = stopGrace
	cmd.Cancel = func() error { killGroup(cmd.Process.Pid); return nil }
	if err := cmd.Run(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s: %w: %s", filepath.Base(path), err, tailOf(out.String())))
	}
	return nil
}

func (s *Server) prepare(cmd *exec.Cmd) {
	cmd.Dir = s.dir
	// LC_ALL also keeps PostgreSQL on macOS from becoming multithreaded before it forks.
	cmd.Env = append(cmd.Environ(), "LC_ALL=C", "TMPDIR="+s.dir, "HOME="+s.dir)
	detach(cmd)
}

// await polls until ready says so; it ends early with ctx or when the server dies.
func (s *Server) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %s", ctx.Err(), lastLines(s.process.log))
		case <-s.process.done:
			return fmt.Errorf("it ended at once (%w): %s", s.process.err, lastLines(s.process.log))
		case <-tick.C:
		}
	}
	return nil
}

// tailOf is the end of a program's output on one line.
func tailOf(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > 6 {
		lines = lines[len(lines)-6:]
	}
	return strings.Join(lines, "; ")
}

// removeAll tries for a while: a process that has just died can still hold files on Windows, and a late child of PostgreSQL
// can still write one.
func removeAll(dir string) error {
	var err error
	for range 50 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		<-time.After(pollEvery)
	}
	return err
}
