package world

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"
)

// TestTOTP holds the codes to the last six digits of RFC 6238, appendix B (SHA-1).
func TestTOTP(t *testing.T) {
	t.Parallel()
	seed := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got, err := TOTP(strings.ToLower(seed), time.Unix(at, 0)); err != nil || got != want {
			t.Errorf("at %d: %s %v, want %s", at, got, err, want)
		}
	}
	if _, err := TOTP("not base32!", time.Unix(0, 0)); err == nil {
		t.Error("a seed that is none was taken")
	}
}

func TestPortals(t *testing.T) {
	t.Parallel()
	w, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	role := SetRole("444455556666", "ReadOnly")
	has := func(account, role string) bool {
		a, _ := w.Account(account)
		for _, r := range a.Roles {
			if r.Name == role {
				return true
			}
		}
		return false
	}
	if !has("444455556666", role) || has("777788889999", SetRole("777788889999", "ReadOnly")) {
		t.Error("the roles of permission sets are not where they are assigned, or elsewhere")
	}
	if err := w.Assign("https://acme.awsapps.com/start", "777788889999", "ReadOnly"); err != nil || !has("777788889999", SetRole("777788889999", "ReadOnly")) {
		t.Errorf("assigned, and no role: %v", err)
	}
	if err := w.Assign("https://acme.awsapps.com/start", "777788889999", "Nothing"); err == nil {
		t.Error("a permission set that does not exist was assigned")
	}
	for _, broken := range []string{
		"portals: [{start_url: http://x, region: eu-west-1, user: jo}]", "portals: [{start_url: https://x, region: nowhere, user: jo}]",
		"portals: [{start_url: https://x, region: eu-west-1, user: jo, assignments: [{account: \"111122223333\", permission_sets: [A]}]}]",
		"organization: {id: o-x, management: \"111122223333\"}",
	} {
		if _, err := Parse("x.yaml", []byte(broken)); err == nil {
			t.Errorf("taken: %s", broken)
		}
	}
}
