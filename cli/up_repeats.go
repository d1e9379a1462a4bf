package cli

import (
	"net"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// repeatsTime is how long a message that has been said is only counted.
const repeatsTime = time.Minute

// repeats has a log say what comes over and over once a minute, with how often it came. Of a database that refuses ten connections a
// second it would have nothing else in it.
type repeats struct {
	reporter
	now  func() time.Time
	said []*repeated // in the order in which they were said
}

// repeated is a message, and how often it came since it was said.
type repeated struct {
	what  string
	last  aws.Event // the latest one
	at    time.Time // when it was said
	times int
}

func (r *repeats) event(ev aws.Event, t aws.Tunnel) {
	if ev.Kind == aws.EventConnOpened || ev.Kind == aws.EventConnClosed || ev.Kind == aws.EventState && usable(ev.State) {
		r.reporter.event(ev, t)
		return
	}
	now := r.now()
	r.flush(t, func(m *repeated) bool { return now.Sub(m.at) >= repeatsTime })
	text := withoutPeer(ev.Text)
	what := string(ev.Kind) + " " + string(ev.State) + " " + text
	for _, m := range r.said {
		if m.what == what {
			if text == "" { // another event has told why, and is counted
				return
			}
			m.times++
			m.last = ev
			m.last.Text, m.last.Next = text, "" // it has been said
			return
		}
	}
	r.said = append(r.said, &repeated{what: what, at: now})
	r.reporter.event(ev, t)
}

func (r *repeats) counters(t aws.Tunnel) {
	now := r.now()
	r.flush(t, func(m *repeated) bool { return now.Sub(m.at) >= repeatsTime })
	r.reporter.counters(t)
}

func (r *repeats) end(t aws.Tunnel) {
	r.flush(t, func(*repeated) bool { return true })
	r.reporter.end(t)
}

// flush says how often the messages that are due have come. Those that have not come again are forgotten.
func (r *repeats) flush(t aws.Tunnel, due func(*repeated) bool) {
	kept := r.said[:0]
	for _, m := range r.said {
		switch {
		case !due(m):
			kept = append(kept, m)
		case m.times > 0:
			ev := m.last
			ev.Text = ev.Text + " … " + count(m.times, "time") + " more"
			r.reporter.event(ev, t)
			m.at, m.times = r.now(), 0
			kept = append(kept, m)
		}
	}
	clear(r.said[len(kept):])
	r.said = kept
}

// withoutPeer is a message without the local client's address in front of it, which is another one each time.
func withoutPeer(text string) string {
	first, rest, _ := strings.Cut(text, " ")
	if _, _, err := net.SplitHostPort(first); err == nil && strings.HasPrefix(rest, "cut: ") {
		return rest
	}
	return text
}
