package gateway

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// napper sleeps exactly. The runtime's timers of an idle process are late by up to a millisecond, which would be measured as
// the client's latency; a kernel timer that the network poller waits for is not, and holds no thread.
type napper struct {
	mu     sync.Mutex
	free   []kernelTimer
	all    []kernelTimer
	closed bool
}

type kernelTimer struct {
	fd   int
	file *os.File
}

// nap sleeps for about d. The caller looks at the clock again: without a kernel timer it may be late.
func (n *napper) nap(d time.Duration) {
	t, ok := n.take()
	if !ok {
		time.Sleep(d)
		return
	}
	defer n.give(t)
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(d.Nanoseconds(), 1))}
	if unix.TimerfdSettime(t.fd, 0, &spec, nil) != nil {
		time.Sleep(d)
		return
	}
	var expired [8]byte
	_, _ = t.file.Read(expired[:]) // fails when the gateway is closed
}

func (n *napper) take() (kernelTimer, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return kernelTimer{}, false
	}
	if last := len(n.free) - 1; last >= 0 {
		t := n.free[last]
		n.free = n.free[:last]
		return t, true
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return kernelTimer{}, false
	}
	t := kernelTimer{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
	n.all = append(n.all, t)
	return t, true
}

func (n *napper) give(t kernelTimer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = append(n.free, t)
}

// close frees the timers once nobody naps.
func (n *napper) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, t := range n.all {
		_ = t.file.Close()
	}
}
