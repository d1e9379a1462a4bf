package roles

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
)

// onKey routes a key: to what lies over the list, to the list and its filter, to the verbs.
func (m Model) onKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	switch {
	case m.over.kind != overNone:
		return m.onOverKey(msg)
	case m.list.Update(msg):
		return m, nil
	}
	return m.onVerb(msg)
}

func (m *Model) onPaste(msg tea.PasteMsg) {
	switch m.over.kind {
	case overForm:
		m.over.form = m.over.form.typed(msg)
	case overDiff:
		m.over.name, _ = m.over.name.Update(msg)
	case overNone:
		m.list.Update(msg)
	}
}

func (m Model) onVerb(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	k := &m.keys
	switch {
	case key.Matches(msg, k.esc):
		if !m.list.Clear() {
			return m, send(Leave{})
		}
		return m, nil
	case key.Matches(msg, k.add):
		return m.openForm(addForm(nil)), nil
	case key.Matches(msg, k.help):
		return m.openSheet(chrome.HelpSheet(m.th, m.helpGroups())), nil
	case key.Matches(msg, k.filter):
		m.list.Type()
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
