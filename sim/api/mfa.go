package api

import (
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// devices remembers which codes were used: AWS takes each once.
type devices struct {
	mu   sync.Mutex
	last map[string]time.Time // by serial number: the step of the last code that was taken
}

// accept checks the code of a user's device. A device with a seed shows TOTP codes (RFC 6238), of which the one before and the
// one after are taken too, for clocks that are off; a device without one always shows the world's code.
func (d *devices) accept(w *world.World, u world.User, code string, now time.Time) bool {
	if u.MFASeed == "" {
		return code == w.MFACode()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, off := range []time.Duration{0, -world.TOTPStep, world.TOTPStep} {
		step := now.Add(off).Truncate(world.TOTPStep)
		if shown, err := world.TOTP(u.MFASeed, step); err != nil || shown != code || !step.After(d.last[u.MFASerial]) {
			continue
		}
		if d.last == nil {
			d.last = map[string]time.Time{}
		}
		d.last[u.MFASerial] = step
		return true
	}
	return false
}
