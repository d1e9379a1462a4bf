package tunnels

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// wideFrom is the width from which the log stands beside the details.
const wideFrom = 100

// View is the screen, exactly as large as SetSize said.
func (m Model) View() string {
	c := m.columns()
	screen := m.list.View(m.th, pick.Parts[*entry]{
		Count: m.matches(), Head: m.headLine(c), Said: m.said(), Details: m.pane,
		Row: func(e, _ *entry, selected bool) string { return m.rowLine(e, selected, c) },
	})
	if m.over.kind != overNone && screen != "" {
		return m.over.view(m.th, screen, m.w, m.h)
	}
	return screen
}

func (m Model) matches() string {
	n := m.list.Matches()
	if n == 1 {
		return "1 match"
	}
	return plural(n, "matche")
}

// said is why there is no row.
func (m Model) said() []string {
	switch {
	case len(m.list.Rows()) == 0:
		return []string{m.th.Paint(theme.Text, "   No tunnel is open."), m.th.Paint(theme.Faint, "   n opens one")}
	case m.list.Matches() == 0:
		return []string{m.th.Paint(theme.Text, "   Nothing matches.") + m.th.Paint(theme.Faint, "  esc clears the filter")}
	}
	return nil
}

// columns are widths in cells; 0 leaves a column out.
type columns struct{ local, name, up, down, upRate, downRate, spark, conns, rtt, age int }

// lead is the mark, the glyph and the word of the state.
const lead = 13

// columns divides the width: the name gets what the others leave. Those that matter least go first when it is narrow.
func (m Model) columns() columns {
	short, long, name := 6, 6, 12
	for _, e := range m.list.Rows() {
		short, long = max(short, width(e.shortLocal())), max(long, width(e.Tunnel.Local))
		name = max(name, width(e.name))
	}
	c := columns{local: min(short, 16)}
	room := m.w - lead - 5 // blanks: two before the address, two before the name, one at the edge
	least := min(name, 18)
	take := func(into *int, n int) {
		if room-c.local-least >= n+2 {
			*into, room = n, room-n-2
		}
	}
	take(&c.downRate, 8)
	take(&c.conns, 5)
	take(&c.spark, 10)
	take(&c.down, 7)
	take(&c.upRate, 8)
	take(&c.up, 7)
	if extra := min(long, 22) - c.local; extra > 0 && room-c.local-least >= extra {
		c.local += extra
	}
	take(&c.rtt, 6)
	take(&c.age, 6)
	for _, w := range []struct{ spark, name int }{{20, 24}, {30, 48}} {
		if c.spark > 0 && room-c.local-min(name, w.name) >= w.spark-c.spark {
			room -= w.spark - c.spark
			c.spark = w.spark
		}
	}
	c.name = max(min(name, room-c.local), 1)
	return c
}

func (m Model) headLine(c columns) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", 5) + chrome.Cell("state", lead-5))
	left := func(s string, n int) {
		if n > 0 {
			b.WriteString("  " + chrome.Cell(s, n))
		}
	}
	right := func(s string, n int) {
		if n > 0 {
			b.WriteString("  " + chrome.CellRight(s, n))
		}
	}
	left("local", c.local)
	left("target", c.name)
	right("↑", c.up)
	right("↓", c.down)
	right("↑ rate", c.upRate)
	right("↓ rate", c.downRate)
	if c.spark >= len("last minute") {
		left("last minute", c.spark)
	} else {
		left("minute", c.spark)
	}
	right("conns", c.conns)
	right("rtt", c.rtt)
	right("age", c.age)
	return m.th.Paint(theme.Faint, b.String())
}

func (m Model) rowLine(e *entry, selected bool, c columns) string {
	g, mark := theme.Plain, "   "
	if selected {
		g, mark = theme.Selected, " › "
	}
	line := painter{th: m.th, g: g}
	glyph, word, role := e.state()
	line.add(theme.Accent, mark)
	line.add(role, glyph+" "+chrome.Cell(word, lead-5))
	local := e.Tunnel.Local
	if width(local) > c.local {
		local = e.shortLocal()
	}
	line.add(theme.Text, "  "+chrome.Cell(chrome.Middle(chrome.Clean(local), c.local), c.local)+"  ")
	line.raw(pick.Paint(m.th, g, theme.Text, e.name, m.list.Marks(e), c.name), c.name)
	if why := e.trouble(m.now); why != "" {
		line.add(role, "  "+chrome.Cell(why, max(m.w-line.used-3, 0)))
	} else {
		m.numbers(&line, e, c)
	}
	line.add(theme.Text, strings.Repeat(" ", max(m.w-line.used, 0)))
	return line.b.String()
}

// numbers are the columns behind the name.
func (m Model) numbers(line *painter, e *entry, c columns) {
	up, down := e.meter.rate()
	line.right(theme.Muted, bytesText(e.Tunnel.Up), c.up)
	line.right(theme.Muted, bytesText(e.Tunnel.Down), c.down)
	line.right(moving(up), rateText(up), c.upRate)
	role := moving(down)
	if e.meter.limited() {
		role = theme.Warn
	}
	line.right(role, rateText(down), c.downRate)
	if c.spark > 0 {
		bars, role := sparkline(e.meter.history(m.now, c.spark)), theme.Accent
		if !e.meter.moved(m.now) {
			role = theme.Faint
		}
		if e.meter.limited() { // the bars are flat then: the badge may stand on the last ones
			line.add(theme.Accent, "  "+ansi.Cut(bars, width(badge)+1, c.spark)+" ")
			line.add(theme.Warn, badge)
		} else {
			line.add(role, "  "+bars)
		}
	}
	line.right(moving(float64(len(e.Tunnel.Conns))), count(len(e.Tunnel.Conns)), c.conns)
	line.right(theme.Muted, roundTrip(e.rtt()), c.rtt)
	age := ""
	if !e.Tunnel.Started.IsZero() && !e.over() {
		age = chrome.Span(m.now.Sub(e.Tunnel.Started))
	}
	line.right(theme.Faint, age, c.age)
}

// moving is the colour of a number: what is alive stands out.
func moving(n float64) theme.Role {
	if n >= 1 {
		return theme.Text
	}
	return theme.Faint
}

// painter collects painted text on one ground and knows how many cells it has.
type painter struct {
	th   theme.Theme
	g    theme.Ground
	b    strings.Builder
	used int
}

func (p *painter) add(r theme.Role, s string) {
	p.b.WriteString(p.th.On(p.g, r, s))
	p.used += width(s)
}

// raw adds what is painted already and w cells wide.
func (p *painter) raw(s string, w int) {
	p.b.WriteString(s)
	p.used += w
}

func (p *painter) right(r theme.Role, s string, w int) {
	if w > 0 {
		p.add(r, "  "+chrome.CellRight(s, w))
	}
}
