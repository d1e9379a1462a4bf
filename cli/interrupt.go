package cli

import "context"

// interruptible is ctx until the user interrupts the process. stop ends the watch.
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
			case <-a.Interrupts:
				if a.held.Load() == 0 {
					cancel()
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

// holdInterrupts leaves interrupts to a program that has the terminal, as a shell does: Ctrl-C reaches every process on it.
func (a *app) holdInterrupts() (release func()) {
	if a.held == nil {
		return func() {}
	}
	a.held.Add(1)
	return func() { a.held.Add(-1) }
}
