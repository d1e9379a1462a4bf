package chrome

import (
	"strings"

	"charm.land/bubbles/v2/key"

	"github.com/rdsx/rdsx/tui/theme"
)

// Bind is a binding of keys that help shows as keys and explains as desc.
func Bind(keys, desc string, ks ...string) key.Binding {
	return key.NewBinding(key.WithKeys(ks...), key.WithHelp(keys, desc))
}

// Hint is a binding for the help line alone.
func Hint(k, desc string) key.Binding { return Bind(k, desc, k) }

// HelpLine is the enabled bindings in one line of exactly w cells. What does not fit is left out whole, and "…" says so.
// Ours, because bubbles' help returns lines longer than it was given room for at some widths.
func HelpLine(th theme.Theme, keys []key.Binding, w int) string {
	const gap, more = 3, 2 // "   " between items, " …" after the last
	var b strings.Builder
	used := 0
	shown := enabled(keys)
	for i, k := range shown {
		h := k.Help()
		n := cells(h.Key) + 1 + cells(h.Desc)
		if i > 0 {
			n += gap
		}
		room := w - used
		if i < len(shown)-1 {
			room -= more
		}
		if n > room {
			if w-used >= more {
				b.WriteString(th.Paint(theme.Faint, " …"))
				used += more
			}
			break
		}
		if i > 0 {
			b.WriteString(spaces(gap))
		}
		b.WriteString(th.Paint(theme.Muted, h.Key) + th.Paint(theme.Faint, " "+h.Desc))
		used += n
	}
	b.WriteString(spaces(w - used))
	return b.String()
}

func enabled(keys []key.Binding) []key.Binding {
	var out []key.Binding
	for _, k := range keys {
		if k.Enabled() && k.Help().Key != "" {
			out = append(out, k)
		}
	}
	return out
}

// Group is a block of the help sheet: bindings, and lines of plain text under them.
type Group struct {
	Title string
	Keys  []key.Binding
	Notes [][2]string // a sign or word, and what it means
}

// Bindings are the keys of the groups, for those who lay help out themselves.
func Bindings(groups []Group) [][]key.Binding {
	var out [][]key.Binding
	for _, g := range groups {
		out = append(out, g.Keys)
	}
	return out
}

// HelpSheet is every key of a screen as a sheet that can be scrolled, for a wide screen.
func HelpSheet(th theme.Theme, groups []Group) Sheet { return HelpSheetIn(th, groups, 1000) }

// HelpSheetIn is HelpSheet with its explanations wrapped for a screen that is w wide.
func HelpSheetIn(th theme.Theme, groups []Group, w int) Sheet {
	wide := 0
	for _, g := range groups {
		for _, row := range g.rows() {
			wide = max(wide, cells(row[0]))
		}
	}
	var lines []string
	for i, g := range groups {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, th.Paint(theme.Strong, g.Title))
		for _, row := range g.rows() {
			for _, part := range Wrap(row[1], max(SheetWidth(w)-wide-4, 12)) {
				lines = append(lines, "  "+th.Paint(theme.Accent, Cell(row[0], wide))+"  "+th.Paint(theme.Muted, part))
				row[0] = ""
			}
		}
	}
	return Sheet{Title: "keys", Lines: lines}
}

func (g Group) rows() [][2]string {
	var out [][2]string
	for _, k := range enabled(g.Keys) {
		out = append(out, [2]string{k.Help().Key, k.Help().Desc})
	}
	return append(out, g.Notes...)
}
