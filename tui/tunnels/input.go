package tunnels

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
)

// onKey routes a key: to what lies over the list, to the filter while it is typed, to movement, to the verbs.
func (m Model) onKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	switch {
	case m.over.kind != overNone:
		return m.onOverKey(msg)
	case m.typing:
		m.onFilterKey(msg)
		return m, nil
	case m.move(msg):
		return m, nil
	}
	return m.onVerb(msg)
}

func (m *Model) onFilterKey(msg tea.KeyPressMsg) {
	switch msg.String() {
	case "enter", "tab":
		m.typing = false
	case "esc":
		m.typing = false
		m.narrow(m.filter.With(""))
	case "up", "ctrl+p":
		m.list = m.list.Move(-1)
	case "down", "ctrl+n":
		m.list = m.list.Move(1)
	default:
		if next, changed := m.filter.Update(msg); changed {
			m.narrow(next)
		} else {
			m.filter = next
		}
	}
}

func (m *Model) narrow(f chrome.Field) {
	m.filter = f
	m.settle(m.at())
}

func (m *Model) onPaste(msg tea.PasteMsg) {
	if m.typing && m.over.kind == overNone {
		next, _ := m.filter.Update(msg)
		m.narrow(next)
	}
}

func (m *Model) onWheel(msg tea.MouseWheelMsg) {
	if m.over.kind != overNone {
		return
	}
	switch msg.Button {
	case tea.MouseWheelUp:
		m.list = m.list.Move(-1)
	case tea.MouseWheelDown:
		m.list = m.list.Move(1)
	}
}

// onClick goes to the row that was clicked. Its position is from the screen's first cell.
func (m *Model) onClick(msg tea.MouseClickMsg) {
	if m.over.kind != overNone || msg.Button != tea.MouseLeft {
		return
	}
	from, to := m.list.Shown()
	if i := from + msg.Y - m.layout().top; i >= from && i < to {
		m.list = m.list.Move(i - m.list.Cursor)
	}
}

// move moves the cursor and says whether the key was one that does.
func (m *Model) move(msg tea.KeyPressMsg) bool {
	k := &m.keys
	switch {
	case key.Matches(msg, k.up):
		m.list = m.list.Move(-1)
	case key.Matches(msg, k.down):
		m.list = m.list.Move(1)
	case key.Matches(msg, k.pageUp):
		m.list = m.list.Page(-1)
	case key.Matches(msg, k.pageDown):
		m.list = m.list.Page(1)
	case key.Matches(msg, k.first):
		m.list = m.list.First()
	case key.Matches(msg, k.last):
		m.list = m.list.Last()
	default:
		return false
	}
	return true
}

func (m Model) onVerb(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	k := &m.keys
	switch {
	case key.Matches(msg, k.new):
		return m, send(NewAsked{})
	case key.Matches(msg, k.quit):
		return m, send(QuitAsked{})
	case key.Matches(msg, k.help):
		return m.openSheet(overSheet, chrome.HelpSheet(m.th, m.helpGroups())), nil
	case key.Matches(msg, k.esc):
		if m.filter.Value() == "" {
			return m, send(NewAsked{})
		}
		m.narrow(m.filter.With(""))
		return m, nil
	case key.Matches(msg, k.filter):
		m.typing = true
		return m, nil
	case key.Matches(msg, k.roles):
		var of aws.Account
		if e := m.at(); e != nil {
			of = e.Tunnel.Target.Account
		}
		return m, send(RolesAsked{Of: of})
	}
	if e := m.at(); e != nil {
		return m.onRowVerb(e, msg)
	}
	return m, nil
}

// onRowVerb does what the key stands for to the tunnel under the cursor.
func (m Model) onRowVerb(e *entry, msg tea.KeyPressMsg) (Model, tea.Cmd) {
	k := &m.keys
	switch {
	case key.Matches(msg, k.open):
		m = m.openSheet(overDetails, chrome.Sheet{})
		m.refresh()
	case key.Matches(msg, k.log):
		m = m.openSheet(overLog, chrome.Sheet{})
		m.refresh()
		m.over.sheet, _ = m.over.sheet.Update(tea.KeyPressMsg{Code: tea.KeyEnd}, m.h)
	case key.Matches(msg, k.copy):
		return m.openCopy(e)
	case key.Matches(msg, k.shut):
		if e.Closing && !e.over() {
			return m, send(Notice{Level: chrome.Info, Text: e.name + " is being closed"})
		}
		return m, send(CloseAsked{ID: e.ID})
	case key.Matches(msg, k.reopen):
		if !e.over() {
			return m, send(Notice{Level: chrome.Info, Text: e.name + " is open; x closes it"})
		}
		return m, send(ReopenAsked{ID: e.ID})
	case key.Matches(msg, k.client):
		return m, m.openClient(e)
	}
	return m, nil
}

func (m Model) openClient(e *entry) tea.Cmd {
	switch {
	case e.over() || e.Closing:
		return send(Notice{Level: chrome.Caution, Text: e.name + " is not open"})
	case e.Client == "":
		return send(Notice{Level: chrome.Caution, Text: "no client for this engine was found on PATH; c copies the command"})
	}
	return send(OpenClientAsked{ID: e.ID})
}
