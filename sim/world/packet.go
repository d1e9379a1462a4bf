package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// site is a subnet with the region of the account that owns it, whose tables and ACLs hold.
type site struct {
	Subnet
	owner *Region
	at    Place
}

// packet goes from an address in one subnet to a port of an address in another.
type packet struct {
	from, to site
	src, dst netip.Addr
	port     int
}

// crossing is how a packet came to the other side, and whether rules there and here may name the other side's groups.
type crossing struct{ there, here bool }

// blocked says why a connection from an instance does not reach an endpoint's port at an address, or "". The packets are
// followed: out of the interface, over the subnet's ACL, by the route, over the other ACL, into the interface, and back. A
// hybrid node is outside every VPC and is let in by CIDR rules alone.
func (s *Spec) blocked(i Instance, e endpoint, dst netip.Addr, port int) string {
	switch e.status {
	case "stopped", "stopping", "starting", "creating", "deleting", "failed", "inaccessible-encryption-credentials", "terminated", "pending":
		return "it is " + e.status
	}
	if i.Hybrid() {
		addr, err := netip.ParseAddr(i.IP)
		if err != nil {
			return "it has no address"
		}
		return s.admits(e.groups, port, known{addr: addr})
	}
	far := s.site(e.region.subnetOf(e.subnets, dst))
	nic := i.sender(far.ID)
	near := s.site(nic.Subnet)
	src := nic.source(dst)
	if !src.IsValid() {
		return "the instance has no address of its kind"
	}
	out := packet{near, far, src, dst, port}
	how, why := s.carry(out, "")
	if why == "" {
		_, why = s.carry(packet{far, near, dst, src, i.sourcePort()}, "the answer ")
	}
	if why != "" {
		return why
	}
	away, back := known{addr: dst}, known{addr: src}
	if how.here {
		away.groups = e.groups
	}
	if how.there {
		back.groups = nic.Groups
	}
	if !s.leaves(nic.Groups, port, away) {
		return fmt.Sprintf("no egress rule of the instance allows tcp/%d to %s", port, dst)
	}
	return s.admits(e.groups, port, back)
}

// sender is the interface that is on the other end's own subnet, else the primary one: the system routes so.
func (i Instance) sender(subnet string) NIC {
	primary := NIC{Subnet: i.Subnet, Groups: i.Groups, IP: i.IP, IP6: i.IP6}
	if i.Subnet == subnet {
		return primary
	}
	for _, n := range i.Interfaces {
		if n.Subnet == subnet {
			return n
		}
	}
	return primary
}

func (n NIC) source(dst netip.Addr) netip.Addr {
	text := n.IP
	if dst.Is6() {
		text = n.IP6
	}
	a, _ := netip.ParseAddr(text) // the zero address when there is none
	return a
}

// site finds a subnet at its owner's.
func (s *Spec) site(id string) site {
	for i := range s.Accounts {
		for j := range s.Accounts[i].Regions {
			r := &s.Accounts[i].Regions[j]
			for _, n := range r.Subnets {
				if n.ID == id && n.Owner == "" {
					return site{n, r, Place{s.Accounts[i].ID, r.Name}}
				}
			}
		}
	}
	return site{owner: &Region{}}
}

// carry takes a packet to the other subnet. whose is put before what stops it.
func (s *Spec) carry(p packet, whose string) (crossing, string) {
	if p.from.ID == p.to.ID {
		return crossing{true, true}, "" // no router and no ACL between neighbours
	}
	if acl := p.from.owner.aclOf(p.from.ID); !acl.passes(true, p.dst, p.port) {
		return crossing{}, acl.ID + " stops " + object(whose) + "on the way out"
	}
	how, why := s.forward(p)
	if why != "" {
		return crossing{}, "no route to " + p.dst.String() + " and back: " + why
	}
	if acl := p.to.owner.aclOf(p.to.ID); !acl.passes(false, p.src, p.port) {
		return crossing{}, acl.ID + " stops " + object(whose) + "on the way in"
	}
	return how, ""
}

func object(whose string) string {
	if whose == "" {
		return "it "
	}
	return whose
}

