package world

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

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
	Why  string // what decided, for the log
}

// Dial says where a connection from an instance to host:port leads. The network decides first: a database whose status,
// route, network ACL or security group keeps the instance out is Silent, whatever Dials says. Then Dials decides. Without an
// entry a known host is Refused, an unknown address Silent and an unknown name Unresolvable. localhost and the instance's own
// address are the instance itself: their entry in Dials is INSTANCE-ID:PORT. Of several addresses the first is tried. An endpoint
// of a cluster that Dials does not name leads where the member does that has the address: after a fail-over to another one.
func (w *World) Dial(instance, host string, port int) Dial {
	return w.DialAddr(instance, host, netip.Addr{}, port)
}

// DialAddr is Dial for one of the addresses that Lookup gave for the host.
func (w *World) DialAddr(instance, host string, addr netip.Addr, port int) Dial {
	spec := w.spec.Load()
	host = canonical(host)
	at := net.JoinHostPort(host, strconv.Itoa(port))
	from, place, ok := w.Instance(instance)
	if !ok {
		return Dial{Kind: Unresolvable, Why: "no instance " + instance}
	}
	if loopback(host) || host == from.IP {
		return fromEntry(spec.Dials[net.JoinHostPort(instance, strconv.Itoa(port))], Refused, "the instance itself")
	}
	if to := spec.Dials[at]; to == Unresolvable {
		return fromEntry(to, to, "dials entry")
	}
	literal, err := netip.ParseAddr(host)
	if err != nil && spec.deaf(from) {
		return Dial{Kind: Unresolvable, Why: "DNS support is off in the instance's VPC"}
	}
	e, known := spec.endpoint(place, host)
	if known {
		at = net.JoinHostPort(e.host, strconv.Itoa(port))
		if err == nil {
			addr = literal
		} else if !addr.IsValid() {
			addr = first(spec.resolve(from, e))
		}
		if why := spec.reaches(from, e, addr, port); why != "" {
			return Dial{Kind: Silent, Why: why}
		}
	}
	fallback, why := Unresolvable, "unknown name"
	if err == nil {
		fallback, why = Silent, "unknown address"
	}
	if known || spec.dialled(host) {
		fallback, why = Refused, "no dials entry"
	}
	entry := spec.Dials[at]
	if entry == "" && known {
		entry = spec.Dials[net.JoinHostPort(e.memberAt(addr), strconv.Itoa(port))]
	}
	return fromEntry(entry, fallback, why)
}

// memberAt is the name of the DB instance that has one of the endpoint's addresses.
func (e endpoint) memberAt(addr netip.Addr) string {
	for _, d := range e.region.DBInstances {
		if a, err := netip.ParseAddr(d.IP); err == nil && a == addr {
			return d.Endpoint
		}
	}
	return ""
}

// reaches is blocked, for an address that may not be the endpoint's.
func (s *Spec) reaches(from Instance, e endpoint, addr netip.Addr, port int) string {
	switch {
	case !addr.IsValid():
		return "it has no address"
	case !slices.Contains(e.ips, addr):
		return addr.String() + " is its public address, and the way over the internet is not part of the world"
	}
	return s.blocked(from, e, addr, port)
}

func first(addrs []netip.Addr) netip.Addr {
	if len(addrs) == 0 {
		return netip.Addr{}
	}
	return addrs[0]
}

// deaf says whether nothing answers the instance's questions for names.
func (s *Spec) deaf(i Instance) bool {
	n := s.site(i.Subnet)
	v, ok := n.owner.vpc(n.VPC)
	return ok && !i.Hybrid() && v.NoDNS && !v.OwnDNS
}

func (r *Region) vpc(id string) (VPC, bool) {
	for _, v := range r.VPCs {
		if v.ID == id {
			return v, true
		}
	}
	return VPC{}, false
}

// resolve gives an endpoint's addresses as an instance would get them: IPv6 only where the instance has it too, and outside
// the VPC of a public database its public address, unless a peering gives the private one.
func (s *Spec) resolve(i Instance, e endpoint) []netip.Addr {
	addrs := slices.Clone(e.ips)
	nic := i.sender(e.region.subnetOf(e.subnets, first(e.ips)))
	if nic.IP6 == "" {
		addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return a.Is6() })
	}
	if !e.public || i.Hybrid() {
		return addrs
	}
	here, there := s.site(nic.Subnet).VPC, e.vpc()
	if here == there {
		return addrs
	}
	for _, p := range s.Peerings {
		if p.Status == "active" && (p.Requester == there && p.Accepter == here && p.RequesterDNS || p.Accepter == there && p.Requester == here && p.AccepterDNS) {
			return addrs
		}
	}
	sum := sha256.Sum256([]byte(e.host))
	return []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, sum[0]})}
}

func fromEntry(entry, fallback, why string) Dial {
	switch entry {
	case "":
		return Dial{Kind: fallback, Why: why}
	case Silent, Refused, Unresolvable:
		return Dial{Kind: entry, Why: "dials entry"}
	}
	return Dial{Addr: entry, Why: "dials entry"}
}

// Lookup resolves a name as the instance would: a literal address gives itself, localhost the loopback, an endpoint of the
// world its private addresses (a reader endpoint has one for each reader), and a name that only Dials knows a made-up address
// in 198.18.0.0/15. No address means that the name is unknown.
func (w *World) Lookup(instance, host string) []netip.Addr {
	host = canonical(host)
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	if loopback(host) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	spec := w.spec.Load()
	if spec.unresolvable(host) {
		return nil
	}
	from, place, ok := w.Instance(instance)
	if ok && spec.deaf(from) {
		return nil
	}
	if e, known := spec.endpoint(place, host); known {
		return spec.resolve(from, e)
	}
	if !spec.dialled(host) {
		return nil
	}
	sum := sha256.Sum256([]byte(host))
	return []netip.Addr{netip.AddrFrom4([4]byte{198, 18 + sum[0]&1, sum[1], sum[2]})}
}

// CIDRs returns the CIDR of the instance's VPC, none for a hybrid node. The agent forbids its first four and last addresses.
func (w *World) CIDRs(instance string) []netip.Prefix {
	i, place, ok := w.Instance(instance)
	if !ok || i.Hybrid() {
		return nil
	}
	r := w.Region(place.Account, place.Region)
	for _, v := range r.VPCs {
		if v.ID == r.vpcOf(i.Subnet) {
			if p, err := netip.ParsePrefix(v.CIDR); err == nil {
				return []netip.Prefix{p}
			}
		}
	}
	return nil
}

func canonical(host string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// dialled says whether Dials knows the host, at whatever port.
func (s *Spec) dialled(host string) bool {
	for at := range s.Dials {
		if h, _, err := net.SplitHostPort(at); err == nil && h == host {
			return true
		}
	}
	return false
}

// unresolvable says whether Dials calls the name so at some port: a name resolves for all ports or for none.
func (s *Spec) unresolvable(host string) bool {
	for at, to := range s.Dials {
		if h, _, err := net.SplitHostPort(at); to == Unresolvable && err == nil && h == host {
			return true
		}
	}
	return false
}
