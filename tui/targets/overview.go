package targets

import (
	"cmp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// dialogWidth is how wide a dialog is on a screen w wide.
func dialogWidth(w int) int { return max(min(w-6, 80), min(w, 40)) }

func (o over) view(th theme.Theme, behind string, w, h int) string {
	switch o.kind {
	case overVia:
		return chrome.Over(th, behind, o.viaBox(th, w, h), w, h)
	case overHost:
		return chrome.Over(th, behind, o.hostBox(th, w), w, h)
	}
	return o.sheet.View(th, behind, w, h)
}

// viaBox is the choice of the instance: what fits first, what does not with its reason.
func (o over) viaBox(th theme.Theme, w, h int) string {
	box := dialogWidth(w)
	inner := box - 4
	title := "open " + chrome.Middle(o.name, max(inner-20, 8)) + " through"
	var body []string
	switch {
	case o.waiting:
		body = []string{th.Paint(theme.Muted, "◌ looking for instances…")}
	case o.failure != "":
		body = wrapped(th, theme.Error, o.failure, inner, "✗ ")
	case len(o.choices) == 0:
		body = wrapped(th, theme.Muted, "No instance is managed by Systems Manager in this account and region.", inner, "")
	}
	list := o.list.Resize(len(o.choices), max(h-2, 1))
	from, to := list.Shown()
	for i := from; i < to; i++ {
		body = append(body, o.choiceLine(th, o.choices[i], i == list.Cursor, inner))
	}
	return chrome.Frame(th, title, body, "enter connect   esc back", box)
}

func (o over) choiceLine(th theme.Theme, c Choice, selected bool, w int) string {
	g, mark := theme.Plain, "  "
	if selected {
		g, mark = theme.Selected, "› "
	}
	sign, role, why := "●", theme.OK, c.Why
	name := theme.Text
	switch c.Reach {
	case ReachMaybe:
		sign, role = "◌", theme.Faint
	case ReachNo:
		sign, role = "✗", theme.Error
	}
	if r := c.reason(); r != "" {
		sign, role, why, name = "✗", theme.Error, r, theme.Muted
	}
	n, label := min(36, w*3/5), instanceName(c.Instance)
	if w < 60 {
		n, label = min(18, w/2), cmp.Or(c.Instance.Name, c.Instance.ID)
	}
	line := th.On(g, theme.Accent, mark) + th.On(g, role, sign) + th.On(g, theme.Text, " ") +
		th.On(g, name, chrome.Cell(chrome.Clean(label), n)) +
		th.On(g, theme.Faint, "  "+chrome.Cell(chrome.Clean(why), max(w-n-6, 0)))
	return line
}

const hostLead = "> "

func (o over) hostBox(th theme.Theme, w int) string {
	box := dialogWidth(w)
	inner := box - 4
	verdict := th.Paint(theme.Faint, "host:port in its network, or a port of the instance itself")
	if v := o.field.Value(); v != "" {
		e, problem := ParseHost(v)
		if problem != "" {
			verdict = th.Paint(theme.Warn, "! "+problem)
		} else {
			verdict = th.Paint(theme.OK, "✓ ") + th.Paint(theme.Muted, chrome.Middle(e.String(), inner-2))
		}
	}
	body := []string{
		th.Paint(theme.Faint, "through ") + th.Paint(theme.Text, chrome.Middle(chrome.Clean(instanceName(o.row.Target().Instance)), max(inner-8, 4))),
		"",
		th.Paint(theme.Accent, hostLead) + o.field.View(th, "db.internal:5432", inner-len(hostLead)),
		verdict,
	}
	return chrome.Frame(th, "open host:port", body, "enter connect   esc back", box)
}

// cursor is where the cursor of the host field is, from the screen's first cell.
func (o over) cursor(w, h int) *tea.Cursor {
	box := dialogWidth(w)
	height := strings.Count(o.hostBox(theme.Theme{}, w), "\n") + 1
	x, y := (w-box)/2+2+len(hostLead)+o.field.Cursor(box-4-len(hostLead)), max((h-height)/2, 0)+3
	return tea.NewCursor(x, y)
}
