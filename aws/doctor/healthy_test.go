package doctor

import (
	"testing"

	"github.com/rdsx/rdsx/sim"
)

func TestHealthy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	seen := 0
	report := Run(t.Context(), r.load(r.profile), func(Result) { seen++ })
	if seen != len(Checks()) || len(report.Results) != seen {
		t.Errorf("%d results were emitted and %d reported, want all %d", seen, len(report.Results), len(Checks()))
	}
	for i, got := range report.Results {
		if want := Checks()[i]; got.ID != want.ID || got.Title != want.Title {
			t.Errorf("result %d is %s, want %s", i, got.ID, want.ID)
		}
		switch {
		case got.ID == Config && got.Status == Skipped:
		case got.Status != OK:
			t.Errorf("%s: %s %s", got.ID, got.Status, got.Text)
		}
		t.Logf("%-24s %-8s %s", got.ID, got.Status, got.Text)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
}

// TestHealthyInSmallPages: what stands on the second page of a list is there as well.
func TestHealthyInSmallPages(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, sim.Options{Pages: 1})
	for _, got := range r.run().Results {
		if got.Status != OK && got.Status != Skipped {
			t.Errorf("%s: %s %s", got.ID, got.Status, got.Text)
		}
	}
}
