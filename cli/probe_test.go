package cli

import "testing"

// TestAskedFirst: of a certificate for many databases the one that was asked for is told.
func TestAskedFirst(t *testing.T) {
	for host, want := range map[string]string{"b.example": "b.example", "c.example": "localhost"} {
		if got := askedFirst([]string{"localhost", "a.example", "b.example"}, host)[0]; got != want {
			t.Errorf("of %s it tells %s", host, got)
		}
	}
}
