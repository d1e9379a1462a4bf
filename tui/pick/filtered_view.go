package pick

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

const (
	filterIndent = 3  // " / "
	airyFrom     = 14 // the height from which there are blank lines
	leastDetails = 3  // lines, below which there are none
)

// Shape is how a screen divides its lines and its filter line.
type Shape struct {
	Least  int // lines of the list when there is no row
	Fifths int // of the height: the most that the list takes from the details below it
	Count  int // cells at the end of the filter line
}

// Parts are what a screen draws itself.
type Parts[T Row] struct {
	Count   string                                   // at the end of the filter line
	Head    string                                   // the line above the rows, painted
	Said    []string                                 // painted lines that stand before the rows: why there are none, say
	Row     func(row, above T, selected bool) string // a line of the list; above is the row one line higher, zero on the topmost line
	Details func(h int) []string                     // of the row under the cursor, at most h lines
}

// layout is where things are.
type layout struct {
	top     int // lines above the rows
	rows    int // lines of the list
	details int // lines of the pane below the list, its rule included; 0 for none
}

func (f *Filtered[T]) layout() layout {
	l := layout{top: 1}
	if f.Filtering() {
		l.top++
	}
	room := max(f.h-l.top, 1)
	l.rows = room
	want := max(len(f.shown), f.Shape.Least)
	if f.h >= airyFrom {
		want++ // a blank line below the last
	}
	if rest := room - min(want, max(room*f.Shape.Fifths/5, 3)); rest >= leastDetails+1 {
		l.rows, l.details = room-rest, rest
	}
	return l
}

// View is the screen, exactly as large as SetSize said; "" before it has said anything.
func (f *Filtered[T]) View(th theme.Theme, p Parts[T]) string {
	if f.w <= 0 || f.h <= 0 {
		return ""
	}
	l := f.layout()
	lines := make([]string, 0, f.h)
	if f.Filtering() {
		lines = append(lines, f.filterLine(th, p.Count))
	}
	lines = append(lines, p.Head)
	lines = append(lines, f.lines(l.rows, p)...)
	if l.details > 0 {
		lines = append(lines, p.Details(l.details)...)
	}
	return chrome.Fill(strings.Join(lines, "\n"), f.w, f.h)
}

func (f *Filtered[T]) filterLine(th theme.Theme, count string) string {
	lead := th.Paint(theme.Faint, " / ")
	if f.typing {
		lead = th.Paint(theme.Accent, " / ")
	}
	return lead + f.field.View(th, "filter", f.fieldWidth()) + th.Paint(theme.Faint, chrome.CellRight(count, f.Shape.Count)) + " "
}

func (f *Filtered[T]) fieldWidth() int { return max(f.w-filterIndent-f.Shape.Count-1, 8) }

// lines are what was said and the rows that are shown, n lines.
func (f *Filtered[T]) lines(n int, p Parts[T]) []string {
	out := append(make([]string, 0, n), p.Said...)
	from, to := f.list.Shown()
	var above T
	for i := from; i < to && len(out) < n; i++ {
		row := f.rows[f.shown[i]]
		out = append(out, p.Row(row, above, i == f.list.Cursor))
		above = row
	}
	for len(out) < n {
		out = append(out, "")
	}
	return out[:n]
}

// Cursor is where the terminal's cursor belongs, from the screen's first cell; nil when no filter is being typed.
func (f *Filtered[T]) Cursor() *tea.Cursor {
	if !f.typing || f.w == 0 {
		return nil
	}
	return tea.NewCursor(filterIndent+f.field.Cursor(f.fieldWidth()), 0)
}
