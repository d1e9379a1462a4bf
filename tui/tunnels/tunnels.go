// Package tunnels is the dashboard: a line a tunnel with its state, bytes, rates and the last minute, and below the list
// all that is known of the one under the cursor.
//
// It is told readings (Sampled) and events (Happened), and computes rates from the times in them. What the user decides goes
// up as an intent (NewAsked, CloseAsked, ReopenAsked, …).
package tunnels

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// Model is the screen. Make it with New; a copy shares its rows with the original, so only the newest is of use.
type Model struct {
	th   theme.Theme
	w, h int
	now  time.Time // of the last reading
	list pick.Filtered[*entry]
	keys keys
	over over
}

// New is an empty dashboard.
func New(th theme.Theme) Model {
	shape := pick.Shape{Least: 1, Fifths: 2, Count: 11}
	return Model{th: th, keys: newKeys(), list: pick.Filtered[*entry]{Keys: pick.Letters(), Shape: shape}}
}

// SetTheme changes the colours.
func (m *Model) SetTheme(th theme.Theme) { m.th = th }

// SetSize sets how many cells View fills.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.list.SetSize(w, h)
}

// Init is nothing: the screen waits for what it is told.
func (m Model) Init() tea.Cmd { return nil }

// Update handles a message. It does no input or output; intents carry all that is to be done.
func (m Model) Update(msg tea.Msg) (Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.MouseWheelMsg:
		m.onWheel(msg)
	case tea.PasteMsg, tea.MouseClickMsg:
		if m.over.kind == overNone {
			m.list.Update(msg)
		}
	case Sampled:
		m.onSampled(msg)
	case Happened:
		m.onHappened(msg)
	case chrome.GateOpened:
		m.over.gate = m.over.gate.Update(msg)
	}
	return m, nil
}

// onWheel scrolls what is in front.
func (m *Model) onWheel(msg tea.MouseWheelMsg) {
	switch m.over.kind {
	case overNone:
		m.list.Update(msg)
	case overCopy:
		m.over.list = m.over.list.Wheel(msg, 1)
	default:
		m.over.sheet = m.over.sheet.Wheel(msg, m.h)
	}
}

// onSampled takes the reading; the cursor stays on its tunnel.
func (m *Model) onSampled(msg Sampled) {
	m.now = msg.At
	at := m.at()
	known := map[int]*entry{}
	for _, e := range m.list.Rows() {
		known[e.ID] = e
	}
	rows := make([]*entry, len(msg.Rows))
	for i, r := range msg.Rows {
		e := known[r.ID]
		if e == nil {
			e = &entry{}
		}
		e.update(r, msg.At)
		rows[i] = e
	}
	m.list.Set(rows, func(e *entry) bool { return e == at })
	m.refresh()
}

func (m *Model) onHappened(msg Happened) {
	for _, e := range m.list.Rows() {
		if e.ID == msg.ID {
			e.happened(msg.Events)
		}
	}
	m.refresh()
}

// Focus puts the cursor on the tunnel with that ID.
func (m *Model) Focus(id int) {
	is := func(e *entry) bool { return e.ID == id }
	if slices.ContainsFunc(m.list.Rows(), is) {
		m.list.Focus(is)
	}
}

// Item is what the filter looks at.
func (e *entry) Item() pick.Item {
	t := e.Tunnel.Target
	_, word, _ := e.state()
	return pick.Item{
		Title: e.name,
		Words: []string{word, chrome.Clean(t.Engine), chrome.Clean(t.Account.Profile), t.Account.ID, chrome.Clean(t.Account.Region), chrome.Clean(t.Instance.Name)},
		Whole: []string{chrome.Clean(t.Endpoint.String()), chrome.Clean(e.Tunnel.Local)},
	}
}

// at is the tunnel under the cursor, or nil.
func (m Model) at() *entry { return m.list.At() }

// Cursor is where the terminal's cursor belongs, from the screen's first cell; nil when no text is being typed.
func (m Model) Cursor() *tea.Cursor {
	if m.over.kind != overNone {
		return nil
	}
	return m.list.Cursor()
}

func width(s string) int { return ansi.StringWidth(s) }

// send is a command that hands an intent to the root.
func send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
