package cli

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
)

// interruptible is ctx until the user interrupts the process. With --debug Ctrl-\ also says what is being done, as Go programs do: it
// is how one that hangs is asked why. stop ends the watch.
func (a *app) interruptible(ctx context.Context) (within context.Context, stop func()) {
	within, cancel := context.WithCancel(ctx)
	if a.Interrupts == nil {
		return within, cancel
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case sig := <-a.Interrupts:
				if a.held.Load() > 0 {
					continue
				}
				var doing []byte
				if sig == syscall.SIGQUIT && a.traced != nil && a.traced.Load() {
					doing = goroutines()
				}
				cancel() // first: nobody may be reading what is written
				if len(doing) > 0 {
					fmt.Fprintf(a.Stderr, "\nrdsx: what it was doing at SIGQUIT:\n\n%s\n", doing)
				}
			case <-within.Done():
				return
			}
		}
	}()
	return within, func() {
		cancel()
		<-done
	}
}

// goroutines is what each of them is doing.
func goroutines() []byte {
	for size := 1 << 16; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= 1<<26 {
			return b[:n]
		}
	}
}

// holdInterrupts leaves interrupts to a program that has the terminal, as a shell does: Ctrl-C reaches every process on it.
func (a *app) holdInterrupts() (release func()) {
	if a.held == nil {
		return func() {}
	}
	a.held.Add(1)
	return func() { a.held.Add(-1) }
}
