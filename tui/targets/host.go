package targets

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
)

// ParseHost reads what a person types for a target behind an instance: host:port, [IPv6]:port, or a port of the instance
// itself. problem is what is wrong with it, "" when nothing is.
func ParseHost(s string) (e aws.Endpoint, problem string) {
	s = strings.TrimSpace(s)
	host, port := "localhost", s
	if strings.ContainsAny(s, ":.") || strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) >= 0 {
		var err error
		if host, port, err = net.SplitHostPort(s); err != nil {
			if strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
				return e, "write an IPv6 address as [address]:port"
			}
			return e, "add a port: host:port"
		}
	}
	if strings.HasPrefix(s, "[") {
		if _, err := netip.ParseAddr(host); err != nil {
			return e, "in brackets stands an IPv6 address"
		}
	} else if p := badHost(host); p != "" {
		return e, p
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || port[0] == '+' {
		return e, "a port is a number from 1 to 65535"
	}
	return aws.Endpoint{Host: host, Port: n}, ""
}

// badHost says what keeps host from being a name in the DNS (RFC 1123; RDS names have no underscores, private ones may).
func badHost(host string) string {
	if host == "" {
		return "add a host, or type a port alone"
	}
	if len(host) > 253 {
		return "a host name has at most 253 characters"
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		ok := label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		for _, r := range label {
			ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}
		if !ok {
			return "this is no host name"
		}
	}
	return ""
}

func (o over) typed(msg tea.Msg) over {
	o.field, _ = o.field.Update(msg)
	return o
}

func (m Model) onHostKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	switch msg.String() {
	case "esc", "ctrl+c":
		m.over = m.over.closed()
	case "enter":
		e, problem := ParseHost(m.over.field.Value())
		if problem != "" || !m.over.gate.Open() {
			return m, nil
		}
		t := m.over.row.Target()
		m.over = m.over.closed()
		return m, send(Chosen{Target: aws.Target{Account: t.Account, Instance: t.Instance, Endpoint: e}})
	default:
		m.over = m.over.typed(msg)
	}
	return m, nil
}
