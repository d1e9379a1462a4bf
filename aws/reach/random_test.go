package reach

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/rdsx/rdsx/sim/world"
)

// maker makes random worlds. Most of its choices lean to what lets packets through, so that the few others decide.
type maker struct {
	*rand.Rand
	n      int
	hidden bool // the world may hold what no reader of EC2 can know: appliances, VPNs, fences through the range of source ports
	spec   world.Spec
	vpcs   []net
}

// net is a VPC that is being made.
type net struct {
	id, cidr, cidr6 string
	region          *world.Region
	account         string
	subnets         []world.Subnet
	groups          []string
	list            string // a prefix list of its region
}

const dbPort = 5432

func (m *maker) id(prefix string) string {
	m.n++
	return fmt.Sprintf("%s%017x", prefix, m.n)
}

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

func one[T any](m *maker, of []T) T { return of[m.IntN(len(of))] }

func randomSpec(seed uint64) (world.Spec, bool) {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 6))}
	m.hidden = m.chance(25)
	m.spec.Accounts = []world.Account{{ID: "111111111111", Regions: []world.Region{{Name: "eu-west-1"}, {Name: "us-east-1"}}}}
	if m.chance(30) {
		m.spec.Accounts = append(m.spec.Accounts, world.Account{ID: "222222222222", Regions: []world.Region{{Name: "eu-west-1"}}})
	}
	for range 1 + m.IntN(3) {
		m.vpc()
	}
	for i := range m.vpcs {
		m.securityGroups(&m.vpcs[i])
	}
	m.connect()
	for i := range m.vpcs {
		m.routes(&m.vpcs[i])
		m.acls(&m.vpcs[i])
	}
	for range 1 + m.IntN(2) {
		m.instance(one(m, m.vpcs))
	}
	for range 1 + m.IntN(2) {
		m.database(one(m, m.vpcs))
	}
	return m.spec, m.hidden
}

func (m *maker) vpc() {
	a := &m.spec.Accounts[m.IntN(len(m.spec.Accounts))]
	r := &a.Regions[0]
	if len(a.Regions) > 1 && m.chance(20) {
		r = &a.Regions[1]
	}
	n := net{id: m.id("vpc-"), region: r, account: a.ID, list: m.id("pl-")}
	octet := len(m.vpcs)
	if m.chance(5) {
		octet = 0 // the same range as another one's
	}
	n.cidr = fmt.Sprintf("10.%d.0.0/16", octet)
	v := world.VPC{ID: n.id, CIDR: n.cidr, NoDNS: m.chance(4)}
	if m.chance(40) {
		n.cidr6 = fmt.Sprintf("2a05:d018:%x::/56", len(m.vpcs)+1)
		v.CIDR6 = n.cidr6
	}
	r.VPCs = append(r.VPCs, v)
	for i := range 2 + m.IntN(2) {
		s := world.Subnet{ID: m.id("subnet-"), VPC: n.id, CIDR: fmt.Sprintf("10.%d.%d.0/24", octet, i), AZ: r.Name + string(rune('a'+i%2))}
		if n.cidr6 != "" {
			s.CIDR6 = fmt.Sprintf("2a05:d018:%x:%x::/64", len(m.vpcs)+1, i)
		}
		n.subnets = append(n.subnets, s)
		r.Subnets = append(r.Subnets, s)
	}
	m.vpcs = append(m.vpcs, n)
	r.PrefixLists = append(r.PrefixLists, world.PrefixList{ID: n.list, Name: "list", Entries: []string{m.block(), m.block()}})
}

// block is a CIDR that may be somebody's.
func (m *maker) block() string {
	n := one(m, m.vpcs)
	s := one(m, n.subnets)
	choices := []string{n.cidr, s.CIDR, "0.0.0.0/0", "10.0.0.0/8", "192.168.0.0/16", host(s.CIDR, 10+m.IntN(4)) + "/32"}
	if n.cidr6 != "" {
		choices = append(choices, n.cidr6, s.CIDR6, "::/0", host(s.CIDR6, 10+m.IntN(4))+"/128")
	}
	return one(m, choices)
}

// host is the nth address of a block.
func host(cidr string, n int) string {
	a := netip.MustParsePrefix(cidr).Addr()
	for range n {
		a = a.Next()
	}
	return a.String()
}

func (m *maker) securityGroups(n *net) {
	for range 3 {
		n.groups = append(n.groups, m.id("sg-"))
	}
	for _, id := range n.groups {
		g := world.SecurityGroup{ID: id, VPC: n.id}
		for range 1 + m.IntN(3) {
			g.Ingress = append(g.Ingress, m.rule(n.list))
		}
		switch {
		case m.chance(60): // the default
		case m.chance(20):
			g.NoEgress = true
		default:
			for range 1 + m.IntN(3) {
				g.Egress = append(g.Egress, m.rule(n.list))
			}
		}
		n.region.SecurityGroups = append(n.region.SecurityGroups, g)
	}
}

