package account

import (
	"cmp"
	"slices"
	"strings"
)

// Near gives up to limit of names that were probably meant by name, the likeliest first: those that contain it or are
// contained in it, and those a few letters away. Case does not count.
func Near(name string, names []string, limit int) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	want := strings.ToLower(name)
	for _, n := range names {
		have := strings.ToLower(n)
		d := distance(want, have)
		if len(want) > 2 && len(have) > 2 && (strings.Contains(have, want) || strings.Contains(want, have)) {
			d = min(d, 1)
		}
		// A quarter of the letters wrong is a typing slip; more is another name.
		if d <= max(1, len(want)/4) {
			found = append(found, candidate{n, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, c := range found[:min(limit, len(found))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the number of letters to change, add, drop or swap with a neighbour that leads from a to b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row := make([]int, len(t)+1)
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
