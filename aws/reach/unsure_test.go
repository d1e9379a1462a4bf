package reach

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

// TestUnsureAddress: where the address of a database is not known, its subnet stands for it.
func TestUnsureAddress(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*lab)
		want   aws.Answer
	}{
		"rules for the whole VPC":        {nil, aws.Yes},
		"egress to a part of the subnet": {func(l *lab) { l.group(sgBox).Egress = ingress(byCIDR("10.0.1.0/28")) }, aws.Unknown},
		"egress to another subnet":       {func(l *lab) { l.group(sgBox).Egress = ingress(byCIDR("10.0.0.0/24")) }, aws.No},
		"ACL for a part of the subnet": {func(l *lab) {
			l.acl(netA1).Entries = append(l.acl(netA1).Entries, world.ACLEntry{Number: 5, Egress: true, Deny: true, CIDR: "10.0.1.0/28"})
		}, aws.Unknown},
		"a route for a part of the subnet": {func(l *lab) { l.reroute(rtbA, "10.0.1.0/28", "eni-00000001") }, aws.Unknown},
		"one of two subnets is fenced": {func(l *lab) {
			l.db(sameNet).Subnets = []string{netA2, netA1}
			l.group(sgA).Ingress = ingress(byCIDR("10.0.0.0/24"))
			l.acl(netA2).Entries = nil
		}, aws.Unknown},
	} {
		l := newLab()
		if c.change != nil {
			c.change(l)
		}
		w, err := world.New(l.Spec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
		to := s.Dest(databaseOf(*l.db(sameNet), r)) // the snapshot of a world knows no interfaces of databases
		if v := Check(s, s.Source(nounOf(r.Instances[0], r)), to); v.Answer != c.want {
			t.Errorf("%s: %s\n%s", name, v.Answer, show(v))
		}
	}
}

// TestFailoverIsNoted: what a move to another subnet of the group would break is said, and does not change the answer.
func TestFailoverIsNoted(t *testing.T) {
	l := newLab()
	d := l.db(sameNet)
	d.MultiAZ, d.Subnets, d.IP = true, []string{netA2, netA1}, sameIP
	l.box().Interfaces = nil
	l.group(sgBox).Egress = ingress(byCIDR("10.0.1.0/24"))
	w, err := world.New(l.Spec)
	if err != nil {
		t.Fatal(err)
	}
	s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
	v := Check(s, s.Source(nounOf(r.Instances[0], r)), destOf(s, *l.db(sameNet), r))
	if v.Answer != aws.Yes || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], netA1) || !strings.Contains(v.Notes[0], "egress") {
		t.Errorf("%s %q\n%s", v.Answer, v.Notes, show(v))
	}
}

// TestAlikeDatabases: two databases of the same groups, zone and subnets cannot be told apart by their interfaces.
func TestAlikeDatabases(t *testing.T) {
	l := newLab()
	w, err := world.New(l.Spec)
	if err != nil {
		t.Fatal(err)
	}
	s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
	one := Interface{ID: "eni-1", Subnet: netA2, VPC: vpcA, Addrs: addresses(sameIP), Groups: []string{sgA}}
	two := one
	two.ID, two.Addrs = "eni-2", addresses("10.0.1.13")
	s.Endpoints = []Interface{one, two}
	to := s.Dest(databaseOf(*l.db(sameNet), r))
	if v := Check(s, s.Source(nounOf(r.Instances[0], r)), to); v.Answer != aws.Yes {
		t.Errorf("the same for both: %s\n%s", v.Answer, show(v))
	}
	g := s.Groups[sgBox]
	g.Egress = []Rule{{Protocol: "-1", CIDR: netip.MustParsePrefix(sameIP + "/32")}}
	s.Groups[sgBox] = g
	v := Check(s, s.Source(nounOf(r.Instances[0], r)), to)
	if l, _ := v.First(); v.Answer != aws.Unknown || !strings.Contains(l.Why, "if the database is at 10.0.1.13") {
		t.Errorf("open for one of them: %s\n%s", v.Answer, show(v))
	}
}
