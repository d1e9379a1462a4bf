//go:build !linux

package targets

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