func (m *maker) rule(list string) world.Rule {
	r := world.Rule{Protocol: "tcp", From: dbPort, To: dbPort}
	switch m.IntN(8) {
	case 0:
		r = world.Rule{Protocol: "-1"}
	case 1:
		r.From, r.To = 1024, 65535
	case 2:
		r.From, r.To = 443, 443
	case 3:
		r.Protocol = one(m, []string{"udp", "tcp"})
	}
	n := one(m, m.vpcs)
	switch {
	case m.chance(35) && len(n.groups) > 0:
		r.Group = one(m, n.groups)
	case m.chance(10):
		r.Group = m.id("sg-") // deleted long ago
	case m.chance(15):
		r.PrefixList = list
	default:
		r.CIDR = m.block()
	}
	return r
}

// connect makes peerings and a transit gateway between the VPCs.
func (m *maker) connect() {
	for i, a := range m.vpcs {
		for _, b := range m.vpcs[i+1:] {
			if m.chance(70) {
				status := "active"
				if m.chance(12) {
					status = one(m, []string{"pending-acceptance", "deleted"})
				}
				m.spec.Peerings = append(m.spec.Peerings, world.Peering{
					ID: m.id("pcx-"), Requester: a.id, Accepter: b.id, Status: status, RequesterDNS: m.chance(50), AccepterDNS: m.chance(50),
				})
			}
		}
	}
	if len(m.vpcs) < 2 || !m.chance(50) {
		return
	}
	t := world.Transit{ID: m.id("tgw-"), Account: "111111111111", Region: "eu-west-1", References: m.chance(70)}
	tables := []string{m.id("tgw-rtb-"), m.id("tgw-rtb-")}
	for _, n := range m.vpcs {
		if n.region.Name == t.Region && m.chance(90) {
			t.Attachments = append(t.Attachments, m.attachment(n, tables))
		}
	}
	if m.hidden {
		t.Attachments = append(t.Attachments, world.TransitAttachment{ID: m.id("tgw-attach-")})
	}
	for _, id := range tables {
		table := world.TransitTable{ID: id}
		for _, a := range t.Attachments {
			for _, n := range m.vpcs {
				if n.id == a.VPC && m.chance(90) {
					table.Routes = append(table.Routes, world.TransitRoute{CIDR: n.cidr, Attachment: a.ID, Blackhole: m.chance(5)})
				}
				if n.id == a.VPC && n.cidr6 != "" && m.chance(80) {
					table.Routes = append(table.Routes, world.TransitRoute{CIDR: n.cidr6, Attachment: a.ID})
				}
			}
			if m.chance(10) {
				table.Routes = append(table.Routes, world.TransitRoute{CIDR: one(m, m.vpcs).subnets[0].CIDR, Attachment: a.ID})
			}
		}
		t.Tables = append(t.Tables, table)
	}
	m.spec.Transits = append(m.spec.Transits, t)
}

func (m *maker) attachment(n net, tables []string) world.TransitAttachment {
	a := world.TransitAttachment{ID: m.id("tgw-attach-"), VPC: n.id, Table: one(m, tables), References: m.chance(80)}
	if m.chance(5) {
		a.Table = ""
	}
	if m.chance(5) {
		a.State = "pending"
	}
	a.Subnets = []string{n.subnets[0].ID}
	if m.chance(80) {
		a.Subnets = append(a.Subnets, n.subnets[1].ID)
	}
	return a
}

func (m *maker) routes(n *net) {
	tables := []world.RouteTable{{ID: m.id("rtb-"), VPC: n.id, Main: true}}
	if m.chance(50) {
		tables = append(tables, world.RouteTable{ID: m.id("rtb-"), VPC: n.id, Subnets: []string{one(m, n.subnets).ID}})
	}
	for i := range tables {
		t := &tables[i]
		t.Routes = append(t.Routes, world.Route{CIDR: n.cidr, Target: "local"})
		if n.cidr6 != "" {
			t.Routes = append(t.Routes, world.Route{CIDR: n.cidr6, Target: "local"})
		}
		for _, other := range m.vpcs {
			if other.id == n.id || m.chance(10) {
				continue
			}
			target := m.target(n.id, other.id)
			t.Routes = append(t.Routes, world.Route{CIDR: one(m, []string{other.cidr, other.cidr, other.subnets[0].CIDR, "10.0.0.0/8"}), Target: target, Blackhole: m.chance(4)})
			if other.cidr6 != "" && m.chance(85) {
				t.Routes = append(t.Routes, world.Route{CIDR: other.cidr6, Target: target})
			}
			if m.chance(8) {
				t.Routes = append(t.Routes, world.Route{PrefixList: n.list, Target: m.target(n.id, other.id)})
			}
		}
		if m.chance(60) {
			t.Routes = append(t.Routes, world.Route{CIDR: "0.0.0.0/0", Target: one(m, []string{"nat-0000000a", "igw-0000000a"})})
		}
		if m.hidden && m.chance(50) {
			to := one(m, m.vpcs)
			t.Routes = append(t.Routes, world.Route{CIDR: one(m, to.subnets).CIDR, Target: one(m, []string{"eni-0000000a", "vpce-0000000a", "vgw-0000000a"})})
		}
		t.Routes = slices.DeleteFunc(distinct(t.Routes), func(r world.Route) bool { return !m.hidden && m.inside(r, *n) })
	}
	n.region.RouteTables = append(n.region.RouteTables, tables...)
}

