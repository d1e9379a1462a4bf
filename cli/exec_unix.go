//go:build !windows

package cli

import (
	"os"
	"syscall"
)

// signalOf is the number of the signal that ended a process, 0 for none.
func signalOf(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}
