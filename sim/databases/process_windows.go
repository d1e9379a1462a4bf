package databases

import (
	"os"
	"os/exec"
	"syscall"
)

// detach keeps the console's Ctrl-C from the program.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// handOver does nothing: the servers run as the same user.
func handOver(string) error { return nil }

// quit kills the server: Windows has no gentler signal, and PostgreSQL's children end when their parent is gone.
func quit(p *os.Process, _ Kind) error { return p.Kill() }

func killGroup(int) {}
