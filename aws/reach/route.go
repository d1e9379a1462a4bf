package reach

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// kind is by what a packet gets from one subnet to another.
type kind string

const (
	local   kind = "local"
	peering kind = "peering"
	transit kind = "transit gateway"
)

// trip is one direction: a packet that leaves a subnet for an address in another.
type trip struct {
	from, to Subnet
	at       netip.Prefix // the address, or a block that holds it
}

// way of a packet, and whether rules that name groups of the other end count at the far end and at the near one.
type passage struct {
	aws.Layer
	kind        kind
	far, near   aws.Answer
	why         string   // of far and near
	leave, join []string // subnets of the attachments that a transit gateway uses at the near and the far end
}

// route follows a packet through the route table of its subnet.
func (s *Snapshot) route(name string, t trip) passage {
	p := s.follow(t)
	p.Name = name
	return p
}

func (s *Snapshot) follow(t trip) passage {
	if t.from.ID == t.to.ID && t.from.ID != "" {
		return passage{Layer: aws.Layer{Answer: aws.Yes, Rule: t.from.ID, Why: "both are in one subnet"}, kind: local, far: aws.Yes, near: aws.Yes}
	}
	table, ok := s.tableOf(t.from)
	if !ok {
		return s.lost(aws.Unknown, "", s.missing("the route table of "+cmp.Or(t.from.ID, "the subnet"), "ec2:DescribeRouteTables"))
	}
	ways := make([]way[Route], 0, len(table.Routes))
	for _, r := range table.Routes {
		w := way[Route]{prefixes: []netip.Prefix{r.CIDR}, known: true, rank: r.rank(), line: r}
		if r.PrefixList != "" {
			w.prefixes, w.known = s.PrefixLists[r.PrefixList]
		}
		ways = append(ways, w)
	}
	best, found, maybe := longest(ways, t.at)
	if !found && len(maybe) == 0 {
		p := s.lost(aws.No, table.ID, fmt.Sprintf("%s has no route to %s", table.ID, plain(t.at)))
		p.Fix = s.fixRoute(table, t)
		return p
	}
	var out passage
	if found {
		out = s.take(table, best, t)
	} else {
		out = s.lost(aws.No, table.ID, "no route surely applies")
	}
	for _, r := range maybe {
		if other := s.take(table, r, t); other.Answer != out.Answer || other.kind != out.kind {
			return s.lost(aws.Unknown, table.ID+" "+r.text(), "this route may apply to "+plain(t.at)+" and leads elsewhere")
		}
	}
	return out
}

// lost is a packet that does not arrive, or of which nobody knows.
func (s *Snapshot) lost(a aws.Answer, rule, why string) passage {
	return passage{Layer: aws.Layer{Answer: a, Rule: rule, Why: why}, far: aws.Unknown, near: aws.Unknown, why: "the way is not known"}
}

// rank of a route among those of the same length: local, static, prefix list, propagated.
func (r Route) rank() int {
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

func (r Route) text() string {
	to := r.PrefixList
	if to == "" {
		to = r.CIDR.String()
	}
	return to + " → " + r.Target
}

// take follows one route.
func (s *Snapshot) take(table RouteTable, r Route, t trip) passage {
	rule := table.ID + " " + r.text()
	prefix, _, _ := strings.Cut(r.Target, "-")
	here := t.from.VPC == t.to.VPC
	switch {
	case r.Blackhole:
		p := s.lost(aws.No, rule, r.Target+" is gone: the route is a black hole")
		p.Fix = s.fixRoute(table, t)
		return p
	case prefix == "local" && here:
		return passage{Layer: aws.Layer{Answer: aws.Yes, Rule: rule, Why: "both are in " + t.from.VPC}, kind: local, far: aws.Yes, near: aws.Yes}
	case prefix == "local":
		return s.lost(aws.No, rule, fmt.Sprintf("%s is in the range of %s itself, so the packet does not leave it", plain(t.at), t.from.VPC))
	case here:
		return s.lost(aws.Unknown, rule, "a route more specific than the local one leads through "+r.Target+", whose rules are not visible")
	case prefix == "pcx":
		return s.peer(rule, r.Target, t)
	case prefix == "tgw":
		return s.transit(rule, r.Target, t)
	case prefix == "nat" || prefix == "igw" || prefix == "eigw":
		p := s.lost(aws.No, rule, "the route goes to the internet, where "+plain(t.at)+" is not")
		p.Fix = s.fixRoute(table, t)
		return p
	}
	return s.lost(aws.Unknown, rule, "what "+r.Target+" does with the packet is not visible")
}

func (s *Snapshot) tableOf(n Subnet) (RouteTable, bool) {
	if n.ID == "" {
		return RouteTable{}, false
	}
	var main RouteTable
	for _, t := range s.Tables {
		if slices.Contains(t.Subnets, n.ID) {
			return t, true
		}
		if t.Main && t.VPC == n.VPC {
			main = t
		}
	}
	return main, main.ID != "" && n.VPC != ""
}

// peer follows a packet over a peering, which leads to its other side and nowhere else.
func (s *Snapshot) peer(rule, id string, t trip) passage {
	p, ok := s.Peerings[id]
	if !ok && s.gone(t.from.VPC, "ec2:DescribeVpcPeeringConnections") {
		return s.lost(aws.No, rule, id+" does not exist any more")
	}
	if !ok {
		return s.lost(aws.Unknown, rule, s.missing("the peering "+id, "ec2:DescribeVpcPeeringConnections"))
	}
	rule = joined(rule, id)
	near, far := p.Sides[0], p.Sides[1]
	if near.VPC != t.from.VPC {
		near, far = far, near
	}
	switch {
	case p.Status != "active":
		out := s.lost(aws.No, rule, id+" is "+p.Status)
		out.Fix = fixPeering(p)
		return out
	case near.VPC != t.from.VPC || far.VPC != t.to.VPC:
		return s.lost(aws.No, rule, fmt.Sprintf("%s leads to %s, not to %s, and a peering passes nothing on", id, far.VPC, t.to.VPC))
	}
	out := passage{Layer: aws.Layer{Answer: aws.Yes, Rule: rule, Why: "by peering to " + far.VPC}, kind: peering, far: aws.Yes, near: aws.Yes}
	if near.Region != far.Region {
		out.far, out.near, out.why = aws.No, aws.No, "a group of another region does not count over a peering"
	}
	return out
}
