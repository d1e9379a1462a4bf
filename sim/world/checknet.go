package world

import (
	"fmt"
	"net/netip"
	"slices"
)

func (c *regionChecker) network() {
	for i, l := range c.r.PrefixLists {
		at := fmt.Sprintf("%s.prefix_lists[%d]", c.at, i)
		c.id(at+".id", l.ID, "pl-")
		for j, e := range l.Entries {
			c.cidr(fmt.Sprintf("%s.entries[%d]", at, j), e)
		}
	}
	for i, v := range c.r.VPCs {
		at := fmt.Sprintf("%s.vpcs[%d]", c.at, i)
		c.sharedID(at+".id", v.ID, "vpc-", v.Owner)
		c.cidr(at+".cidr", v.CIDR)
		if v.CIDR6 != "" {
			c.cidr(at+".cidr6", v.CIDR6)
		}
	}
	for i, s := range c.r.Subnets {
		at := fmt.Sprintf("%s.subnets[%d]", c.at, i)
		c.sharedID(at+".id", s.ID, "subnet-", s.Owner)
		if s.CIDR6 != "" {
			c.cidr(at+".cidr6", s.CIDR6)
		}
		c.vpc(at+".vpc", s.VPC)
		inner := c.cidr(at+".cidr", s.CIDR)
		for _, v := range c.r.VPCs {
			outer, err := netip.ParsePrefix(v.CIDR)
			if v.ID == s.VPC && err == nil && inner.IsValid() && (!outer.Contains(inner.Addr()) || inner.Bits() < outer.Bits()) {
				c.bad(at+".cidr", "%s is not inside the VPC's %s", s.CIDR, v.CIDR)
			}
		}
	}
	for i, t := range c.r.RouteTables {
		at := fmt.Sprintf("%s.route_tables[%d]", c.at, i)
		c.id(at+".id", t.ID, "rtb-")
		c.vpc(at+".vpc", t.VPC)
		c.subnets(at, t.Subnets)
		for j, r := range t.Routes {
			if r.PrefixList != "" {
				c.prefixList(fmt.Sprintf("%s.routes[%d].prefix_list", at, j), r.PrefixList)
			} else {
				c.cidr(fmt.Sprintf("%s.routes[%d].cidr", at, j), r.CIDR)
			}
			if r.Target == "" {
				c.bad(fmt.Sprintf("%s.routes[%d].target", at, j), "is missing")
			}
		}
	}
	c.acls()
}

func (c *regionChecker) acls() {
	for i, a := range c.r.NetworkACLs {
		at := fmt.Sprintf("%s.network_acls[%d]", c.at, i)
		c.id(at+".id", a.ID, "acl-")
		c.vpc(at+".vpc", a.VPC)
		c.subnets(at, a.Subnets)
		for j, e := range a.Entries {
			entry := fmt.Sprintf("%s.entries[%d]", at, j)
			c.cidr(entry+".cidr", e.CIDR)
			c.ports(entry, e.From, e.To)
			c.oneOf(entry+".protocol", e.Protocol, "", "tcp", "udp", "icmp", "-1")
			if e.Number < 1 || e.Number > 32766 {
				c.bad(entry+".number", "%d is not within 1…32766", e.Number)
			}
		}
	}
}

func (c *regionChecker) instance(at string, i Instance) {
	c.match(at+".id", i.ID, instanceID, "an instance id")
	c.once(at+".id", "id", i.ID)
	c.oneOf(at+".platform", i.Platform, "Linux", "Windows", "MacOS")
	if i.AgentVersion != "" {
		c.oneOf(at+".ping_status", i.PingStatus, "Online", "ConnectionLost", "Inactive")
	}
	c.groups(at, i.Groups)
	if i.IP == "" {
		c.bad(at+".ip", "is missing and cannot be made up without a subnet")
	} else if _, err := netip.ParseAddr(i.IP); err != nil {
		c.bad(at+".ip", "%q is not an address", i.IP)
	}
	if i.Hybrid() {
		if i.AgentVersion == "" {
			c.bad(at+".agent_version", "is missing: a hybrid node is known by its agent")
		}
		return
	}
	c.subnet(at+".subnet", i.Subnet)
	for j, n := range i.Interfaces {
		further := fmt.Sprintf("%s.interfaces[%d]", at, j)
		c.subnet(further+".subnet", n.Subnet)
		c.groups(further, n.Groups)
	}
	c.oneOf(at+".state", i.State, "pending", "running", "shutting-down", "stopping", "stopped", "terminated")
}

