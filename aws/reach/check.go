package reach

import (
	"net/netip"

	"github.com/rdsx/rdsx/aws"
)

// Source is the instance that would carry a tunnel, with its network interfaces.
type Source struct {
	Instance   aws.Instance
	Interfaces []Interface // the primary one first; none when they are not known
}

// Dest is what the tunnel would lead to.
type Dest struct {
	Name     string
	Status   string // as RDS reports it; "available" serves
	Serves   bool   // connections are taken in this status
	Port     int
	VPC      string
	Subnets  []string // of its subnet group: a failover may move it to any of them
	Groups   []string
	Addrs    []netip.Addr // where it is now; all of a name's, when it has several
	Public   bool         // its name resolves to a public address outside its VPC
	Account  string
	Region   string
	Database *aws.Database // nil for a free host
}

// Source is the instance as the snapshot knows it.
func (s *Snapshot) Source(i aws.Instance) Source { return Source{Instance: i} }

// Dest is the database as the snapshot knows it.
func (s *Snapshot) Dest(d aws.Database) Dest { return Dest{Name: d.ID} }

// Check says whether a connection from the instance reaches the endpoint, by what the snapshot holds.
func Check(s *Snapshot, from Source, to Dest) aws.Verdict {
	return aws.Verdict{Answer: aws.Unknown}
}

// Candidate is an instance that might carry a tunnel, and how well.
type Candidate struct {
	Instance aws.Instance
	Verdict  aws.Verdict
	Why      string // what speaks for it, in a few words
}

// Rank orders the instances for a database, the best first: those that reach it, in its zone, with the newest agent, with the
// fewest sessions. Instances that cannot carry a session now come last.
func Rank(s *Snapshot, instances []aws.Instance, db aws.Database) []Candidate { return nil }
