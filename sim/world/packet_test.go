package world

import (
	"strings"
	"testing"
)

// neighbours is a world of two peered VPCs, both of them on a transit gateway, with an instance in one and a database in the other.
func neighbours() Spec {
	open := []Rule{{CIDR: "0.0.0.0/0"}, {CIDR: "::/0"}}
	return Spec{
		Accounts: []Account{{ID: "111111111111", Regions: []Region{{
			Name: "eu-west-1",
			VPCs: []VPC{{ID: "vpc-0000000a", CIDR: "10.0.0.0/16", CIDR6: "2a05:d018:a::/56"}, {ID: "vpc-0000000b", CIDR: "10.1.0.0/16", CIDR6: "2a05:d018:b::/56"}},
			Subnets: []Subnet{
				{ID: "subnet-0000000a", VPC: "vpc-0000000a", CIDR: "10.0.0.0/24", CIDR6: "2a05:d018:a::/64", AZ: "eu-west-1a"},
				{ID: "subnet-0000000b", VPC: "vpc-0000000b", CIDR: "10.1.0.0/24", CIDR6: "2a05:d018:b::/64", AZ: "eu-west-1a"},
			},
			RouteTables: []RouteTable{
				{ID: "rtb-0000000a", VPC: "vpc-0000000a", Main: true, Routes: []Route{{CIDR: "10.1.0.0/16", Target: "pcx-00000001"}}},
				{ID: "rtb-0000000b", VPC: "vpc-0000000b", Main: true, Routes: []Route{{CIDR: "10.0.0.0/16", Target: "pcx-00000001"}}},
			},
			SecurityGroups: []SecurityGroup{{ID: "sg-0000000a", VPC: "vpc-0000000a", Egress: open}, {ID: "sg-0000000b", VPC: "vpc-0000000b", Ingress: []Rule{{From: 5432, Group: "sg-0000000a"}}}},
			Instances:      []Instance{{ID: "i-0000000a", Subnet: "subnet-0000000a", Groups: []string{"sg-0000000a"}, IP: "10.0.0.10", AgentVersion: "3.3.1.0"}},
			DBInstances:    []DBInstance{{ID: "db", Engine: "postgres", Subnets: []string{"subnet-0000000b"}, Groups: []string{"sg-0000000b"}, IP: "10.1.0.12"}},
		}}}},
		Peerings: []Peering{{ID: "pcx-00000001", Requester: "vpc-0000000a", Accepter: "vpc-0000000b"}},
		Transits: []Transit{{
			ID: "tgw-00000001", Account: "111111111111", Region: "eu-west-1",
			Attachments: []TransitAttachment{
				{ID: "tgw-attach-0000000a", VPC: "vpc-0000000a", Subnets: []string{"subnet-0000000a"}, Table: "tgw-rtb-00000001"},
				{ID: "tgw-attach-0000000b", VPC: "vpc-0000000b", Subnets: []string{"subnet-0000000b"}, Table: "tgw-rtb-00000001"},
			},
			Tables: []TransitTable{{ID: "tgw-rtb-00000001", Routes: []TransitRoute{{CIDR: "10.0.0.0/16", Attachment: "tgw-attach-0000000a"}, {CIDR: "10.1.0.0/16", Attachment: "tgw-attach-0000000b"}}}},
		}},
	}
}

// TestPackets: what stops a packet between two VPCs, each for its own reason. Without a server behind the name, one that comes
// through is refused.
func TestPackets(t *testing.T) {
	byGateway := func(r *Region) {
		r.RouteTables[0].Routes[0].Target, r.RouteTables[1].Routes[0].Target = "tgw-00000001", "tgw-00000001"
		r.SecurityGroups[1].Ingress = []Rule{{From: 5432, CIDR: "10.0.0.0/16"}}
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Region)
		kind   string
		why    string
	}{
		"over the peering": {func(*Spec, *Region) {}, Refused, "no dials entry"},
		"peering waits":    {func(s *Spec, _ *Region) { s.Peerings[0].Status = "pending-acceptance" }, Silent, "pcx-00000001 is pending-acceptance"},
		"no route back":    {func(_ *Spec, r *Region) { r.RouteTables[1].Routes = nil }, Silent, "rtb-0000000b knows none"},
		"over the gateway": {func(_ *Spec, r *Region) { byGateway(r) }, Refused, ""},
		"the gateway knows no group": {func(_ *Spec, r *Region) {
			byGateway(r)
			r.SecurityGroups[1].Ingress[0] = Rule{From: 5432, Group: "sg-0000000a"}
		}, Silent, "no ingress rule"},
		"not attached": {func(s *Spec, r *Region) {
			byGateway(r)
			s.Transits[0].Attachments = s.Transits[0].Attachments[1:]
		}, Silent, "is not attached"},
		"IPv6 first, without a route": {func(_ *Spec, r *Region) {
			r.Instances[0].IP6, r.DBInstances[0].IP6 = "2a05:d018:a::10", "2a05:d018:b::12"
		}, Silent, "no route to 2a05:d018:b::12"},
		"DNS is off":                 {func(_ *Spec, r *Region) { r.VPCs[0].NoDNS = true }, Unresolvable, "DNS support"},
		"DNS is off, own servers":    {func(_ *Spec, r *Region) { r.VPCs[0].NoDNS, r.VPCs[0].OwnDNS = true, true }, Refused, ""},
		"public elsewhere":           {func(_ *Spec, r *Region) { r.DBInstances[0].Public = true }, Silent, "public address"},
		"public, private by peering": {func(s *Spec, r *Region) { r.DBInstances[0].Public, s.Peerings[0].AccepterDNS = true, true }, Refused, ""},
	} {
		spec := neighbours()
		c.change(&spec, &spec.Accounts[0].Regions[0])
		w, err := New(spec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, _ := w.Find("db")
		if got := w.Dial("i-0000000a", e.Host, e.Port); got.Kind != c.kind || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %+v, want %s: %s", name, got, c.kind, c.why)
		}
	}
}

func TestTopologyIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		`peerings[0].accepter: no VPC "vpc-0000dead"`:           func(s *Spec) { s.Peerings[0].Accepter = "vpc-0000dead" },
		`peerings[0].status: "open" is not one of`:              func(s *Spec) { s.Peerings[0].Status = "open" },
		`transit_gateways[0].route_tables[0].routes[0].cidr: "`: func(s *Spec) { s.Transits[0].Tables[0].Routes[0].CIDR = "10.0.0.1/16" },
		`prefix_list: no prefix list "pl-00000001"`:             func(s *Spec) { s.Accounts[0].Regions[0].SecurityGroups[0].Egress[0] = Rule{PrefixList: "pl-00000001"} },
	} {
		spec := neighbours()
		change(&spec)
		if _, err := New(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
