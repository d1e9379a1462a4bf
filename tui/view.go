package tui

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/dustin/go-humanize"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// frame is what surrounds the screen in front.
func (m Model) frame() chrome.Page {
	th := m.look.theme()
	p := chrome.Page{Theme: th, W: m.look.w, H: m.look.h, Toast: m.toast.View(th, max(m.look.w-2, 0))}
	switch {
	case m.over.confirm.shown:
		p.Help = []key.Binding{binding("enter", "yes"), binding("esc", "no")}
	case m.over.offer.shown:
		p.Help = []key.Binding{binding("enter", "sign in"), binding("esc", "later")}
	case m.over.ports:
		p.Help = m.ports.ShortHelp()
	case m.page == pageTunnels:
		p.Help = m.board.ShortHelp()
	case m.page == pageRoles:
		p.Help = m.roles.screen.ShortHelp()
	default:
		p.Help = m.list.ShortHelp()
	}
	if m.page == pageTunnels {
		p.Name, p.Context = "tunnels", m.totals()
		return p
	}
	if m.page == pageRoles {
		p.Name, p.Context = "profiles", []string{m.roles.path}
		return p
	}
	p.Name, p.Context = "targets", []string{m.account.Profile, m.account.Region, m.account.ID}
	if n := len(m.rows.all); n > 0 {
		p.Context = append([]string{plural(n, "tunnel") + " (esc)"}, p.Context...)
	}
	return p
}

func binding(k, desc string) key.Binding {
	return key.NewBinding(key.WithKeys(k), key.WithHelp(k, desc))
}

// totals are the header of the dashboard.
func (m Model) totals() []string {
	var up, down uint64
	for _, r := range m.rows.all {
		up, down = up+r.Tunnel.Up, down+r.Tunnel.Down
	}
	return []string{plural(len(m.rows.all), "tunnel"), "↑ " + humanize.Bytes(up) + "  ↓ " + humanize.Bytes(down)}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// hint is the line that says what to try, "" for none. The one of the list goes once something has been opened.
func (m Model) hint() string {
	switch {
	case m.page == pageTunnels:
		return m.hints.Tunnels
	case m.page == pageRoles:
	case len(m.rows.all) == 0 || !m.rows.opened:
		return m.hints.Targets
	}
	return ""
}

// View is the whole terminal.
func (m Model) View() tea.View {
	v := tea.NewView(m.content())
	v.AltScreen = true
	v.Cursor = m.cursor()
	if m.look.mouse {
		v.MouseMode = tea.MouseModeCellMotion // clicks and the wheel; with Shift, terminals still select text
	}
	return v
}

func (m Model) content() string {
	p := m.frame()
	w, h := p.BodySize()
	if w == 0 {
		return p.View("")
	}
	body := m.list.View()
	switch m.page {
	case pageTunnels:
		body = m.board.View()
	case pageRoles:
		body = m.roles.screen.View()
	}
	if hint := m.hint(); hint != "" {
		body = " " + chrome.Cell(p.Theme.Paint(theme.Accent, "• "+chrome.Clean(hint)), w-2) + " \n" + body
	}
	if m.over.ports {
		body = m.ports.Over(body)
	}
	if m.over.offer.shown {
		body = m.over.offer.view(p.Theme, body, m.waitingFor(m.over.offer.portal), w, h)
	}
	if m.over.confirm.shown {
		body = m.over.confirm.view(p.Theme, body, w, h)
	}
	return p.View(body)
}

// cursor is where the terminal's cursor belongs, nil for nowhere.
func (m Model) cursor() *tea.Cursor {
	var c *tea.Cursor
	x, y := m.frame().Origin()
	if w, _ := m.frame().BodySize(); w == 0 || m.over.confirm.shown || m.over.offer.shown {
		return nil
	}
	if m.over.ports {
		c = m.ports.Cursor()
	} else {
		if m.hint() != "" {
			y++
		}
		switch m.page {
		case pageTunnels:
			c = m.board.Cursor()
		case pageRoles:
			c = m.roles.screen.Cursor()
		default:
			c = m.list.Cursor()
		}
	}
	if c != nil {
		c.X, c.Y = c.X+x, c.Y+y
	}
	return c
}

// name is what a toast calls a target.
func name(t aws.Target) string { return chrome.Clean(t.Name()) }
