package world

import (
	"fmt"
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
	ips     []netip.Addr
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
			add(d.Endpoint, d.Subnets, d.Groups, d.Status, d.IP)
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
			add(i.IP, []string{i.Subnet}, i.Groups, i.State, i.IP)
		}
	}
	return all
}

// HasEndpoint says whether RDS names an address for the instance yet.
func (d DBInstance) HasEndpoint() bool { return !d.NoEndpoint && d.Status != "creating" }

// blocked says why packets from an instance do not reach an endpoint's port, or "". It is docs/aws.md §4 for IPv4, with the
// first address of the endpoint; a hybrid node is outside every VPC and is let in by CIDR rules alone.
func (s *Spec) blocked(from Place, i Instance, e endpoint, port int) string {
	switch e.status {
	case "stopped", "stopping", "starting", "creating", "deleting", "failed", "inaccessible-encryption-credentials", "terminated", "pending":
		return "it is " + e.status
	}
	src, err := netip.ParseAddr(i.IP)
	if err != nil || len(e.ips) == 0 {
		return "it has no address"
	}
	dst := e.ips[0]
	if i.Hybrid() {
		return e.region.admits(e.groups, port, src, nil)
	}
	r := s.region(from)
	there := e.region.subnetOf(e.subnets, dst)
	if r.vpcOf(i.Subnet) != e.region.vpcOf(there) && (!r.routed(i.Subnet, dst) || !e.region.routed(there, src)) {
		return "no route to " + dst.String() + " and back"
	}
	if !r.leaves(i.Groups, port, dst, e.groups) {
		return fmt.Sprintf("no egress rule of the instance allows tcp/%d to %s", port, dst)
	}
	if why := e.region.admits(e.groups, port, src, i.Groups); why != "" {
		return why
	}
	if i.Subnet == there {
		return ""
	}
	return aclsBlock(r.aclOf(i.Subnet), e.region.aclOf(there), src, dst, port)
}

func (s *Spec) region(at Place) *Region {
	for i := range s.Accounts {
		for j := range s.Accounts[i].Regions {
			if r := &s.Accounts[i].Regions[j]; s.Accounts[i].ID == at.Account && r.Name == at.Region {
				return r
			}
		}
	}
	return &Region{}
}

func (r *Region) vpcOf(subnet string) string {
	for _, s := range r.Subnets {
		if s.ID == subnet {
			return s.VPC
		}
	}
	return ""
}

// VPCOf returns the VPC of a subnet, "" for none.
func (r Region) VPCOf(subnet string) string { return r.vpcOf(subnet) }

// subnetOf says which of the subnets an address is in; the first when in none.
func (r *Region) subnetOf(subnets []string, addr netip.Addr) string {
	for _, s := range r.Subnets {
		if p, err := netip.ParsePrefix(s.CIDR); err == nil && slices.Contains(subnets, s.ID) && p.Contains(addr) {
			return s.ID
		}
	}
	if len(subnets) > 0 {
		return subnets[0]
	}
	return ""
}

// routed says whether a subnet's table sends packets for addr to another network of AWS's: a peering, a transit gateway or a
// virtual private gateway. The longest prefix decides.
func (r *Region) routed(subnet string, addr netip.Addr) bool {
	best, bits := Route{}, -1
	for _, route := range r.tableOf(subnet).Routes {
		if p, err := netip.ParsePrefix(route.CIDR); err == nil && p.Contains(addr) && p.Bits() > bits {
			best, bits = route, p.Bits()
		}
	}
	private := strings.HasPrefix(best.Target, "pcx-") || strings.HasPrefix(best.Target, "tgw-") || strings.HasPrefix(best.Target, "vgw-")
	return private && !best.Blackhole
}

func (r *Region) tableOf(subnet string) RouteTable {
	var main RouteTable
	for _, t := range r.RouteTables {
		if slices.Contains(t.Subnets, subnet) {
			return t
		}
		if t.Main && t.VPC == r.vpcOf(subnet) {
			main = t
		}
	}
	return main
}

func (r *Region) aclOf(subnet string) NetworkACL {
	var byDefault NetworkACL
	for _, a := range r.NetworkACLs {
		if slices.Contains(a.Subnets, subnet) {
			return a
		}
		if a.Default && a.VPC == r.vpcOf(subnet) {
			byDefault = a
		}
	}
	return byDefault
}
