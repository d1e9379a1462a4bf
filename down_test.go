package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestDownOfExecOnce: the tunnel that down has ended is not listed any more, though the program of its exec goes on, and there is
// nothing to end a second time.
func TestDownOfExecOnce(t *testing.T) {
	b := shop(t)
	cmd := exec.Command("rdsx", "exec", otherName, "--", "sh", "-c", "read word; exit 7")
	cmd.Env = b.env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.awaitTunnels(t, func(l tunnelList) bool { return len(l.Tunnels) == 1 && l.Tunnels[0].State == "idle" })
	if ended := b.tunnels(t, "down", "--all"); len(ended.Tunnels) != 1 || ended.Tunnels[0].State != "closed" {
		t.Errorf("ended %+v, want the one", ended)
	}
	if out, stderr, code := b.run(t, "ps"); code != 0 || out != "" || stderr != "no tunnel is open\n" {
		t.Errorf("ps: code %d, %q, %q", code, out, stderr)
	}
	for what, says := range map[string]string{"--all": "no tunnel is open on this machine", otherName: "no open tunnel " + otherName} {
		if out, stderr, code := b.run(t, "down", what); code != 4 || out != "" || !strings.Contains(stderr, says) {
			t.Errorf("down %s: code %d, %q, %q; want 4 and %q", what, code, out, stderr, says)
		}
	}
	fmt.Fprintln(in, "on")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exec ends with %d, want its program's 7", code)
	}
}
