package reach

import (
	"cmp"
	"fmt"
	"slices"
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
		c := Candidate{Instance: i, Verdict: Check(s, s.Source(i), to)}
		c.Why = s.praise(c, db)
		out = append(out, c)
	}
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
	if n := s.Load[c.Instance.ID]; n > 0 {
		why += fmt.Sprintf(", %d sessions open", n)
	}
	return why
}
