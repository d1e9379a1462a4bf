package agent

import (
	"strconv"
	"strings"
)

// The versions at which the real ends change their ways (docs/protocol.md §1.0, §1.4).
const (
	muxClient       = "1.1.70"     // the first client that speaks mux
	muxAgent        = "3.0.196.0"  // agents above it do
	quietClient     = "1.2.331.0"  // for clients above it the agent keeps smux's keepalive off
	quietAgent      = "3.1.1511.0" // agents above it can
	strictDenyAgent = "3.3.4851.0" // from here on loopback and credential addresses are denied, too
	supportedClient = "1.2.764.0"  // the oldest client that AWS supports
	handshakeFailed = "Encountered error while initiating handshake. "
)

// compare orders dotted versions by their numbers; what is no number counts as 0.
func compare(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if d := part(as, i) - part(bs, i); d != 0 {
			return d
		}
	}
	return 0
}

func part(s []string, i int) int {
	if i >= len(s) {
		return 0
	}
	n, err := strconv.Atoi(s[i])
	if err != nil {
		return 0
	}
	return n
}
