// Package pick is the fuzzy picker: the query language of fzf, a scorer made for how people abbreviate identifiers, a
// search that narrows as one types, the list and the highlighting that show what was found, and a short list of a screen with
// a filter line.
package pick

import (
	"slices"
	"strings"
	"unicode"
)

type kind uint8

const (
	fuzzy   kind = iota // letters in order: abc
	exact               // 'abc
	bounded             // 'abc'
	prefix              // ^abc
	suffix              // abc$
	equal               // ^abc$
)

// term is one condition on one field.
type term struct {
	kind  kind
	not   bool
	full  []uint16 // folded to lower case without accents
	low   []byte   // the same in a byte each, as texts are scanned
	upper []bool   // which letters were typed as capitals; nil when none was: smart case
	mask  uint64
}

// Query is what was typed, understood. The zero value matches everything.
type Query struct {
	groups [][]term // every group must match, by any of its terms
}

// Parse reads fzf's query language: words in any order, all must match; 'exact, 'whole words', ^prefix, suffix$, ^equal$,
// !not (exact unless !'fuzzy), a | b for either, "\ " for a space inside a word. A word with a capital in it minds the case.
// Everything is a query; what has no text (a lone ! or ^) is not yet a condition.
func Parse(s string) Query {
	var q Query
	or := false
	for _, word := range words(s) {
		if word == "|" {
			or = len(q.groups) > 0
			continue
		}
		t, ok := parseTerm(word)
		if !ok {
			continue
		}
		if or {
			last := len(q.groups) - 1
			q.groups[last] = append(q.groups[last], t)
		} else {
			q.groups = append(q.groups, []term{t})
		}
		or = false
	}
	return q
}

// Empty says whether the query has no condition.
func (q Query) Empty() bool { return len(q.groups) == 0 }

// words splits at spaces that are not escaped.
func words(s string) []string {
	var out []string
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			if r != ' ' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case unicode.IsSpace(r):
			if b.Len() > 0 {
				out = append(out, b.String())
				b.Reset()
			}
		default:
			b.WriteRune(r)
		}
	}
	if escaped {
		b.WriteByte('\\')
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

func parseTerm(w string) (term, bool) {
	var t term
	if rest, ok := strings.CutPrefix(w, "!"); ok {
		t.not, t.kind, w = true, exact, rest
	}
	if rest, ok := strings.CutSuffix(w, "$"); ok && w != "$" {
		t.kind, w = suffix, rest
	}
	switch {
	case len(w) > 2 && t.kind != suffix && w[0] == '\'' && w[len(w)-1] == '\'':
		t.kind, w = bounded, w[1:len(w)-1]
	case strings.HasPrefix(w, "'"):
		w = w[1:]
		if t.kind != suffix {
			t.kind = exact
			if t.not {
				t.kind = fuzzy
			}
		}
	case strings.HasPrefix(w, "^"):
		w = w[1:]
		if t.kind == suffix {
			t.kind = equal
		} else {
			t.kind = prefix
		}
	}
	for _, r := range w {
		t.upper = append(t.upper, unicode.IsUpper(r))
		c := code(r)
		t.full, t.low = append(t.full, c), append(t.low, narrow(c))
		t.mask |= bit(c)
	}
	if !slices.Contains(t.upper, true) {
		t.upper = nil
	}
	return t, len(t.low) > 0
}

// narrows says that whatever q matches was matched by old as well, as far as that can be seen from the two queries alone.
func (q Query) narrows(old Query) bool {
	if len(q.groups) < len(old.groups) {
		return false
	}
	for i, was := range old.groups {
		if len(was) != 1 || len(q.groups[i]) != 1 || !q.groups[i][0].narrows(was[0]) {
			return false
		}
	}
	return true
}

func (t term) narrows(old term) bool {
	if t.not != old.not || t.kind != old.kind || len(t.low) < len(old.low) || !slices.Equal(t.full[:len(old.full)], old.full) {
		return false
	}
	if old.upper != nil && (t.upper == nil || !slices.Equal(t.upper[:len(old.upper)], old.upper)) {
		return false
	}
	if len(t.low) == len(old.low) {
		return true
	}
	for _, from := range [...]int{pieceFrom, wholeFrom} {
		if len(old.low) < from && len(t.low) >= from {
			return false // from here on it looks at more
		}
	}
	// A longer text is a stricter condition only where it is not negated and not tied to an end.
	return !t.not && (t.kind == fuzzy || t.kind == exact || t.kind == prefix)
}
