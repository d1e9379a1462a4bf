package reach

import (
	"slices"

	"github.com/rdsx/rdsx/sim/world"
)

// The lab: an instance in VPC a, and a database in its subnet (near), in another of the same VPC (same), in a peered VPC (peer),
// in one of another region (far), and in one of another account (other). Everything is open until a case changes it. IPv6 is
// everywhere; addresses have it where a case says so. A transit gateway stands by between a and peer.
const (
	vpcA, vpcB, vpcC, vpcD                  = "vpc-0000000a", "vpc-0000000b", "vpc-0000000c", "vpc-0000000d"
	netA1, netA2, netB1, netB2, netC, netD  = "subnet-000000a1", "subnet-000000a2", "subnet-000000b1", "subnet-000000b2", "subnet-000000c1", "subnet-000000d1"
	sgBox, sgA, sgB, sgC, sgD               = "sg-00000000", "sg-0000000a", "sg-0000000b", "sg-0000000c", "sg-0000000d"
	pcxB, pcxC, pcxD                        = "pcx-0000000b", "pcx-0000000c", "pcx-0000000d"
	tgw, attA, attB, tgwTable               = "tgw-00000001", "tgw-attach-0000000a", "tgw-attach-0000000b", "tgw-rtb-00000001"
	rtbA, rtbB, rtbC, rtbD                  = "rtb-0000000a", "rtb-0000000b", "rtb-0000000c", "rtb-0000000d"
	listID, box                             = "pl-00000001", "i-00000001"
	nearNet, sameNet, peerNet, far, other   = "near", "sameNet", "peer", "far", "other"
	boxIP, nearIP, sameIP, peerIP           = "10.0.0.10", "10.0.0.12", "10.0.1.12", "10.1.0.12"
	boxIP6, sameIP6, peerIP6, nearIP6, any6 = "2a05:d018:a::10", "2a05:d018:a:1::12", "2a05:d018:b::12", "2a05:d018:a::12", "::/0"
)

type lab struct{ world.Spec }

