package tunnels

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
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
		if !m.list.Clear() {
			return m, send(NewAsked{})
		}
		return m, nil
	case key.Matches(msg, k.filter):
		m.list.Type()
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
	case key.Matches(msg, k.sign):
		if !e.WaitsForSignIn() {
			return m, send(Notice{Level: chrome.Info, Text: e.name + " waits for no sign-in"})
		}
		return m, send(SignInAsked{Profile: e.Tunnel.Target.Account.Profile})
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
