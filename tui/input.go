package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/ports"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// onKey routes a key: to the confirmation, to what holds everywhere, to the front.
func (m Model) onKey(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	if m.over.confirm.shown {
		var confirmed bool
		m.over.confirm, confirmed = m.over.confirm.onKey(msg)
		if confirmed {
			return m.confirmed()
		}
		return m, nil
	}
	if m.over.offer.shown {
		if next, cmd, ok := m.onOfferKey(msg); ok {
			return next, cmd
		}
	}
	switch msg.String() {
	case "ctrl+z":
		return m, tea.Suspend
	case "ctrl+c":
		return m.quit()
	}
	return m.toFront(msg)
}

// toFront hands the user's input to the screen in front.
func (m Model) toFront(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch {
	case m.over.confirm.shown, m.over.offer.shown:
	case m.over.ports:
		m.ports, cmd = m.ports.Update(msg)
	case m.page == pageTunnels:
		m.board, cmd = m.board.Update(msg)
	case m.page == pageRoles:
		m.roles.screen, cmd = m.roles.screen.Update(msg)
	default:
		m.list, cmd = m.list.Update(msg)
	}
	return m, cmd
}

// onMouse hands clicks and the wheel on, with the position as the screen counts it.
func (m Model) onMouse(msg tea.MouseMsg) (tea.Model, tea.Cmd) {
	_, top := m.frame().Origin()
	if m.hint() != "" {
		top++
	}
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		msg.Y -= top
		return m.toFront(msg)
	case tea.MouseWheelMsg:
		msg.Y -= top
		return m.toFront(msg)
	}
	return m, nil
}

// onIntent does what a screen asks for.
func (m Model) onIntent(msg tea.Msg) (next tea.Model, cmd tea.Cmd, ok bool) {
	switch msg := msg.(type) {
	case targets.Chosen:
		next, cmd = m.chosen(msg)
	case targets.ViaAsked:
		next, cmd = m, m.choices(msg)
	case targets.RefreshAsked:
		cmd = m.scan()
		next = m
	case targets.CopyAsked:
		next, cmd = m, m.copied("the aws command", msg.Text)
	case targets.Notice:
		next, cmd = m.notice(msg.Level, msg.Text)
	case targets.Leave:
		next, cmd = m.leave()
	case ports.Connect:
		next, cmd = m.connect(msg)
	case ports.Back:
		m.over.ports = false
		next = m
	case targets.RolesAsked:
		next, cmd = m.turnToRoles(msg.Of)
	default:
		return m.onTunnelsIntent(msg)
	}
	return next, cmd, true
}

func (m Model) onTunnelsIntent(msg tea.Msg) (next tea.Model, cmd tea.Cmd, ok bool) {
	switch msg := msg.(type) {
	case tunnels.NewAsked:
		next, cmd = m.turnTo(pageTargets)
	case tunnels.CloseAsked:
		next, cmd = m.closeAsked(msg.ID)
	case tunnels.ReopenAsked:
		next, cmd = m.reopen(msg.ID)
	case tunnels.CopyAsked:
		next, cmd = m, m.copied("the "+msg.Label, msg.Text)
	case tunnels.OpenClientAsked:
		next, cmd = m, m.openClient(msg.ID)
	case tunnels.QuitAsked:
		next, cmd = m.quit()
	case tunnels.SignInAsked:
		next, cmd = m, m.signIn(msg.Profile)
	case tunnels.RolesAsked:
		next, cmd = m.turnToRoles(msg.Of)
	case tunnels.Notice:
		next, cmd = m.notice(msg.Level, msg.Text)
	default:
		return m.onRolesIntent(msg)
	}
	return next, cmd, true
}

// turnTo shows another screen.
func (m Model) turnTo(p page) (Model, tea.Cmd) {
	m.page, m.over.ports = p, false
	m.resize()
	return m, m.tickNow()
}

// leave goes from the list to the tunnels, and out of the program when there are none.
func (m Model) leave() (Model, tea.Cmd) {
	if len(m.rows.all) > 0 {
		return m.turnTo(pageTunnels)
	}
	return m.quit()
}

// quit ends the program, after a question where connections would be cut.
func (m Model) quit() (Model, tea.Cmd) {
	live := m.rows.live()
	if len(live) == 0 {
		return m, tea.Quit
	}
	var cmd tea.Cmd
	m.over.confirm, cmd = m.over.confirm.ask(quitting, 0, "close everything and leave?", live)
	return m, cmd
}

// closeAsked closes a tunnel, after a question where connections would be cut. One that is over is taken off the screen.
func (m Model) closeAsked(id int) (Model, tea.Cmd) {
	r := m.rows.find(id)
	switch {
	case r == nil || r.Closing:
		return m, nil
	case r.over():
		m.rows.drop(id)
		m.tellBoard()
		if len(m.rows.all) == 0 {
			return m.turnTo(pageTargets)
		}
		return m, nil
	case len(r.Tunnel.Conns) == 0:
		return m.shutDown(id)
	}
	var cmd tea.Cmd
	m.over.confirm, cmd = m.over.confirm.ask(closing, id, "close "+chrome.Clean(r.Tunnel.Target.Name())+"?", []tunnels.Row{r.Row})
	return m, cmd
}

// confirmed does what the confirmation was about.
func (m Model) confirmed() (tea.Model, tea.Cmd) {
	if m.over.confirm.what == quitting {
		return m, tea.Quit
	}
	return m.shutDown(m.over.confirm.id)
}
