package world

import (
	"net/netip"
	"slices"
	"strings"
)

// endpoint is a place in the network that a name or an address leads to.
type endpoint struct {
	host    string // the name under which Dials knows it
	region  *Region
	subnets []string
	groups  []string
	status  string
	ips     []netip.Addr // IPv6 before IPv4
	public  bool         // outside its VPC the name gives a public address
}

// vpc of the endpoint, "" when its subnets are not known.
func (e endpoint) vpc() string {
	if len(e.subnets) == 0 {
		return ""
	}
	return e.region.vpcOf(e.subnets[0])
}

// endpoint finds what a name, or an address inside the account and region, stands for. RDS names resolve everywhere.
func (s *Spec) endpoint(from Place, host string) (endpoint, bool) {
	addr, err := netip.ParseAddr(host)
	for i := range s.Accounts {
		for j := range s.Accounts[i].Regions {
			r := &s.Accounts[i].Regions[j]
			here := from == Place{s.Accounts[i].ID, r.Name}
			if err == nil && !here {
				continue
			}
			for _, e := range r.endpoints() {
				if e.host == host || err == nil && slices.Contains(e.ips, addr) {
					return e, true
				}
			}
		}
	}
	return endpoint{}, false
}

// endpoints lists every name of a region: DB instances first, so that an address is found under its instance's name.
func (r *Region) endpoints() []endpoint {
	var all []endpoint
	add := func(host string, subnets, groups []string, status string, ips ...string) {
		e := endpoint{host: strings.ToLower(host), region: r, subnets: subnets, groups: groups, status: status}
		for _, ip := range ips {
			if a, err := netip.ParseAddr(ip); err == nil {
				e.ips = append(e.ips, a)
			}
		}
		all = append(all, e)
	}
	for _, d := range r.DBInstances {
		if d.HasEndpoint() {
			add(d.Endpoint, d.Subnets, d.Groups, d.Status, d.IP6, d.IP)
			all[len(all)-1].public = d.Public
		}
	}
	for _, c := range r.DBClusters {
		ips := map[string]string{}
		var readers []string
		for _, m := range r.members(c.ID) {
			ips[m.ID] = m.IP
			if m.ID != c.Writer {
				readers = append(readers, m.IP)
			}
		}
		if len(readers) == 0 {
			readers = []string{ips[c.Writer]}
		}
		add(c.Endpoint, c.Subnets, c.Groups, c.Status, ips[c.Writer])
		add(c.ReaderEndpoint, c.Subnets, c.Groups, c.Status, readers...)
		for _, e := range c.Custom {
			var chosen []string
			for _, m := range e.Members {
				chosen = append(chosen, ips[m])
			}
			add(e.Endpoint, c.Subnets, c.Groups, c.Status, chosen...)
		}
	}
	for _, p := range r.DBProxies {
		add(p.Endpoint, p.Subnets, p.Groups, p.Status, p.IP)
		for _, e := range p.Endpoints {
			add(e.Endpoint, e.Subnets, e.Groups, e.Status, r.address(e.Name, e.Subnets...))
		}
	}
	for _, e := range r.serviceEndpoints("") {
		add(e.Host, e.subnets, e.groups, e.status, e.ip)
	}
	for _, i := range r.Instances {
		if !i.Hybrid() {
			add(i.IP, []string{i.Subnet}, i.Groups, i.State, i.IP6, i.IP)
			for _, n := range i.Interfaces {
				add(n.IP, []string{n.Subnet}, n.Groups, i.State, n.IP6, n.IP)
			}
		}
	}
	return all
}

// HasEndpoint says whether RDS names an address for the instance yet.
func (d DBInstance) HasEndpoint() bool { return !d.NoEndpoint && d.Status != "creating" }

func (r *Region) vpcOf(subnet string) string {
	for _, s := range r.Subnets {
		if s.ID == subnet {
			return s.VPC
		}
	}
	return ""
}

// SubnetOf returns which of the subnets an address is in, the first when in none.
func (r Region) SubnetOf(subnets []string, addr string) string {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	return r.subnetOf(subnets, a)
}

// VPCOf returns the VPC of a subnet, "" for none.
func (r Region) VPCOf(subnet string) string { return r.vpcOf(subnet) }
