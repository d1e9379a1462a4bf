package iam

import (
	"slices"
	"strings"
)

// Request is what is to be decided.
type Request struct {
	Action     string   // ssm:StartSession
	Resource   string   // an ARN, or "*"
	Principals []string // the names a caller goes by in a trust policy, most specific first: session, role or user ARN, account
	Context    map[string][]string
}

// With returns the request with a context key added. Keys are compared without case.
func (r Request) With(key string, values ...string) Request {
	next := make(map[string][]string, len(r.Context)+1)
	for k, v := range r.Context {
		next[k] = v
	}
	next[strings.ToLower(key)] = values
	r.Context = next
	return r
}

// Decision is the answer of a set of policies.
type Decision int

// The decisions. An explicit Deny beats any Allow; Silent means that nothing matched.
const (
	Silent Decision = iota
	Allow
	Deny
)

// Decide asks identity policies.
func Decide(policies []Policy, r Request) Decision {
	d := Silent
	for _, p := range policies {
		for _, st := range p.Statements {
			if !st.matches(r) {
				continue
			}
			if st.Deny {
				return Deny
			}
			d = Allow
		}
	}
	return d
}

// Trust asks a trust policy. named is true when an allowing statement names the caller itself and not its whole account, in
// which case an identity policy of the same account need not allow the call as well.
func Trust(p Policy, r Request) (d Decision, named bool) {
	for _, st := range p.Statements {
		who, exact := st.trusts(r.Principals)
		if !who || !st.matches(r) {
			continue
		}
		if st.Deny {
			return Deny, false
		}
		d, named = Allow, named || exact
	}
	return d, named
}

func (st Statement) trusts(principals []string) (matched, exact bool) {
	for _, want := range st.Principals {
		if want == "*" {
			matched = true
			continue
		}
		for _, have := range principals {
			if want != have && want != accountOf(have) {
				continue
			}
			matched = true
			exact = exact || want == have && !strings.HasSuffix(want, ":root")
		}
	}
	return matched, exact
}

// accountOf gives the account of arn:aws:iam::ACCOUNT:root, which a policy may also write as the bare number.
func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) == 6 && parts[5] == "root" {
		return parts[4]
	}
	return ""
}

func (st Statement) matches(r Request) bool {
	action := func(want string) bool { return glob(strings.ToLower(want), strings.ToLower(r.Action)) }
	if len(st.Actions) > 0 && !slices.ContainsFunc(st.Actions, action) || slices.ContainsFunc(st.NotActions, action) {
		return false
	}
	resource := func(want string) bool {
		want, ok := r.expand(want)
		return ok && matchARN(want, r.Resource)
	}
	if len(st.Resources) > 0 && !slices.ContainsFunc(st.Resources, resource) || slices.ContainsFunc(st.NotResources, resource) {
		return false
	}
	return !slices.ContainsFunc(st.Conditions, func(c Condition) bool { return !c.holds(r) })
}

// expand fills in ${aws:username} and its like; a variable the request lacks makes the value match nothing.
// The escapes ${*}, ${?} and ${$} are not known and so match nothing.
func (r Request) expand(s string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			return b.String(), true
		}
		key, fallback, _ := strings.Cut(name, ",")
		values := r.Context[strings.ToLower(strings.TrimSpace(key))]
		switch {
		case len(values) == 1:
			b.WriteString(values[0])
		case fallback != "":
			b.WriteString(strings.Trim(strings.TrimSpace(fallback), "'"))
		default:
			return "", false
		}
		s = after
	}
}

// matchARN compares ARNs part by part, so that a wildcard does not reach over a colon before the resource part.
func matchARN(pattern, arn string) bool {
	p, a := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if pattern == "*" || len(p) < 6 || len(a) < 6 {
		return glob(pattern, arn)
	}
	for i := range p {
		if !glob(p[i], a[i]) {
			return false
		}
	}
	return true
}

// glob matches * (any run, also none) and ? (any one byte), in time linear in both but for the last star.
func glob(pattern, s string) bool {
	star, mark, i, j := -1, 0, 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
