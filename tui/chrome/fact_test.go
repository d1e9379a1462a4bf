package chrome

import (
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/tui/theme"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 59 * time.Minute: "59 min", 47 * time.Hour: "47 h", 49 * time.Hour: "2 d",
	} {
		if got := Span(d); got != want || Width(got) > 6 {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}

// TestFactNamesItsLabelOnce wraps a value that does not fit, and says nothing of what is not known.
func TestFactNamesItsLabelOnce(t *testing.T) {
	got := strings.Join(Fact(theme.Theme{}, "role", theme.Text, "reads orders\x1b[31m and invoices", 24), "\n")
	if want := "role      reads\n          orders\ufffd[31m\n          and invoices"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Fact(theme.Theme{}, "role", theme.Text, "", 24); got != nil {
		t.Errorf("a fact without a value is drawn as %q", got)
	}
}

func TestRuleHasItsWidth(t *testing.T) {
	for _, name := range []string{"prod-orders", "注文データベース-開発用-とても長い名前のもの-とても長い名前のもの", strings.Repeat("x", 90)} {
		if got := Rule(theme.Theme{}, name, 60); Width(got) != 59 && Width(got) != 60 || !strings.HasPrefix(got, " ── "+Cut(name, 20)) {
			t.Errorf("%q: %d cells: %q", name, Width(got), got)
		}
	}
}
