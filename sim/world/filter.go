package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// known is what the rules of one end can tell of the other.
type known struct {
	addr   netip.Addr
	groups []string // of its interface, as far as rules may name them from here
}

// admits says why no ingress rule of the groups lets a peer in, or "".
func (s *Spec) admits(groups []string, port int, peer known) string {
	for _, r := range s.rules(groups, false) {
		if s.allows(r, port, peer) {
			return ""
		}
	}
	return fmt.Sprintf("no ingress rule of %s allows tcp/%d from %s", strings.Join(groups, ", "), port, peer.addr)
}

func (s *Spec) leaves(groups []string, port int, peer known) bool {
	return slices.ContainsFunc(s.rules(groups, true), func(r Rule) bool { return s.allows(r, port, peer) })
}

// rules are those of all the groups, wherever the groups are.
func (s *Spec) rules(groups []string, egress bool) []Rule {
	var out []Rule
	for i := range s.Accounts {
		for j := range s.Accounts[i].Regions {
			for _, g := range s.Accounts[i].Regions[j].SecurityGroups {
				switch {
				case !slices.Contains(groups, g.ID):
				case egress:
					out = append(out, g.Egress...)
				default:
					out = append(out, g.Ingress...)
				}
			}
		}
	}
	return out
}

func (s *Spec) allows(r Rule, port int, peer known) bool {
	switch r.Protocol {
	case "-1":
	case "tcp":
		if port < r.From || port > r.To {
			return false
		}
	default:
		return false
	}
	switch {
	case r.Group != "":
		return slices.Contains(peer.groups, r.Group)
	case r.PrefixList != "":
		return slices.ContainsFunc(s.prefixes(r.PrefixList), func(cidr string) bool { return contains(cidr, peer.addr) })
	}
	return contains(r.CIDR, peer.addr)
}

func contains(cidr string, addr netip.Addr) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Contains(addr)
}

// prefixes are the entries of a prefix list.
func (s *Spec) prefixes(id string) []string {
	for i := range s.Accounts {
		for j := range s.Accounts[i].Regions {
			for _, l := range s.Accounts[i].Regions[j].PrefixLists {
				if l.ID == id {
					return l.Entries
				}
			}
		}
	}
	return nil
}

// sourcePort is one that the instance's system may pick: the way back has to be open for it (docs/aws.md §4).
func (i Instance) sourcePort() int {
	if i.Platform == "Linux" {
		return 40000
	}
	return 50000
}

// passes says whether a network ACL lets a packet to a port cross.
func (a NetworkACL) passes(egress bool, peer netip.Addr, port int) bool {
	lowest, verdict := 32767, false
	for _, e := range a.Entries {
		all := e.Protocol == "-1" || e.Protocol == ""
		inPorts := all || e.Protocol == "tcp" && (e.From == 0 && e.To == 0 || port >= e.From && port <= e.To)
		if e.Egress == egress && contains(e.CIDR, peer) && inPorts && e.Number < lowest {
			lowest, verdict = e.Number, !e.Deny
		}
	}
	return verdict
}
