package world

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// complete fills in what a spec leaves out and returns what is wrong with it. It writes only to what is empty, so that a
// second run changes nothing and may share data with readers.
func (s *Spec) complete() []problem {
	fill(&s.MFACode, "123456")
	s.completePortals()
	for i := range s.Accounts {
		a := &s.Accounts[i]
		for j := range a.Regions {
			a.Regions[j].complete(a.ID)
		}
		a.Complete()
	}
	s.completeTopology()
	c := checker{}
	c.spec(s)
	return c.problems
}

func (r *Region) complete(account string) {
	fill(&r.Preferences.Idle, 20*time.Minute)
	for i := range r.Associations {
		fill(&r.Associations[i].ID, associationID(account, r.Name, r.Associations[i].Name))
	}
	r.completeEndpoints()
	for i := range r.Documents {
		fill(&r.Documents[i].Type, "Port")
	}
	for _, v := range r.VPCs {
		if v.Owner == "" { // tables and ACLs are the owner's
			r.mainTable(v)
			r.defaultACL(v)
		}
	}
	for i := range r.SecurityGroups {
		g := &r.SecurityGroups[i]
		fill(&g.Name, g.ID)
		fill(&g.Description, g.Name)
		if len(g.Egress) == 0 && !g.NoEgress {
			g.Egress = []Rule{{CIDR: "0.0.0.0/0"}}
		}
		completeRules(g.Ingress)
		completeRules(g.Egress)
	}
	for i := range r.Instances {
		r.Instances[i].complete(r)
	}
	for i := range r.DBClusters {
		r.DBClusters[i].complete(account, r)
	}
	for i := range r.DBInstances {
		r.DBInstances[i].complete(account, r)
	}
	for i := range r.DBProxies {
		r.DBProxies[i].complete(account, r)
	}
	r.completeServices(account)
}

func (r *Region) mainTable(v VPC) {
	if !slices.ContainsFunc(r.RouteTables, func(t RouteTable) bool { return t.VPC == v.ID && t.Main }) {
		r.RouteTables = append(r.RouteTables, RouteTable{ID: "rtb-" + digits(17, v.ID), VPC: v.ID, Main: true})
	}
	for i := range r.RouteTables {
		t := &r.RouteTables[i]
		local := func(x Route) bool { return x.Target == "local" }
		if t.VPC == v.ID && !slices.ContainsFunc(t.Routes, local) {
			t.Routes = append([]Route{{CIDR: v.CIDR, Target: "local"}}, t.Routes...)
			if v.CIDR6 != "" {
				t.Routes = append([]Route{{CIDR: v.CIDR6, Target: "local"}}, t.Routes...)
			}
		}
	}
}

func (r *Region) defaultACL(v VPC) {
	if slices.ContainsFunc(r.NetworkACLs, func(a NetworkACL) bool { return a.VPC == v.ID && a.Default }) {
		return
	}
	r.NetworkACLs = append(r.NetworkACLs, NetworkACL{ID: "acl-" + digits(17, v.ID), VPC: v.ID, Default: true, Entries: []ACLEntry{
		{Number: 100, Protocol: "-1", CIDR: "0.0.0.0/0"}, {Number: 100, Egress: true, Protocol: "-1", CIDR: "0.0.0.0/0"},
	}})
	if a := &r.NetworkACLs[len(r.NetworkACLs)-1]; v.CIDR6 != "" {
		a.Entries = append(a.Entries, ACLEntry{Number: 101, Protocol: "-1", CIDR: "::/0"}, ACLEntry{Number: 101, Egress: true, Protocol: "-1", CIDR: "::/0"})
	}
}

func completeRules(rules []Rule) {
	for i := range rules {
		r := &rules[i]
		if r.Protocol == "" && (r.From != 0 || r.To != 0) {
			r.Protocol = "tcp"
		}
		fill(&r.Protocol, "-1")
		fill(&r.To, r.From)
	}
}

func (i *Instance) complete(r *Region) {
	fill(&i.Platform, "Linux")
	if i.Platform == "Windows" {
		fill(&i.PlatformName, "Microsoft Windows Server 2022 Datacenter")
	}
	fill(&i.PlatformName, "Amazon Linux")
	fill(&i.Launched, 30*24*time.Hour)
	if i.AgentVersion != "" {
		fill(&i.PingStatus, "Online")
	}
	if i.Hybrid() {
		return
	}
	fill(&i.Type, "t4g.nano")
	fill(&i.State, "running")
	fill(&i.IP, r.address(i.ID, i.Subnet))
	for j := range i.Interfaces {
		fill(&i.Interfaces[j].IP, r.address(i.ID+string(rune('a'+j)), i.Interfaces[j].Subnet))
	}
}

// Hybrid says whether the node is outside EC2.
func (i Instance) Hybrid() bool { return strings.HasPrefix(i.ID, "mi-") }

// address makes up a private address in the first of the subnets: the same one each time.
func (r *Region) address(seed string, subnets ...string) string {
	for _, s := range r.Subnets {
		if len(subnets) == 0 || s.ID != subnets[0] {
			continue
		}
		p, err := netip.ParsePrefix(s.CIDR)
		if err != nil || !p.Addr().Is4() {
			return ""
		}
		// AWS keeps the first four addresses and the last one; stay inside a /28 at least.
		sum := sha256.Sum256([]byte(seed))
		room := 1<<min(8, 32-p.Bits()) - 5
		if room < 1 {
			return ""
		}
		a := p.Masked().Addr().As4()
		a[3] += byte(4 + int(sum[0])%room)
		return netip.AddrFrom4(a).String()
	}
	return ""
}