func newLab() *lab {
	local := func(cidr, cidr6 string, more ...world.Route) []world.Route {
		return append([]world.Route{{CIDR: cidr, Target: "local"}, {CIDR: cidr6, Target: "local"}}, more...)
	}
	in := []world.Rule{{From: 5432, To: 5432, CIDR: "10.0.0.0/16"}}
	db := func(id, ip, group string, subnets ...string) world.DBInstance {
		return world.DBInstance{ID: id, Engine: "postgres", IP: ip, Groups: []string{group}, Subnets: subnets}
	}
	l := &lab{}
	eu := world.Region{
		Name: "eu-west-1",
		VPCs: []world.VPC{{ID: vpcA, CIDR: "10.0.0.0/16", CIDR6: "2a05:d018:a::/56"}, {ID: vpcB, CIDR: "10.1.0.0/16", CIDR6: "2a05:d018:b::/56"}},
		Subnets: []world.Subnet{
			{ID: netA1, VPC: vpcA, CIDR: "10.0.0.0/24", CIDR6: "2a05:d018:a::/64", AZ: "eu-west-1a"},
			{ID: netA2, VPC: vpcA, CIDR: "10.0.1.0/24", CIDR6: "2a05:d018:a:1::/64", AZ: "eu-west-1b"},
			{ID: netB1, VPC: vpcB, CIDR: "10.1.0.0/24", CIDR6: "2a05:d018:b::/64", AZ: "eu-west-1a"},
			{ID: netB2, VPC: vpcB, CIDR: "10.1.1.0/24", CIDR6: "2a05:d018:b:1::/64", AZ: "eu-west-1b"},
		},
		RouteTables: []world.RouteTable{
			{ID: rtbA, VPC: vpcA, Main: true, Routes: local("10.0.0.0/16", "2a05:d018:a::/56",
				world.Route{CIDR: "10.1.0.0/16", Target: pcxB}, world.Route{CIDR: "2a05:d018:b::/56", Target: pcxB}, world.Route{CIDR: "10.2.0.0/16", Target: pcxC},
				world.Route{CIDR: "10.3.0.0/16", Target: pcxD}, world.Route{CIDR: "0.0.0.0/0", Target: "nat-00000001"})},
			{ID: rtbB, VPC: vpcB, Main: true, Routes: local("10.1.0.0/16", "2a05:d018:b::/56", world.Route{CIDR: "10.0.0.0/16", Target: pcxB}, world.Route{CIDR: "2a05:d018:a::/56", Target: pcxB})},
		},
		SecurityGroups: []world.SecurityGroup{{ID: sgBox, VPC: vpcA}, {ID: sgA, VPC: vpcA, Ingress: in}, {ID: sgB, VPC: vpcB, Ingress: in}},
		PrefixLists:    []world.PrefixList{{ID: listID, Name: "list", Entries: []string{"192.168.0.0/16"}}},
		Instances:      []world.Instance{{ID: box, Subnet: netA1, Groups: []string{sgBox}, IP: boxIP, AgentVersion: "3.3.1.0"}},
		DBInstances:    []world.DBInstance{db(nearNet, nearIP, sgA, netA1), db(sameNet, sameIP, sgA, netA2), db(peerNet, peerIP, sgB, netB1)},
	}
	for _, n := range []string{netA1, netA2, netB1, netB2} {
		v := vpcA
		if n == netB1 || n == netB2 {
			v = vpcB
		}
		eu.NetworkACLs = append(eu.NetworkACLs, world.NetworkACL{ID: "acl-" + n[7:], VPC: v, Subnets: []string{n}, Entries: openACL()})
	}
	us := world.Region{
		Name: "us-east-1", VPCs: []world.VPC{{ID: vpcC, CIDR: "10.2.0.0/16"}}, Subnets: []world.Subnet{{ID: netC, VPC: vpcC, CIDR: "10.2.0.0/24", AZ: "us-east-1a"}},
		RouteTables:    []world.RouteTable{{ID: rtbC, VPC: vpcC, Main: true, Routes: []world.Route{{CIDR: "10.2.0.0/16", Target: "local"}, {CIDR: "10.0.0.0/16", Target: pcxC}}}},
		SecurityGroups: []world.SecurityGroup{{ID: sgC, VPC: vpcC, Ingress: in}}, DBInstances: []world.DBInstance{db(far, "10.2.0.12", sgC, netC)},
	}
	their := world.Region{
		Name: "eu-west-1", VPCs: []world.VPC{{ID: vpcD, CIDR: "10.3.0.0/16"}}, Subnets: []world.Subnet{{ID: netD, VPC: vpcD, CIDR: "10.3.0.0/24", AZ: "eu-west-1a"}},
		RouteTables:    []world.RouteTable{{ID: rtbD, VPC: vpcD, Main: true, Routes: []world.Route{{CIDR: "10.3.0.0/16", Target: "local"}, {CIDR: "10.0.0.0/16", Target: pcxD}}}},
		SecurityGroups: []world.SecurityGroup{{ID: sgD, VPC: vpcD, Ingress: in}}, DBInstances: []world.DBInstance{db(other, "10.3.0.12", sgD, netD)},
	}
	l.Accounts = []world.Account{{ID: "111111111111", Regions: []world.Region{eu, us}}, {ID: "222222222222", Regions: []world.Region{their}}}
	l.Peerings = []world.Peering{{ID: pcxB, Requester: vpcA, Accepter: vpcB}, {ID: pcxC, Requester: vpcA, Accepter: vpcC}, {ID: pcxD, Requester: vpcD, Accepter: vpcA}}
	l.Transits = []world.Transit{{
		ID: tgw, Account: "111111111111", Region: "eu-west-1", References: true,
		Attachments: []world.TransitAttachment{
			{ID: attA, VPC: vpcA, Subnets: []string{netA1, netA2}, Table: tgwTable, References: true}, {ID: attB, VPC: vpcB, Subnets: []string{netB1, netB2}, Table: tgwTable, References: true},
		},
		Tables: []world.TransitTable{{ID: tgwTable, Routes: []world.TransitRoute{{CIDR: "10.0.0.0/16", Attachment: attA}, {CIDR: "10.1.0.0/16", Attachment: attB}}}},
	}}
	return l
}

