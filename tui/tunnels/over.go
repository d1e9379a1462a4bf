package tunnels

import (
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// overKind is what lies over the list.
type overKind uint8

const (
	overNone    overKind = iota
	overSheet            // a text that stays as it is: the help
	overDetails          // a text that follows its tunnel
	overLog              // the same with the events
	overCopy             // the choice of what to copy
)

// over is what lies over the list. The gate lives on when it closes, so that late timers find nothing.
type over struct {
	kind   overKind
	gate   chrome.Gate
	id     int // of the tunnel it is about
	sheet  chrome.Sheet
	copies []Copy
	list   pick.List
}

func (o over) closed() over { return over{gate: o.gate} }

func (m Model) openSheet(kind overKind, s chrome.Sheet) Model {
	m.over = m.over.closed()
	m.over.kind, m.over.sheet = kind, s
	if e := m.at(); e != nil {
		m.over.id = e.ID
	}
	return m
}

func (m Model) openCopy(e *entry) (Model, tea.Cmd) {
	if len(e.Copies) == 0 {
		return m, send(Notice{Level: chrome.Caution, Text: "there is nothing to copy yet"})
	}
	m.over = m.over.closed()
	m.over.kind, m.over.id, m.over.copies = overCopy, e.ID, e.Copies
	m.over.list = m.over.list.Resize(len(e.Copies), len(e.Copies))
	var cmd tea.Cmd
	m.over.gate, cmd = m.over.gate.Shut("tunnels")
	return m, cmd
}

// refresh brings the text over the list up to date; a tunnel that is gone takes its text with it.
func (m *Model) refresh() {
	if m.over.kind != overDetails && m.over.kind != overLog {
		return
	}
	for _, e := range m.list.Rows() {
		if e.ID != m.over.id {
			continue
		}
		w := chrome.SheetWidth(m.w)
		if m.over.kind == overLog {
			m.over.sheet.Title, m.over.sheet.Lines = "log of "+e.name, logLines(m.th, e.events, w)
		} else {
			m.over.sheet.Title, m.over.sheet.Lines = e.name, m.details(e, w)
		}
		return
	}
	m.over = m.over.closed()
}

func (m Model) onOverKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	if m.over.kind == overCopy {
		return m.onCopyKey(msg)
	}
	if m.over.kind == overLog && msg.String() == "l" {
		m.over = m.over.closed()
		return m, nil
	}
	var closed bool
	if m.over.sheet, closed = m.over.sheet.Update(msg, m.h); closed {
		m.over = m.over.closed()
	}
	return m, nil
}

func (m Model) onCopyKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	o := &m.over
	switch k := msg.String(); k {
	case "esc", "q", "c", "ctrl+c":
		m.over = m.over.closed()
	case "up", "k", "ctrl+p":
		o.list = o.list.Move(-1)
	case "down", "j", "ctrl+n":
		o.list = o.list.Move(1)
	case "home", "g":
		o.list = o.list.First()
	case "end", "G":
		o.list = o.list.Last()
	case "enter":
		if o.gate.Open() {
			return m.copied(o.list.Cursor)
		}
	default:
		if len(k) == 1 && k[0] >= '1' && int(k[0]-'1') < len(o.copies) && o.gate.Open() {
			return m.copied(int(k[0] - '1'))
		}
	}
	return m, nil
}

func (m Model) copied(i int) (Model, tea.Cmd) {
	c := m.over.copies[i]
	m.over = m.over.closed()
	return m, send(CopyAsked(c))
}

func (o over) view(th theme.Theme, behind string, w, h int) string {
	if o.kind == overCopy {
		return chrome.Over(th, behind, o.copyBox(th, w), w, h)
	}
	return o.sheet.View(th, behind, w, h)
}

func (o over) copyBox(th theme.Theme, w int) string {
	box := max(min(w-6, 100), min(w, 40))
	inner := box - 4
	label := 0
	for _, c := range o.copies {
		label = max(label, width(c.Label))
	}
	label = min(label, inner/3)
	var body []string
	for i, c := range o.copies {
		g, mark := theme.Plain, "  "
		if i == o.list.Cursor {
			g, mark = theme.Selected, "› "
		}
		number := string(rune('1' + i))
		body = append(body, th.On(g, theme.Accent, mark+number+" ")+th.On(g, theme.Text, chrome.Cell(chrome.Clean(c.Label), label)+"  ")+
			th.On(g, theme.Muted, chrome.Cell(chrome.Middle(chrome.Clean(c.Text), max(inner-label-6, 4)), inner-label-6)))
	}
	return chrome.Frame(th, "copy", body, "enter copy   esc back", box)
}