func (c *DBCluster) complete(account string, r *Region) {
	fill(&c.EngineVersion, usualVersion(c.Engine))
	fill(&c.EngineMode, "provisioned")
	fill(&c.Status, "available")
	fill(&c.Port, usualPort(c.Engine))
	fill(&c.SubnetGroup, "default")
	fill(&c.MasterUser, "admin")
	fill(&c.ResourceID, "cluster-"+letters(26, account, r.Name, c.ID))
	fill(&c.Endpoint, hostName(c.ID, "cluster-", account, r.Name))
	fill(&c.ReaderEndpoint, hostName(c.ID, "cluster-ro-", account, r.Name))
	if members := r.members(c.ID); len(members) > 0 {
		fill(&c.Writer, members[0].ID)
	}
	for i := range c.Custom {
		e := &c.Custom[i]
		fill(&e.Type, "ANY")
		fill(&e.Status, "available")
		fill(&e.Endpoint, hostName(e.ID, "cluster-custom-", account, r.Name))
	}
}

// members returns the instances of a cluster in the order in which they are written.
func (r *Region) members(cluster string) []DBInstance {
	var all []DBInstance
	for _, d := range r.DBInstances {
		if d.Cluster == cluster {
			all = append(all, d)
		}
	}
	return all
}

func (d *DBInstance) complete(account string, r *Region) {
	for _, c := range r.DBClusters {
		if c.ID != d.Cluster {
			continue
		}
		fill(&d.Engine, c.Engine)
		fill(&d.EngineVersion, c.EngineVersion)
		fill(&d.Port, c.Port)
		fill(&d.SubnetGroup, c.SubnetGroup)
		fill(&d.MasterUser, c.MasterUser)
		fill(&d.DBName, c.DBName)
		if len(d.Subnets) == 0 {
			d.Subnets = c.Subnets
		}
		if len(d.Groups) == 0 {
			d.Groups = c.Groups
		}
	}
	fill(&d.EngineVersion, usualVersion(d.Engine))
	fill(&d.Class, "db.t4g.medium")
	fill(&d.Status, "available")
	fill(&d.Port, usualPort(d.Engine))
	fill(&d.SubnetGroup, "default")
	fill(&d.MasterUser, "admin")
	fill(&d.AllocatedGB, 100)
	fill(&d.ResourceID, "db-"+letters(26, account, r.Name, d.ID))
	fill(&d.Endpoint, hostName(d.ID, "", account, r.Name))
	fill(&d.IP, r.address(d.ID, d.Subnets...))
	for _, s := range r.Subnets {
		if len(d.Subnets) > 0 && s.ID == d.Subnets[0] {
			fill(&d.AZ, s.AZ)
		}
	}
}

func (p *DBProxy) complete(account string, r *Region) {
	fill(&p.Status, "available")
	fill(&p.Port, map[string]int{"POSTGRESQL": 5432, "MYSQL": 3306, "SQLSERVER": 1433}[p.Engine])
	fill(&p.Endpoint, hostName(p.Name, "proxy-", account, r.Name))
	fill(&p.IP, r.address(p.Name, p.Subnets...))
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		fill(&e.Role, "READ_WRITE")
		fill(&e.Status, "available")
		fill(&e.Endpoint, hostName(e.Name, "endpoint.proxy-", account, r.Name))
		if len(e.Subnets) == 0 {
			e.Subnets = p.Subnets
		}
		if len(e.Groups) == 0 {
			e.Groups = p.Groups
		}
	}
}

// hostName is the name RDS would give: the id, then a word for its kind before a code of account and region.
func hostName(id, kind, account, region string) string {
	return strings.ToLower(id + "." + kind + "c" + letters(11, account, region) + "." + region + ".rds.amazonaws.com")
}

func usualPort(engine string) int {
	switch family(engine) {
	case "postgres":
		return 5432
	case "mysql", "mariadb":
		return 3306
	case "sqlserver":
		return 1433
	case "oracle":
		return 1521
	case "db2":
		return 50000
	case "docdb":
		return 27017
	case "neptune":
		return 8182
	}
	return 0
}

func usualVersion(engine string) string {
	switch engine {
	case "aurora-mysql":
		return "8.0.mysql_aurora.3.08.2"
	case "aurora-postgresql":
		return "16.6"
	}
	return map[string]string{
		"postgres": "16.8", "mysql": "8.0.41", "mariadb": "11.4.5", "sqlserver": "16.00.4185.3.v1", "oracle": "19.0.0.0.ru-2025-01.rur-2025-01.r1",
		"db2": "11.5.9.0.sb00000000.r1", "docdb": "5.0.0", "neptune": "1.4.1.0",
	}[family(engine)]
}

// family is the engine without its edition: sqlserver-se → sqlserver, aurora-postgresql → postgres. "" when RDS knows none.
func family(engine string) string {
	switch engine {
	case "postgres", "aurora-postgresql":
		return "postgres"
	case "mysql", "aurora-mysql":
		return "mysql"
	case "mariadb", "docdb", "neptune":
		return engine
	}
	for _, f := range []string{"sqlserver", "oracle", "db2"} {
		if strings.HasPrefix(engine, f+"-") {
			return f
		}
	}
	return ""
}

func fill[T cmp.Ordered](field *T, value T) {
	var zero T
	if *field == zero && value != zero {
		*field = value
	}
}

// letters makes n characters A–Z and 2–7 out of a seed, always the same; digits makes hexadecimal ones.
func letters(n int, seed ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(seed, "\x00")))
	return base32.StdEncoding.EncodeToString(sum[:])[:n]
}

func digits(n int, seed ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(seed, "\x00")))
	return hex.EncodeToString(sum[:])[:n]
}
