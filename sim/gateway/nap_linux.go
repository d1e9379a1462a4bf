package gateway

import (
	"syscall"
	"time"
)

// nap sleeps exactly. The runtime's timers of an idle process are late by up to a millisecond, which would be measured as the
// client's latency.
func nap(d time.Duration) {
	ts := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&ts, nil) // woken early by a signal: the caller looks at the clock again
}
