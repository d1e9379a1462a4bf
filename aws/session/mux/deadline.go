package mux

import (
	"sync"
	"time"
)

// deadline turns a time into a wake-up. The lock of what it guards is held in every call.
type deadline struct {
	timer  *time.Timer
	round  int // counts settings, so that a timer already running into the lock cannot expire a newer one
	passed bool
}

// set replaces the deadline; the zero time means none. wake is called with mu held once it has passed.
func (d *deadline) set(t time.Time, mu sync.Locker, wake func()) {
	d.stop()
	d.passed = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		wake()
		return
	}
	round := d.round
	d.timer = time.AfterFunc(wait, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.round == round {
			d.passed = true
			wake()
		}
	})
}

func (d *deadline) stop() {
	d.round++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
