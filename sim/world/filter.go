package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// admits says why no ingress rule of the groups lets a peer in, or "". peerGroups are the groups of the peer's interface.
func (r *Region) admits(groups []string, port int, peer netip.Addr, peerGroups []string) string {
	for _, g := range r.SecurityGroups {
		if slices.Contains(groups, g.ID) && slices.ContainsFunc(g.Ingress, func(x Rule) bool { return x.allows(port, peer, peerGroups) }) {
			return ""
		}
	}
	return fmt.Sprintf("no ingress rule of %s allows tcp/%d from %s", strings.Join(groups, ", "), port, peer)
}

func (r *Region) leaves(groups []string, port int, peer netip.Addr, peerGroups []string) bool {
	for _, g := range r.SecurityGroups {
		if slices.Contains(groups, g.ID) && slices.ContainsFunc(g.Egress, func(x Rule) bool { return x.allows(port, peer, peerGroups) }) {
			return true
		}
	}
	return false
}

func (x Rule) allows(port int, peer netip.Addr, peerGroups []string) bool {
	switch x.Protocol {
	case "-1":
	case "tcp":
		if port < x.From || port > x.To {
			return false
		}
	default:
		return false
	}
	if x.Group != "" {
		return slices.Contains(peerGroups, x.Group)
	}
	p, err := netip.ParsePrefix(x.CIDR)
	return err == nil && p.Contains(peer)
}

// ephemeral is a source port that Linux picks: the way back has to be open for it (docs/aws.md §4).
const ephemeral = 40000

// aclsBlock follows a connection out of one subnet, into another, and back.
func aclsBlock(near, far NetworkACL, src, dst netip.Addr, port int) string {
	switch {
	case !near.passes(true, dst, port):
		return near.ID + " stops it on the way out"
	case !far.passes(false, src, port):
		return far.ID + " stops it on the way in"
	case !far.passes(true, src, ephemeral):
		return far.ID + " stops the answer on the way out"
	case !near.passes(false, dst, ephemeral):
		return near.ID + " stops the answer on the way in"
	}
	return ""
}

func (a NetworkACL) passes(egress bool, peer netip.Addr, port int) bool {
	lowest, verdict := 32767, false
	for _, e := range a.Entries {
		p, err := netip.ParsePrefix(e.CIDR)
		all := e.Protocol == "-1" || e.Protocol == ""
		inPorts := all || e.Protocol == "tcp" && (e.From == 0 && e.To == 0 || port >= e.From && port <= e.To)
		if e.Egress == egress && err == nil && p.Contains(peer) && inPorts && e.Number < lowest {
			lowest, verdict = e.Number, !e.Deny
		}
	}
	return verdict
}
