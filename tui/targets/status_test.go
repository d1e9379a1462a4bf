package targets

import (
	"strings"
	"testing"
)

// TestStatusAgreesWithTheHeader: of several profiles and several regions the header has both counts, and the status line none
// that is another.
func TestStatusAgreesWithTheHeader(t *testing.T) {
	for _, c := range []struct{ unit, running, done string }{
		{"region", "◌ 2/6 regions", "6 regions"}, {"profile", "◌ 2/6 profiles", "6 profiles"}, {"", "◌ 2/6 answers", "0 databases"},
	} {
		m := screen(100, 14, plain(), Started{Scan: 1, Parts: 6, Unit: c.unit}, Progress{Scan: 1, Done: 2})
		if v := m.View(); !strings.Contains(v, c.running) {
			t.Errorf("unit %q, under way: no %q in\n%s", c.unit, c.running, v)
		}
		m, _ = m.Update(Finished{Scan: 1})
		if v := m.View(); !strings.Contains(v, c.done) || c.unit == "" && strings.Contains(v, "6 ") {
			t.Errorf("unit %q, done: no %q in\n%s", c.unit, c.done, v)
		}
	}
}