// forward asks the route table of the packet's subnet.
func (s *Spec) forward(p packet) (crossing, string) {
	table := p.from.owner.tableOf(p.from.ID)
	best, bits := Route{}, -1
	for _, r := range table.Routes {
		cidrs := []string{r.CIDR}
		if r.PrefixList != "" {
			cidrs = s.prefixes(r.PrefixList)
		}
		for _, cidr := range cidrs {
			c, err := netip.ParsePrefix(cidr)
			if err == nil && c.Contains(p.dst) && (c.Bits() > bits || c.Bits() == bits && preferred(r, best)) {
				best, bits = r, c.Bits()
			}
		}
	}
	prefix, _, _ := strings.Cut(best.Target, "-")
	switch {
	case bits < 0:
		return crossing{}, table.ID + " knows none"
	case best.Blackhole:
		return crossing{}, best.Target + " is gone"
	case prefix == "local" && p.from.VPC == p.to.VPC:
		return crossing{true, true}, ""
	case prefix == "pcx" && p.from.VPC != p.to.VPC:
		return s.overPeering(best.Target, p)
	case prefix == "tgw" && p.from.VPC != p.to.VPC:
		return s.overTransit(best.Target, p)
	}
	return crossing{}, "it leads to " + best.Target
}

// preferred orders routes of one length: local, static, by prefix list, propagated.
func preferred(a, b Route) bool {
	order := func(r Route) int {
		switch {
		case r.Target == "local":
			return 0
		case r.Propagated:
			return 3
		case r.PrefixList != "":
			return 2
		}
		return 1
	}
	return order(a) < order(b)
}

func (s *Spec) overPeering(id string, p packet) (crossing, string) {
	for _, x := range s.Peerings {
		ends := []string{x.Requester, x.Accepter}
		if x.ID != id {
			continue
		}
		if x.Status != "active" {
			return crossing{}, id + " is " + x.Status
		}
		if !slices.Contains(ends, p.from.VPC) || !slices.Contains(ends, p.to.VPC) {
			return crossing{}, id + " leads elsewhere"
		}
		same := x.requesterHome.Region == x.accepterHome.Region
		return crossing{same, same}, ""
	}
	return crossing{}, "no peering " + id
}

// overTransit takes a packet through a transit gateway: in by the attachment in its zone, through the ACL of that subnet, by
// the attachment's route table, out in the same zone if the other attachment is there too.
func (s *Spec) overTransit(id string, p packet) (crossing, string) {
	i := slices.IndexFunc(s.Transits, func(t Transit) bool { return t.ID == id })
	if i < 0 {
		return crossing{}, "no transit gateway " + id
	}
	tgw := s.Transits[i]
	in, ok := tgw.of(p.from.VPC)
	if !ok || in.State != "available" {
		return crossing{}, p.from.VPC + " is not attached to " + id
	}
	door, ok := s.inZone(in, p.from.AZ)
	if !ok {
		return crossing{}, in.ID + " is not in " + p.from.AZ
	}
	if acl := door.owner.aclOf(door.ID); door.ID != p.from.ID && !acl.passes(false, p.src, p.port) {
		return crossing{}, acl.ID + " stops it before " + id
	}
	best, bits := TransitRoute{}, -1
	for _, t := range tgw.Tables {
		for _, r := range t.Routes {
			if c, err := netip.ParsePrefix(r.CIDR); t.ID == in.Table && err == nil && c.Contains(p.dst) && c.Bits() > bits {
				best, bits = r, c.Bits()
			}
		}
	}
	out, ok := tgw.of(p.to.VPC)
	if bits < 0 || best.Blackhole || !ok || best.Attachment != out.ID || out.State != "available" || len(out.Subnets) == 0 {
		return crossing{}, id + " does not lead there"
	}
	exit, ok := s.inZone(out, p.from.AZ)
	if !ok {
		exit = s.site(out.Subnets[0])
	}
	if acl := exit.owner.aclOf(exit.ID); exit.ID != p.to.ID && !acl.passes(true, p.dst, p.port) {
		return crossing{}, acl.ID + " stops it behind " + id
	}
	return crossing{there: tgw.References && in.References && out.References}, ""
}

func (t Transit) of(vpc string) (TransitAttachment, bool) {
	i := slices.IndexFunc(t.Attachments, func(a TransitAttachment) bool { return a.VPC == vpc && vpc != "" })
	if i < 0 {
		return TransitAttachment{}, false
	}
	return t.Attachments[i], true
}

func (s *Spec) inZone(a TransitAttachment, zone string) (site, bool) {
	for _, id := range a.Subnets {
		if at := s.site(id); at.AZ == zone {
			return at, true
		}
	}
	return site{}, false
}

// subnetOf says which of the subnets an address is in; the first when in none.
func (r *Region) subnetOf(subnets []string, addr netip.Addr) string {
	for _, n := range r.Subnets {
		if slices.Contains(subnets, n.ID) && (contains(n.CIDR, addr) || contains(n.CIDR6, addr)) {
			return n.ID
		}
	}
	if len(subnets) > 0 {
		return subnets[0]
	}
	return ""
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