func (c *regionChecker) databases() {
	for i, d := range c.r.DBClusters {
		c.cluster(fmt.Sprintf("%s.db_clusters[%d]", c.at, i), d)
	}
	for i, d := range c.r.DBInstances {
		at := fmt.Sprintf("%s.db_instances[%d]", c.at, i)
		c.match(at+".id", d.ID, dbID, "a DB identifier")
		c.once(at+".id", "DB instance", c.at+"/"+d.ID)
		c.engine(at, d.Engine)
		c.ports(at+".port", d.Port, d.Port)
		c.subnets(at, d.Subnets)
		c.groups(at, d.Groups)
		if len(d.Subnets) == 0 {
			c.bad(at+".subnets", "is missing")
		}
		known := func(k DBCluster) bool { return k.ID == d.Cluster }
		if d.Cluster != "" && !slices.ContainsFunc(c.r.DBClusters, known) {
			c.bad(at+".cluster", "no cluster %q in this region", d.Cluster)
		}
	}
	for i, p := range c.r.DBProxies {
		at := fmt.Sprintf("%s.db_proxies[%d]", c.at, i)
		c.match(at+".name", p.Name, dbID, "a proxy name")
		c.once(at+".name", "proxy", c.at+"/"+p.Name)
		c.oneOf(at+".engine", p.Engine, "POSTGRESQL", "MYSQL", "SQLSERVER")
		c.subnets(at, p.Subnets)
		c.groups(at, p.Groups)
		if len(p.Subnets) == 0 {
			c.bad(at+".subnets", "is missing")
		}
		c.proxyTarget(at+".target", p.Target)
		for j, e := range p.Endpoints {
			end := fmt.Sprintf("%s.endpoints[%d]", at, j)
			c.match(end+".name", e.Name, dbID, "a proxy endpoint name")
			c.once(end+".name", "proxy endpoint", c.at+"/"+e.Name)
			c.oneOf(end+".role", e.Role, "READ_WRITE", "READ_ONLY")
			c.subnets(end, e.Subnets)
			c.groups(end, e.Groups)
		}
	}
}

func (c *regionChecker) engine(at, engine string) {
	if family(engine) == "" {
		c.bad(at+".engine", "%q is no engine of RDS", engine)
	}
}

func (c *regionChecker) proxyTarget(path, target string) {
	for _, d := range c.r.DBInstances {
		if d.ID == target {
			return
		}
	}
	for _, d := range c.r.DBClusters {
		if d.ID == target {
			return
		}
	}
	c.bad(path, "no DB instance or cluster %q in this region", target)
}

func (c *regionChecker) cluster(at string, d DBCluster) {
	c.match(at+".id", d.ID, dbID, "a DB identifier")
	c.once(at+".id", "DB cluster", c.at+"/"+d.ID)
	c.engine(at, d.Engine)
	c.ports(at+".port", d.Port, d.Port)
	c.subnets(at, d.Subnets)
	c.groups(at, d.Groups)
	var members []string
	for _, m := range c.r.members(d.ID) {
		members = append(members, m.ID)
	}
	if !slices.Contains(members, d.Writer) {
		c.bad(at+".writer", "%q is no member of the cluster", d.Writer)
	}
	for i, e := range d.Custom {
		end := fmt.Sprintf("%s.custom_endpoints[%d]", at, i)
		c.match(end+".id", e.ID, dbID, "an endpoint identifier")
		c.once(end+".id", "custom endpoint", c.at+"/"+e.ID)
		c.oneOf(end+".type", e.Type, "READER", "ANY")
		for j, m := range e.Members {
			if !slices.Contains(members, m) {
				c.bad(fmt.Sprintf("%s.members[%d]", end, j), "%q is no member of the cluster", m)
			}
		}
	}
}
