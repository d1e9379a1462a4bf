//go:build unix

package databases

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// nobody is the user that servers run as when we are root: PostgreSQL refuses root, and none of them needs it.
const nobody = 65534

// detach gives the program its own process group, so that Ctrl-C in the terminal reaches only us, and another user when we
// are root.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// handOver gives a file to the servers' user. A folder's parents must let that user through.
func handOver(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		stat, _ := info.Sys().(*syscall.Stat_t)
		if info.Mode().Perm()&0o001 == 0 && (stat == nil || stat.Uid != nobody) {
			return fmt.Errorf("servers run as uid %d, which may not enter %s: choose another folder or chmod o+x it", nobody, dir)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return os.Chown(path, nobody, nobody)
}

// stopSignal is the fastest end that leaves nothing behind: the data is thrown away, but PostgreSQL has children and shared
// memory to take down.
func stopSignal(kind Kind) syscall.Signal {
	if kind == Postgres {
		return syscall.SIGQUIT
	}
	return syscall.SIGKILL
}

func quit(p *os.Process, kind Kind) error { return p.Signal(stopSignal(kind)) }

// killGroup ends whatever is left of a program's process group.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // ESRCH: nothing is left
