package cli

import (
	"testing"

	"github.com/rdsx/rdsx/aws"
)

// TestUnitOf: the parts of a scan are counted in what the header counts too.
func TestUnitOf(t *testing.T) {
	at := func(profile, region string) place {
		return place{account: aws.Account{Profile: profile, Region: region}}
	}
	for want, places := range map[string][]place{
		"region": {at("a", "eu-west-1"), at("a", "us-east-1")}, "profile": {at("a", "eu-west-1"), at("b", "eu-west-1")},
		"": {at("a", "eu-west-1"), at("a", "us-east-1"), at("b", "eu-west-1")},
	} {
		if got := unitOf(places); got != want {
			t.Errorf("%v are counted as %q, want %q", places, got, want)
		}
	}
}
