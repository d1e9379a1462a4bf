package reach

import (
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

// row is a case: what is changed in the lab, and the verdict on one of its databases.
type row struct {
	name   string
	db     string
	change func(*lab)
	unread func(*Snapshot) // what the reader does not know
	want   aws.Answer
	layer  string // the one that decides; "" for a Yes
	text   string // what its rule and words contain
}

func TestTable(t *testing.T) {
	var rows []row
	for _, part := range [][]row{stateRows(), egressRows(), ingressRows(), referenceRows(), aclRows(), routeRows(), transitRows(), dnsRows(), interfaceRows(), sixRows(), unreadRows(), sharedRows()} {
		rows = append(rows, part...)
	}
	names := map[string]bool{}
	for _, c := range rows {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		checkRow(t, c)
	}
	if len(rows) < 120 {
		t.Errorf("%d cases", len(rows))
	}
	t.Logf("%d cases", len(rows))
}

func checkRow(t *testing.T, c row) {
	t.Helper()
	l := newLab()
	if c.change != nil {
		c.change(l)
	}
	w, err := world.New(l.Spec)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	s := snapshotOf(w)
	if c.unread != nil {
		c.unread(s)
	}
	each(w, func(i world.Instance, r world.Region, d world.DBInstance, q world.Region) {
		if d.ID != c.db || i.ID != box {
			return
		}
		v := Check(s, s.Source(nounOf(i, r)), destOf(s, d, q))
		first, _ := v.First()
		if v.Answer != c.want || first.Name != c.layer || !strings.Contains(first.Rule+" "+first.Why, c.text) {
			t.Errorf("%s: %s by %q (%s %s), want %s by %q (%s)\n%s", c.name, v.Answer, first.Name, first.Rule, first.Why, c.want, c.layer, c.text, show(v))
		}
		if got := truth(w, i, d); c.want != aws.Unknown && nounOf(i, r).Unfit() == "" && got != c.want {
			t.Errorf("%s: the packet filter says %s (%s)", c.name, got, w.Dial(i.ID, d.Endpoint, d.Port).Why)
		}
	})
}

func stateRows() []row {
	down := func(db, status string) row {
		return row{name: "database " + status, db: db, change: func(l *lab) { l.db(db).Status = status }, want: aws.No, layer: "state", text: "is " + status}
	}
	up := func(status string) row {
		return row{name: "database " + status, db: sameNet, change: func(l *lab) { l.db(sameNet).Status = status }, want: aws.Yes}
	}
	box := func(name, text string, change func(*world.Instance)) row {
		return row{name: name, db: sameNet, change: func(l *lab) { change(l.box()) }, want: aws.No, layer: "state", text: text}
	}
	return []row{
		{name: "in one subnet", db: nearNet, want: aws.Yes},
		{name: "in one VPC", db: sameNet, want: aws.Yes},
		{name: "peered", db: peerNet, want: aws.Yes},
		{name: "peered region", db: far, want: aws.Yes},
		{name: "peered account", db: other, want: aws.Yes},
		down(sameNet, "stopped"), down(sameNet, "stopping"), down(sameNet, "starting"), down(peerNet, "creating"), down(sameNet, "deleting"), down(sameNet, "failed"),
		down(sameNet, "inaccessible-encryption-credentials"), up("backing-up"), up("modifying"), up("storage-optimization"),
		box("instance stopped", "stopped", func(i *world.Instance) { i.State = "stopped" }),
		box("agent lost", "ConnectionLost", func(i *world.Instance) { i.PingStatus = "ConnectionLost" }),
		box("agent too old", "older than", func(i *world.Instance) { i.AgentVersion = "3.1.998.0" }),
	}
}

func egressRows() []row {
	egress := func(name, db string, want aws.Answer, rules ...world.Rule) row {
		c := row{name: "egress " + name, db: db, want: want, change: func(l *lab) { l.group(sgBox).Egress, l.group(sgBox).NoEgress = rules, len(rules) == 0 }}
		if want != aws.Yes {
			c.layer = "egress"
		}
		return c
	}
	return []row{
		egress("none", sameNet, aws.No), egress("none in one subnet", nearNet, aws.No),
		egress("port", sameNet, aws.Yes, byCIDR("10.0.0.0/16")), egress("one address", sameNet, aws.Yes, byCIDR(sameIP+"/32")), egress("another address", sameNet, aws.No, byCIDR("10.0.1.13/32")),
		egress("another port", sameNet, aws.No, world.Rule{From: 443, To: 443, CIDR: "0.0.0.0/0"}), egress("range", sameNet, aws.Yes, world.Rule{From: 5000, To: 6000, CIDR: "0.0.0.0/0"}),
		egress("range below", sameNet, aws.No, world.Rule{From: 0, To: 5431, CIDR: "0.0.0.0/0"}), egress("udp", sameNet, aws.No, world.Rule{Protocol: "udp", From: 5432, To: 5432, CIDR: "0.0.0.0/0"}),
		egress("all traffic", sameNet, aws.Yes, world.Rule{Protocol: "-1", CIDR: "10.0.0.0/8"}), egress("its own VPC alone", peerNet, aws.No, byCIDR("10.0.0.0/16")),
		egress("the group of the database", sameNet, aws.Yes, byGroup(sgA)), egress("its own group", sameNet, aws.No, byGroup(sgBox)),
		egress("a peer's group", peerNet, aws.Yes, byGroup(sgB)), egress("a group of another region", far, aws.No, byGroup(sgC)), egress("a group of another account", other, aws.Yes, byGroup(sgD)),
		egress("IPv6 alone", sameNet, aws.No, byCIDR(any6)), egress("second rule", sameNet, aws.Yes, byCIDR("192.168.0.0/16"), byCIDR("10.0.0.0/16")),
		egress("a list without it", sameNet, aws.No, world.Rule{From: 5432, To: 5432, PrefixList: listID}),
		{name: "egress a list with it", db: sameNet, want: aws.Yes, change: func(l *lab) {
			l.group(sgBox).Egress = ingress(world.Rule{From: 5432, To: 5432, PrefixList: listID})
			l.eu().PrefixLists[0].Entries = []string{"172.16.0.0/12", "10.0.1.0/24"}
		}},
		{name: "egress of a second group", db: sameNet, want: aws.Yes, change: func(l *lab) {
			l.group(sgBox).NoEgress = true
			l.box().Groups = []string{sgBox, sgA}
		}},
	}
}

func ingressRows() []row {
	in := func(name, db, group string, want aws.Answer, rules ...world.Rule) row {
		c := row{name: "ingress " + name, db: db, want: want, change: func(l *lab) { l.group(group).Ingress = rules }}
		if want != aws.Yes {
			c.layer, c.text = "ingress", group
		}
		return c
	}
	return []row{
		in("none", sameNet, sgA, aws.No), in("none in one subnet", nearNet, sgA, aws.No), in("everybody", sameNet, sgA, aws.Yes, byCIDR("0.0.0.0/0")),
		in("the instance", sameNet, sgA, aws.Yes, byCIDR(boxIP+"/32")), in("its neighbour", sameNet, sgA, aws.No, byCIDR("10.0.0.11/32")), in("another subnet", sameNet, sgA, aws.No, byCIDR("10.0.1.0/24")),
		in("another port", sameNet, sgA, aws.No, world.Rule{From: 3306, To: 3306, CIDR: "0.0.0.0/0"}), in("udp", sameNet, sgA, aws.No, world.Rule{Protocol: "udp", From: 5432, To: 5432, CIDR: "0.0.0.0/0"}),
		in("all traffic", sameNet, sgA, aws.Yes, world.Rule{Protocol: "-1", CIDR: "10.0.0.0/8"}), in("all ports", sameNet, sgA, aws.Yes, world.Rule{Protocol: "tcp", From: 0, To: 65535, CIDR: "10.0.0.0/8"}),
		in("its own VPC alone", peerNet, sgB, aws.No, byCIDR("10.1.0.0/16")), in("the peer's VPC", peerNet, sgB, aws.Yes, byCIDR("10.0.0.0/16")), in("another region's VPC", far, sgC, aws.Yes, byCIDR("10.0.0.0/24")),
		in("another account's VPC", other, sgD, aws.No, byCIDR("10.3.0.0/16")), in("IPv6 alone", sameNet, sgA, aws.No, byCIDR(any6)),
		in("second rule", sameNet, sgA, aws.Yes, byCIDR("192.168.0.0/16"), byCIDR("10.0.0.0/24")), in("a list without it", sameNet, sgA, aws.No, world.Rule{From: 5432, To: 5432, PrefixList: listID}),
		{name: "ingress a list with it", db: sameNet, want: aws.Yes, change: func(l *lab) {
			l.group(sgA).Ingress = ingress(world.Rule{From: 5432, To: 5432, PrefixList: listID})
			l.eu().PrefixLists[0].Entries = []string{boxIP + "/32"}
		}},
		{name: "ingress of a second group", db: sameNet, want: aws.Yes, change: func(l *lab) {
			l.group(sgA).Ingress = nil
			l.eu().SecurityGroups = append(l.eu().SecurityGroups, world.SecurityGroup{ID: "sg-000000aa", VPC: vpcA, Ingress: ingress(byGroup(sgBox))})
			l.db(sameNet).Groups = []string{sgA, "sg-000000aa"}
		}},
	}
}

func referenceRows() []row {
	ref := func(name, db, group string, want aws.Answer, text string, change func(*lab), rules ...world.Rule) row {
		c := row{name: "reference " + name, db: db, want: want, text: text, change: func(l *lab) {
			l.group(group).Ingress = rules
			if change != nil {
				change(l)
			}
		}}
		if want != aws.Yes {
			c.layer = "ingress"
		}
		return c
	}
	return []row{
		ref("in one VPC", sameNet, sgA, aws.Yes, "", nil, byGroup(sgBox)), ref("in one subnet", nearNet, sgA, aws.Yes, "", nil, byGroup(sgBox)),
		ref("to itself", sameNet, sgA, aws.No, "no ingress rule", nil, byGroup(sgA)),
		ref("to itself, held by both", sameNet, sgA, aws.Yes, "", func(l *lab) { l.box().Groups = []string{sgBox, sgA} }, byGroup(sgA)),
		ref("to a deleted group", sameNet, sgA, aws.No, "", nil, byGroup("sg-0000dead")),
		ref("across a peering", peerNet, sgB, aws.Yes, "", nil, byGroup(sgBox)), ref("across accounts", other, sgD, aws.Yes, "", nil, byGroup(sgBox)),
		ref("across regions", far, sgC, aws.No, "another region", nil, byGroup(sgBox)),
		ref("across a peering to a deleted group", peerNet, sgB, aws.No, "", nil, byGroup("sg-0000dead")),
		ref("with another port", sameNet, sgA, aws.No, "", nil, world.Rule{From: 3306, To: 3306, Group: sgBox}),
		ref("over a transit gateway", peerNet, sgB, aws.Yes, "", (*lab).overTransit, byGroup(sgBox)),
		ref("over a gateway without referencing", peerNet, sgB, aws.No, "referencing", func(l *lab) { l.overTransit(); l.tgw().References = false }, byGroup(sgBox)),
		ref("over an attachment without referencing", peerNet, sgB, aws.No, "referencing", func(l *lab) { l.overTransit(); l.att(attB).References = false }, byGroup(sgBox)),
		{name: "egress reference over a transit gateway", db: peerNet, want: aws.No, layer: "egress", text: "ingress rules alone", change: func(l *lab) {
			l.overTransit()
			l.group(sgBox).Egress = ingress(byGroup(sgB))
		}},
		{
			name: "stale reference after a peering", db: sameNet, want: aws.No, layer: "ingress", text: "stale", change: func(l *lab) { l.group(sgA).Ingress = ingress(byGroup("sg-0000dead")) },
			unread: func(s *Snapshot) {
				g := s.Groups[sgA]
				g.Ingress[0].Group, g.Ingress[0].Stale = sgBox, true
			},
		},
	}
}

func interfaceRows() []row {
	nic := func(l *lab, subnet, ip string, groups ...string) {
		l.box().Interfaces = append(l.box().Interfaces, world.NIC{Subnet: subnet, IP: ip, Groups: groups})
	}
	return []row{
		{name: "second interface in the database's subnet sends", db: sameNet, want: aws.Yes, change: func(l *lab) {
			nic(l, netA2, "10.0.1.11", sgBox)
			l.group(sgA).Ingress = ingress(byCIDR("10.0.1.11/32"))
		}},
		{name: "second interface sends with its own groups", db: sameNet, want: aws.No, layer: "egress", change: func(l *lab) {
			nic(l, netA2, "10.0.1.11", sgA)
			l.group(sgA).NoEgress = true
		}},
		{name: "group of the first interface is not that of the second", db: sameNet, want: aws.No, layer: "ingress", change: func(l *lab) {
			nic(l, netA2, "10.0.1.11", sgA)
			l.group(sgA).Ingress = ingress(byGroup(sgBox))
		}},
		{name: "second interface elsewhere does not send", db: peerNet, want: aws.Yes, change: func(l *lab) { nic(l, netA2, "10.0.1.11", sgA) }},
		{name: "second interface elsewhere lends no group", db: peerNet, want: aws.No, layer: "ingress", change: func(l *lab) {
			nic(l, netA2, "10.0.1.11", sgA)
			l.group(sgB).Ingress = ingress(byGroup(sgA))
		}},
		{name: "two groups on one interface add up", db: sameNet, want: aws.Yes, change: func(l *lab) {
			l.box().Groups = []string{sgBox, sgA}
			l.group(sgBox).Egress, l.group(sgA).Ingress = ingress(byCIDR(sameIP+"/32")), ingress(byGroup(sgA))
		}},
		{name: "second interface in one subnet meets no ACL", db: sameNet, want: aws.Yes, change: func(l *lab) {
			nic(l, netA2, "10.0.1.11", sgBox)
			l.acl(netA2).Entries = nil
		}},
	}
}

func sixRows() []row {
	six := func(name, db, ip6 string, want aws.Answer, layer string, change func(*lab)) row {
		return row{name: "IPv6 " + name, db: db, want: want, layer: layer, change: func(l *lab) {
			l.dual(db, ip6)
			change(l)
		}}
	}
	open := func(l *lab) { l.group(sgA).Ingress = ingress(byCIDR("2a05:d018:a::/56")) }
	openB := func(l *lab) { l.group(sgB).Ingress = ingress(byCIDR("2a05:d018:a::/56")) }
	return []row{
		six("by block", sameNet, sameIP6, aws.Yes, "", open), six("in one subnet", nearNet, nearIP6, aws.Yes, "", open), six("by group", sameNet, sameIP6, aws.Yes, "", func(l *lab) { l.group(sgA).Ingress = ingress(byGroup(sgBox)) }),
		six("ingress for IPv4 alone", sameNet, sameIP6, aws.No, "ingress", func(*lab) {}),
		six("default egress has none", sameNet, sameIP6, aws.No, "egress", func(l *lab) { open(l); l.group(sgBox).Egress = nil }),
		six("by the instance's address", sameNet, sameIP6, aws.Yes, "", func(l *lab) { l.group(sgA).Ingress = ingress(byCIDR(boxIP6 + "/128")) }),
		six("peered", peerNet, peerIP6, aws.Yes, "", openB), six("peered by group", peerNet, peerIP6, aws.Yes, "", func(l *lab) { l.group(sgB).Ingress = ingress(byGroup(sgBox)) }),
		six("no route", peerNet, peerIP6, aws.No, "route", func(l *lab) { openB(l); l.reroute(rtbA, "2a05:d018:b::/56", "") }),
		six("no route back", peerNet, peerIP6, aws.No, "return route", func(l *lab) { openB(l); l.reroute(rtbB, "2a05:d018:a::/56", "") }),
		six("to the internet", peerNet, peerIP6, aws.No, "route", func(l *lab) { openB(l); l.reroute(rtbA, "2a05:d018:b::/56", "eigw-00000001") }),
		six("acl denies", sameNet, sameIP6, aws.No, "acl", func(l *lab) {
			open(l)
			l.acl(netA2).Entries = append(l.acl(netA2).Entries, world.ACLEntry{Number: 5, Deny: true, CIDR: any6})
		}),
		{name: "IPv6 of the instance alone counts for nothing", db: sameNet, want: aws.Yes, change: func(l *lab) { l.box().IP6 = boxIP6 }},
		{name: "IPv6 of the database alone counts for nothing", db: sameNet, want: aws.Yes, change: func(l *lab) { l.db(sameNet).IP6 = sameIP6 }},
	}
}

func unreadRows() []row {
	un := func(name, db, layer, action string, forget func(*Snapshot)) row {
		return row{name: "unread " + name, db: db, want: aws.Unknown, layer: layer, text: action + " is not allowed", unread: func(s *Snapshot) {
			s.Missing = map[string]string{action: action + " is not allowed"}
			forget(s)
		}}
	}
	return []row{
		un("security groups", sameNet, "egress", "ec2:DescribeSecurityGroups", func(s *Snapshot) { s.Groups = nil }),
		un("the database's group", sameNet, "ingress", "ec2:DescribeSecurityGroups", func(s *Snapshot) { delete(s.Groups, sgA) }),
		un("route tables", sameNet, "route", "ec2:DescribeRouteTables", func(s *Snapshot) { s.Tables = nil }),
		un("route tables of the peer", peerNet, "return route", "ec2:DescribeRouteTables", func(s *Snapshot) { s.Tables = s.Tables[:1] }),
		un("network ACLs", sameNet, "acl", "ec2:DescribeNetworkAcls", func(s *Snapshot) { s.ACLs = nil }),
		un("peerings", peerNet, "route", "ec2:DescribeVpcPeeringConnections", func(s *Snapshot) { s.Peerings = nil }),
		un("DNS", sameNet, "dns", "ec2:DescribeVpcAttribute", func(s *Snapshot) { s.VPCs[vpcA] = VPC{ID: vpcA} }),
		un("VPCs", sameNet, "dns", "ec2:DescribeVpcs", func(s *Snapshot) { s.VPCs = nil }),
		{
			name: "unread prefix list of a rule", db: sameNet, want: aws.Unknown, layer: "ingress", text: listID,
			change: func(l *lab) { l.group(sgA).Ingress = ingress(world.Rule{From: 5432, To: 5432, PrefixList: listID}) }, unread: func(s *Snapshot) { s.PrefixLists = nil },
		},
		{
			name: "unread prefix list of a route", db: peerNet, want: aws.Unknown, layer: "route", text: listID,
			change: func(l *lab) {
				l.table(rtbA).Routes = append(l.table(rtbA).Routes, world.Route{PrefixList: listID, Target: "vpce-00000001"})
			}, unread: func(s *Snapshot) { s.PrefixLists = nil },
		},
		{
			name: "unread prefix list beside a rule that allows", db: sameNet, want: aws.Yes,
			change: func(l *lab) {
				l.group(sgA).Ingress = append(l.group(sgA).Ingress, world.Rule{From: 5432, To: 5432, PrefixList: listID})
			}, unread: func(s *Snapshot) { s.PrefixLists = nil },
		},
		{
			name: "unread routes of a transit gateway", db: peerNet, want: aws.Unknown, layer: "route", text: tgwTable, change: (*lab).overTransit,
			unread: func(s *Snapshot) {
				s.Transits[tgw] = Transit{ID: tgw, Attachments: s.Transits[tgw].Attachments, References: aws.Yes}
			},
		},
	}
}

// sharedRows: a VPC of account 222 shared with account 111, whose instance and database are in it.
func sharedRows() []row {
	share := func(l *lab) {
		eu, their := l.eu(), &l.Accounts[1].Regions[0]
		eu.VPCs = append(eu.VPCs, world.VPC{ID: vpcD, CIDR: "10.3.0.0/16", Owner: "222222222222"})
		eu.Subnets = append(eu.Subnets, world.Subnet{ID: netD, VPC: vpcD, CIDR: "10.3.0.0/24", AZ: "eu-west-1a", Owner: "222222222222"})
		eu.SecurityGroups = append(eu.SecurityGroups, world.SecurityGroup{ID: "sg-000000d1", VPC: vpcD})
		their.Subnets = append(their.Subnets, world.Subnet{ID: "subnet-000000d2", VPC: vpcD, CIDR: "10.3.1.0/24", AZ: "eu-west-1b"})
		l.box().Subnet, l.box().Groups, l.box().IP = netD, []string{"sg-000000d1"}, "10.3.0.10"
		l.db(other).Subnets, l.db(other).IP = []string{"subnet-000000d2"}, "10.3.1.12"
		l.group(sgD).Ingress = ingress(byCIDR("10.3.0.0/16"))
	}
	with := func(change func(*lab)) func(*lab) {
		return func(l *lab) { share(l); change(l) }
	}
	return []row{
		{name: "shared VPC", db: other, want: aws.Yes, change: share},
		{name: "shared VPC by group of another account", db: other, want: aws.Yes, change: with(func(l *lab) { l.group(sgD).Ingress = ingress(byGroup("sg-000000d1")) })},
		{name: "shared VPC kept out", db: other, want: aws.No, layer: "ingress", text: sgD, change: with(func(l *lab) { l.group(sgD).Ingress = nil })},
		{name: "shared VPC, group of the owner not visible", db: other, want: aws.Unknown, layer: "ingress", text: "another account's", change: share, unread: func(s *Snapshot) { delete(s.Groups, sgD) }},
		{name: "shared VPC, tables not visible", db: other, want: aws.Unknown, layer: "route", text: "another account's", change: share, unread: func(s *Snapshot) { s.Tables = nil }},
		{name: "shared VPC, no way out of it", db: sameNet, want: aws.No, layer: "return route", change: with(func(l *lab) {
			l.table(rtbD).Routes = append(l.table(rtbD).Routes, world.Route{CIDR: "10.9.0.0/16", Target: pcxD})
			l.reroute(rtbA, "10.3.0.0/16", "")
			l.reroute(rtbA, "0.0.0.0/0", "")
			l.group(sgA).Ingress = ingress(byCIDR("10.3.0.0/16"))
		})},
	}
}
