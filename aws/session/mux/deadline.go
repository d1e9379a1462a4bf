package mux

import (
	"sync"
	"time"
)

// deadline turns a time into a wake-up. The lock of what it guards is held in every call.
type deadline struct {
	at      time.Time
	timer   *time.Timer
	round   int // counts settings, so that a timer already running into the lock cannot expire a newer one
	expired bool
}

// passed relies neither on the timer alone, which runs a little behind, nor on the clock alone, which may be set back.
func (d *deadline) passed() bool {
	return d.expired || !d.at.IsZero() && !time.Now().Before(d.at)
}

// set replaces the deadline; the zero time means none. wake is called with mu held once it has passed.
func (d *deadline) set(t time.Time, mu sync.Locker, wake func()) {
	d.stop()
	d.at, d.expired = t, false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		wake()
		return
	}
	round := d.round
	d.timer = time.AfterFunc(wait, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.round == round {
			d.expired = true
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
