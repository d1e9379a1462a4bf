package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// knock is a connection as the security groups of one end see it.
type knock struct {
	egress bool
	groups []string     // of this end's interface
	port   int          //
	peer   netip.Prefix // the other end
	theirs []string     // its groups; none when they are not known
	refs   aws.Answer   // rules that name a group count on this way
	noRefs string       // why they do not
}

// admitted is the layer of the security groups of one end: one rule of one group is enough.
func (s *Snapshot) admitted(name string, k knock) aws.Layer {
	l := aws.Layer{Name: name, Answer: aws.No}
	if len(k.groups) == 0 {
		l.Answer, l.Why = aws.Unknown, "the security groups are not known"
		return l
	}
	var near string // the rule that comes closest
	for _, id := range k.groups {
		g, ok := s.Groups[id]
		if !ok {
			if l.Answer != aws.Unknown {
				l.Answer, l.Why = aws.Unknown, s.missing("the security group "+id, "ec2:DescribeSecurityGroups")
			}
			continue
		}
		rules := g.Ingress
		if k.egress {
			rules = g.Egress
		}
		for _, r := range rules {
			match, why := s.allows(r, k)
			switch match {
			case aws.Yes:
				return aws.Layer{Name: name, Answer: aws.Yes, Rule: id + " " + r.text(k.egress), Why: fmt.Sprintf("tcp/%d is allowed", k.port)}
			case aws.Unknown:
				if l.Answer != aws.Unknown {
					l.Answer, l.Rule, l.Why = aws.Unknown, id+" "+r.text(k.egress), why
				}
			default:
				if why != "" {
					near = id + " " + r.text(k.egress) + ": " + why
				}
			}
		}
	}
	if l.Answer == aws.No {
		l.Rule = strings.Join(k.groups, " ")
		l.Why = fmt.Sprintf("no %s rule allows tcp/%d %s %s", name, k.port, preposition(k.egress), plain(k.peer))
		if near != "" {
			l.Why += " (" + near + ")"
		}
	}
	return l
}

func preposition(egress bool) string {
	if egress {
		return "to"
	}
	return "from"
}

// allows says whether the rule lets the connection pass. why belongs to an Unknown, and to a No that looks like a Yes.
func (s *Snapshot) allows(r Rule, k knock) (match aws.Answer, why string) {
	if r.Protocol != "-1" && (r.Protocol != "tcp" || k.port < r.From || k.port > r.To) {
		return aws.No, ""
	}
	switch {
	case r.Group != "":
		return refers(r, k)
	case r.PrefixList != "":
		entries, ok := s.PrefixLists[r.PrefixList]
		if !ok {
			return aws.Unknown, s.missing("the prefix list "+r.PrefixList, "ec2:GetManagedPrefixListEntries")
		}
		if match = withinAny(entries, k.peer); match == aws.Unknown {
			why = "it allows a part of " + k.peer.String()
		}
		return match, why
	}
	if match = within(r.CIDR, k.peer); match == aws.Unknown {
		why = fmt.Sprintf("it allows a part of %s, and where in it the database is could not be read", k.peer)
	}
	return match, why
}

// refers is allows for a rule that names a group: it counts for interfaces in that group, and on some ways only.
func refers(r Rule, k knock) (aws.Answer, string) {
	switch {
	case len(k.theirs) == 0:
		return aws.Unknown, "the security groups of the other end are not known"
	case r.Stale:
		return aws.No, "stale: the group or the peering is gone"
	case !slices.Contains(k.theirs, r.Group):
		return aws.No, ""
	case k.refs != aws.Yes:
		return k.refs, k.noRefs
	}
	return aws.Yes, ""
}

func (r Rule) text(egress bool) string {
	what := "all"
	switch r.Protocol {
	case "-1":
	case "tcp":
		what = ports{r.From, r.To}.String()
	default:
		what = r.Protocol
	}
	peer := r.Group + r.PrefixList
	if peer == "" {
		peer = r.CIDR.String()
	}
	if egress {
		return what + " → " + peer
	}
	return what + " ← " + peer
}
