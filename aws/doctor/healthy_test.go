package doctor

import "testing"

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
