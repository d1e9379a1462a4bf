package account

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
)

// TestAssignments lists accounts and roles of a portal that refuses every third call for being too many.
func TestAssignments(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	if _, err := Assignments(t.Context(), r.options(""), acmePortal()); !errors.Is(err, aws.ErrSignIn) || aws.NextOf(err) != "rdsx profiles login acme" {
		t.Errorf("not signed in: %v, %s", err, aws.NextOf(err))
	}
	r.signIn(t, acmePortal())
	found, err := Assignments(t.Context(), r.options(""), acmePortal())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range found {
		got = append(got, a.AccountName+"/"+a.Account+"/"+a.Role)
	}
	want := []string{"acme-dev/111122223333/Operator", "acme-dev/111122223333/ReadOnly", "acme-prod/777788889999/Operator", "acme-staging/444455556666/ReadOnly"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestAssignmentsThrottled pages through many accounts of a portal that refuses every third call for being too many.
func TestAssignmentsThrottled(t *testing.T) {
	t.Parallel()
	w, err := world.Parse("many.yaml", []byte(manyAccounts(45)))
	if err != nil {
		t.Fatal(err)
	}
	box, err := sim.Start(t.Context(), sim.Options{World: w, Throttle: api.Only(api.EveryNth(20), "sso:ListAccountRoles", "sso:ListAccounts")})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close() //nolint:errcheck // nothing is left in it
	r := &portalRig{Sim: box, env: home(t, acme, "", "AWS_ENDPOINT_URL="+box.URL())}
	r.signIn(t, acmePortal())
	found, err := Assignments(t.Context(), r.options(""), acmePortal())
	if err != nil || len(found) != 90 {
		t.Errorf("%d assignments: %v", len(found), err)
	}
	box2, err := sim.Start(t.Context(), sim.Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	defer box2.Close() //nolint:errcheck // nothing is left in it
	env := home(t, "[default]\nregion = eu-west-1\n", "[default]\naws_access_key_id = AKIASIMMANY000000001\naws_secret_access_key = works-nowhere-else-at-all\n", "AWS_ENDPOINT_URL="+box2.URL())
	cfg, _, _, err := Load(t.Context(), Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	members, err := Members(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil || len(members) != 45 || !members[0].Active || members[1].Active {
		t.Errorf("%d members: %v", len(members), err)
	}
}

// manyAccounts is a world of n accounts with two permission sets each; the second account is suspended.
func manyAccounts(n int) string {
	var b strings.Builder
	b.WriteString("accounts:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: \"%012d\", name: team-%02d", 100000000000+i, i)
		if i == 0 {
			b.WriteString(`, users: [{name: root, access_key: AKIASIMMANY000000001, secret_key: works-nowhere-else-at-all, policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}]}]`)
		}
		b.WriteString("}\n")
	}
	b.WriteString("portals:\n  - start_url: " + acmeURL + "\n    region: eu-west-1\n    user: jo\n    permission_sets: [{name: A}, {name: B}]\n    assignments:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - {account: \"%012d\", permission_sets: [A, B]}\n", 100000000000+i)
	}
	b.WriteString("organization: {id: o-many, management: \"100000000000\", suspended: [\"100000000001\"]}\n")
	return b.String()
}
