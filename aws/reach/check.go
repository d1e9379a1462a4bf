package reach

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// Source is the instance that would carry a tunnel, with its network interfaces.
type Source struct {
	Instance   aws.Instance
	Interfaces []Interface // the primary one first
}

// Dest is what the tunnel would lead to.
type Dest struct {
	Name    string
	Host    string // the name that the instance has to resolve, or an address
	Port    int
	Down    string // why it takes no connections now; "" when it does
	VPC     string
	Subnets []string    // of its subnet group: a failover may move it to any of them
	Groups  []string    // of its interface
	At      []Interface // where it may be now, one of these; only the subnets are known when there is none
	Public  bool        // outside its VPC its name resolves to a public address
	Moves   bool        // a failover moves it between the subnets
	Start   *aws.Fix    // what to do when it is down
}

// Source is the instance as the snapshot knows it: with its interfaces, or with one made of what the instance says itself.
func (s *Snapshot) Source(i aws.Instance) Source {
	out := Source{Instance: i, Interfaces: slices.Clone(s.Interfaces[i.ID])}
	slices.SortStableFunc(out.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Index, b.Index) })
	if len(out.Interfaces) > 0 || i.VPC == "" {
		return out
	}
	own := Interface{Subnet: i.Subnet, VPC: i.VPC, Groups: i.Groups}
	if a, err := netip.ParseAddr(i.IP); err == nil {
		own.Addrs = []netip.Addr{a}
	}
	out.Interfaces = []Interface{own}
	return out
}

// Dest is the database as the snapshot knows it. Its address is that of an interface in its VPC, subnets and zone with exactly
// its groups; databases that are alike in all of that cannot be told apart, and then each is a possible one.
func (s *Snapshot) Dest(d aws.Database) Dest {
	out := Dest{
		Name: d.ID, Host: d.Endpoint.Host, Port: d.Endpoint.Port, VPC: d.VPC, Subnets: d.Subnets, Groups: d.Groups,
		Moves: d.MultiAZ || d.Cluster != "",
	}
	if !d.Available() {
		out.Down = cmp.Or(d.Status, "of unknown status")
		if d.Status == "available" {
			out.Down = "without an endpoint"
		}
		out.Start = fixStart(d)
	}
	groups := slices.Sorted(slices.Values(d.Groups))
	for _, e := range s.Endpoints {
		zone := s.Subnets[e.Subnet].AZ
		if e.VPC == d.VPC && slices.Contains(d.Subnets, e.Subnet) && slices.Equal(slices.Sorted(slices.Values(e.Groups)), groups) && (d.AZ == "" || zone == "" || zone == d.AZ) {
			out.At = append(out.At, e)
			out.Public = out.Public || e.Public
		}
	}
	return out
}

// Free is a host:port outside RDS: a VPC that is known by nothing but an address that some subnet of the snapshot holds.
func (s *Snapshot) Free(e aws.Endpoint, vpc string) Dest {
	out := Dest{Name: e.String(), Host: e.Host, Port: e.Port}
	a, err := netip.ParseAddr(e.Host)
	if err != nil {
		return out
	}
	for _, n := range s.Subnets {
		if n.VPC == vpc && slices.ContainsFunc(n.CIDRs, func(p netip.Prefix) bool { return p.Contains(a) }) {
			out.VPC, out.Subnets = vpc, []string{n.ID}
			out.At = []Interface{{Subnet: n.ID, VPC: vpc, Addrs: []netip.Addr{a}}}
		}
	}
	return out
}

// Check says whether a connection from the instance reaches the endpoint, by what the snapshot holds.
func Check(s *Snapshot, from Source, to Dest) aws.Verdict {
	head := []aws.Layer{state(from, to)}
	spots, address := s.spots(from, to)
	head = append(head, address)
	if len(spots) == 0 {
		return verdict(head)
	}
	results := make([][]aws.Layer, 0, len(spots))
	for _, at := range spots {
		results = append(results, s.flow(from, to, at))
	}
	v := verdict(append(head, agree(spots, results)...))
	if v.Answer == aws.Yes && to.Moves {
		v.Notes = s.after(from, to, spots)
	}
	return v
}

func verdict(layers []aws.Layer) aws.Verdict {
	v := aws.Verdict{Answer: aws.Yes, Layers: layers}
	for _, l := range layers {
		v.Answer = all(v.Answer, l.Answer)
	}
	return v
}

