package roles

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// View is the screen, exactly as large as SetSize said.
func (m Model) View() string {
	c := m.columns()
	screen := m.list.View(m.th, pick.Parts[entry]{
		Count: fmt.Sprintf("%d of %d", m.list.Matches(), len(m.list.Rows())), Head: m.headLine(c), Said: m.said(), Details: m.pane,
		Row: func(e, above entry, selected bool) string { return m.rowLine(e, above, selected, c) },
	})
	if m.over.kind != overNone && screen != "" {
		return m.over.view(m.th, screen, m.w, m.h)
	}
	return screen
}

// said is why there is no row, and what to do about it.
func (m Model) said() []string {
	var out []string
	say := func(r theme.Role, text string) {
		for _, part := range chrome.Wrap(chrome.Clean(text), max(m.w-6, 8)) {
			out = append(out, "   "+m.th.Paint(r, part))
		}
	}
	switch {
	case m.err != nil:
		say(theme.Error, "The profiles cannot be read: "+m.err.Error())
		if next := aws.NextOf(m.err); next != "" {
			say(theme.Accent, "→ "+next)
		}
	case !m.listed:
		say(theme.Faint, "reading the profiles…")
	case len(m.list.Rows()) == 0:
		say(theme.Text, "There is no profile yet.")
		say(theme.Faint, "a adds one: a role to assume, or one of an SSO portal")
	case m.list.Matches() == 0:
		say(theme.Text, "Nothing matches.")
		say(theme.Faint, "esc clears the filter")
	}
	return out
}

// columns are widths in cells; 0 leaves a column out.
type columns struct{ account, name, state, role, region, used int }

const stateWidth = 20 // "● signed in 59 min"

// columns divides the width. Those that matter least go first when it is narrow.
func (m Model) columns() columns {
	name, role := 8, 8
	for _, e := range m.list.Rows() {
		name, role = max(name, width(e.name)), max(role, width(e.role))
	}
	c := columns{}
	room := m.w - 4 // the mark, and a blank at the edge
	least := min(name, 16)
	take := func(into *int, n int) {
		if room-least >= n+2 {
			*into, room = n, room-n-2
		}
	}
	take(&c.state, stateWidth)
	if c.state == 0 {
		take(&c.state, 2)
	}
	take(&c.account, 12)
	take(&c.role, min(role, 18))
	take(&c.used, 8)
	take(&c.region, 14)
	if extra := min(role, 34) - c.role; c.role > 0 && extra > 0 && room-min(name, 32) >= extra {
		c.role, room = c.role+extra, room-extra
	}
	c.name = max(min(name, room), 1)
	return c
}

func (m Model) headLine(c columns) string {
	var b strings.Builder
	b.WriteString("   ")
	add := func(s string, n int) {
		if n > 0 {
			b.WriteString(chrome.Cell(s, n) + "  ")
		}
	}
	add("account", c.account)
	add("profile", c.name)
	add("sign-in", c.state)
	add("role", c.role)
	add("region", c.region)
	if c.used > 0 {
		b.WriteString(chrome.CellRight("used", c.used))
	}
	return m.th.Paint(theme.Faint, b.String())
}

// rowLine is a profile; its account stands on the first line of each account, and on the first of the screen.
func (m Model) rowLine(e, above entry, selected bool, c columns) string {
	g, mark := theme.Plain, "   "
	if selected {
		g, mark = theme.Selected, " › "
	}
	var b strings.Builder
	used := 0
	add := func(r theme.Role, s string) {
		b.WriteString(m.th.On(g, r, s))
		used += width(s)
	}
	column := func(r theme.Role, s string, n int) {
		if n > 0 {
			add(r, chrome.Cell(s, n)+"  ")
		}
	}
	add(theme.Accent, mark)
	account := ""
	if first := above.Name == "" || above.Account != e.Account; first || selected {
		account = cmp.Or(e.account, "–")
	}
	column(theme.Muted, account, c.account)
	b.WriteString(pick.Paint(m.th, g, theme.Text, e.name, m.list.Marks(e), c.name))
	used += c.name
	add(theme.Text, "  ")
	glyph, word, role := e.state(m.now)
	column(role, glyph+" "+word, c.state)
	column(theme.Muted, e.role, c.role)
	column(theme.Faint, chrome.Clean(e.Region), c.region)
	if c.used > 0 {
		add(theme.Faint, chrome.CellRight(ago(m.now, e.Used), c.used))
	}
	add(theme.Text, strings.Repeat(" ", max(m.w-used, 0)))
	return chrome.Cell(b.String(), m.w)
}

