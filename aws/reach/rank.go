package reach

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// Candidate is an instance that might carry a tunnel, and how well.
type Candidate struct {
	Instance aws.Instance
	Verdict  aws.Verdict
	Why      string // what speaks for it, in a few words
}

// Rank orders the instances for a database, the best first: those that reach it, then those of which it is not known; in its
// zone; with the newest agent; with the fewest open sessions. Instances that cannot carry a session now come last.
func Rank(s *Snapshot, instances []aws.Instance, db aws.Database) []Candidate {
	to := s.Dest(db)
	out := make([]Candidate, 0, len(instances))
	for _, i := range instances {
		out = append(out, Candidate{Instance: i, Verdict: Check(s, s.Source(i), to)})
	}
	s.order(out, db)
	for i := range out {
		out[i].Why = s.praise(out[i], db)
	}
	return out
}

// Best is Rank for many databases and instances: instances that no rule can tell apart are judged once. The order is the same;
// only the first candidate has a Why, and what the verdicts of the others say may name another instance of their kind.
func Best(s *Snapshot, instances []aws.Instance, db aws.Database) []Candidate {
	to := s.Dest(db)
	seen := map[string]aws.Verdict{}
	out := make([]Candidate, 0, len(instances))
	for _, i := range instances {
		from := s.Source(i)
		key := s.kindOf(from)
		v, ok := seen[key]
		if !ok {
			v = Check(s, from, to)
			seen[key] = v
		}
		out = append(out, Candidate{Instance: i, Verdict: v})
	}
	s.order(out, db)
	if len(out) > 0 {
		out[0].Verdict = Check(s, s.Source(out[0].Instance), to)
		out[0].Why = s.praise(out[0], db)
	}
	return out
}

func (s *Snapshot) order(out []Candidate, db aws.Database) {
	slices.SortStableFunc(out, func(a, b Candidate) int {
		return cmp.Or(
			unfit(a.Instance)-unfit(b.Instance),
			order(a.Verdict.Answer)-order(b.Verdict.Answer),
			distance(a.Instance, db)-distance(b.Instance, db),
			aws.CompareVersions(b.Instance.AgentVersion, a.Instance.AgentVersion),
			s.Load[a.Instance.ID]-s.Load[b.Instance.ID],
			strings.Compare(a.Instance.Name, b.Instance.Name),
			strings.Compare(a.Instance.ID, b.Instance.ID),
		)
	})
}

// kindOf is equal for instances that no rule can tell apart: fit alike, on the same system, with interfaces in the same subnets
// and groups whose addresses are in the same of the blocks that are smaller than a subnet.
func (s *Snapshot) kindOf(from Source) string {
	var b strings.Builder
	b.WriteString(from.Instance.Unfit() + "|" + from.Instance.Platform)
	if len(from.Interfaces) == 0 {
		b.WriteString("|" + from.Instance.ID)
	}
	for _, n := range from.Interfaces {
		b.WriteString("|" + n.VPC + " " + n.Subnet + " " + strings.Join(n.Groups, ","))
		for _, a := range n.Addrs {
			b.WriteString(" " + strconv.Itoa(a.BitLen()))
			for i, p := range s.smallBlocks(n.Subnet) {
				if p.Contains(a) {
					b.WriteString("/" + strconv.Itoa(i))
				}
			}
		}
		if len(s.Subnets[n.Subnet].CIDRs) == 0 { // its range is not known, so nothing is known of what is smaller
			fmt.Fprint(&b, n.Addrs)
		}
	}
	return b.String()
}

// smallBlocks are the blocks of all rules, entries and routes that lie inside a subnet and are not all of it.
func (s *Snapshot) smallBlocks(subnet string) []netip.Prefix {
	if s.blocks == nil {
		s.blocks = &blockIndex{of: map[string][]netip.Prefix{}}
	}
	s.blocks.mu.Lock()
	defer s.blocks.mu.Unlock()
	found, ok := s.blocks.of[subnet]
	if ok {
		return found
	}
	for _, p := range s.allBlocks() {
		for _, own := range s.Subnets[subnet].CIDRs {
			if own.Overlaps(p) && p.Bits() > own.Bits() && !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	s.blocks.of[subnet] = found
	return found
}

func (s *Snapshot) allBlocks() []netip.Prefix {
	var out []netip.Prefix
	for _, g := range s.Groups {
		for _, r := range slices.Concat(g.Ingress, g.Egress) {
			out = append(out, r.CIDR)
		}
	}
	for _, a := range s.ACLs {
		for _, e := range a.Entries {
			out = append(out, e.CIDR)
		}
	}
	for _, t := range s.Tables {
		for _, r := range t.Routes {
			out = append(out, r.CIDR)
		}
	}
	for _, l := range s.PrefixLists {
		out = append(out, l...)
	}
	for _, g := range s.Transits {
		for _, t := range g.Tables {
			for _, r := range t.Routes {
				out = append(out, r.CIDR)
			}
		}
	}
	return out
}

func unfit(i aws.Instance) int {
	if i.Unfit() != "" {
		return 1
	}
	return 0
}

func order(a aws.Answer) int { return slices.Index([]aws.Answer{aws.Yes, aws.Unknown, aws.No}, a) }

// distance is 0 in the database's zone, 1 in one of its subnets, 2 in its VPC, 3 elsewhere. Traffic between zones costs money
// and time.
func distance(i aws.Instance, db aws.Database) int {
	switch {
	case i.VPC == "" || i.VPC != db.VPC:
		return 3
	case db.AZ != "" && i.AZ == db.AZ:
		return 0
	case i.Subnet != "" && slices.Contains(db.Subnets, i.Subnet):
		return 1
	}
	return 2
}

// praise says why an instance is taken, or what speaks against it.
func (s *Snapshot) praise(c Candidate, db aws.Database) string {
	if c.Verdict.Answer != aws.Yes {
		return c.Verdict.Why()
	}
	where := []string{"in the same zone", "in one of its subnets", "in the same VPC", "in " + c.Instance.VPC}[distance(c.Instance, db)]
	why := "every rule on the way lets it through, " + where
	switch n := s.Load[c.Instance.ID]; {
	case n == 1:
		why += ", 1 session open"
	case n > 1:
		why += fmt.Sprintf(", %d sessions open", n)
	}
	return why
}
