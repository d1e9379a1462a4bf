package targets

import "slices"

// facet is what a filter looks at.
type facet uint8

const (
	facetNone facet = iota
	facetEngine
	facetAccount
	facetRegion
	facetReachable
	facets
)

// filter leaves only the rows with one value of one facet.
type filter struct {
	facet facet
	value string
}

func (f facet) of(e *entry) string {
	switch f {
	case facetEngine:
		return e.engine
	case facetAccount:
		return e.account
	case facetRegion:
		return e.region
	}
	return ""
}

func (f filter) pass(e *entry) bool {
	switch f.facet {
	case facetNone:
		return true
	case facetReachable: // what is not proven stays: nothing forbids it
		return e.reason() == ""
	}
	return f.facet.of(e) == f.value
}

func (f filter) String() string {
	switch f.facet {
	case facetEngine:
		return "engine: " + f.value
	case facetAccount:
		return "account: " + f.value
	case facetRegion:
		return "region: " + f.value
	case facetReachable:
		return "only reachable"
	}
	return ""
}

// next goes to the following facet, with the value of the row under the cursor: it says what one is looking at. Facets of
// which all rows have the same value are passed over.
func (f filter) next(rows []entry, at *entry) filter {
	for n := f.facet + 1; n < facets; n++ {
		if n == facetReachable {
			return filter{facet: n}
		}
		values := n.values(rows)
		if len(values) < 2 {
			continue
		}
		v := values[0]
		if at != nil && n.of(at) != "" {
			v = n.of(at)
		}
		return filter{facet: n, value: v}
	}
	return filter{}
}

// following goes to the next value of the same facet.
func (f filter) following(rows []entry) filter {
	values := f.facet.values(rows)
	if len(values) == 0 {
		return f
	}
	f.value = values[(slices.Index(values, f.value)+1)%len(values)]
	return f
}

// values are those that rows have, sorted.
func (f facet) values(rows []entry) []string {
	var out []string
	seen := map[string]bool{}
	for i := range rows {
		if v := f.of(&rows[i]); v != "" && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
