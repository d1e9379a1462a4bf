//go:build !windows

package forward

import (
	"errors"
	"syscall"
)

// inUse says whether err means that the address belongs to another program.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// refused says whether err means that nobody listens.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
