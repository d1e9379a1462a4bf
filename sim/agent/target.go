package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// target is where the session leads, resolved once (docs/protocol.md §1.4).
type target struct {
	host  string // "" is the instance itself
	port  int
	addrs []netip.Addr
}

// resolve reads the document's properties, looks the name up and asks the deny list.
func resolve(cfg Config) (target, error) {
	text := cfg.Properties["portNumber"]
	if text == "" {
		return target{}, fmt.Errorf("Port number is empty in session properties. %v", cfg.Properties) //nolint:staticcheck,revive // the agent's own words
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return target{}, fmt.Errorf("dial tcp: address %s: invalid port", text)
	}
	t := target{host: cfg.Properties["host"], port: port}
	if t.host == "" {
		return t, nil
	}
	t.addrs = cfg.Network.Lookup(t.host)
	if len(t.addrs) == 0 {
		return target{}, fmt.Errorf("lookup %s: no such host", t.host)
	}
	for _, a := range t.addrs {
		if denied(a.Unmap(), cfg.Network.CIDRs(), compare(cfg.AgentVersion, strictDenyAgent) >= 0) {
			return target{}, fmt.Errorf("Forwarding to IP address %s is forbidden.", t.host) //nolint:staticcheck,revive // the agent's own words
		}
	}
	return t, nil
}

// denied is the agent's list: metadata, VPC DNS, time and licence services, the first four and the last address of each VPC
// CIDR; newer agents add loopback and the container credential addresses.
func denied(a netip.Addr, cidrs []netip.Prefix, strict bool) bool {
	switch a.String() {
	case "169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.169.250", "169.254.169.251",
		"fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::123", "fd00:ec2::240":
		return true
	case "169.254.170.2", "169.254.170.23", "fd00:ec2::23":
		return strict
	}
	for _, c := range cidrs {
		first := c.Masked().Addr()
		for range 4 {
			if a == first {
				return true
			}
			first = first.Next()
		}
		if c.Contains(a) && !c.Contains(a.Next()) {
			return true
		}
	}
	return strict && a.IsLoopback()
}

// dial tries the session's addresses in turn and gives the first error, which says most.
func (c *channel) dial(ctx context.Context, t target) (net.Conn, error) {
	c.count.Dials.Add(1)
	if t.host == "" {
		conn, err := c.cfg.Network.Dial(ctx, "", netip.Addr{}, t.port)
		if err != nil {
			c.count.DialsFailed.Add(1)
		}
		return conn, err
	}
	var first error
	for _, a := range t.addrs {
		conn, err := c.cfg.Network.Dial(ctx, t.host, a, t.port)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("missing address")
	}
	c.count.DialsFailed.Add(1)
	return nil, first
}
