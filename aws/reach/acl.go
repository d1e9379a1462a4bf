package reach

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// ports is a range, both ends included.
type ports struct{ from, to int }

func (p ports) String() string {
	if p.from == p.to {
		return fmt.Sprintf("tcp/%d", p.from)
	}
	return fmt.Sprintf("tcp/%d-%d", p.from, p.to)
}

// fence is one crossing of a subnet's border.
type fence struct {
	subnets []string // one of these; several when it is not known which
	home    string   // where the packet stays in the subnet and meets no ACL
	egress  bool
	peer    netip.Prefix // the other end of the packet
	ports   ports        // that the packet is for
}

func (f fence) way() string {
	if f.egress {
		return "out of"
	}
	return "into"
}

// crossed is the ACL layer of a list of fences: the first that stops the packet, else the first in doubt.
func (s *Snapshot) crossed(name string, fences []fence) aws.Layer {
	out := aws.Layer{Name: name, Answer: aws.Yes}
	for _, f := range fences {
		l := s.cross(f)
		switch {
		case l.Answer == aws.No, l.Answer == aws.Unknown && out.Answer == aws.Yes:
			l.Name = name
			out = l
		case out.Answer == aws.Yes:
			out.Rule, out.Why = joined(out.Rule, l.Rule), joined(out.Why, l.Why)
		}
		if out.Answer == aws.No {
			break
		}
	}
	return out
}

func joined(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}

// cross says whether the ACL of a border lets a packet through.
func (s *Snapshot) cross(f fence) aws.Layer {
	var layers []aws.Layer
	var answers []aws.Answer
	for _, subnet := range f.subnets {
		l := s.crossInto(f, subnet)
		layers, answers = append(layers, l), append(answers, l.Answer)
	}
	if same(answers...) == aws.Unknown && len(layers) > 1 {
		return aws.Layer{Answer: aws.Unknown, Why: "it depends on which of " + strings.Join(f.subnets, ", ") + " the packet passes"}
	}
	return layers[0]
}

func (s *Snapshot) crossInto(f fence, subnet string) aws.Layer {
	if subnet == f.home && subnet != "" {
		return aws.Layer{Answer: aws.Yes}
	}
	if subnet == "" {
		return aws.Layer{Answer: aws.Unknown, Why: "the subnet at the other end of " + plain(f.peer) + " is not known"}
	}
	acl, ok := s.aclOf(subnet)
	if !ok {
		return aws.Layer{Answer: aws.Unknown, Why: s.missing("the network ACL of "+subnet, "ec2:DescribeNetworkAcls")}
	}
	a, e := acl.passes(f)
	rule := acl.ID + " " + e.text()
	what := fmt.Sprintf("%s %s %s", f.ports, f.way(), subnet)
	switch a {
	case aws.Yes:
		return aws.Layer{Answer: aws.Yes, Rule: rule, Why: what + " is allowed"}
	case aws.No:
		return aws.Layer{Answer: aws.No, Rule: rule, Why: what + " is denied for " + plain(f.peer), Fix: fixACL(s.place(subnet), acl, e, f)}
	}
	return aws.Layer{Answer: aws.Unknown, Rule: rule, Why: what + " is allowed for a part only"}
}

func (s *Snapshot) aclOf(subnet string) (ACL, bool) {
	for _, a := range s.ACLs {
		if slices.Contains(a.Subnets, subnet) {
			return a, true
		}
	}
	return ACL{}, false
}

// passes looks at every stretch of the ports for which the entries do not differ. The entry is the one that decides, of No the
// first that denies.
func (a ACL) passes(f fence) (aws.Answer, Entry) {
	entries := slices.DeleteFunc(slices.Clone(a.Entries), func(e Entry) bool { return e.Egress != f.egress })
	slices.SortStableFunc(entries, func(x, y Entry) int { return cmp.Compare(x.Number, y.Number) })
	stretches := []int{f.ports.from}
	for _, e := range entries {
		for _, p := range []int{e.From, e.To + 1} {
			if p > f.ports.from && p <= f.ports.to {
				stretches = append(stretches, p)
			}
		}
	}
	var answers []aws.Answer
	var decisive Entry
	for i, port := range stretches {
		got, e := decide(entries, f.peer, port)
		if i == 0 || got != aws.Yes {
			decisive = e
		}
		answers = append(answers, got)
	}
	return same(answers...), decisive
}

// decide is the first match of the entries in order for one port.
func decide(entries []Entry, peer netip.Prefix, port int) (aws.Answer, Entry) {
	var maybe aws.Answer
	closing := Entry{Number: 32767, Protocol: "-1"}
	for _, e := range append(slices.Clip(entries), closing) {
		match := aws.Yes // of the closing denial, which is for both families
		if e.Number < closing.Number {
			match = within(e.CIDR, peer)
			if e.Protocol != "-1" && (e.Protocol != "tcp" || port < e.From || port > e.To) {
				match = aws.No
			}
		}
		switch {
		case match == aws.No:
			continue
		case maybe != "" && maybe != answer(e.Allow):
			return aws.Unknown, e
		case match == aws.Yes:
			return answer(e.Allow), e
		}
		maybe = answer(e.Allow)
	}
	return aws.No, closing
}

func (e Entry) text() string {
	number, action, what := fmt.Sprintf("#%d", e.Number), "deny", "all"
	if e.Number >= 32767 {
		number = "#*"
	}
	if e.Allow {
		action = "allow"
	}
	if e.Protocol == "tcp" {
		what = ports{e.From, e.To}.String()
	}
	if !e.CIDR.IsValid() {
		return number + " " + action + " " + what
	}
	return fmt.Sprintf("%s %s %s %s", number, action, what, e.CIDR)
}

// plain is an address without its length, a block with it.
func plain(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// ephemeral are the ports that an agent's system picks for its side of a connection (docs/aws.md §4).
func ephemeral(platform string) ports {
	switch platform {
	case "Linux":
		return ports{32768, 60999}
	case "Windows", "MacOS":
		return ports{49152, 65535}
	}
	return ports{32768, 65535}
}
