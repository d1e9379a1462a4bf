// Package chrome is what surrounds every screen: the header, the help line and sheet, toasts, dialogs, text fields, and the
// measuring, cutting and cleaning of text that keeps the grid whole.
//
// Its parts are plain structs below the screens: they change only by the messages handed to them, and whatever they draw
// has exactly the size that was asked for.
package chrome

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"

	"github.com/rdsx/rdsx/tui/theme"
)

// The smallest terminal that is drawn on, in cells, and the height from which there is room for blank lines.
const (
	MinWidth  = 40
	MinHeight = 10
	airy      = 16
)

// Page is the frame of a screen: a header line, the body, and the help line or a toast at the bottom.
type Page struct {
	Theme   theme.Theme
	W, H    int           // of the terminal, in cells
	Name    string        // of the screen
	Context []string      // account, region, profile…: the most important first; the last is left out first
	Help    []key.Binding // the most important first
	Toast   string        // a painted line that takes the help's place; "" for none
}

// BodySize is the room that the page leaves for its screen, in cells; 0, 0 on a terminal that is too small.
func (p Page) BodySize() (w, h int) {
	if TooSmall(p.W, p.H) {
		return 0, 0
	}
	return p.W, p.H - p.top() - p.bottom()
}

// Origin is where the body's first cell is: a screen's cursor is moved by it.
func (p Page) Origin() (x, y int) { return 0, p.top() }

func (p Page) top() int {
	if p.H >= airy {
		return 2
	}
	return 1
}

func (p Page) bottom() int { return p.top() }

// TooSmall says whether a terminal has less room than any screen needs.
func TooSmall(w, h int) bool { return w < MinWidth || h < MinHeight }

// View is the whole terminal, exactly W×H cells. On a terminal that is too small it is one line that says so.
func (p Page) View(body string) string {
	if TooSmall(p.W, p.H) {
		return Fill(fmt.Sprintf("terminal too small (need %d×%d)", MinWidth, MinHeight), p.W, p.H)
	}
	w, h := p.BodySize()
	var b strings.Builder
	b.WriteString(p.header())
	b.WriteByte('\n')
	if p.top() > 1 {
		b.WriteString(spaces(w) + "\n")
	}
	b.WriteString(Fill(body, w, h))
	b.WriteByte('\n')
	if p.bottom() > 1 {
		b.WriteString(spaces(w) + "\n")
	}
	last := p.Toast
	if last == "" {
		last = HelpLine(p.Theme, p.Help, w-2)
	}
	b.WriteString(" " + Cell(last, w-2) + " ")
	return b.String()
}

func (p Page) header() string {
	left := p.Theme.Paint(theme.Accent, "▌") + p.Theme.Paint(theme.Strong, "rdsx")
	if p.Name != "" {
		left += p.Theme.Paint(theme.Faint, "  "+Clean(p.Name))
	}
	room := p.W - cells(left) - 3
	var parts []string
	used := 0
	for _, c := range p.Context {
		c = Clean(c)
		n := cells(c)
		if len(parts) > 0 {
			n += 3
		}
		if c == "" || used+n > room {
			continue
		}
		used += n
		parts = append(parts, c)
	}
	right := p.Theme.Paint(theme.Muted, strings.Join(parts, " · "))
	return Cell(left, p.W-used-1) + right + " "
}