func openACL() []world.ACLEntry {
	return []world.ACLEntry{
		{Number: 100, CIDR: "0.0.0.0/0"}, {Number: 100, Egress: true, CIDR: "0.0.0.0/0"}, {Number: 101, CIDR: any6}, {Number: 101, Egress: true, CIDR: any6},
	}
}

func find[T any](l *lab, list func(*world.Region) []T, is func(T) bool) *T {
	for i := range l.Accounts {
		for j := range l.Accounts[i].Regions {
			all := list(&l.Accounts[i].Regions[j])
			if k := slices.IndexFunc(all, is); k >= 0 {
				return &all[k]
			}
		}
	}
	return new(T)
}

func (l *lab) eu() *world.Region { return &l.Accounts[0].Regions[0] }

func (l *lab) group(id string) *world.SecurityGroup {
	return find(l, func(r *world.Region) []world.SecurityGroup { return r.SecurityGroups }, func(g world.SecurityGroup) bool { return g.ID == id })
}

func (l *lab) table(id string) *world.RouteTable {
	return find(l, func(r *world.Region) []world.RouteTable { return r.RouteTables }, func(t world.RouteTable) bool { return t.ID == id })
}

func (l *lab) acl(subnet string) *world.NetworkACL {
	return find(l, func(r *world.Region) []world.NetworkACL { return r.NetworkACLs }, func(a world.NetworkACL) bool { return slices.Contains(a.Subnets, subnet) })
}

func (l *lab) db(id string) *world.DBInstance {
	return find(l, func(r *world.Region) []world.DBInstance { return r.DBInstances }, func(d world.DBInstance) bool { return d.ID == id })
}

func (l *lab) box() *world.Instance { return &l.eu().Instances[0] }

func (l *lab) vpc(id string) *world.VPC {
	return find(l, func(r *world.Region) []world.VPC { return r.VPCs }, func(v world.VPC) bool { return v.ID == id })
}

func (l *lab) peering(id string) *world.Peering {
	return &l.Peerings[slices.IndexFunc(l.Peerings, func(p world.Peering) bool { return p.ID == id })]
}

func (l *lab) tgw() *world.Transit { return &l.Transits[0] }

func (l *lab) att(id string) *world.TransitAttachment {
	all := l.tgw().Attachments
	return &all[slices.IndexFunc(all, func(a world.TransitAttachment) bool { return a.ID == id })]
}

// reroute sends what goes to cidr to another target; "" takes the route away.
func (l *lab) reroute(table, cidr, target string) {
	t := l.table(table)
	t.Routes = slices.DeleteFunc(t.Routes, func(r world.Route) bool { return r.CIDR == cidr })
	if target != "" {
		t.Routes = append(t.Routes, world.Route{CIDR: cidr, Target: target})
	}
}

// overTransit leads a and peer to each other by the transit gateway.
func (l *lab) overTransit() {
	l.reroute(rtbA, "10.1.0.0/16", tgw)
	l.reroute(rtbB, "10.0.0.0/16", tgw)
}

// dual gives the instance and a database IPv6.
func (l *lab) dual(db, ip6 string) {
	l.box().IP6 = boxIP6
	l.db(db).IP6 = ip6
	l.group(sgBox).Egress = []world.Rule{{CIDR: "0.0.0.0/0"}, {CIDR: any6}}
}

func ingress(rules ...world.Rule) []world.Rule { return rules }

func byGroup(id string) world.Rule { return world.Rule{From: 5432, To: 5432, Group: id} }

func byCIDR(cidr string) world.Rule { return world.Rule{From: 5432, To: 5432, CIDR: cidr} }
