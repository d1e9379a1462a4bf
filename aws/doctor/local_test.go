package doctor

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// TestClockAsksThePartition: each partition has a domain of its own.
func TestClockAsksThePartition(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-1":      "https://sts.eu-west-1.amazonaws.com",
		"cn-north-1":     "https://sts.cn-north-1.amazonaws.com.cn",
		"us-gov-west-1":  "https://sts.us-gov-west-1.amazonaws.com",
		"eusc-de-east-1": "https://sts.eusc-de-east-1.amazonaws.eu",
	} {
		if got, err := stsAt(t.Context(), region, nil); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", region, got, err, want)
		}
	}
	if got, err := stsAt(t.Context(), "eu-west-1", sdk.String("http://127.0.0.1:1")); err != nil || got != "http://127.0.0.1:1" {
		t.Errorf("an endpoint that was named: %q, %v", got, err)
	}
}

// TestLintOffersWhatCanBeMended: the worst fault is told, and an edit for another one is offered all the same.
func TestLintOffersWhatCanBeMended(t *testing.T) {
	t.Parallel()
	edit := ProfileEdit{Name: "dev", Set: map[string]string{"region": "eu-west-1"}}
	x := &exam{Options: Options{Local: Local{Lint: func() ([]Fault, error) {
		return []Fault{{Where: "config:7", Text: "nobody can mend it", Serious: true}, {Where: "config:9", Text: "more", Edit: &edit}}, nil
	}}}}
	r := lint(t.Context(), x)
	if r.Status != Failed || r.Profile == nil || r.Profile.Name != "dev" || r.Text != "config:7: nobody can mend it (and 1 more)" ||
		len(r.Fixes) != 2 || r.Fixes[0].Command != "rdsx profiles check" || r.Fixes[1].Command != "rdsx profiles edit dev --region eu-west-1" {
		t.Errorf("%+v", r)
	}
}
