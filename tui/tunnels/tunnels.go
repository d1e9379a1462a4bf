// Package tunnels is the dashboard: a line a tunnel with its state, bytes, rates and the last minute, and below the list
// all that is known of the one under the cursor.
//
// It is told readings (Sampled) and events (Happened), and computes rates from the times in them. What the user decides goes
// up as an intent (NewAsked, CloseAsked, ReopenAsked, …).
package tunnels

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// Model is the screen. Make it with New; a copy shares its rows with the original, so only the newest is of use.
type Model struct {
	th     theme.Theme
	w, h   int
	now    time.Time // of the last reading
	rows   []*entry
	shown  []*entry // those that pass the filter
	list   pick.List
	filter chrome.Field
	typing bool // letters go to the filter
	keys   keys
	over   over
}

// New is an empty dashboard.
func New(th theme.Theme) Model { return Model{th: th, keys: newKeys()} }

// SetTheme changes the colours.
func (m *Model) SetTheme(th theme.Theme) { m.th = th }

// SetSize sets how many cells View fills.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.settle(m.at())
}

// Init is nothing: the screen waits for what it is told.
func (m Model) Init() tea.Cmd { return nil }

// Update handles a message. It does no input or output; intents carry all that is to be done.
func (m Model) Update(msg tea.Msg) (Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		m.onPaste(msg)
	case tea.MouseWheelMsg:
		m.onWheel(msg)
	case tea.MouseClickMsg:
		m.onClick(msg)
	case Sampled:
		m.onSampled(msg)
	case Happened:
		m.onHappened(msg)
	case chrome.GateOpened:
		m.over.gate = m.over.gate.Update(msg)
	}
	return m, nil
}

// onSampled takes the reading; the cursor stays on its tunnel.
func (m *Model) onSampled(msg Sampled) {
	m.now = msg.At
	at := m.at()
	known := map[int]*entry{}
	for _, e := range m.rows {
		known[e.ID] = e
	}
	m.rows = make([]*entry, len(msg.Rows))
	for i, r := range msg.Rows {
		e := known[r.ID]
		if e == nil {
			e = &entry{}
		}
		e.update(r, msg.At)
		m.rows[i] = e
	}
	m.settle(at)
	m.refresh()
}

func (m *Model) onHappened(msg Happened) {
	for _, e := range m.rows {
		if e.ID == msg.ID {
			e.happened(msg.Events)
		}
	}
	m.refresh()
}

// Focus puts the cursor on the tunnel with that ID.
func (m *Model) Focus(id int) {
	for _, e := range m.rows {
		if e.ID == id {
			m.filter, m.typing = m.filter.With(""), false
			m.settle(e)
		}
	}
}

// settle filters, and puts the cursor on at where that is still shown.
func (m *Model) settle(at *entry) {
	m.shown = m.rows
	if q := pick.Parse(m.filter.Value()); !q.Empty() {
		m.shown = m.matching(q)
	}
	m.list = m.list.Resize(len(m.shown), m.layout().rows)
	for i, e := range m.shown {
		if e == at {
			m.list = m.list.Follow(i, len(m.shown))
		}
	}
}

func (m *Model) matching(q pick.Query) []*entry {
	var index pick.Index
	ids := make([]int32, 0, len(m.rows))
	for _, e := range m.rows {
		ids = append(ids, int32(index.Add(e.item())))
	}
	var finder pick.Finder
	finder.Source(ids)
	pass := map[int32]bool{}
	for _, id := range finder.Find(&index, q) {
		pass[id] = true
	}
	var out []*entry // in the order of the screen: a dashboard whose lines jump cannot be read
	for i, e := range m.rows {
		if pass[int32(i)] {
			out = append(out, e)
		}
	}
	return out
}

func (e *entry) item() pick.Item {
	t := e.Tunnel.Target
	_, word, _ := e.state()
	return pick.Item{
		Title: e.name,
		Words: []string{word, chrome.Clean(t.Engine), chrome.Clean(t.Account.Profile), t.Account.ID, chrome.Clean(t.Account.Region), chrome.Clean(t.Instance.Name)},
		Whole: []string{chrome.Clean(t.Endpoint.String()), chrome.Clean(e.Tunnel.Local)},
	}
}

// at is the tunnel under the cursor, or nil.
func (m Model) at() *entry {
	if m.list.Cursor < 0 || m.list.Cursor >= len(m.shown) {
		return nil
	}
	return m.shown[m.list.Cursor]
}

// Cursor is where the terminal's cursor belongs, from the screen's first cell; nil when no text is being typed.
func (m Model) Cursor() *tea.Cursor {
	if !m.typing || m.over.kind != overNone || m.w == 0 {
		return nil
	}
	return tea.NewCursor(filterIndent+m.filter.Cursor(m.filterWidth()), 0)
}

func width(s string) int { return ansi.StringWidth(s) }

// send is a command that hands an intent to the root.
func send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
