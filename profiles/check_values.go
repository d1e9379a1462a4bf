package profiles

import (
	"fmt"
	"slices"
	"strings"
)

// values says which keys the two readers do not read alike.
func (s source) values() []Finding {
	var out []Finding
	if n := loneQuote(s.data); n >= 0 {
		f := s.finding(n, Error, "lone-quote", "a value that is a single quote character")
		f.CLI, f.SDK = "reads it as it is", "crash (the Go SDK panics)"
		out = append(out, f)
	}
	for _, sec := range s.cli.sections {
		kind, name := cliName(sec.name, s.credentials)
		if kind == "" {
			continue
		}
		other := s.sdk.at(sec.headers[0])
		if other == nil {
			continue // the header is the finding
		}
		for _, e := range sec.keys {
			if f, differs := s.value(e, other); differs {
				f.Profile = name
				out = append(out, f)
			}
		}
		out = append(out, s.extra(sec, other, name)...)
	}
	return out
}

// at is the section that has a header on line n.
func (r reading) at(n int) *section {
	for _, s := range r.sections {
		if slices.Contains(s.headers, n) {
			return s
		}
	}
	return nil
}

// value compares one key. A key that stands in a merged section more than once is the business of another finding.
func (s source) value(e *entry, sdk *section) (Finding, bool) {
	other := sdk.get(e.key)
	f := s.finding(e.line, Warning, "value", "")
	f.Key = e.key
	if other == nil {
		f.Rule, f.Text = "key", e.key+" is not seen by the SDKs"
		f.CLI, f.SDK = "reads "+shown(e), "read nothing"
		return f, true
	}
	if other.line != e.line || other.value == e.value && sameBlock(e.nested, other.nested) {
		return f, false
	}
	f.Text = e.key + " is not read alike"
	switch {
	case len(e.nested) > 0 || len(other.nested) > 0:
		f.Rule, f.Text = "nested", "the block under "+e.key+" is not read alike"
	case strings.Contains(e.value, "\n"):
		f.Rule, f.Text = "continuation", e.key+" goes on in the next line"
	case cutComment(e.value) != e.value || strings.HasPrefix(e.value, "#") || strings.HasPrefix(e.value, ";"):
		f.Rule, f.Text = "inline-comment", "a comment after the value of "+e.key+" is part of the value for the AWS CLI"
	case strings.HasPrefix(e.value, `"`) || strings.HasPrefix(e.value, "'"):
		f.Rule, f.Text = "quotes", "quotes round the value of "+e.key+" are part of the value for the AWS CLI"
	}
	f.CLI, f.SDK = "reads "+shown(e), "read "+shown(other)
	if guarded(e.key) {
		f.CLI, f.SDK = "reads one value (not shown)", "read another (not shown)"
	}
	return f, true
}

// guarded says whether a key's value may hold a secret, and so is not shown.
func guarded(key string) bool {
	return isSecret(key) || key == "credential_process" || key == "external_id"
}

// extra are keys that only the SDKs see: indented pairs after a value, which are part of that value for the AWS CLI.
func (s source) extra(cli, sdk *section, profile string) []Finding {
	var out []Finding
	for _, e := range sdk.keys {
		if cli.get(e.key) != nil || !slices.ContainsFunc(cli.keys, func(c *entry) bool { return e.line > c.line && e.line <= c.last }) {
			continue
		}
		f := s.finding(e.line, Warning, "key", e.key+" is seen by the SDKs alone")
		f.CLI, f.SDK = "takes the line for part of the value above", "read "+shown(e)
		f.Profile, f.Key = profile, e.key
		out = append(out, f)
	}
	return out
}

func sameBlock(cli, sdk []pair) bool {
	return slices.EqualFunc(cli, sdk, func(a, b pair) bool { return strings.EqualFold(a.key, b.key) && a.value == b.value })
}

// shown is a value for a finding; what may be a secret's is not.
func shown(e *entry) string {
	if guarded(e.key) {
		return "a value (not shown)"
	}
	if len(e.nested) == 0 {
		return fmt.Sprintf("%q", e.value)
	}
	var pairs []string
	for _, p := range e.nested {
		if guarded(p.key) {
			p.value = "[redacted]"
		}
		pairs = append(pairs, p.key+" = "+p.value)
	}
	return fmt.Sprintf("a block of %q", pairs)
}
