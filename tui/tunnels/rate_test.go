package tunnels

import (
	"math"
	"testing"
	"time"
)

// fed is a meter that has been told rate(i) bytes per second down, a reading every step for n steps.
func fed(n int, step time.Duration, sessions int, rate func(i int) float64) (*meter, time.Time) {
	m := &meter{}
	at, down := now(), 0.0
	for i := range n {
		m.add(sample{at: at, down: uint64(down)}, sessions)
		down += rate(i) * step.Seconds()
		at = at.Add(step)
	}
	return m, at.Add(-step)
}

func constant(r float64) func(int) float64 { return func(int) float64 { return r } }

func TestRate(t *testing.T) {
	for name, c := range map[string]struct {
		n    int
		step time.Duration
		rate func(int) float64
		want float64
	}{
		"one reading is no rate":          {1, time.Second, constant(1000), 0},
		"four a second":                   {100, 250 * time.Millisecond, constant(1000), 1000},
		"one a second":                    {10, time.Second, constant(1000), 1000},
		"one in ten seconds":              {3, 10 * time.Second, constant(1000), 1000},
		"two seconds after the end":       {40, 250 * time.Millisecond, func(i int) float64 { return map[bool]float64{true: 9000}[i < 30] }, 0},
		"half of the two seconds is over": {34, 250 * time.Millisecond, func(i int) float64 { return map[bool]float64{true: 8000}[i < 29] }, 4000},
	} {
		m, _ := fed(c.n, c.step, 1, c.rate)
		if _, down := m.rate(); math.Abs(down-c.want) > 1 {
			t.Errorf("%s: %.1f B/s, want %.1f", name, down, c.want)
		}
	}
}

// TestCounterThatGoesBack starts a tunnel anew: nothing is known of what moved in between, and nothing is invented.
func TestCounterThatGoesBack(t *testing.T) {
	m, at := fed(10, 250*time.Millisecond, 1, constant(1000))
	m.add(sample{at: at.Add(250 * time.Millisecond), down: 5}, 1)
	if up, down := m.rate(); up != 0 || down != 0 {
		t.Errorf("%.0f up and %.0f down after the counters went back", up, down)
	}
	m.add(sample{at: at.Add(500 * time.Millisecond), down: 255}, 1)
	if _, down := m.rate(); math.Abs(down-1000) > 1 {
		t.Errorf("%.0f B/s afterwards, want 1000", down)
	}
}

// TestTimeThatStandsStill repeats a reading: its time is no interval.
func TestTimeThatStandsStill(t *testing.T) {
	m := &meter{}
	m.add(sample{at: now(), down: 1}, 1)
	m.add(sample{at: now(), down: 1000}, 1)
	if _, down := m.rate(); down != 0 || math.IsNaN(down) {
		t.Errorf("%v B/s without any time", down)
	}
}

func TestLimit(t *testing.T) {
	const step = 250 * time.Millisecond
	for name, c := range map[string]struct {
		n, sessions int
		rate        float64
		want        bool
	}{
		"the agent's pace":               {40, 1, 0.8e6, true},
		"not yet for long enough":        {10, 1, 0.8e6, false},
		"slower than the agent":          {40, 1, 0.3e6, false},
		"faster than one session":        {40, 1, 1.6e6, false},
		"two sessions, both at the pace": {40, 2, 1.6e6, true},
		"two sessions, one at the pace":  {40, 2, 0.8e6, true},
		"faster than any agent":          {40, 2, 20e6, false},
	} {
		m, _ := fed(c.n, step, c.sessions, constant(c.rate))
		if got := m.limited(); got != c.want {
			t.Errorf("%s: limited = %v, want %v", name, got, c.want)
		}
	}
	m, _ := fed(60, step, 1, func(i int) float64 { return map[bool]float64{true: 0.8e6, false: 0.1e6}[i < 40] })
	if m.limited() {
		t.Error("still called limited when the download is over")
	}
}

// TestHistory moves a known number of bytes and finds all of them, wherever the readings fall.
func TestHistory(t *testing.T) {
	for _, step := range []time.Duration{250 * time.Millisecond, 700 * time.Millisecond, time.Second, 7 * time.Second} {
		n := int(50*time.Second/step) + 1
		m, at := fed(n, step, 1, constant(1000))
		for _, parts := range []int{10, 20, 30, 60} {
			values := m.history(at.Add(10*time.Second), parts)
			sum := 0.0
			for _, v := range values {
				sum += v * 60 / float64(parts)
			}
			if moved := 1000 * step.Seconds() * float64(n-1); math.Abs(sum-moved) > 1001 { // a part that is not over is left out
				t.Errorf("step %v, %d parts: %.0f bytes in the history, %.0f moved", step, parts, sum, moved)
			}
		}
	}
	m, at := fed(100, 250*time.Millisecond, 1, constant(1000))
	for _, v := range m.history(at.Add(2*time.Minute), 10) {
		if v != 0 {
			t.Fatal("what is older than a minute is in the history")
		}
	}
	if m.moved(at.Add(2*time.Minute)) || !m.moved(at) {
		t.Error("moved is wrong")
	}
}

func TestSparkline(t *testing.T) {
	for want, values := range map[string][]float64{
		"▁▁▁":  {0, 0, 0},
		"▁▅█":  {0, 50_000, 100_000},
		"▂▁▂":  {1, 0, 10}, // a trickle is no flood
		"████": {5000, 5000, 5000, 5000},
		"":     {},
	} {
		if got := sparkline(values); got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "–", 1640 * time.Microsecond: "1.6 ms", 9960 * time.Microsecond: "10 ms", 225 * time.Millisecond: "225 ms"} {
		if got := roundTrip(d); got != want {
			t.Errorf("roundTrip(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[float64]string{0: "–", 0.5: "–", 800: "800 B/s", 812_000: "812 kB/s", 1.2e6: "1.2 MB/s"} {
		if got := rateText(n); got != want || width(got) > 8 {
			t.Errorf("rateText(%v) = %q, want %q", n, got, want)
		}
	}
}
