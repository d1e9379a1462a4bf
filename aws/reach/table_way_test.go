package reach

import (
	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

func aclRows() []row {
	deny := func(name, subnet string, egress bool, layer string, from, to int, cidr string) row {
		return row{name: "acl " + name, db: sameNet, want: aws.No, layer: layer, text: "acl-" + subnet[7:], change: func(l *lab) {
			a := l.acl(subnet)
			a.Entries = append(a.Entries, world.ACLEntry{Number: 50, Egress: egress, Deny: true, Protocol: "tcp", From: from, To: to, CIDR: cidr})
		}}
	}
	set := func(name, db string, want aws.Answer, layer string, change func(*lab)) row {
		return row{name: "acl " + name, db: db, want: want, layer: layer, change: change}
	}
	entries := func(subnet string, all ...world.ACLEntry) func(*lab) {
		return func(l *lab) { l.acl(subnet).Entries = all }
	}
	return []row{
		deny("out of the instance's subnet", netA1, true, "acl", 5432, 5432, "0.0.0.0/0"), deny("into the database's subnet", netA2, false, "acl", 5432, 5432, "10.0.0.0/16"),
		deny("answer out of the database's subnet", netA2, true, "return acl", 1024, 65535, "0.0.0.0/0"), deny("answer into the instance's subnet", netA1, false, "return acl", 1024, 65535, "10.0.1.0/24"),
		set("of one subnet does not matter inside it", nearNet, aws.Yes, "", entries(netA1)),
		set("empty", sameNet, aws.No, "acl", entries(netA2)),
		set("lower number wins", sameNet, aws.Yes, "", entries(netA2, append(openACL(), world.ACLEntry{Number: 200, Deny: true, CIDR: "0.0.0.0/0"})...)),
		set("other protocol", sameNet, aws.Yes, "", entries(netA2, append(openACL(), world.ACLEntry{Number: 50, Deny: true, Protocol: "udp", From: 5432, To: 5432, CIDR: "0.0.0.0/0"})...)),
		set("other port", sameNet, aws.Yes, "", entries(netA2, append(openACL(), world.ACLEntry{Number: 50, Deny: true, Protocol: "tcp", From: 3306, To: 3306, CIDR: "0.0.0.0/0"})...)),
		set("other source", sameNet, aws.Yes, "", entries(netA2, append(openACL(), world.ACLEntry{Number: 50, Deny: true, CIDR: "192.168.0.0/16"})...)),
		set("least", sameNet, aws.Yes, "", entries(netA2, world.ACLEntry{Number: 10, Protocol: "tcp", From: 5432, To: 5432, CIDR: "10.0.0.0/24"}, world.ACLEntry{Number: 10, Egress: true, Protocol: "tcp", From: 32768, To: 60999, CIDR: "10.0.0.0/24"})),
		set("without the way back", sameNet, aws.No, "return acl", entries(netA2, world.ACLEntry{Number: 10, Protocol: "tcp", From: 5432, To: 5432, CIDR: "10.0.0.0/24"})),
		set("part of the source ports", sameNet, aws.Unknown, "return acl", entries(netA2, world.ACLEntry{Number: 10, CIDR: "0.0.0.0/0"}, world.ACLEntry{Number: 10, Egress: true, Protocol: "tcp", From: 49152, To: 65535, CIDR: "0.0.0.0/0"})),
		set("source ports in two pieces", sameNet, aws.Yes, "", entries(netA2, world.ACLEntry{Number: 10, CIDR: "0.0.0.0/0"},
			world.ACLEntry{Number: 10, Egress: true, Protocol: "tcp", From: 1024, To: 49151, CIDR: "0.0.0.0/0"}, world.ACLEntry{Number: 11, Egress: true, Protocol: "tcp", From: 49152, To: 65535, CIDR: "0.0.0.0/0"})),
		set("source ports of Windows", sameNet, aws.Yes, "", func(l *lab) {
			l.box().Platform = "Windows"
			l.acl(netA2).Entries = []world.ACLEntry{{Number: 10, CIDR: "0.0.0.0/0"}, {Number: 10, Egress: true, Protocol: "tcp", From: 49152, To: 65535, CIDR: "0.0.0.0/0"}}
		}),
		set("of the peer into its subnet", peerNet, aws.No, "acl", func(l *lab) { l.acl(netB1).Entries = nil }),
		set("IPv4 alone for IPv6", sameNet, aws.No, "acl", func(l *lab) {
			l.dual(sameNet, sameIP6)
			l.group(sgA).Ingress = ingress(byGroup(sgBox))
			l.acl(netA2).Entries = openACL()[:2]
		}),
	}
}

func routeRows() []row {
	to := func(name, db string, want aws.Answer, layer, text string, change func(*lab)) row {
		return row{name: "route " + name, db: db, want: want, layer: layer, text: text, change: change}
	}
	b := "10.1.0.0/16"
	return []row{
		to("none", peerNet, aws.No, "route", "no route", func(l *lab) { l.reroute(rtbA, b, ""); l.reroute(rtbA, "0.0.0.0/0", "") }),
		to("to the internet by nat", peerNet, aws.No, "route", "goes to the internet", func(l *lab) { l.reroute(rtbA, b, "") }),
		to("to the internet by igw", peerNet, aws.No, "route", "goes to the internet", func(l *lab) { l.reroute(rtbA, b, "igw-00000001") }),
		to("black hole", peerNet, aws.No, "route", "black hole", func(l *lab) { l.table(rtbA).Routes[2].Blackhole = true }),
		to("none back", peerNet, aws.No, "return route", "no route", func(l *lab) { l.reroute(rtbB, "10.0.0.0/16", "") }),
		to("back to the internet", peerNet, aws.No, "return route", "internet", func(l *lab) { l.reroute(rtbB, "10.0.0.0/16", "igw-00000001") }),
		to("back into a black hole", peerNet, aws.No, "return route", "black hole", func(l *lab) { l.table(rtbB).Routes[2].Blackhole = true }),
		to("back for a part of the VPC", peerNet, aws.Yes, "", "", func(l *lab) { l.reroute(rtbB, "10.0.0.0/16", ""); l.reroute(rtbB, "10.0.0.0/24", pcxB) }),
		to("back for another part", peerNet, aws.No, "return route", "no route", func(l *lab) { l.reroute(rtbB, "10.0.0.0/16", ""); l.reroute(rtbB, "10.0.1.0/24", pcxB) }),
		to("of the subnet, not the main one", peerNet, aws.No, "route", "rtb-000000a1", func(l *lab) {
			l.eu().RouteTables = append(l.eu().RouteTables, world.RouteTable{ID: "rtb-000000a1", VPC: vpcA, Subnets: []string{netA1}})
		}),
		to("main one for another subnet", peerNet, aws.Yes, "", "", func(l *lab) {
			l.eu().RouteTables = append(l.eu().RouteTables, world.RouteTable{ID: "rtb-000000a2", VPC: vpcA, Subnets: []string{netA2}})
		}),
		to("longest wins", peerNet, aws.No, "route", "10.1.0.0/24", func(l *lab) { l.reroute(rtbA, "10.1.0.0/24", "nat-00000001") }),
		to("longest wins, elsewhere", peerNet, aws.Yes, "", "", func(l *lab) { l.reroute(rtbA, "10.1.1.0/24", "nat-00000001") }),
		to("by prefix list", peerNet, aws.Yes, "", "", func(l *lab) {
			l.reroute(rtbA, b, "")
			l.eu().PrefixLists[0].Entries = []string{b}
			l.table(rtbA).Routes = append(l.table(rtbA).Routes, world.Route{PrefixList: listID, Target: pcxB})
		}),
		to("static before prefix list", peerNet, aws.Yes, "", "", func(l *lab) {
			l.eu().PrefixLists[0].Entries = []string{b}
			l.table(rtbA).Routes = append(l.table(rtbA).Routes, world.Route{PrefixList: listID, Target: "nat-00000001"})
		}),
		to("static before propagated", peerNet, aws.Yes, "", "", func(l *lab) {
			l.table(rtbA).Routes = append([]world.Route{{CIDR: b, Target: "vgw-00000001", Propagated: true}}, l.table(rtbA).Routes...)
		}),
		to("by private gateway", peerNet, aws.Unknown, "route", "vgw-00000001", func(l *lab) { l.reroute(rtbA, b, "vgw-00000001") }),
		to("by appliance", peerNet, aws.Unknown, "route", "eni-00000001", func(l *lab) { l.reroute(rtbA, b, "eni-00000001") }),
		to("by gateway load balancer", peerNet, aws.Unknown, "route", "vpce-00000001", func(l *lab) { l.reroute(rtbA, b, "vpce-00000001") }),
		to("more specific than local", sameNet, aws.Unknown, "route", "more specific than the local", func(l *lab) { l.reroute(rtbA, "10.0.1.0/24", "eni-00000001") }),
		to("more specific than local, on the way back", sameNet, aws.Unknown, "return route", "more specific than the local", func(l *lab) { l.reroute(rtbA, "10.0.0.0/24", "vpce-00000001") }),
		to("more specific than local, in one subnet", nearNet, aws.Yes, "", "", func(l *lab) { l.reroute(rtbA, "10.0.0.0/24", "eni-00000001") }),
		to("peering pending", peerNet, aws.No, "route", "pending-acceptance", func(l *lab) { l.peering(pcxB).Status = "pending-acceptance" }),
		to("peering deleted", peerNet, aws.No, "route", "deleted", func(l *lab) { l.peering(pcxB).Status = "deleted" }),
		to("peering of others", peerNet, aws.No, "route", "passes nothing on", func(l *lab) { l.reroute(rtbA, b, pcxC) }),
		to("peering that is gone", peerNet, aws.No, "route", "does not exist", func(l *lab) { l.reroute(rtbA, b, "pcx-0000dead") }),
		to("peering back by another", far, aws.No, "return route", pcxB, func(l *lab) { l.reroute(rtbC, "10.0.0.0/16", pcxB) }),
		to("peering of another account pending", other, aws.No, "route", "pending", func(l *lab) { l.peering(pcxD).Status = "pending-acceptance" }),
		to("ranges that overlap", peerNet, aws.No, "route", "range of", func(l *lab) {
			l.vpc(vpcB).CIDR, l.eu().Subnets[2].CIDR, l.eu().Subnets[3].CIDR = "10.0.0.0/16", "10.0.2.0/24", "10.0.3.0/24"
			l.db(peerNet).IP = "10.0.2.12"
			l.table(rtbB).Routes = []world.Route{{CIDR: "10.0.0.0/16", Target: "local"}}
		}),
	}
}

func transitRows() []row {
	by := func(name string, want aws.Answer, layer, text string, change func(*lab)) row {
		return row{name: "transit " + name, db: peerNet, want: want, layer: layer, text: text, change: func(l *lab) {
			l.overTransit()
			if change != nil {
				change(l)
			}
		}}
	}
	routes := func(all ...world.TransitRoute) func(*lab) {
		return func(l *lab) { l.tgw().Tables[0].Routes = all }
	}
	back := world.TransitRoute{CIDR: "10.0.0.0/16", Attachment: attA}
	return []row{
		by("open", aws.Yes, "", "", nil), by("no route", aws.No, "route", "no route", routes(back)),
		by("no route back", aws.No, "return route", "no route", routes(world.TransitRoute{CIDR: "10.1.0.0/16", Attachment: attB})),
		by("black hole", aws.No, "route", "black hole", routes(back, world.TransitRoute{CIDR: "10.1.0.0/16", Blackhole: true})),
		by("longest wins", aws.Yes, "", "", routes(back, world.TransitRoute{CIDR: "10.0.0.0/8", Blackhole: true}, world.TransitRoute{CIDR: "10.1.0.0/24", Attachment: attB})),
		by("to another VPC", aws.No, "route", "another VPC", routes(back, world.TransitRoute{CIDR: "10.1.0.0/16", Attachment: attA})),
		by("not attached", aws.No, "route", "not attached", func(l *lab) { l.tgw().Attachments = l.tgw().Attachments[1:] }),
		by("attachment pending", aws.No, "route", "pending", func(l *lab) { l.att(attA).State = "pending" }),
		by("other attachment pending", aws.No, "route", attB, func(l *lab) { l.att(attB).State = "pendingAcceptance" }),
		by("no table", aws.No, "route", "no route table", func(l *lab) { l.att(attA).Table = "" }),
		by("no table back", aws.No, "return route", "no route table", func(l *lab) { l.att(attB).Table = "" }),
		by("not in the zone", aws.No, "route", "eu-west-1a", func(l *lab) { l.att(attA).Subnets = []string{netA2} }),
		by("not in the database's zone", aws.No, "return route", "eu-west-1a", func(l *lab) { l.att(attB).Subnets = []string{netB2} }),
		by("gone", aws.Unknown, "route", "tgw-0000dead", func(l *lab) { l.reroute(rtbA, "10.1.0.0/16", "tgw-0000dead") }),
		by("to a VPN", aws.Unknown, "route", "not visible", func(l *lab) {
			l.tgw().Attachments = append(l.tgw().Attachments, world.TransitAttachment{ID: "tgw-attach-0000000f"})
			l.tgw().Tables[0].Routes[1].Attachment = "tgw-attach-0000000f"
		}),
		by("acl of an attachment's own subnet", aws.No, "acl", "acl-000000a2", func(l *lab) {
			l.eu().Subnets[1].AZ = "eu-west-1a" // the attachment is in a subnet of the same zone
			l.att(attA).Subnets = []string{netA2}
			l.acl(netA2).Entries = nil
		}),
		by("there, back by peering", aws.Yes, "", "", func(l *lab) { l.reroute(rtbB, "10.0.0.0/16", pcxB) }),
		by("ingress by address", aws.Yes, "", "", func(l *lab) { l.group(sgB).Ingress = ingress(byCIDR(boxIP + "/32")) }),
	}
}

func dnsRows() []row {
	dns := func(name, db string, want aws.Answer, text string, change func(*lab)) row {
		c := row{name: "dns " + name, db: db, want: want, text: text, change: change}
		if want != aws.Yes {
			c.layer = "dns"
		}
		return c
	}
	return []row{
		dns("off", sameNet, aws.No, "switched off", func(l *lab) { l.vpc(vpcA).NoDNS = true }),
		dns("off in the database's VPC", peerNet, aws.Yes, "", func(l *lab) { l.vpc(vpcB).NoDNS = true }),
		dns("off, own servers", sameNet, aws.Unknown, "own name servers", func(l *lab) { l.vpc(vpcA).NoDNS, l.vpc(vpcA).OwnDNS = true, true }),
		dns("public in its VPC", sameNet, aws.Yes, "", func(l *lab) { l.db(sameNet).Public = true }),
		dns("public from elsewhere", peerNet, aws.Unknown, "publicly accessible", func(l *lab) { l.db(peerNet).Public = true }),
		dns("public, peering resolves", peerNet, aws.Yes, "", func(l *lab) { l.db(peerNet).Public = true; l.peering(pcxB).AccepterDNS = true }),
		dns("public, peering resolves the other way", peerNet, aws.Unknown, "publicly accessible", func(l *lab) { l.db(peerNet).Public = true; l.peering(pcxB).RequesterDNS = true }),
		dns("public, no way out", peerNet, aws.No, "no route", func(l *lab) { l.db(peerNet).Public = true; l.reroute(rtbA, "0.0.0.0/0", "") }),
	}
}
