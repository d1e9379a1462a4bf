//go:build !linux

package gateway

import "time"

// napper sleeps as exactly as the system's timers do.
type napper struct{}

func (*napper) nap(d time.Duration) { time.Sleep(d) }

func (*napper) close() {}
