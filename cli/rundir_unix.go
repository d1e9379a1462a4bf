//go:build !windows

package cli

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// ownAlone says whether a folder is this user's and closed to everybody else.
func ownAlone(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}

// isRefused says whether err means that nobody listens.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// detached has the program live on without this terminal.
func detached(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// hold keeps a file from being taken for one that nobody has, until the process ends. Where files cannot be locked it does not.
func hold(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_SH) }

// isHeld says whether a process holds the file.
func isHeld(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
