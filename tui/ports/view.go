package ports

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// lead stands before the port: the address that is typed into a client.
const lead = "127.0.0.1:"

// fieldWidth has room for five digits and the cursor behind them.
const fieldWidth = 6

// View is the dialog on an empty screen, exactly as large as SetSize said.
func (m Model) View() string { return m.Over("") }

// Over is the dialog laid over another screen.
func (m Model) Over(behind string) string {
	if m.w <= 0 || m.h <= 0 {
		return ""
	}
	return chrome.Over(m.th, behind, m.box(), m.w, m.h)
}

func (m Model) boxWidth() int { return max(min(m.w-6, 72), min(m.w, 40)) }

// low is the height below which the dialog has no blank lines.
const low = 11

func (m Model) box() string {
	inner := m.boxWidth() - 4
	th := m.th
	t := m.ask.Target
	via := chrome.Clean(cmp.Or(t.Instance.Name, t.Instance.ID))
	body := []string{
		th.Paint(theme.Muted, chrome.Middle(chrome.Clean(t.Endpoint.String()), inner)),
		th.Paint(theme.Faint, "through "+chrome.Middle(via, max(inner-8, 4))),
	}
	body = append(body, m.gap()...)
	body = append(body, th.Paint(theme.Faint, lead)+m.field.View(th, "", fieldWidth))
	sign, r, words := m.state()
	for i, part := range chrome.Wrap(words, inner-2) {
		if i == 2 {
			break // more would push the dialog off a small screen
		}
		body = append(body, th.Paint(r, chrome.Cell(sign, 2))+th.Paint(theme.Muted, part))
		sign = ""
	}
	body = append(body, m.gap()...)
	box := th.Paint(theme.Faint, "[ ] ")
	if m.always {
		box = th.Paint(theme.Accent, "[x] ")
	}
	body = append(body, box+th.Paint(theme.Muted, ansi.Truncate("always this port for this target", inner-4, "…")))
	return chrome.Frame(th, "local port for "+chrome.Clean(t.Name()), body, "enter connect   esc back", m.boxWidth())
}

// gap is the blank line between the parts of the dialog, where there is room for it.
func (m Model) gap() []string {
	if m.h < low {
		return nil
	}
	return []string{""}
}

// state is what is known of the port, as a sign, its colour and words.
func (m Model) state() (sign string, r theme.Role, words string) {
	p, problem := m.port()
	switch {
	case m.verdict.asked && problem != "":
		return "◌", theme.Faint, "looking for a free port…"
	case m.verdict.asked:
		return "◌", theme.Faint, fmt.Sprintf("looking at %d…", p)
	case m.verdict.failure != "" && m.verdict.holder == "":
		return "✗", theme.Error, chrome.Clean(m.verdict.failure)
	case problem != "":
		return "!", theme.Warn, problem
	case m.verdict.holder != "":
		return "✗", theme.Error, "taken by " + chrome.Clean(m.verdict.holder) + "; n takes the next free one"
	}
	return "✓", theme.OK, m.praise(p)
}

// praise says why the free port is a good one, or what to mind.
func (m Model) praise(p int) string {
	words := []string{"free"}
	switch p {
	case m.ask.Last:
		words = append(words, "used last time")
	case m.ask.Target.Endpoint.Port:
		words = append(words, "the database's own")
	}
	if p < 1024 {
		words = append(words, "below 1024: often for administrators only")
	}
	if n := len(m.taken); n > 0 {
		words = append(words, fmt.Sprintf("%d is taken by %s", m.taken[0].Port, chrome.Clean(m.taken[0].Holder)))
		switch {
		case n == 2:
			words = append(words, "1 more is taken")
		case n > 2:
			words = append(words, fmt.Sprintf("%d more are taken", n-1))
		}
	}
	return strings.Join(words, " · ")
}

// Cursor is where the terminal's cursor belongs, from the screen's first cell.
func (m Model) Cursor() *tea.Cursor {
	height := strings.Count(m.box(), "\n") + 1
	x := (m.w-m.boxWidth())/2 + 2 + len(lead) + m.field.Cursor(fieldWidth)
	return tea.NewCursor(x, max((m.h-height)/2, 0)+3+len(m.gap()))
}
