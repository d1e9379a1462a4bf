package pick

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

// Marks are the letters that a query found in an item, as rune indexes of each of its texts, ascending.
type Marks struct {
	Title []int
	Words [][]int // parallel to Item.Words
	Whole [][]int // parallel to Item.Whole
}

// Marks shows where the query matches the item: in the title where that matches, else in the first other text that does.
func (q Query) Marks(it Item) Marks {
	m := Marks{Words: make([][]int, len(it.Words)), Whole: make([][]int, len(it.Whole))}
	var w scratch
	for _, g := range q.groups {
		for i := range g {
			t := &g[i]
			if t.not {
				continue
			}
			if found := t.marks(&w, it.Title, loose); found != nil {
				m.Title = append(m.Title, found...)
				break
			}
			if t.first(&w, it.Words, tight, m.Words) || t.first(&w, it.Whole, pieces, m.Whole) {
				break
			}
		}
	}
	tidy(&m.Title)
	for i := range m.Words {
		tidy(&m.Words[i])
	}
	for i := range m.Whole {
		tidy(&m.Whole[i])
	}
	return m
}

func (t *term) first(w *scratch, texts []string, m mode, into [][]int) bool {
	if m == pieces && len(t.low) < wholeFrom {
		return false
	}
	for i, s := range texts {
		if found := t.marks(w, s, m); found != nil {
			into[i] = append(into[i], found...)
			return true
		}
	}
	return false
}

func (t *term) marks(w *scratch, s string, m mode) []int {
	var x line
	mask, _ := x.add(s)
	if t.mask&^mask != 0 {
		return nil
	}
	if t.kind == fuzzy && m != pieces {
		if _, ok := w.fuzzy(t, x, m == tight, true); ok {
			return w.trace(x)
		}
		if m == loose || len(t.low) < pieceFrom {
			return nil
		}
	}
	_, at := t.piece(x)
	if at < 0 {
		return nil
	}
	out := make([]int, len(t.low))
	for i := range out {
		out[i] = at + i
	}
	return out
}

func tidy(marks *[]int) {
	slices.Sort(*marks)
	*marks = slices.Compact(*marks)
}

// Paint draws s in exactly w cells on the ground g, in the role r, with the marked letters in the role Match. What does not
// fit is cut with "…". s must be clean: one line without control characters.
func Paint(th theme.Theme, g theme.Ground, r theme.Role, s string, marks []int, w int) string {
	width := ansi.StringWidth(s)
	if width > w {
		s = ansi.Truncate(s, max(w, 0), "…")
		width = ansi.StringWidth(s)
	}
	pad := strings.Repeat(" ", max(w-width, 0))
	if len(marks) == 0 {
		return th.On(g, r, s+pad)
	}
	var b strings.Builder
	run, start, rune0 := r, 0, 0
	for at := 0; at < len(s); {
		cluster, _ := ansi.FirstGraphemeCluster(s[at:], ansi.GraphemeWidth)
		if cluster == "" {
			break
		}
		n := len([]rune(cluster))
		role := r
		for len(marks) > 0 && marks[0] < rune0+n {
			if marks[0] >= rune0 && cluster != "…" {
				role = theme.Match
			}
			marks = marks[1:]
		}
		if role != run {
			b.WriteString(th.On(g, run, s[start:at]))
			run, start = role, at
		}
		at += len(cluster)
		rune0 += n
	}
	b.WriteString(th.On(g, run, s[start:]))
	b.WriteString(th.On(g, r, pad))
	return b.String()
}
