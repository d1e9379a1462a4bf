package session

import "time"

const (
	// legacyGap is how long the official plugin sleeps after each message of up to 1024 bytes (docs/protocol.md §1.0).
	legacyGap = time.Millisecond
	// legacyCredit is how many messages may be made up for when the writer was woken late.
	legacyCredit = 4
	// resetsForLegacy resets within resetsWithin are enough to doubt that the service likes our speed.
	resetsWithin = time.Minute
)

// pace is a fixed speed, beside the window. The zero value has none.
type pace struct {
	legacy bool
	next   time.Time // no message before; zero: now
	wanted bool      // something waits for next
}

// open says whether a message may be sent now.
func (p *pace) open(now time.Time) bool {
	p.wanted = p.legacy && now.Before(p.next)
	return !p.wanted
}

// sent notes n bytes.
func (p *pace) sent(n int, now time.Time) {
	if !p.legacy {
		return
	}
	if earliest := now.Add(-legacyCredit * legacyGap); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(legacyGap * time.Duration((n+defaultPayload-1)/defaultPayload))
}

// until is when the writer should come back by itself, zero for never.
func (p *pace) until() time.Time {
	if !p.wanted {
		return time.Time{}
	}
	return p.next
}
