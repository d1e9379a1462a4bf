package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
)

// TestExec runs a program on a tunnel: it finds it in its environment and its arguments, talks through it, and its exit code is
// rdsx's. The session is over when rdsx is.
func TestExec(t *testing.T) {
	b := newBox(t, sim.Options{})
	id, host, endpoint := b.database(t, "postgres")
	b.reaches(t, endpoint, echoServer(t))
	cmd := exec.Command("rdsx", "exec", id, "--", "sh", "-c", `echo "$1|$RDSX_LOCAL_ADDRESS|$RDSX_ENDPOINT|$PGHOST|$PGHOSTADDR|$PGPORT"; read answer; exit "$answer"`, "sh", "{host}:{port}")
	cmd.Env = b.env
	in, out := started(t, cmd)
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("no line of the program: %v", err)
	}
	local, _, _ := strings.Cut(line, "|")
	if want := strings.Join([]string{local, local, endpoint, host, "127.0.0.1", portOf(local)}, "|") + "\n"; line != want {
		t.Errorf("the program found %q, want %q", line, want)
	}
	c := echoed(t, local)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "7")
	if rest, _ := io.ReadAll(lines); len(rest) > 0 {
		t.Errorf("rdsx wrote to the program's output: %q", rest)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, want the program's 7", code)
	}
}

// started begins a command with a pipe to its input and one from its output.
func started(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return in, out
}

// TestExecDelivers: what a program has written and not waited for reaches the target, all of it, before rdsx ends.
func TestExecDelivers(t *testing.T) {
	const size = 2 << 20
	b := newBox(t, sim.Options{})
	id, _, endpoint := b.database(t, "postgres")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan int64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, c)
		_ = c.Close()
		came <- n
	}()
	b.reaches(t, endpoint, l.Addr().String())
	b.SetFaults(sim.Faults{RTT: 80 * time.Millisecond})
	cmd := exec.Command("rdsx", "exec", id, "--no-probe", "--", "sh", "-c", `echo "$RDSX_LOCAL_ADDRESS"; read answer`)
	cmd.Env = b.env
	in, out := started(t, cmd)
	local, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", strings.TrimSpace(local))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 { // of read, at the end of its input
		t.Errorf("exit code %d, want the program's 1", code)
	}
	if n := <-came; n != size {
		t.Errorf("the target has %d bytes of %d", n, size)
	}
}

// TestExecRefusals ends without running anything, or with what a shell would say.
func TestExecRefusals(t *testing.T) {
	b := newBox(t, sim.Options{})
	id, _, _ := b.database(t, "postgres")
	for args, want := range map[string]int{
		"exec":               2,
		"exec " + id:         2,
		"exec " + id + " --": 2,
		"exec " + id + " -- no-such-program-here": 2,
		"exec nothing-of-that-name -- true":       4,
		"exec " + id + " -- true":                 0,
		"exec " + id + " -- false":                1,
		"exec " + id + " -- sh -c exit\t41":       41,
		"exec " + id + " -- sh -c kill\t-9\t$$":   137,
	} {
		fields := strings.Fields(strings.ReplaceAll(args, "\t", "\x00"))
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], "\x00", " ")
		}
		stdout, stderr, code := b.run(t, fields...)
		if code != want || stdout != "" {
			t.Errorf("rdsx %s: exit code %d, want %d: %s%s", args, code, want, stdout, stderr)
		}
	}
}
