package targets

import (
	"cmp"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// overKind is what lies over the list.
type overKind uint8

const (
	overNone   overKind = iota
	overSheet           // a text: help, errors, details
	overReason          // a text: why a row cannot be opened
	overVia             // the choice of the instance to go through
	overHost            // a free host:port
)

// over is what lies over the list. Number and gate live on when it closes, so that late answers and timers find nothing.
type over struct {
	kind    overKind
	n       int // of the question asked last
	gate    chrome.Gate
	sheet   chrome.Sheet
	row     Row
	name    string // of the row, clean
	waiting bool   // for the choices
	choices []Choice
	list    pick.List // of the choices
	failure string    // what the question failed with
	field   chrome.Field
}

func (o over) closed() over { return over{n: o.n, gate: o.gate} }

func (m Model) openSheet(s chrome.Sheet) Model {
	m.over = m.over.closed()
	m.over.kind, m.over.sheet = overSheet, s
	return m
}

func (m Model) openHelp() Model { return m.openSheet(chrome.HelpSheetIn(m.th, m.helpGroups(), m.w)) }

func (m Model) openDetails() Model {
	e := m.at()
	if e == nil {
		return m
	}
	return m.openSheet(chrome.Sheet{Title: "details", Lines: details(m.th, e, m.now, chrome.SheetWidth(m.w))})
}

// explain says why the row under the cursor cannot be opened, what to do about it, and offers the ways that are left.
func (m Model) explain() (Model, tea.Cmd) {
	e := m.at()
	inner := chrome.SheetWidth(m.w)
	lines := wrapped(m.th, theme.Error, e.reason(), inner, "✗ ")
	for i, next := range e.advice() {
		if i == 0 {
			lines = append(lines, "")
		}
		lines = append(lines, wrapped(m.th, theme.Accent, next, inner, "→ ")...)
	}
	if e.Instance == nil || e.open() {
		lines = append(lines, "")
	}
	if e.Instance == nil { // a node goes through itself
		lines = append(lines, m.th.Paint(theme.Muted, "v")+m.th.Paint(theme.Faint, "  go through another instance"))
	}
	if e.open() {
		lines = append(lines, m.th.Paint(theme.Muted, "c")+m.th.Paint(theme.Faint, "  connect all the same"))
	}
	m = m.openSheet(chrome.Sheet{Title: e.name, Lines: lines})
	m.over.kind, m.over.row, m.over.name = overReason, e.Row, e.name
	var cmd tea.Cmd
	m.over.gate, cmd = m.over.gate.Shut("targets")
	return m, cmd
}

// askVia asks for the instances that could carry the row under the cursor.
func (m Model) askVia() (Model, tea.Cmd) {
	e := m.at()
	if e == nil {
		return m, nil
	}
	if e.Instance != nil {
		return m, send(Notice{Level: chrome.Caution, Text: "this row is an instance itself"})
	}
	return m.openVia(e.Row, e.name)
}

func (m Model) openVia(r Row, name string) (Model, tea.Cmd) {
	m.over = m.over.closed()
	m.over.kind, m.over.row, m.over.name, m.over.waiting = overVia, r, name, true
	m.over.n++
	var cmd tea.Cmd
	m.over.gate, cmd = m.over.gate.Shut("targets")
	return m, tea.Batch(cmd, send(ViaAsked{N: m.over.n, Row: r}))
}

// answered takes the answer to the last question, online and fit instances first.
func (o over) answered(msg ViaAnswer) over {
	if o.kind != overVia || msg.N != o.n {
		return o
	}
	o.waiting = false
	if msg.Err != nil {
		o.failure = msg.Err.Error()
		return o
	}
	o.choices = slices.Clone(msg.Choices)
	slices.SortStableFunc(o.choices, func(a, b Choice) int { return a.rank() - b.rank() })
	o.list = o.list.Resize(len(o.choices), max(len(o.choices), 1))
	for i, c := range o.choices {
		if c.Instance.ID == o.row.Via.ID {
			o.list = o.list.Move(i)
		}
	}
	return o
}

func (c Choice) rank() int {
	switch {
	case c.Unfit == "" && c.Instance.Online() && c.Reach == ReachNo:
		return 1
	case c.Unfit == "" && c.Instance.Online():
		return 0
	case c.Instance.Online():
		return 1
	}
	return 2
}

func (c Choice) reason() string {
	if c.Unfit == "" && !c.Instance.Online() {
		return cmp.Or(c.Instance.PingStatus, "not online")
	}
	return c.Unfit
}

// askHost asks for a free host:port behind the instance of the row under the cursor.
func (m Model) askHost() (Model, tea.Cmd) {
	e := m.at()
	if e == nil {
		return m, nil
	}
	if e.Target().Instance.ID == "" {
		return m.explain()
	}
	m.over = m.over.closed()
	m.over.kind, m.over.row, m.over.name = overHost, e.Row, e.name
	var cmd tea.Cmd
	m.over.gate, cmd = m.over.gate.Shut("targets")
	return m, cmd
}

// onOverKey handles keys while something lies over the list.
func (m Model) onOverKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	switch m.over.kind {
	case overVia:
		return m.onViaKey(msg)
	case overHost:
		return m.onHostKey(msg)
	case overReason:
		switch k := msg.String(); {
		case k == "v" && m.over.row.Instance == nil:
			return m.openVia(m.over.row, m.over.name)
		case k == "c" && m.over.row.open() && m.over.gate.Open():
			return m.connect(m.over.row)
		case k == "enter" && !m.over.gate.Open():
			return m, nil
		}
	}
	var closed bool
	if m.over.sheet, closed = m.over.sheet.Update(msg, m.h); closed {
		m.over = m.over.closed()
	}
	return m, nil
}

func (m Model) connect(r Row) (Model, tea.Cmd) {
	m.over = m.over.closed()
	return m, send(Chosen{Target: r.Target()})
}

func (m Model) onViaKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	o := &m.over
	switch msg.String() {
	case "esc", "q", "ctrl+c":
		m.over = m.over.closed()
	case "up", "k", "ctrl+p", "ctrl+k":
		o.list = o.list.Move(-1)
	case "down", "j", "ctrl+n", "ctrl+j":
		o.list = o.list.Move(1)
	case "home", "g":
		o.list = o.list.First()
	case "end", "G":
		o.list = o.list.Last()
	case "enter":
		if o.waiting || !o.gate.Open() || o.list.Cursor >= len(o.choices) || o.choices[o.list.Cursor].reason() != "" {
			return m, nil
		}
		return m.goThrough(o.choices[o.list.Cursor].Instance)
	}
	return m, nil
}

// goThrough opens the row of the dialog through the instance, which stays the row's own from now on.
func (m Model) goThrough(i aws.Instance) (Model, tea.Cmd) {
	r := pin(m.over.row, i)
	m.data.pinned[r.Key()] = i
	if id, ok := m.data.byKey[r.Key()]; ok {
		m.data.rows[id].Row = r
	}
	switch {
	case !r.open():
		return m, send(Notice{Level: chrome.Caution, Text: "this database has no endpoint now"})
	case r.reason() != "":
		return m.explain()
	}
	return m.connect(r)
}
