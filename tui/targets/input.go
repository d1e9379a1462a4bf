package targets

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
)

// onKey routes a key: to what lies over the list, to movement, to the commands, and what is left to the search.
func (m Model) onKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	if m.over.kind != overNone {
		return m.onOverKey(msg)
	}
	if m.move(msg) {
		return m, nil
	}
	if next, cmd, ok := m.onCommand(msg); ok {
		return next, cmd
	}
	if m.commands {
		return m, nil
	}
	if m.query.Value() == "" && msg.String() == "?" {
		return m.openHelp(), nil
	}
	var changed bool
	if m.query, changed = m.query.Update(msg); changed {
		m.typed()
	}
	return m, nil
}

func (m Model) onPaste(msg tea.PasteMsg) (Model, tea.Cmd) {
	switch m.over.kind {
	case overHost:
		m.over = m.over.typed(msg)
	case overNone:
		m.focus(false)
		m.query, _ = m.query.Update(msg)
		m.typed()
	}
	return m, nil
}

func (m Model) onWheel(msg tea.MouseWheelMsg) (Model, tea.Cmd) {
	switch m.over.kind {
	case overNone:
		m.list = m.list.Wheel(msg, 3)
	case overSheet, overReason:
		m.over.sheet = m.over.sheet.Wheel(msg, m.h)
	case overVia:
		m.over.list = m.over.list.Wheel(msg, 1)
	}
	return m, nil
}

// onClick puts the cursor on the row that was clicked. The position counts from the screen's first cell.
func (m Model) onClick(msg tea.MouseClickMsg) (Model, tea.Cmd) {
	if l := m.layout(); m.over.kind == overNone && msg.X < l.list {
		m.list = m.list.Click(msg, l.top)
	}
	return m, nil
}

// move moves the cursor and says whether the key was one that does.
func (m *Model) move(msg tea.KeyPressMsg) (taken bool) {
	if m.list, taken = m.list.Key(msg, &m.keys.move); !taken {
		m.list, taken = m.list.Key(msg, &m.keys.listMove)
	}
	return taken
}

// onCommand does what the key stands for; ok is false when it stands for nothing here.
func (m Model) onCommand(msg tea.KeyPressMsg) (next Model, cmd tea.Cmd, ok bool) {
	k := &m.keys
	switch {
	case key.Matches(msg, k.enter):
		next, cmd = m.choose()
	case key.Matches(msg, k.focus):
		m.focus(!m.commands)
		next = m
	case key.Matches(msg, k.listSearch):
		m.focus(false)
		next = m
	case key.Matches(msg, k.esc):
		next, cmd = m.back()
	case key.Matches(msg, k.listQuit):
		next, cmd = m, send(Leave{})
	case key.Matches(msg, k.filter):
		m.narrow(m.filter.next(m.data.rows, m.at()))
		next = m
	case key.Matches(msg, k.value):
		m.narrow(m.filter.following(m.data.rows))
		next = m
	case key.Matches(msg, k.via):
		next, cmd = m.askVia()
	case key.Matches(msg, k.host):
		next, cmd = m.askHost()
	case key.Matches(msg, k.errors):
		next = m.openSheet(m.status.errors(m.th, m.w))
	case key.Matches(msg, k.details):
		next = m.openDetails()
	case key.Matches(msg, k.roles):
		next, cmd = m, m.askRoles()
	case key.Matches(msg, k.copy):
		next, cmd = m.copyCommand()
	case key.Matches(msg, k.refresh):
		next, cmd = m, send(RefreshAsked{})
	case key.Matches(msg, k.help):
		next = m.openHelp()
	default:
		return m, nil, false
	}
	return next, cmd, true
}

// focus gives the letters to the commands or to the search.
func (m *Model) focus(commands bool) {
	m.commands, m.keys = commands, newKeys(commands)
}

// back undoes one thing: the command focus, the search, the filter; then it leaves.
func (m Model) back() (Model, tea.Cmd) {
	switch {
	case m.commands:
		m.focus(false)
	case m.query.Value() != "":
		m.query = m.query.With("")
		m.parsed = pick.Query{}
		m.settle()
	case m.filter.facet != facetNone:
		m.narrow(filter{})
	default:
		return m, send(Leave{})
	}
	return m, nil
}

// narrow changes the filter; the cursor stays on its row where that passes.
func (m *Model) narrow(f filter) {
	m.filter = f
	m.settle()
}

// choose opens the row under the cursor, asks for what is missing, or explains why it cannot be opened.
func (m Model) choose() (Model, tea.Cmd) {
	e := m.at()
	switch {
	case e == nil:
		return m, nil
	case e.reason() != "":
		return m.explain()
	case e.Instance != nil:
		return m.askHost()
	}
	return m, send(Chosen{Target: e.Target()})
}

func (m Model) copyCommand() (Model, tea.Cmd) {
	e := m.at()
	if e == nil || !e.open() {
		return m, send(Notice{Level: chrome.Caution, Text: "there is no aws command for this row"})
	}
	t := e.Target()
	return m, send(CopyAsked{Text: Command(t, t.Endpoint.Port)})
}

func (m Model) askRoles() tea.Cmd {
	var of aws.Account
	if e := m.at(); e != nil {
		of = e.Account
	}
	return send(RolesAsked{Of: of})
}
