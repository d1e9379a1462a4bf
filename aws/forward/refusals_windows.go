package forward

import (
	"errors"

	"golang.org/x/sys/windows"
)

// inUse says whether err means that the address belongs to another program. WSAEACCES is the answer where that program has
// asked for exclusive use, and for the ranges that Windows reserves.
func inUse(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

// refused says whether err means that nobody listens.
func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
