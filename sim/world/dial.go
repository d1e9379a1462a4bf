package world

import "net/netip"

// The words that may stand in Dials in place of an address.
const (
	Silent       = "silent"       // no answer at all: the agent's dial hangs
	Refused      = "refused"      // a reset at once
	Unresolvable = "unresolvable" // the name is unknown
)

// Dial is where a connection attempt leads.
type Dial struct {
	Kind string // "", Silent, Refused or Unresolvable; "" means that Addr is to be dialled
	Addr string // 127.0.0.1:PORT of the real server
	Why  string // for the log: dials entry, security group, database stopped…
}

// Dial says where a connection from an instance to host:port leads. The network decides first: a database whose status,
// route, network ACL or security group keeps the instance out is Silent, whatever Dials says. Then Dials decides; without an
// entry, a database of the world is Refused and any other name Unresolvable.
func (w *World) Dial(instance, host string, port int) Dial {
	return Dial{Kind: Unresolvable}
}

// Lookup resolves a name as the instance would: a literal address gives itself, an endpoint of the world its private address,
// a name that only Dials knows a made-up address in 198.18.0.0/15. No address means that the name is unknown.
func (w *World) Lookup(instance, host string) []netip.Addr { return nil }

// CIDRs returns the CIDR of the instance's VPC, none for a hybrid node. The agent forbids their first four and last addresses.
func (w *World) CIDRs(instance string) []netip.Prefix { return nil }
