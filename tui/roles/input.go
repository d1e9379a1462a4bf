package roles

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

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
	m.settle(m.at().Name)
}

func (m *Model) onPaste(msg tea.PasteMsg) {
	switch {
	case m.over.kind == overForm:
		m.over.form = m.over.form.typed(msg)
	case m.over.kind == overDiff:
		m.over.name, _ = m.over.name.Update(msg)
	case m.over.kind == overNone && m.typing:
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
	case key.Matches(msg, k.esc):
		if m.filter.Value() == "" {
			return m, send(Leave{})
		}
		m.narrow(m.filter.With(""))
		return m, nil
	case key.Matches(msg, k.add):
		return m.openForm(addForm(nil)), nil
	case key.Matches(msg, k.help):
		return m.openSheet(chrome.HelpSheet(m.th, m.helpGroups())), nil
	case key.Matches(msg, k.filter):
		m.typing = true
		return m, nil
	case key.Matches(msg, k.refresh):
		return m, send(ListAsked{})
	}
	if e := m.at(); e.Name != "" {
		return m.onRowVerb(e, msg)
	}
	return m, nil
}

// onRowVerb does what the key stands for to the profile under the cursor.
func (m Model) onRowVerb(e entry, msg tea.KeyPressMsg) (Model, tea.Cmd) {
	k := &m.keys
	switch {
	case key.Matches(msg, k.details):
		return m.openSheet(chrome.Sheet{Title: e.name, Lines: m.details(e, chrome.SheetWidth(m.w))}), nil
	case key.Matches(msg, k.edit):
		return m.openForm(editForm(e.Row)), nil
	case key.Matches(msg, k.remove):
		return m.plan(Change{Op: Remove, Name: e.Name})
	case key.Matches(msg, k.sign):
		if !e.signs() {
			return m, send(Notice{Level: chrome.Info, Text: e.name + " needs no sign-in"})
		}
		return m, send(SignInAsked{Name: e.Name})
	}
	return m, nil
}

// Add opens the form of a new profile with these keys filled in.
func (m Model) Add(keys []Key) Model { return m.openForm(addForm(keys)) }
