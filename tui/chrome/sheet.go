package chrome

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/theme"
)

// Sheet is a framed text over a screen that can be scrolled and is closed by Esc, q or Enter: the help, the errors, a log.
type Sheet struct {
	Title string
	Lines []string // painted; cut, not wrapped, when they are too long
	Keys  string   // what the footer says of the keys; "" for "esc close"
	top   int
}

// Update scrolls. closed says that the reader is done with the sheet. h is the height that View is given.
func (s Sheet) Update(msg tea.KeyPressMsg, h int) (next Sheet, closed bool) {
	page := max(s.room(h)-1, 1)
	switch msg.String() {
	case "esc", "q", "enter", "?", "f1", "ctrl+c":
		return s, true
	case "up", "k", "ctrl+p":
		s.top--
	case "down", "j", "ctrl+n":
		s.top++
	case "pgup", "b":
		s.top -= page
	case "pgdown", "space", "f":
		s.top += page
	case "home", "g":
		s.top = 0
	case "end", "G":
		s.top = len(s.Lines)
	}
	s.top = max(min(s.top, len(s.Lines)-s.room(h)), 0)
	return s, false
}

// Wheel scrolls by three lines a notch. h is as in Update.
func (s Sheet) Wheel(msg tea.MouseWheelMsg, h int) Sheet {
	switch msg.Button {
	case tea.MouseWheelUp:
		s.top -= 3
	case tea.MouseWheelDown:
		s.top += 3
	}
	s.top = max(min(s.top, len(s.Lines)-s.room(h)), 0)
	return s
}

// room is how many lines of text a sheet shows on a screen of height h.
func (s Sheet) room(h int) int { return max(min(len(s.Lines), h-2), 1) }

// View lays the sheet over what is behind it: exactly w×h cells.
func (s Sheet) View(th theme.Theme, behind string, w, h int) string {
	room := s.room(h)
	top := max(min(s.top, len(s.Lines)-room), 0)
	footer := cmp.Or(s.Keys, "esc close")
	if len(s.Lines) > room {
		footer = fmt.Sprintf("%d–%d of %d   ↑↓ scroll   %s", top+1, top+room, len(s.Lines), footer)
	}
	wide := cells(footer) + 2
	for _, l := range s.Lines {
		wide = max(wide, cells(l))
	}
	box := Frame(th, s.Title, s.Lines[top:min(top+room, len(s.Lines))], footer, min(wide, SheetWidth(w))+4)
	return Over(th, behind, box, w, h)
}

// SheetWidth is how many cells a line of a sheet has at most on a screen that is w wide: for those who wrap their text.
func SheetWidth(w int) int { return min(w-2, 120) - 4 }

// Frame draws a rounded box of w cells round painted lines, with a title and a footer in its edges. Lines are cut to fit;
// the box is len(lines)+2 high.
func Frame(th theme.Theme, title string, lines []string, footer string, w int) string {
	inner := w - 4
	if inner < 1 {
		return strings.Repeat(spaces(w)+"\n", len(lines)+1) + spaces(w)
	}
	var b strings.Builder
	b.WriteString(edge(th, "╭", "╮", title, theme.Strong, w))
	bar := th.Paint(theme.Outline, "│")
	for _, l := range lines {
		b.WriteString("\n" + bar + " " + Cell(l, inner) + " " + bar)
	}
	b.WriteString("\n" + edge(th, "╰", "╯", footer, theme.Faint, w))
	return b.String()
}

func edge(th theme.Theme, left, right, text string, r theme.Role, w int) string {
	if text == "" || w < 8 {
		return th.Paint(theme.Outline, left+strings.Repeat("─", w-2)+right)
	}
	text = strings.TrimRight(Cell(text, min(w-6, cells(text))), " ")
	return th.Paint(theme.Outline, left+"─") + " " + th.Paint(r, text) + " " +
		th.Paint(theme.Outline, strings.Repeat("─", w-5-cells(text))+right)
}
