package cli

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownAlone is true: the folders are below the user's profile, which Windows keeps from others.
func ownAlone(fs.FileInfo) bool { return true }

// isRefused says whether err means that nobody listens.
func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// detached has the program live on without this console.
func detached(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

// hold does nothing: Windows does not remove a file that a process has open.
func hold(*os.File) {}

// isHeld is false, see hold.
func isHeld(string) bool { return false }
