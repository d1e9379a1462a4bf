package iam

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Condition is one line of a Condition block: all lines of a statement must hold.
type Condition struct {
	Op       string // StringEquals, Bool…, without quantifier and IfExists
	IfExists bool
	ForAll   bool   // ForAllValues: every value of the request must match
	Key      string // lower case
	Values   []string
}

func parseConditions(block map[string]map[string]words) ([]Condition, error) {
	var all []Condition
	for spelled, lines := range block {
		op := spelled
		c := Condition{}
		if rest, ok := strings.CutPrefix(op, "ForAllValues:"); ok {
			op, c.ForAll = rest, true
		}
		op = strings.TrimPrefix(op, "ForAnyValue:")
		if rest, ok := strings.CutSuffix(op, "IfExists"); ok {
			op, c.IfExists = rest, true
		}
		if _, _, ok := operator(op); !ok && op != "Null" {
			return nil, fmt.Errorf("condition operator %q is not supported", spelled)
		}
		c.Op = op
		for key, values := range lines {
			c.Key, c.Values = strings.ToLower(key), values
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Condition) int { return strings.Compare(a.Op+a.Key, b.Op+b.Key) })
	return all, nil
}

// operator gives the comparison behind a name, and whether the name negates it: a negated operator holds when no value
// matches, and holds for a missing key.
func operator(op string) (match func(have, want string) bool, negated, ok bool) {
	base := strings.Replace(op, "Not", "", 1)
	negated = base != op
	switch base {
	case "StringEquals":
		return func(have, want string) bool { return have == want }, negated, true
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold, negated, base != "Bool" || !negated
	case "StringLike":
		return func(have, want string) bool { return glob(want, have) }, negated, true
	case "ArnEquals", "ArnLike":
		return func(have, want string) bool { return matchARN(want, have) }, negated, true
	case "IpAddress":
		return inPrefix, negated, true
	case "NumericEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals":
		return func(have, want string) bool { return number(base, have, want) }, negated, base == "NumericEquals" || !negated
	}
	return nil, false, false
}

func inPrefix(have, want string) bool {
	addr, err := netip.ParseAddr(have)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(want); err == nil {
		return p.Contains(addr)
	}
	return want == addr.String()
}

func number(op, have, want string) bool {
	h, err1 := strconv.ParseFloat(have, 64)
	w, err2 := strconv.ParseFloat(want, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	switch op {
	case "NumericLessThan":
		return h < w
	case "NumericLessThanEquals":
		return h <= w
	case "NumericGreaterThan":
		return h > w
	case "NumericGreaterThanEquals":
		return h >= w
	}
	return h == w
}

// holds says whether the condition is met by the request.
func (c Condition) holds(r Request) bool {
	have, present := r.Context[c.Key]
	if c.Op == "Null" {
		return slices.Contains(c.Values, strconv.FormatBool(!present))
	}
	match, negated, _ := operator(c.Op)
	if !present || len(have) == 0 {
		return c.IfExists || c.ForAll || negated
	}
	one := func(value string) bool {
		for _, want := range c.Values {
			if want, ok := r.expand(want); ok && match(value, want) {
				return !negated
			}
		}
		return negated
	}
	if c.ForAll || negated {
		return !slices.ContainsFunc(have, func(v string) bool { return !one(v) })
	}
	return slices.ContainsFunc(have, one)
}
