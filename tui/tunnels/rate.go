package tunnels

import "time"

const (
	minute   = 60              // seconds that a meter remembers
	smoothed = 2 * time.Second // a rate is the mean over this: calm enough to read

	// The agent reads 1024 bytes, sends them and sleeps for a millisecond, which takes 1.2 ms: 0.75 to 0.85 MB/s for all
	// connections of a session together, whatever the client does (docs/protocol.md §3).
	paceLow, paceHigh = 0.62e6, 0.95e6  // bytes per second and session
	paceHeld          = 3 * time.Second // for so long before it is called a limit
	recentSamples     = 12              // more than smoothed holds at the shortest interval
)

// sample is one reading of the counters.
type sample struct {
	at       time.Time
	up, down uint64
}

// second is what moved within one second of the clock.
type second struct {
	unix     int64
	up, down float64
}

// meter turns readings of counters into rates and the history of a minute. It knows no clock but the readings' own.
type meter struct {
	recent  []sample // oldest first
	seconds [minute]second
	paced   time.Time // since when the rate is the agent's pace; zero when it is not
	busy    time.Time // when something was sent last, or the first reading
}

// add takes a reading. sessions is how many there are now. Counters that have gone back start anew: nothing is known of
// what moved in between.
func (m *meter) add(s sample, sessions int) {
	if s.at.IsZero() {
		return // nothing has been read yet
	}
	if m.busy.IsZero() {
		m.busy = s.at
	}
	if n := len(m.recent); n > 0 {
		last := m.recent[n-1]
		if !s.at.After(last.at) {
			return
		}
		if s.up != last.up {
			m.busy = s.at
		}
		if s.up < last.up || s.down < last.down {
			m.recent = nil
		} else {
			m.spread(last, s)
		}
	}
	if len(m.recent) == recentSamples {
		m.recent = append(m.recent[:0], m.recent[1:]...)
	}
	m.recent = append(m.recent, s)
	_, down := m.rate()
	switch {
	case !atPace(down, sessions):
		m.paced = time.Time{}
	case m.paced.IsZero():
		m.paced = s.at
	}
}

// spread books what moved between two readings on the seconds between them.
func (m *meter) spread(from, to sample) {
	up, down := float64(to.up-from.up), float64(to.down-from.down)
	if up == 0 && down == 0 {
		return
	}
	whole := to.at.Sub(from.at)
	if whole > minute*time.Second {
		from.at, whole = to.at.Add(-minute*time.Second), minute*time.Second
	}
	for at := from.at; at.Before(to.at); {
		end := at.Truncate(time.Second).Add(time.Second)
		if end.After(to.at) {
			end = to.at
		}
		share := float64(end.Sub(at)) / float64(whole)
		b := m.at(at.Unix())
		b.up, b.down = b.up+up*share, b.down+down*share
		at = end
	}
}

func (m *meter) at(unix int64) *second {
	b := &m.seconds[((unix%minute)+minute)%minute]
	if b.unix != unix {
		*b = second{unix: unix}
	}
	return b
}

// rate is bytes per second over the last two seconds, or since the reading before the last where those are farther apart.
func (m *meter) rate() (up, down float64) {
	n := len(m.recent)
	if n < 2 {
		return 0, 0
	}
	last, first := m.recent[n-1], m.recent[n-2]
	for i := n - 2; i >= 0 && last.at.Sub(m.recent[i].at) <= smoothed; i-- {
		first = m.recent[i]
	}
	t := last.at.Sub(first.at).Seconds()
	return float64(last.up-first.up) / t, float64(last.down-first.down) / t
}

// limited says whether the target could send faster than the session does.
func (m *meter) limited() bool {
	n := len(m.recent)
	return n > 0 && !m.paced.IsZero() && m.recent[n-1].at.Sub(m.paced) >= paceHeld
}

// atPace says whether the rate is that of one or several of the sessions going as fast as they can.
func atPace(down float64, sessions int) bool {
	for k := 1.0; k <= float64(sessions); k++ {
		if down >= k*paceLow && down <= k*paceHigh {
			return true
		}
	}
	return false
}

// history is bytes per second, both ways, over the minute before now in n parts, oldest first. n divides 60. The parts stand
// on whole seconds of the clock, so that a bar moves to the left and never changes its height on the way.
func (m *meter) history(now time.Time, n int) []float64 {
	out := make([]float64, n)
	span := int64(minute / n)
	end := now.Unix() - now.Unix()%span // the part that is not over yet is left out
	for i := range out {
		from := end - int64(n-i)*span
		for s := from; s < from+span; s++ {
			if b := m.seconds[((s%minute)+minute)%minute]; b.unix == s {
				out[i] += (b.up + b.down) / float64(span)
			}
		}
	}
	return out
}

// moved says whether anything moved in the minute before now.
func (m *meter) moved(now time.Time) bool {
	for _, b := range m.seconds {
		if b.unix > now.Unix()-minute && b.up+b.down > 0 {
			return true
		}
	}
	return false
}

// least is the rate that fills a sparkline at the least, in bytes per second: below it a keep-alive would look like a flood.
const least = 1024

// sparkline draws values as one bar each. A line at the bottom is nothing at all; whatever moved is higher.
func sparkline(values []float64) string {
	const bars = "▁▂▃▄▅▆▇█"
	const each = len("▁")
	top := float64(least)
	for _, v := range values {
		top = max(top, v)
	}
	out := make([]byte, 0, len(values)*each)
	for _, v := range values {
		i := 0
		if v > 0 {
			i = min(1+int(v/top*7), 7)
		}
		out = append(out, bars[i*each:(i+1)*each]...)
	}
	return string(out)
}
