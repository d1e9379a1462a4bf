package reach

import (
	"net/netip"
	"slices"

	"github.com/rdsx/rdsx/aws"
)

// all is the answer when everything has to be so: No wins, then Unknown. Of nothing it is Yes.
func all(answers ...aws.Answer) aws.Answer {
	out := aws.Yes
	for _, a := range answers {
		switch {
		case a == aws.No:
			return aws.No
		case a != aws.Yes:
			out = aws.Unknown
		}
	}
	return out
}

// same is the answer when one of several holds and nobody knows which: only if all agree there is one.
func same(answers ...aws.Answer) aws.Answer {
	if len(answers) == 0 {
		return aws.Unknown
	}
	for _, a := range answers {
		if a != answers[0] {
			return aws.Unknown
		}
	}
	return answers[0]
}

func answer(yes bool) aws.Answer {
	if yes {
		return aws.Yes
	}
	return aws.No
}

// within says whether rule covers at: wholly, in part (Unknown, because at stands for one address in it), or not at all.
func within(rule, at netip.Prefix) aws.Answer {
	switch {
	case !rule.IsValid() || !at.IsValid() || !rule.Overlaps(at):
		return aws.No
	case rule.Bits() <= at.Bits():
		return aws.Yes
	}
	return aws.Unknown
}

// withinAny is within for a list, as one rule over its entries.
func withinAny(rules []netip.Prefix, at netip.Prefix) aws.Answer {
	out := aws.No
	for _, r := range rules {
		switch within(r, at) {
		case aws.Yes:
			return aws.Yes
		case aws.Unknown:
			out = aws.Unknown
		}
	}
	return out
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// family is 4 or 6.
func family(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 4
	}
	return 6
}

// way is a line that can decide where packets go, and what it covers.
type way[T any] struct {
	prefixes []netip.Prefix
	known    bool // the prefixes are all there
	rank     int  // among lines of the same length the lowest wins
	line     T
}

// longest finds the line with the longest prefix that covers at, and those that may apply instead: lines inside at, which
// stands for one address in it, and lines whose prefixes are not known. found is false when no line surely covers at.
func longest[T any](ways []way[T], at netip.Prefix) (best T, found bool, maybe []T) {
	bits, rank := -1, 0
	for _, w := range ways {
		uncertain := !w.known
		for _, p := range w.prefixes {
			switch within(p, at) {
			case aws.Yes:
				if p.Bits() > bits || p.Bits() == bits && w.rank < rank {
					best, bits, rank, found = w.line, p.Bits(), w.rank, true
				}
			case aws.Unknown:
				uncertain = true
			}
		}
		if uncertain {
			maybe = append(maybe, w.line)
		}
	}
	return best, found, maybe
}

// overlap says whether two sets of ids share one.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) })
}
