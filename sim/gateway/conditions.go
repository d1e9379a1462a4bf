package gateway

import (
	"context"
	"sync"
	"sync/atomic"
)

// conditions are the faults in force, shared by everything that they touch.
type conditions struct {
	faults atomic.Pointer[Faults]
	mu     sync.Mutex
	change chan struct{} // closed by the next set
}

func newConditions(f Faults) *conditions {
	c := &conditions{change: make(chan struct{})}
	c.faults.Store(&f)
	return c
}

// Load returns the faults in force; they are not to be written to.
func (c *conditions) Load() *Faults { return c.faults.Load() }

func (c *conditions) set(f Faults) { c.update(func(now *Faults) { *now = f }) }

// update changes the faults in force without losing what is counted down meanwhile.
func (c *conditions) update(change func(*Faults)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := *c.faults.Load()
	change(&f)
	c.faults.Store(&f)
	close(c.change)
	c.change = make(chan struct{})
}

// spend says whether an event meets its fault, and counts it down: field is one of the numbers of f.
func (c *conditions) spend(field func(f *Faults) *int) bool {
	if *field(c.Load()) == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := *c.faults.Load()
	n := field(&f)
	if *n == 0 {
		return false
	}
	*n--
	c.faults.Store(&f)
	return true
}

// changed is closed when the faults change after the call.
func (c *conditions) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.change
}

// gate waits while the network is frozen.
func (c *conditions) gate(ctx context.Context, gone <-chan struct{}) error {
	for c.Load().Freeze {
		changed := c.changed()
		if !c.Load().Freeze {
			break
		}
		select {
		case <-changed:
		case <-gone:
			return errCut
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
