package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tunnel is a running program that forwards a local port.
type tunnel struct {
	addr string
	cmd  *exec.Cmd
	pid  int // of the process that carries the bytes

	ended <-chan struct{} // closed by whoever waits for cmd already; nil when stop is to wait
}

// startRdsx runs rdsx connect and waits for its address.
func startRdsx(ctx context.Context, bin string, env []string, via, host string, flags ...string) (*tunnel, error) {
	cmd := exec.CommandContext(ctx, bin, append([]string{"connect", host, "--via", via, "--port", "0", "--json", "--no-input", "--no-probe"}, flags...)...)
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &tunnel{cmd: cmd, pid: cmd.Process.Pid}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ev struct{ State, Local string }
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			return nil, errors.Join(fmt.Errorf("rdsx said %q: %w", lines.Text(), err), t.stop())
		}
		if ev.State == "idle" || ev.State == "open" {
			t.addr = ev.Local
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
			return t, nil
		}
	}
	err = t.stop()
	return nil, fmt.Errorf("rdsx opened nothing: %w: %s", err, stderr.String())
}

// startPlugin runs aws ssm start-session, which runs session-manager-plugin, and waits for the port.
func startPlugin(ctx context.Context, env []string, via, host string) (*tunnel, error) {
	name, port, _ := net.SplitHostPort(host)
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	_, local, _ := net.SplitHostPort(addr)
	_ = l.Close()
	cmd := exec.CommandContext(ctx, "aws", "ssm", "start-session", "--target", via,
		"--document-name", "AWS-StartPortForwardingSessionToRemoteHost",
		"--parameters", fmt.Sprintf("host=%s,portNumber=%s,localPortNumber=%s", name, port, local))
	cmd.Env = env
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = 3 * time.Second // the plugin may outlive aws and hold its output open
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &tunnel{cmd: cmd, addr: addr, pid: cmd.Process.Pid}
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			continue
		}
		_ = c.Close()
		t.pid = childNamed(cmd.Process.Pid, "session-manager")
		return t, nil
	}
	return nil, errors.Join(errors.New("the plugin opened no port: "+said.String()), t.stop())
}

// startSSH forwards to addr, through an SSH server on this machine that lets the user in without being asked anything.
func startSSH(ctx context.Context, addr string) (*tunnel, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	local := l.Addr().String()
	_ = l.Close()
	cmd := exec.CommandContext(ctx, "ssh", "-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-L", local+":"+addr, "localhost")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t := &tunnel{cmd: cmd, addr: local, pid: cmd.Process.Pid, ended: ended}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			return nil, errors.New("ssh: " + strings.TrimSpace(said.String()))
		default:
		}
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", local); err == nil {
			return t, c.Close()
		}
	}
	return nil, errors.Join(errors.New("ssh opened no port: "+said.String()), t.stop())
}

func (t *tunnel) stop() error {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	if t.pid != t.cmd.Process.Pid && t.pid > 0 {
		if p, err := os.FindProcess(t.pid); err == nil {
			_ = p.Signal(syscall.SIGTERM)
		}
	}
	if t.ended != nil {
		<-t.ended
		return nil
	}
	return t.cmd.Wait()
}

// cpu is the CPU seconds that the process has used so far, 0 where /proc does not tell.
func (t *tunnel) cpu() float64 {
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux architecture that Go supports (proc(5))
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksPerSecond
}

// peakMemory is the largest resident set so far in MiB, 0 where /proc does not tell.
func (t *tunnel) peakMemory() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// childNamed is the process below parent, at any depth, whose command name begins with name, or parent itself.
func childNamed(parent int, name string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	above, names := map[int]int{}, map[int]string{}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:open])))
		above[pid], _ = strconv.Atoi(strings.Fields(string(b[end+1:]))[1])
		names[pid] = string(b[open+1 : end])
	}
	for pid, comm := range names {
		if !strings.HasPrefix(comm, name) {
			continue
		}
		for p := pid; p > 1; p = above[p] {
			if p == parent {
				return pid
			}
		}
	}
	return parent
}
