package session

import (
	"testing"
	"time"
)

// TestAwake: what a silence of a minute counts for at a tick, after times in which the machine or the process stood still.
func TestAwake(t *testing.T) {
	const hour, silence = time.Hour, time.Minute
	for name, c := range map[string]struct {
		wall, mono time.Duration // that pass before the tick
		pong       time.Duration // how long the tick before it waited for one
		then       int           // ordinary ticks afterwards
		slept      bool          // as of the first tick
		heard      time.Duration // of the silence
	}{
		"awake":                                   {beat, beat, 0, 0, false, silence},
		"a tick is late on a busy machine":        {2 * beat, 2 * beat, 0, 0, false, silence},
		"a pong was waited for":                   {10 * time.Second, 10 * time.Second, 10 * time.Second, 0, false, silence},
		"the machine slept":                       {hour, beat, 0, 0, true, 0},
		"it slept, and its monotonic clock ran":   {hour, hour, 0, 0, true, 0},
		"the process stood still":                 {silence, silence, 0, 0, true, 0},
		"it stood still, and the agent is silent": {hour, hour, 0, 10, true, 10 * beat},
		"it has been awake for long again":        {hour, hour, 0, 40, true, silence},
	} {
		t.Run(name, func(t *testing.T) {
			wall, mono := time.Now().Add(hour), time.Now()
			w := wakefulness{every: beat, wall: wall, mono: mono, done: mono.Add(c.pong), woke: mono.Add(-hour)}
			wall, mono = wall.Add(c.wall), mono.Add(c.mono)
			if slept := w.tick(wall, mono); slept != c.slept {
				t.Errorf("slept: %v", slept)
			}
			for range c.then {
				wall, mono = wall.Add(beat), mono.Add(beat)
				if w.tick(wall, mono) {
					t.Error("an ordinary tick was slept through")
				}
			}
			if got := w.of(silence, mono); got != c.heard {
				t.Errorf("a silence of %v counts for %v, want %v", silence, got, c.heard)
			}
		})
	}
}
