package reach

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

// TestFixesOpenTheWay: in random worlds, making one printed edit after the other opens a blocked way, each edit the layer that
// it was printed for.
func TestFixesOpenTheWay(t *testing.T) {
	opened, kinds := 0, map[string]int{}
	for seed := range uint64(300) {
		spec, hidden := randomSpec(seed)
		if hidden {
			continue
		}
		w, err := world.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		each(w, func(i world.Instance, r world.Region, d world.DBInstance, q world.Region) {
			l := &lab{spec}
			for range 16 {
				w, err := world.New(l.Spec)
				if err != nil {
					t.Fatalf("world %d: %v", seed, err)
				}
				s := snapshotOf(w)
				v := Check(s, s.Source(nounOf(i, r)), destOf(s, *l.db(d.ID), q))
				if v.Answer == aws.Yes {
					opened++
					return
				}
				fix := v.Fix()
				if fix == nil {
					return // such as an attachment in another state: no single edit mends it
				}
				kind, applied := apply(t, l, fix.Command)
				if !applied {
					return // a new peering: not one edit
				}
				kinds[kind]++
				before, _ := v.First()
				w, err = world.New(l.Spec)
				if err != nil {
					t.Fatalf("world %d after %s: %v", seed, fix.Command, err)
				}
				s = snapshotOf(w)
				if after, _ := Check(s, s.Source(nounOf(i, r)), destOf(s, *l.db(d.ID), q)).First(); after.Name == before.Name && after.Rule == before.Rule && after.Why == before.Why {
					t.Fatalf("world %d: %s changes nothing: %s %s", seed, fix.Command, after.Name, after.Why)
				}
			}
			t.Errorf("world %d: %s → %s is not open after 16 edits", seed, i.ID, d.ID)
		})
	}
	t.Logf("%d ways opened by %v", opened, kinds)
	for _, kind := range []string{"authorize-security-group-egress", "authorize-security-group-ingress", "create-network-acl-entry", "create-route", "replace-route", "modify-vpc-attribute", "accept-vpc-peering-connection", "create-transit-gateway-route"} {
		if kinds[kind] == 0 {
			t.Errorf("no world needed %s", kind)
		}
	}
}

// apply makes the edit of an aws command line in the lab, as EC2 would.
func apply(t *testing.T, l *lab, command string) (kind string, applied bool) {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(command, "'", ""))
	kind = words[2]
	flag := func(name string) string {
		for i, w := range words {
			if w == name && i+1 < len(words) {
				return words[i+1]
			}
		}
		return ""
	}
	switch kind {
	case "authorize-security-group-egress", "authorize-security-group-ingress":
		g := l.group(flag("--group-id"))
		rule := permission(flag("--ip-permissions"))
		if strings.HasSuffix(kind, "egress") {
			g.Egress, g.NoEgress = append(g.Egress, rule), false
		} else {
			g.Ingress = append(g.Ingress, rule)
		}
	case "create-network-acl-entry":
		a := find(l, func(r *world.Region) []world.NetworkACL { return r.NetworkACLs }, func(a world.NetworkACL) bool { return a.ID == flag("--network-acl-id") })
		e := world.ACLEntry{Egress: strings.Contains(command, "--egress"), Protocol: flag("--protocol"), CIDR: flag("--cidr-block") + flag("--ipv6-cidr-block")}
		e.Number, _ = strconv.Atoi(flag("--rule-number"))
		if _, err := fmt.Sscanf(flag("--port-range"), "From=%d,To=%d", &e.From, &e.To); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		a.Entries = append(a.Entries, e)
	case "create-route", "replace-route":
		cidr := flag("--destination-cidr-block") + flag("--destination-ipv6-cidr-block")
		l.reroute(flag("--route-table-id"), cidr, flag("--vpc-peering-connection-id")+flag("--transit-gateway-id"))
	case "modify-vpc-attribute":
		l.vpc(flag("--vpc-id")).NoDNS = false
	case "accept-vpc-peering-connection":
		l.peering(flag("--vpc-peering-connection-id")).Status = "active"
	case "create-transit-gateway-route":
		for i := range l.Transits {
			for j := range l.Transits[i].Tables {
				if table := &l.Transits[i].Tables[j]; table.ID == flag("--transit-gateway-route-table-id") {
					table.Routes = append(table.Routes, world.TransitRoute{CIDR: flag("--destination-cidr-block"), Attachment: flag("--transit-gateway-attachment-id")})
				}
			}
		}
	case "modify-transit-gateway-vpc-attachment":
		l.att(flag("--transit-gateway-attachment-id")).Subnets = append(l.att(flag("--transit-gateway-attachment-id")).Subnets, flag("--add-subnet-ids"))
	case "start-db-instance":
		l.db(flag("--db-instance-identifier")).Status = "available"
	default:
		return kind, false
	}
	return kind, true
}

// permission reads the shorthand of --ip-permissions.
func permission(text string) world.Rule {
	r := world.Rule{Protocol: "tcp"}
	for part := range strings.SplitSeq(strings.NewReplacer("[{", "", "}]", "").Replace(text), ",") {
		key, value, _ := strings.Cut(part, "=")
		if inner, v, ok := strings.Cut(value, "="); ok {
			key, value = inner, v
		}
		switch key {
		case "FromPort":
			r.From, _ = strconv.Atoi(value)
		case "ToPort":
			r.To, _ = strconv.Atoi(value)
		case "GroupId":
			r.Group = value
		case "CidrIp", "CidrIpv6":
			r.CIDR = value
		}
	}
	return r
}

// TestTerraformOfFixes: what is printed for Terraform is HCL in the layout of terraform fmt.
func TestTerraformOfFixes(t *testing.T) {
	seen := map[string]string{}
	for seed := range uint64(100) {
		spec, _ := randomSpec(seed)
		w, err := world.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		s := snapshotOf(w)
		each(w, func(i world.Instance, r world.Region, d world.DBInstance, q world.Region) {
			for _, l := range Check(s, s.Source(nounOf(i, r)), destOf(s, d, q)).Layers {
				if l.Fix != nil && l.Fix.Terraform != "" {
					first, _, _ := strings.Cut(l.Fix.Terraform, "\n")
					seen[first] = l.Fix.Terraform
				}
				if l.Fix != nil && l.Fix.Text == "" {
					t.Errorf("world %d: a fix without words: %+v", seed, l.Fix)
				}
			}
		})
	}
	if len(seen) < 6 {
		t.Errorf("only %d kinds of block", len(seen))
	}
	terraform, lookErr := exec.LookPath("terraform")
	for first, text := range seen {
		if _, problems := hclsyntax.ParseConfig([]byte(text), "fix.tf", hcl.InitialPos); problems.HasErrors() {
			t.Errorf("%s: %v", first, problems)
		}
		if lookErr == nil {
			cmd := exec.CommandContext(t.Context(), terraform, "fmt", "-check", "-")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("terraform fmt: %v %s\n%s", err, out, text)
			}
		}
	}
}