// state is the sign-in as a glyph, words and a colour: each says it all.
func (e entry) state(now time.Time) (glyph, word string, role theme.Role) {
	word = string(e.SignIn.State)
	switch {
	case e.Problem != "":
		return "✗", "cannot work", theme.Error
	case e.SignIn.State == aws.SignedIn && !e.SignIn.Expires.IsZero() && !e.SignIn.Expires.After(now), e.SignIn.State == aws.SignInExpired:
		return "✗", string(aws.SignInExpired), theme.Error
	case e.SignIn.State == aws.SignedIn:
		if !e.SignIn.Expires.IsZero() {
			word += " " + chrome.Span(e.SignIn.Expires.Sub(now))
		}
		return "●", word, theme.OK
	case e.SignIn.State == aws.SignInNeeded:
		return "○", word, theme.Warn
	case e.SignIn.State == aws.SignInMFA:
		return "!", word, theme.Warn
	}
	return "·", string(aws.SignInUnknown), theme.Faint
}

// ago is how long ago something was, "" when it never was.
func ago(now, at time.Time) string {
	if at.IsZero() || now.IsZero() {
		return "–"
	}
	return chrome.Span(max(now.Sub(at), 0))
}

// pane is what stands below the list, h lines: a rule, then the details of the profile under the cursor.
func (m Model) pane(h int) []string {
	e := m.at()
	if e.Name == "" {
		return nil
	}
	out := []string{chrome.Rule(m.th, e.name, m.w)}
	for _, l := range m.details(e, m.w-6) {
		out = append(out, "   "+l)
	}
	return out[:min(len(out), h)]
}

// details is all that is known of a profile, the most important first: a small pane cuts it at the end.
func (m Model) details(e entry, w int) []string {
	var out []string
	add := func(label string, r theme.Role, value string) {
		out = append(out, chrome.Fact(m.th, label, r, value, w)...)
	}
	glyph, word, role := e.state(m.now)
	add("sign-in", role, glyph+" "+word)
	add("", theme.Error, e.Problem)
	out = append(out, m.chain(e, w)...)
	add("role", theme.Text, cmp.Or(e.RoleARN, e.Role))
	add("account", theme.Text, e.Account)
	add("region", theme.Text, e.Region)
	if !e.SignIn.Expires.IsZero() {
		add("until", theme.Muted, e.SignIn.Expires.In(m.now.Location()).Format("2006-01-02 15:04"))
	}
	by := "by hand, or by another program; rdsx changes it only when its name is typed"
	if e.Managed {
		by = "by rdsx"
	}
	add("written", theme.Muted, by)
	return out
}

// chain draws the way from what gives the credentials to the profile as a line.
func (m Model) chain(e entry, w int) []string {
	if len(e.Chain) == 0 {
		return nil
	}
	const arrow = " ──→ "
	room := max(w-chrome.LabelWidth, 8)
	line, used := "", 0
	out := []string{}
	label := "chain"
	flush := func() {
		out = append(out, m.th.Paint(theme.Faint, chrome.Cell(label, chrome.LabelWidth))+line)
		label, line, used = "", "", 0
	}
	for i := len(e.Chain) - 1; i >= 0; i-- {
		name := chrome.Middle(chrome.Clean(e.Chain[i]), max(room-5, 4))
		role := theme.Text
		switch i {
		case 0:
			role = theme.Strong
		case len(e.Chain) - 1:
			role = theme.Muted
		}
		joint := arrow
		if i == len(e.Chain)-1 {
			joint = ""
		}
		if used+width(joint)+width(name) > room {
			flush()
		}
		line += m.th.Paint(theme.Outline, joint) + m.th.Paint(role, name)
		used += width(joint) + width(name)
	}
	flush()
	return out
}
