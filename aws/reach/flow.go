package reach

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/rdsx/rdsx/aws"
)

// flow is everything between one pair of ends, layer by layer: names, routes there and back, security groups, ACLs there and
// back.
func (s *Snapshot) flow(from Source, to Dest, at spot) []aws.Layer {
	near, far := s.subnet(at.near.Subnet, at.near.VPC), s.subnet(at.subnet, to.VPC)
	go1, back1 := trip{near, far, at.dst}, trip{far, near, at.src}
	there, back := s.route("route", go1), s.route("return route", back1)
	dns := s.resolves(near, to)

	egress := s.admitted("egress", knock{egress: true, groups: at.near.Groups, port: to.Port, peer: at.dst, theirs: to.Groups, refs: there.near, noRefs: there.why})
	ingress := s.admitted("ingress", knock{groups: to.Groups, port: to.Port, peer: at.src, theirs: at.near.Groups, refs: there.far, noRefs: there.why})
	if egress.Answer == aws.No {
		egress.Fix = fixGroup(near.region(s), true, at.near.Groups, to.Port, to.Groups, there.near, s.block(at.dst, at.subnet))
	}
	if ingress.Answer == aws.No {
		ingress.Fix = fixGroup(far.region(s), false, to.Groups, to.Port, at.near.Groups, there.far, s.block(at.src, at.near.Subnet))
	}
	reply := ephemeral(from.Instance.Platform)
	acl := s.crossed("acl", there.fences(go1, at.src, ports{to.Port, to.Port}))
	returning := s.crossed("return acl", back.fences(back1, at.dst, reply))
	for _, l := range []*aws.Layer{&acl, &returning} {
		if l.Answer == aws.Yes && l.Why == "" {
			l.Why = "both are in one subnet"
		}
	}
	if (near.ID == "" || far.ID == "") && near.VPC == far.VPC {
		for _, l := range []*aws.Layer{&there.Layer, &back.Layer, &acl, &returning} {
			neighbours(l)
		}
	}
	return []aws.Layer{dns, there.Layer, back.Layer, egress, ingress, acl, returning}
}

// neighbours doubts a denial where both ends may be in one subnet, between whose members no router and no ACL stands.
func neighbours(l *aws.Layer) {
	if l.Answer == aws.No {
		l.Answer, l.Fix, l.Why = aws.Unknown, nil, l.Why+", unless both are in one subnet, which is not known"
	}
}

// subnet is what is known of one; its VPC is, even where the subnet itself cannot be read.
func (s *Snapshot) subnet(id, vpc string) Subnet {
	n := s.Subnets[id]
	n.ID, n.VPC = cmp.Or(n.ID, id), cmp.Or(n.VPC, vpc)
	return n
}

func (n Subnet) region(s *Snapshot) string { return s.VPCs[n.VPC].Region }

// block is what an edit would allow: the address, or the whole subnet for an end that moves in it.
func (s *Snapshot) block(at netip.Prefix, subnet string) netip.Prefix {
	for _, p := range s.Subnets[subnet].CIDRs {
		if p.Overlaps(at) {
			return p
		}
	}
	return at
}

// resolves is whether the instance gets the private address for the name.
func (s *Snapshot) resolves(near Subnet, to Dest) aws.Layer {
	l := aws.Layer{Name: "dns", Answer: aws.Yes, Rule: near.VPC, Why: "the name resolves in " + near.VPC}
	if _, err := netip.ParseAddr(to.Host); err == nil {
		l.Rule, l.Why = "", "an address needs no name"
		return l
	}
	v, ok := s.VPCs[near.VPC]
	switch {
	case !ok:
		l.Answer, l.Why = aws.Unknown, s.missing("the DNS settings of "+near.VPC, "ec2:DescribeVpcs")
	case v.DNS == aws.No && v.OwnDNS == aws.No:
		l.Answer, l.Why, l.Fix = aws.No, "DNS support is switched off in "+near.VPC, fixDNS(v)
	case v.DNS == aws.No:
		l.Answer, l.Why = aws.Unknown, "DNS support is switched off in "+near.VPC+"; its own name servers may know the name"
	case v.DNS != aws.Yes:
		l.Answer, l.Why = aws.Unknown, s.missing("the DNS support of "+near.VPC, "ec2:DescribeVpcAttribute")
	case to.Public && near.VPC != to.VPC:
		return s.resolvesPublic(l, near, to)
	}
	return l
}

// resolvesPublic is resolves for a publicly accessible database in another VPC: only a peering that says so gives its private
// address.
func (s *Snapshot) resolvesPublic(l aws.Layer, near Subnet, to Dest) aws.Layer {
	var fix *aws.Fix
	for _, p := range s.Peerings {
		for i, side := range p.Sides {
			if p.Status != "active" || side.VPC != to.VPC || p.Sides[1-i].VPC != near.VPC {
				continue
			}
			if side.Resolves {
				l.Rule, l.Why = p.ID, "the peering resolves public names to private addresses"
				return l
			}
			l.Rule, fix = p.ID, fixResolution(p, i)
		}
	}
	const public = "it is publicly accessible, so its name gives its public address here, "
	wide := func(r Route) bool { return r.PrefixList != "" || r.CIDR.IsValid() && r.CIDR.Bits() < 8 }
	if table, ok := s.tableOf(near); ok && s.gone(near.VPC, "ec2:DescribeVpcPeeringConnections") && !slices.ContainsFunc(table.Routes, wide) {
		l.Answer, l.Why, l.Fix = aws.No, public+"to which "+table.ID+" has no route", fix
		return l
	}
	l.Answer, l.Why = aws.Unknown, public+"and what is on that way is not visible"
	return l
}

// agree makes one list of layers out of those of all possible spots. Where they differ, nobody knows.
func agree(spots []spot, results [][]aws.Layer) []aws.Layer {
	answers := make([]aws.Answer, len(results))
	for i, layers := range results {
		answers[i] = verdict(layers).Answer
	}
	if same(answers...) != aws.Unknown || len(results) == 1 {
		return results[0]
	}
	if i := slices.Index(answers, aws.Unknown); i >= 0 {
		return results[i]
	}
	i := slices.Index(answers, aws.No)
	out := slices.Clone(results[i])
	for j, l := range out {
		if l.Answer == aws.No {
			out[j].Answer, out[j].Fix = aws.Unknown, nil
			out[j].Why = fmt.Sprintf("if the database is at %s: %s", plain(spots[i].dst), l.Why)
		}
	}
	return out
}

// after says what a failover to the other subnets would change. Only what surely fails is said.
func (s *Snapshot) after(from Source, to Dest, now []spot) []string {
	var notes []string
	for _, id := range to.Subnets {
		if slices.ContainsFunc(now, func(x spot) bool { return x.subnet == id }) || len(s.Subnets[id].CIDRs) == 0 {
			continue
		}
		near := leaves(from.Interfaces, id)
		other := func(p netip.Prefix) bool { return family(p) != family(now[0].dst) }
		src, dst, ok := pair(prefixes(near.Addrs), slices.DeleteFunc(slices.Clone(s.Subnets[id].CIDRs), other))
		if !ok {
			continue
		}
		v := verdict(s.flow(from, to, spot{near: near, src: src, dst: dst, subnet: id}))
		if l, found := v.First(); found && v.Answer == aws.No {
			notes = append(notes, fmt.Sprintf("after a failover to %s (%s) it would fail: %s: %s", id, s.Subnets[id].AZ, l.Name, l.Why))
		}
	}
	return notes
}
