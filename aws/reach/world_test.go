package reach

import (
	"net/netip"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

// snapshotOf is a world seen by somebody who may read all of it.
func snapshotOf(w *world.World) *Snapshot {
	s := &Snapshot{
		VPCs: map[string]VPC{}, Subnets: map[string]Subnet{}, Groups: map[string]Group{}, Interfaces: map[string][]Interface{},
		Peerings: map[string]Peering{}, Transits: map[string]Transit{}, PrefixLists: map[string][]netip.Prefix{},
	}
	for _, a := range w.Accounts() {
		s.Accounts = append(s.Accounts, a.ID)
		for _, r := range a.Regions {
			s.addNetworks(a.ID, r)
			s.addRules(a.ID, r)
			for _, i := range r.Instances {
				s.addInstance(r, i)
			}
		}
	}
	for _, p := range w.Peerings() {
		req, acc := p.Homes()
		s.Peerings[p.ID] = Peering{ID: p.ID, Status: p.Status, Sides: [2]Side{
			{p.Requester, req.Account, req.Region, p.RequesterDNS}, {p.Accepter, acc.Account, acc.Region, p.AccepterDNS},
		}}
	}
	for _, t := range w.Transits() {
		s.addTransit(t)
	}
	return s
}

func (s *Snapshot) addNetworks(account string, r world.Region) {
	for _, v := range r.VPCs {
		if v.Owner == "" {
			s.VPCs[v.ID] = VPC{v.ID, account, r.Name, blocks(v.CIDR, v.CIDR6), answer(!v.NoDNS), answer(v.OwnDNS)}
		}
	}
	for _, n := range r.Subnets {
		if n.Owner == "" {
			s.Subnets[n.ID] = Subnet{n.ID, n.VPC, n.AZ, account, blocks(n.CIDR, n.CIDR6)}
		}
	}
	for _, t := range r.RouteTables {
		out := RouteTable{ID: t.ID, VPC: t.VPC, Main: t.Main, Subnets: t.Subnets}
		for _, x := range t.Routes {
			route := Route{PrefixList: x.PrefixList, Target: x.Target, Blackhole: x.Blackhole, Propagated: x.Propagated}
			if x.PrefixList == "" {
				route.CIDR = netip.MustParsePrefix(x.CIDR)
			}
			out.Routes = append(out.Routes, route)
		}
		s.Tables = append(s.Tables, out)
	}
	for _, a := range r.NetworkACLs {
		out := ACL{ID: a.ID, VPC: a.VPC, Subnets: a.Subnets}
		for _, n := range r.Subnets {
			named := false
			for _, other := range r.NetworkACLs {
				named = named || overlap(other.Subnets, []string{n.ID})
			}
			if a.Default && n.VPC == a.VPC && !named {
				out.Subnets = append(out.Subnets, n.ID)
			}
		}
		for _, e := range a.Entries {
			entry := Entry{e.Number, e.Egress, !e.Deny, e.Protocol, netip.MustParsePrefix(e.CIDR), e.From, e.To}
			if entry.To == 0 {
				entry.To = 65535
			}
			if entry.Protocol == "" {
				entry.Protocol = "-1"
			}
			out.Entries = append(out.Entries, entry)
		}
		s.ACLs = append(s.ACLs, out)
	}
	for _, l := range r.PrefixLists {
		s.PrefixLists[l.ID] = blocks(l.Entries...)
	}
}

func (s *Snapshot) addRules(account string, r world.Region) {
	rules := func(from []world.Rule) []Rule {
		var out []Rule
		for _, x := range from {
			rule := Rule{Protocol: x.Protocol, From: x.From, To: x.To, PrefixList: x.PrefixList, Group: x.Group}
			if x.CIDR != "" {
				rule.CIDR = netip.MustParsePrefix(x.CIDR)
			}
			out = append(out, rule)
		}
		return out
	}
	for _, g := range r.SecurityGroups {
		s.Groups[g.ID] = Group{g.ID, g.Name, g.VPC, account, rules(g.Ingress), rules(g.Egress)}
	}
}

func (s *Snapshot) addInstance(r world.Region, i world.Instance) {
	if i.Hybrid() {
		return
	}
	all := []Interface{{ID: "eni-" + i.ID, Subnet: i.Subnet, VPC: r.VPCOf(i.Subnet), Addrs: addresses(i.IP, i.IP6), Groups: i.Groups}}
	for n, x := range i.Interfaces {
		all = append(all, Interface{Subnet: x.Subnet, VPC: r.VPCOf(x.Subnet), Index: n + 1, Addrs: addresses(x.IP, x.IP6), Groups: x.Groups})
	}
	s.Interfaces[i.ID] = all
}

func (s *Snapshot) addTransit(t world.Transit) {
	out := Transit{ID: t.ID, References: answer(t.References), Tables: map[string]TransitTable{}}
	for _, a := range t.Attachments {
		x := Attachment{ID: a.ID, Kind: "vpc", VPC: a.VPC, State: a.State, Table: a.Table, Subnets: a.Subnets, References: answer(a.References)}
		if a.VPC == "" {
			x.Kind = "vpn"
		}
		out.Attachments = append(out.Attachments, x)
	}
	for _, table := range t.Tables {
		x := TransitTable{ID: table.ID, Whole: true}
		for _, r := range table.Routes {
			x.Routes = append(x.Routes, TransitRoute{netip.MustParsePrefix(r.CIDR), []string{r.Attachment}, r.Blackhole})
		}
		out.Tables[table.ID] = x
	}
	s.Transits[t.ID] = out
}

func blocks(cidrs ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, c := range cidrs {
		if c != "" {
			out = append(out, netip.MustParsePrefix(c))
		}
	}
	return out
}

func addresses(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		if t != "" {
			out = append(out, netip.MustParseAddr(t))
		}
	}
	return out
}

func nounOf(i world.Instance, r world.Region) aws.Instance {
	out := aws.Instance{
		ID: i.ID, Name: i.Name, PingStatus: i.PingStatus, AgentVersion: i.AgentVersion, Platform: i.Platform, State: i.State, IP: i.IP,
		VPC: r.VPCOf(i.Subnet), Subnet: i.Subnet, Groups: i.Groups, Region: r.Name,
	}
	for _, n := range r.Subnets {
		if n.ID == i.Subnet {
			out.AZ = n.AZ
		}
	}
	return out
}

func databaseOf(d world.DBInstance, r world.Region) aws.Database {
	return aws.Database{
		ID: d.ID, Role: aws.RoleInstance, Engine: d.Engine, Endpoint: aws.Endpoint{Host: d.Endpoint, Port: d.Port}, Status: d.Status, MultiAZ: d.MultiAZ,
		VPC: r.VPCOf(d.Subnets[0]), AZ: d.AZ, Subnets: d.Subnets, Groups: d.Groups, Region: r.Name,
	}
}

// destOf is a database of which all is known, its address too.
func destOf(s *Snapshot, d world.DBInstance, r world.Region) Dest {
	out := s.Dest(databaseOf(d, r))
	at := Interface{ID: "eni-" + d.ID, VPC: out.VPC, Addrs: addresses(d.IP, d.IP6), Groups: d.Groups}
	for _, id := range d.Subnets {
		for _, p := range s.Subnets[id].CIDRs {
			if p.Contains(at.Addrs[0]) && at.Subnet == "" {
				at.Subnet = id
			}
		}
	}
	out.At, out.Public = []Interface{at}, d.Public
	return out
}
