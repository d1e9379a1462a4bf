package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// transit follows a packet through a transit gateway: the attachment of its VPC, the route table that this is associated
// with, the attachment of the other VPC.
func (s *Snapshot) transit(rule, id string, t trip) passage {
	tgw, ok := s.Transits[id]
	if !ok {
		return s.lost(aws.Unknown, rule, s.missing("the transit gateway "+id, "ec2:DescribeTransitGatewayAttachments"))
	}
	near, ok := tgw.attachmentOf(t.from.VPC)
	if !ok && s.gone(t.from.VPC, "ec2:DescribeTransitGatewayAttachments") {
		return s.lost(aws.No, rule, t.from.VPC+" is not attached to "+id)
	}
	if !ok {
		return s.lost(aws.Unknown, rule, s.missing("the attachment of "+t.from.VPC+" to "+id, "ec2:DescribeTransitGatewayAttachments"))
	}
	rule = joined(rule, near.ID)
	if near.State != "available" {
		return s.lost(aws.No, rule, near.ID+" is "+near.State)
	}
	leave, why := s.zone(near, t.from)
	if why.Answer != aws.Yes {
		why.Rule = rule
		return passage{Layer: why, far: aws.Unknown, near: aws.Unknown, why: "the way is not known"}
	}
	if near.Table == "" {
		return s.lost(aws.No, rule, near.ID+" is associated with no route table of "+id)
	}
	table, ok := tgw.Tables[near.Table]
	if !ok || !table.Whole {
		return s.lost(aws.Unknown, rule, s.missing("the routes of "+near.Table, "ec2:SearchTransitGatewayRoutes"))
	}
	route, found, maybe := longest(table.ways(), t.at)
	rule = joined(rule, table.ID)
	switch {
	case len(maybe) > 0:
		return s.lost(aws.Unknown, rule, "a more specific route may apply to "+plain(t.at))
	case !found:
		p := s.lost(aws.No, rule, fmt.Sprintf("%s has no route to %s", table.ID, plain(t.at)))
		if far, ok := tgw.attachmentOf(t.to.VPC); ok {
			p.Fix = s.fixTransit(table.ID, far.ID, t)
		}
		return p
	case route.Blackhole:
		return s.lost(aws.No, rule+" "+route.CIDR.String(), "the route of "+table.ID+" is a black hole")
	}
	return s.arrive(rule+" "+route.CIDR.String()+" →", tgw, near, leave, route, t)
}

// arrive is the far end of the way through a transit gateway.
func (s *Snapshot) arrive(rule string, tgw Transit, near Attachment, leave []string, route TransitRoute, t trip) passage {
	rule += " " + strings.Join(route.Attachments, " ")
	far, ok := tgw.attachmentOf(t.to.VPC)
	if !ok || !slices.Contains(route.Attachments, far.ID) {
		for _, id := range route.Attachments {
			other, known := tgw.attachment(id)
			if !known || other.Kind != "vpc" {
				return s.lost(aws.Unknown, rule, "what is behind "+id+" is not visible")
			}
		}
		return s.lost(aws.No, rule, fmt.Sprintf("the transit gateway sends %s to another VPC than %s", plain(t.at), t.to.VPC))
	}
	if far.State != "available" {
		return s.lost(aws.No, rule, far.ID+" is "+far.State)
	}
	if len(route.Attachments) > 1 {
		return s.lost(aws.Unknown, rule, "the transit gateway spreads packets over several attachments")
	}
	out := passage{
		Layer: aws.Layer{Answer: aws.Yes, Rule: rule, Why: "by " + tgw.ID + " to " + t.to.VPC}, kind: transit, leave: leave, join: s.entrances(far, t.from),
		far: all(tgw.References, near.References, far.References), near: aws.No,
		why: "a transit gateway passes groups on to ingress rules alone, where referencing is switched on for it and both attachments",
	}
	return out
}

func (t Transit) attachmentOf(vpc string) (Attachment, bool) {
	i := slices.IndexFunc(t.Attachments, func(a Attachment) bool { return a.Kind == "vpc" && a.VPC == vpc })
	if i < 0 {
		return Attachment{}, false
	}
	return t.Attachments[i], true
}

func (t Transit) attachment(id string) (Attachment, bool) {
	i := slices.IndexFunc(t.Attachments, func(a Attachment) bool { return a.ID == id })
	if i < 0 {
		return Attachment{}, false
	}
	return t.Attachments[i], true
}

func (t TransitTable) ways() []way[TransitRoute] {
	out := make([]way[TransitRoute], 0, len(t.Routes))
	for _, r := range t.Routes {
		out = append(out, way[TransitRoute]{prefixes: []netip.Prefix{r.CIDR}, known: true, line: r})
	}
	return out
}

// zone finds the attachment's subnets in the zone of a subnet: from a zone without one nothing gets to the gateway.
func (s *Snapshot) zone(a Attachment, n Subnet) ([]string, aws.Layer) {
	if len(a.Subnets) == 0 {
		return nil, aws.Layer{Answer: aws.Unknown, Why: s.missing("the subnets of "+a.ID, "ec2:DescribeTransitGatewayVpcAttachments")}
	}
	var here []string
	for _, id := range a.Subnets {
		at, ok := s.Subnets[id]
		if !ok || at.AZ == "" || n.AZ == "" {
			return nil, aws.Layer{Answer: aws.Unknown, Why: "the zone of " + id + " is not known"}
		}
		if at.AZ == n.AZ {
			here = append(here, id)
		}
	}
	if len(here) == 0 {
		return nil, aws.Layer{Answer: aws.No, Why: fmt.Sprintf("%s has no subnet in %s, the zone of %s", a.ID, n.AZ, n.ID), Fix: fixZone(s.place(n.ID), a, n)}
	}
	return here, aws.Layer{Answer: aws.Yes}
}

// entrances are the attachment's subnets by which packets may come in: that of the sender's zone, else any.
func (s *Snapshot) entrances(a Attachment, from Subnet) []string {
	for _, id := range a.Subnets {
		if at := s.Subnets[id]; at.AZ != "" && at.AZ == from.AZ {
			return []string{id}
		}
	}
	return a.Subnets
}

// fences are the borders that a packet of the trip crosses: its own subnet's, those of a transit gateway's attachments, and
// the far subnet's. Inside one subnet there are none.
func (p passage) fences(t trip, src netip.Prefix, to ports) []fence {
	if t.from.ID == t.to.ID && t.from.ID != "" {
		return nil
	}
	out := []fence{{subnets: []string{t.from.ID}, egress: true, peer: t.at, ports: to}}
	if len(p.leave) > 0 {
		out = append(out, fence{subnets: p.leave, home: t.from.ID, peer: src, ports: to})
	}
	if len(p.join) > 0 {
		out = append(out, fence{subnets: p.join, home: t.to.ID, egress: true, peer: t.at, ports: to})
	}
	return append(out, fence{subnets: []string{t.to.ID}, peer: src, ports: to})
}
