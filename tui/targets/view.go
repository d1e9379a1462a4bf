package targets

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

const (
	searchIndent = 3   // " > "
	previewFrom  = 110 // the width from which there is a preview
	airyFrom     = 14  // the height from which there are blank lines
)

// layout is where things are.
type layout struct {
	top     int // lines above the rows
	rows    int // rows of the list
	list    int // width of the list
	preview int // width of the preview; 0 for none
	airy    bool
}

func (m Model) layout() layout {
	l := layout{top: 1, list: m.w, airy: m.h >= airyFrom}
	bottom := 1
	if l.airy {
		l.top, bottom = 2, 2
	}
	l.rows = max(m.h-l.top-bottom, 1)
	if m.w >= previewFrom {
		l.preview = min(m.w*2/5, 64)
		l.list = m.w - l.preview
	}
	return l
}

// View is the screen, exactly as large as SetSize said.
func (m Model) View() string {
	if m.w <= 0 || m.h <= 0 {
		return ""
	}
	l := m.layout()
	left := make([]string, 0, m.h)
	left = append(left, m.searchLine())
	if l.airy {
		left = append(left, "")
	}
	left = append(left, m.listLines(l)...)
	if l.airy {
		left = append(left, "")
	}
	left = append(left, " "+m.status.line(m.th, m.data.databases, m.data.nodes, m.now, m.keys.errors.Help().Key, m.w-2))
	if l.preview > 0 {
		m.addPreview(left, l)
	}
	screen := chrome.Fill(strings.Join(left, "\n"), m.w, m.h)
	if m.over.kind != overNone {
		return m.over.view(m.th, screen, m.w, m.h)
	}
	return screen
}

func (m Model) searchWidth() int { return max(m.w-searchIndent-width(m.found())-2, 8) }

// found is what stands at the right of the search: how many of how many, and the filter.
func (m Model) found() string {
	s := fmt.Sprintf("%d/%d", len(m.shown), len(m.data.rows))
	if f := m.filter.String(); f != "" {
		s = ansi.Truncate(f, max(m.w/3, 12), "…") + "  " + s
	}
	return s
}

func (m Model) searchLine() string {
	prompt, hint := m.th.Paint(theme.Accent, " > "), "search"
	if m.commands {
		prompt, hint = m.th.Paint(theme.Faint, " > "), "/ to search"
	}
	right := m.found()
	role := theme.Faint
	if m.filter.facet != facetNone {
		role = theme.Warn
	}
	return prompt + m.query.View(m.th, hint, m.searchWidth()) + " " + m.th.Paint(role, right) + " "
}

func (m Model) listLines(l layout) []string {
	out := make([]string, 0, l.rows)
	if len(m.shown) == 0 {
		for _, s := range m.emptyLines() {
			out = append(out, "     "+s)
		}
	}
	cols := m.columns(l.list)
	from, to := m.list.Shown()
	for i := from; i < to && len(out) < l.rows; i++ {
		out = append(out, m.rowLine(&m.data.rows[m.shown[i]], i == m.list.Cursor, cols, l.list))
	}
	for len(out) < l.rows {
		out = append(out, "")
	}
	return out[:l.rows]
}

// emptyLines say why there is nothing and what to do next.
func (m Model) emptyLines() []string {
	say := func(a, b string) []string { return []string{m.th.Paint(theme.Text, a), m.th.Paint(theme.Faint, b)} }
	switch {
	case len(m.data.rows) > 0 && m.filter.facet != facetNone:
		return say("Nothing matches with this filter.", "esc clears the search, then the filter")
	case len(m.data.rows) > 0:
		return say("Nothing matches.", "esc clears the search")
	case m.status.running || m.status.scan == 0:
		return say("Looking for databases…", "they appear as the regions answer")
	case len(m.status.problems) > 0:
		return say("Nothing could be listed.", m.keys.errors.Help().Key+" shows the errors and what to do")
	}
	return say("No databases here.", m.keys.refresh.Help().Key+" looks again; try another --profile or --region")
}

// columns divides w cells: the name gets what the others leave. Those that matter least go first when it is narrow.
func (m Model) columns(w int) columns {
	want := m.data.widest
	c := columns{name: min(want.name, 48), role: want.role}
	room := w - 6 - c.role - 2 // the marks on the left and a blank on the right
	least := min(c.name, 26)
	add := func(into *int, n int) {
		if n > 0 && room-least >= n+2 {
			*into = n
			room -= n + 2
		}
	}
	add(&c.engine, min(want.engine, 13))
	add(&c.region, min(want.region, 14))
	add(&c.account, min(want.account, 20))
	add(&c.used, want.used)
	c.name = max(min(c.name, room), 1)
	return c
}

func (m Model) rowLine(e *entry, selected bool, c columns, w int) string {
	g, mark := theme.Plain, "   "
	if selected {
		g, mark = theme.Selected, " › "
	}
	marks := m.parsed.Marks(pick.Item{Title: e.name, Words: []string{e.role, e.engine, e.region, e.account}})
	var b strings.Builder
	b.WriteString(m.th.On(g, theme.Accent, mark))
	b.WriteString(m.th.On(g, e.signRole(), e.sign()) + m.th.On(g, theme.Text, " "))
	name := theme.Text
	if e.reason() != "" {
		name = theme.Muted
	}
	b.WriteString(pick.Paint(m.th, g, name, e.name, marks.Title, c.name))
	used := 5 + c.name
	column := func(r theme.Role, s string, marks []int, n int) {
		if n > 0 {
			b.WriteString(m.th.On(g, r, "  ") + pick.Paint(m.th, g, r, s, marks, n))
			used += n + 2
		}
	}
	column(theme.Muted, e.role, marks.Words[0], c.role)
	if why := e.reason(); why != "" {
		column(theme.Faint, chrome.Clean(why), nil, w-used-3)
	} else {
		column(theme.Muted, e.engine, marks.Words[1], c.engine)
		column(theme.Faint, e.region, marks.Words[2], c.region)
		column(theme.Faint, e.account, marks.Words[3], c.account)
		if c.used > 0 && !e.LastUsed.IsZero() && !m.now.IsZero() {
			column(theme.Faint, ago(m.now.Sub(e.LastUsed)), nil, c.used)
		}
	}
	return b.String() + m.th.On(g, theme.Text, strings.Repeat(" ", max(w-used, 0)))
}

// addPreview puts the details of the row under the cursor beside the list, from the list's first line to its last.
func (m Model) addPreview(left []string, l layout) {
	var right []string
	if e := m.at(); e != nil {
		right = preview(m.th, e, m.now, l.preview-5, l.rows, m.keys.details.Help().Key)
	}
	for i := range l.rows {
		line := ""
		if i < len(right) {
			line = right[i]
		}
		at := l.top + i
		left[at] = chrome.Cell(left[at], l.list) + m.th.Paint(theme.Faint, " │ ") + chrome.Cell(line, l.preview-4) + " "
	}
}
