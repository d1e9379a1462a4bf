package targets

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is how long this thread has computed: unlike the wall clock, it does not count what other programs took.
func cpuTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
