package tunnels

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// entry is a row with what was gathered of it over time. Names come from outside and are cleaned here.
type entry struct {
	Row
	name   string
	meter  meter
	events []aws.Event
}

// keptEvents is as many as the forwarder keeps.
const keptEvents = 256

func (e *entry) update(r Row, at time.Time) {
	e.Row = r
	e.name = chrome.Clean(r.Tunnel.Target.Name())
	e.meter.add(sample{at: at, up: r.Tunnel.Up, down: r.Tunnel.Down}, max(len(r.Tunnel.Sessions), 1))
}

func (e *entry) happened(events []aws.Event) {
	e.events = append(e.events, events...)
	if n := len(e.events); n > keptEvents {
		e.events = append([]aws.Event(nil), e.events[n-keptEvents:]...)
	}
}

// over says that the tunnel carries nothing more.
func (r Row) over() bool { return r.Tunnel.State == aws.StateClosed }

// failed says that it was not we who ended it.
func (r Row) failed() bool {
	return r.over() && r.Tunnel.Reason != "" && r.Tunnel.Reason != aws.ErrClosed.Error()
}

// WaitsForSignIn says that a session of the tunnel cannot go on, or none be had for its next connection, before somebody signs in
// to the profile of its account.
func (r Row) WaitsForSignIn() bool {
	return !r.Closing && r.Tunnel.Target.Account.Profile != "" && (r.Tunnel.SignIn ||
		slices.ContainsFunc(r.Tunnel.Sessions, func(s aws.SessionStats) bool { return s.Link == aws.LinkResuming && s.SignIn }))
}

// state is the tunnel's state as a glyph, a word and a colour: each says it all.
func (r Row) state() (glyph, word string, role theme.Role) {
	switch {
	case r.Closing && !r.over():
		return "◌", "closing", theme.Faint
	case r.failed():
		return "✗", "failed", theme.Error
	}
	switch r.Tunnel.State {
	case aws.StateOpen:
		return "●", "open", theme.OK
	case aws.StateIdle:
		return "○", "idle", theme.OK
	case aws.StateDegraded:
		return "!", "degraded", theme.Warn
	case aws.StateResuming:
		return "◌", "resuming", theme.Warn
	case aws.StateClosed:
		return "–", "closed", theme.Faint
	}
	return "◌", cmp.Or(string(r.Tunnel.State), "binding"), theme.Accent
}

// trouble is why the tunnel does not work as it should, "" when it does.
func (r Row) trouble(now time.Time) string {
	if r.Tunnel.State == aws.StateResuming {
		if text := resuming(r.Tunnel.Sessions, now); text != "" {
			return text
		}
	}
	if r.failed() || r.Tunnel.State == aws.StateDegraded || r.Tunnel.State == aws.StateResuming {
		return chrome.Clean(r.Tunnel.Reason)
	}
	return ""
}

// rtt is the round trip of the first session that knows its own, 0 for none.
func (r Row) rtt() time.Duration {
	for _, s := range r.Tunnel.Sessions {
		if s.RTT > 0 {
			return s.RTT
		}
	}
	return 0
}

// shortLocal is the address without what is always the same.
func (r Row) shortLocal() string {
	if host, port, err := net.SplitHostPort(r.Tunnel.Local); err == nil && host == "127.0.0.1" {
		return ":" + port
	}
	return r.Tunnel.Local
}

// bytesText is a number of bytes in at most seven cells.
func bytesText(n uint64) string { return humanize.Bytes(n) }

// rateText is bytes per second; nothing moving is a dash, which is quieter than a zero.
func rateText(perSecond float64) string {
	if perSecond < 1 {
		return "–"
	}
	return humanize.Bytes(uint64(perSecond)) + "/s"
}

// roundTrip is a round-trip time; the tenths matter below ten milliseconds only.
func roundTrip(d time.Duration) string {
	ms := float64(d.Microseconds()) / 1000
	switch {
	case d <= 0:
		return "–"
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func instanceName(i aws.Instance) string {
	if i.Name == "" {
		return i.ID
	}
	return strings.TrimSpace(i.Name + " (" + i.ID + ")")
}

// count is a number of things; none is a dash, which is quieter than a zero.
func count(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}