// inside says whether a route is more specific than the VPC's local one: EC2 takes such routes to appliances alone.
func (m *maker) inside(r world.Route, n net) bool {
	dsts := []string{r.CIDR}
	for _, l := range n.region.PrefixLists {
		if l.ID == r.PrefixList {
			dsts = l.Entries
		}
	}
	return slices.ContainsFunc(dsts, func(dst string) bool {
		p := netip.MustParsePrefix(dst)
		for _, own := range blocks(n.cidr, n.cidr6) {
			if own.Overlaps(p) && p.Bits() > own.Bits() {
				return true
			}
		}
		return false
	})
}

// distinct keeps the first route of each destination, as EC2 does.
func distinct(routes []world.Route) []world.Route {
	var out []world.Route
	seen := map[string]bool{}
	for _, r := range routes {
		if !seen[r.CIDR+r.PrefixList] {
			seen[r.CIDR+r.PrefixList] = true
			out = append(out, r)
		}
	}
	return out
}

// target is a way from one VPC to another; now and then it leads elsewhere.
func (m *maker) target(from, to string) string {
	var ways []string
	for _, p := range m.spec.Peerings {
		right := p.Requester == from && p.Accepter == to || p.Accepter == from && p.Requester == to
		if right || m.chance(5) {
			ways = append(ways, p.ID)
		}
	}
	for _, t := range m.spec.Transits {
		ways = append(ways, t.ID)
	}
	if len(ways) == 0 || m.chance(4) {
		return m.id("pcx-") // gone
	}
	return one(m, ways)
}

func (m *maker) acls(n *net) {
	for _, s := range n.subnets {
		if !m.chance(25) {
			continue
		}
		a := world.NetworkACL{ID: m.id("acl-"), VPC: n.id, Subnets: []string{s.ID}}
		for _, egress := range []bool{false, true} {
			number := 10
			for range 1 + m.IntN(3) {
				e := world.ACLEntry{Number: number, Egress: egress, Deny: m.chance(25), Protocol: one(m, []string{"tcp", "-1", "udp"}), CIDR: m.block()}
				number += 1 + m.IntN(20)
				if e.Protocol != "-1" {
					r := one(m, [][2]int{{dbPort, dbPort}, {1024, 65535}, {0, 1023}, {32768, 65535}, {1, 65535}})
					if m.hidden && m.chance(30) {
						r = one(m, [][2]int{{32768, 42000}, {39000, 60999}, {50000, 51000}})
					}
					e.From, e.To = r[0], r[1]
				}
				a.Entries = append(a.Entries, e)
			}
			if m.chance(80) {
				a.Entries = append(a.Entries, world.ACLEntry{Number: 900, Egress: egress, CIDR: "0.0.0.0/0"}, world.ACLEntry{Number: 901, Egress: egress, CIDR: "::/0"})
			}
		}
		n.region.NetworkACLs = append(n.region.NetworkACLs, a)
	}
}

// some are one or two of the groups.
func (m *maker) some(groups []string) []string {
	if m.chance(50) {
		return []string{one(m, groups)}
	}
	i := m.IntN(len(groups))
	return []string{groups[i], groups[(i+1)%len(groups)]}
}

func (m *maker) instance(n net) {
	s := one(m, n.subnets)
	i := world.Instance{
		ID: m.id("i-"), Name: "box", Subnet: s.ID, Groups: m.some(n.groups), IP: host(s.CIDR, 10), AgentVersion: "3.3.1.0", Platform: one(m, []string{"Linux", "Linux", "Windows"}),
	}
	if s.CIDR6 != "" && m.chance(60) {
		i.IP6 = host(s.CIDR6, 10)
	}
	if m.chance(25) {
		f := one(m, n.subnets)
		nic := world.NIC{Subnet: f.ID, Groups: m.some(n.groups), IP: host(f.CIDR, 11)}
		if f.CIDR6 != "" && m.chance(60) {
			nic.IP6 = host(f.CIDR6, 11)
		}
		i.Interfaces = append(i.Interfaces, nic)
	}
	n.region.Instances = append(n.region.Instances, i)
}

func (m *maker) database(n net) {
	s := one(m, n.subnets)
	d := world.DBInstance{ID: fmt.Sprintf("db%d", m.n), Engine: "postgres", Port: dbPort, Groups: m.some(n.groups), IP: host(s.CIDR, 12), AZ: s.AZ}
	m.n++
	for _, x := range n.subnets {
		d.Subnets = append(d.Subnets, x.ID)
	}
	if s.CIDR6 != "" && m.chance(50) {
		d.IP6 = host(s.CIDR6, 12)
	}
	if m.chance(4) {
		d.Status = one(m, []string{"stopped", "backing-up", "modifying"})
	}
	d.Public = m.hidden && m.chance(20)
	n.region.DBInstances = append(n.region.DBInstances, d)
}
