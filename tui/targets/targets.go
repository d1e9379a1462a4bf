// Package targets is the first screen: everything that can be opened, in one list with a fuzzy search.
//
// The list fills while one types. Rows arrive as messages (Cached, Found), the cursor stays on its row whatever arrives,
// and what the user decides goes up as an intent (Chosen, ViaAsked, RefreshAsked, …).
package targets

import (
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// Model is the screen. Make it with New; a copy shares its rows with the original, so only the newest is of use.
type Model struct {
	th       theme.Theme
	w, h     int
	now      time.Time
	data     store
	status   status
	shown    []int32 // ids of the rows in the list, best first
	list     pick.List
	query    chrome.Field
	parsed   pick.Query
	commands bool // letters are commands; otherwise they are typed into the search
	filter   filter
	keys     keys
	over     over
	touched  bool // the user has done something here: from then on the cursor stays where it is
}

// New is an empty list with the search focused.
func New(th theme.Theme) Model {
	return Model{th: th, data: newStore(), keys: newKeys(false)}
}

// SetTheme changes the colours.
func (m *Model) SetTheme(th theme.Theme) { m.th = th }

// SetSize sets how many cells View fills.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.list = m.list.Resize(len(m.shown), m.layout().rows)
}

// Init is nothing: the screen waits for what it is told.
func (m Model) Init() tea.Cmd { return nil }

// Update handles a message. It does no input or output; commands and intents carry all that is to be done.
func (m Model) Update(msg tea.Msg) (Model, tea.Cmd) {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg, tea.MouseWheelMsg, tea.MouseClickMsg:
		m.touched = true
	}
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return m.onPaste(msg)
	case tea.MouseWheelMsg:
		return m.onWheel(msg)
	case tea.MouseClickMsg:
		return m.onClick(msg)
	case ViaAnswer:
		m.over = m.over.answered(msg)
	case chrome.GateOpened:
		m.over.gate = m.over.gate.Update(msg)
	case Clock:
		m.now = msg.Now
	case indexMore:
		return m, m.data.more(msg)
	default:
		m.onData(msg)
		return m, m.data.more(indexMore{})
	}
	return m, nil
}

// onData takes in what is found, and how far the finding is.
func (m *Model) onData(msg tea.Msg) {
	switch msg := msg.(type) {
	case Cached:
		m.data.put(msg.Rows, 0)
		m.status.cachedAt = msg.At
		m.settle()
	case Started:
		m.status = status{scan: msg.Scan, parts: msg.Parts, unit: msg.Unit, running: true, cachedAt: m.status.cachedAt}
	case Found:
		if msg.Scan == m.status.scan {
			m.data.put(msg.Rows, msg.Scan)
			m.settle()
		}
	case Progress:
		if msg.Scan == m.status.scan {
			m.status.done = min(msg.Done, m.status.parts)
		}
	case Failed:
		m.onFailed(msg)
	case Finished:
		m.onFinished(msg)
	}
}

func (m *Model) onFailed(msg Failed) {
	if msg.Scan != m.status.scan || msg.Err == nil {
		return
	}
	m.status.problems = append(m.status.problems, problem{account: msg.Account, text: msg.Err.Error(), next: aws.NextOf(msg.Err), denied: errors.Is(msg.Err, aws.ErrDenied)})
}

// onFinished drops what the scan has not seen again, except where it could not look, and what was typed or kept by hand.
func (m *Model) onFinished(msg Finished) {
	if msg.Scan != m.status.scan {
		return
	}
	m.status.running, m.status.done = false, m.status.parts
	key := m.key()
	old := false
	m.data.keep(func(e *entry) bool {
		if e.scan == msg.Scan {
			return true
		}
		failed := m.status.failedPart(e)
		old = old || failed && e.scan == 0
		return failed || e.Database == nil && e.Instance == nil
	})
	if !old {
		m.status.cachedAt = time.Time{}
	}
	m.settleOn(key)
}

// settle filters and searches again after rows have come or the filter has changed, and keeps the cursor on its row.
func (m *Model) settle() { m.settleOn(m.key()) }

// settleOn filters and searches again and keeps the cursor on the row with the key, and on its line. Until the user has touched
// anything it is on the first row. Whoever drops rows asks for the key before: what is shown has other numbers afterwards.
func (m *Model) settleOn(key string) {
	m.search()
	if id, ok := m.data.byKey[key]; ok && m.touched {
		for i, s := range m.shown {
			if s == id {
				m.list = m.list.Follow(i, len(m.shown))
				return
			}
		}
	}
	m.list = m.list.Resize(len(m.shown), m.list.Height)
	if !m.touched {
		m.list = m.list.First()
	}
}

// search fills shown by the filter and the query.
func (m *Model) search() {
	ids := m.data.sorted
	if m.filter.facet != facetNone {
		ids = nil
		for _, id := range m.data.sorted {
			if m.filter.pass(&m.data.rows[id]) {
				ids = append(ids, id)
			}
		}
	}
	m.data.finder.Source(ids)
	m.find()
}

// find fills shown by the query, from what the filter has let through.
func (m *Model) find() {
	if !m.parsed.Empty() {
		m.data.fill(len(m.data.rows))
	}
	m.shown = m.data.finder.Find(m.data.index, m.parsed)
}

// typed searches for what the field now holds and goes to the best row.
func (m *Model) typed() {
	m.parsed = pick.Parse(m.query.Value())
	m.find()
	m.list = m.list.Resize(len(m.shown), m.list.Height).First()
}

// at is the row under the cursor, or nil.
func (m *Model) at() *entry {
	if m.list.Cursor < 0 || m.list.Cursor >= len(m.shown) {
		return nil
	}
	return &m.data.rows[m.shown[m.list.Cursor]]
}

// key is that of the row under the cursor, "" when there is none.
func (m *Model) key() string {
	if e := m.at(); e != nil {
		return e.key
	}
	return ""
}

// Cursor is where the terminal's cursor belongs, from the screen's first cell; nil when no text is being typed.
func (m Model) Cursor() *tea.Cursor {
	switch {
	case m.over.kind == overHost:
		return m.over.cursor(m.w, m.h)
	case m.over.kind != overNone || m.commands || m.w == 0:
		return nil
	}
	return tea.NewCursor(searchIndent+m.query.Cursor(m.searchWidth()), 0)
}

func width(s string) int { return chrome.Width(s) }

// send is a command that hands an intent to the root.
func send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
