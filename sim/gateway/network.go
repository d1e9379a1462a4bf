package gateway

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// network is what the session's instance reaches. The world is asked at each dial, so that a changed security group or a
// database that comes back counts at once; but a name that has got another address since the session started still leads to
// the old one (docs/protocol.md §1.4: resolved once).
type network struct {
	w        *world.World
	instance string
	host     string
	port     int
	first    world.Dial // where the name led when it was resolved
	limit    time.Duration
}

func newNetwork(s *session) *network {
	port, _ := strconv.Atoi(s.in.Properties["portNumber"]) // the agent reports a bad one
	return &network{w: s.g.o.World, instance: s.in.Target, host: s.in.Properties["host"], port: port, limit: s.g.o.DialLimit}
}

// Lookup implements agent.Network.
func (n *network) Lookup(host string) []netip.Addr {
	n.first = n.w.Dial(n.instance, host, n.port)
	if n.first.Kind == world.Unresolvable {
		return nil
	}
	return n.w.Lookup(n.instance, host)
}

// CIDRs implements agent.Network.
func (n *network) CIDRs() []netip.Prefix { return n.w.CIDRs(n.instance) }

// Dial implements agent.Network.
func (n *network) Dial(ctx context.Context, host string, addr netip.Addr, port int) (net.Conn, error) {
	to := n.where(host, addr, port)
	name := net.JoinHostPort(host, strconv.Itoa(port))
	if addr.IsValid() {
		name = netip.AddrPortFrom(addr, uint16(port)).String()
	}
	switch to.Kind {
	case world.Silent:
		t := time.NewTimer(n.limit)
		defer t.Stop()
		select {
		case <-t.C:
			return nil, fmt.Errorf("dial tcp %s: connect: connection timed out", name)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case world.Refused, world.Unresolvable:
		return nil, fmt.Errorf("dial tcp %s: %w", name, &net.OpError{Op: "connect", Err: syscall.ECONNREFUSED})
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", to.Addr)
}

func (n *network) where(host string, addr netip.Addr, port int) world.Dial {
	if host == "" {
		if to := n.w.Dial(n.instance, n.instance, port); to.Kind != world.Unresolvable {
			return to
		}
		return n.w.Dial(n.instance, "localhost", port)
	}
	if !slices.Contains(n.w.Lookup(n.instance, host), addr) {
		return n.first
	}
	return n.w.DialAddr(n.instance, host, addr, port)
}
