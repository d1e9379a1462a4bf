//go:build !linux

package gateway

import "time"

// nap sleeps as exactly as the system's timers do.
func nap(d time.Duration) { time.Sleep(d) }