// state is whether both ends are up at all.
func state(from Source, to Dest) aws.Layer {
	i := from.Instance
	l := aws.Layer{Name: "state", Answer: aws.Yes, Rule: i.ID, Why: "the instance is online and " + cmp.Or(to.Name, to.Host) + " serves"}
	switch why := i.Unfit(); {
	case to.Down != "":
		l.Answer, l.Rule, l.Why, l.Fix = aws.No, to.Name, to.Name+" is "+to.Down, to.Start
	case i.PingStatus == "" && i.State == "":
		l.Answer, l.Why = aws.Unknown, "whether "+i.ID+" is online could not be read"
	case why != "":
		l.Answer, l.Why, l.Fix = aws.No, i.ID+": "+why, fixInstance(i)
	}
	return l
}

// spot is a possible pair of ends: where the packet starts and where it goes.
type spot struct {
	near     Interface
	src, dst netip.Prefix // one address, or the block that holds it
	subnet   string       // of dst; "" when unknown
}

// spots are the pairs of ends that are possible, and the layer that says how they were found. No spot means that the layer
// decides.
func (s *Snapshot) spots(from Source, to Dest) ([]spot, aws.Layer) {
	l := aws.Layer{Name: "address", Answer: aws.Unknown, Rule: from.Instance.ID}
	switch {
	case len(from.Interfaces) == 0:
		l.Why = "the network of " + from.Instance.ID + " is not known"
		if !strings.HasPrefix(from.Instance.ID, "mi-") {
			l.Why = s.missing("the network of "+from.Instance.ID, "ec2:DescribeInstances")
		}
		return nil, l
	case to.VPC == "":
		l.Rule, l.Why = to.Name, "the network of "+cmp.Or(to.Name, to.Host)+" is not known"
		return nil, l
	}
	places := to.At
	if len(places) == 0 {
		for _, id := range to.Subnets {
			places = append(places, Interface{Subnet: id, VPC: to.VPC})
		}
	}
	var out []spot
	for _, p := range places {
		if p.Subnet == "" && len(from.Interfaces) > 1 {
			l.Rule, l.Why = p.ID, s.missing("the subnet of "+to.Name, "ec2:DescribeSubnets")+", so it is open which interface sends"
			return nil, l
		}
		near := leaves(from.Interfaces, p.Subnet)
		dsts := prefixes(p.Addrs)
		if len(dsts) == 0 {
			dsts = s.Subnets[p.Subnet].CIDRs
			if len(dsts) == 0 {
				l.Rule, l.Why = p.Subnet, s.missing("the subnet "+p.Subnet, "ec2:DescribeSubnets")
				return nil, l
			}
			dsts = dsts[:1] // a database without a known address is taken to have IPv4 alone
		}
		src, dst, ok := pair(prefixes(near.Addrs), dsts)
		if !ok {
			l.Answer, l.Rule, l.Why = aws.No, joined(near.ID, p.ID), "the instance and the database share no IP version"
			if len(near.Addrs) == 0 {
				l.Answer, l.Why = aws.Unknown, "the address of "+from.Instance.ID+" is not known"
			}
			return nil, l
		}
		out = append(out, spot{near: near, src: src, dst: dst, subnet: p.Subnet})
	}
	if len(out) == 0 {
		l.Rule, l.Why = to.Name, "the subnets of "+to.Name+" are not known"
		return nil, l
	}
	l.Answer, l.Rule, l.Why = aws.Yes, joined(out[0].near.ID, id(places)), plain(out[0].src)+" → "+plain(out[0].dst)
	if len(out) > 1 {
		l.Why += " or another of " + strconv.Itoa(len(out))
	}
	return out, l
}

func id(places []Interface) string {
	if len(places) == 1 {
		return places[0].ID
	}
	return ""
}

func prefixes(addrs []netip.Addr) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(addrs))
	for _, a := range addrs {
		out = append(out, single(a))
	}
	return out
}

// leaves is the interface by which the system of the instance sends: the one in the subnet of the other end, else the primary
// one.
func leaves(all []Interface, subnet string) Interface {
	for _, i := range all {
		if i.Subnet == subnet && subnet != "" {
			return i
		}
	}
	return all[0]
}

// pair chooses the addresses of both ends: IPv6 comes first where both have it (RFC 6724).
func pair(src, dst []netip.Prefix) (s, d netip.Prefix, ok bool) {
	for _, version := range []int{6, 4} {
		of := func(p netip.Prefix) bool { return family(p) == version }
		i, j := slices.IndexFunc(src, of), slices.IndexFunc(dst, of)
		if i >= 0 && j >= 0 {
			return src[i], dst[j], true
		}
	}
	return s, d, false
}
