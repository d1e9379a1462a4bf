// Package theme gives every colour of the screens by its role, for dark and light terminals, for 16 colours and for none.
//
// A Theme is a table of finished escape sequences: painting is two string joins, so a full screen costs no time worth
// measuring. Every role is legible (WCAG contrast of at least 4.5:1) on every ground it is drawn on; a test says so.
package theme

import (
	"image/color"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Depth is how many colours the terminal shows.
type Depth uint8

// The depths. None still marks things: bold, underline and reverse are not colours.
const (
	None  Depth = iota // NO_COLOR
	Basic              // the 16 colours of the user's own palette
	Full               // 256 colours and more; the renderer rounds them down where it must
)

// DepthOf reads the name of a terminal's colour profile, as tea.ColorProfileMsg's String gives it.
func DepthOf(profile string) Depth {
	switch profile {
	case "TrueColor", "ANSI256":
		return Full
	case "ANSI":
		return Basic
	}
	return None
}

// Role is what a piece of text is for.
type Role uint8

// The roles. Nothing is drawn in a colour that has no role here.
const (
	Text    Role = iota // what is read first; the terminal's own foreground
	Muted               // what is read second
	Faint               // labels, rules, hints: the quietest that is still legible
	Accent              // the product, the cursor, the key to press
	Match               // the letters that the search found
	OK                  // works
	Warn                // works, with a catch
	Error               // does not work
	Strong              // a title
	Outline             // the frame of a dialog
	roles
)

// Ground is what text is drawn on.
type Ground uint8

// The grounds.
const (
	Plain    Ground = iota // the terminal's own background
	Selected               // the row under the cursor
	grounds
)

// Theme paints text by role. The zero value paints nothing: text comes back as it was.
type Theme struct {
	dark  bool
	depth Depth
	open  [grounds][roles]string
}

// New builds the theme for a terminal with a dark or light background that shows depth colours.
func New(dark bool, depth Depth) Theme {
	t := Theme{dark: dark, depth: depth}
	for g := range grounds {
		for r := range roles {
			if style := t.style(r, g); len(style) > 0 {
				t.open[g][r] = style.String()
			}
		}
	}
	return t
}

// Dark says which background the theme was made for.
func (t Theme) Dark() bool { return t.dark }

// Depth is the number of colours the theme was made for.
func (t Theme) Depth() Depth { return t.depth }

// Paint is s in the role's colours on the terminal's own background. s must hold no escape sequence.
func (t Theme) Paint(r Role, s string) string { return t.On(Plain, r, s) }

// On is s in the role's colours on the ground g. s must hold no escape sequence.
func (t Theme) On(g Ground, r Role, s string) string {
	open := t.open[g][r]
	if open == "" || s == "" {
		return s
	}
	return open + s + ansi.ResetStyle
}

// Open is the escape sequence that starts the role on the ground, "" when there is none; ansi.ResetStyle ends it. For
// code that paints cell by cell.
func (t Theme) Open(g Ground, r Role) string { return t.open[g][r] }

// Style is the role as a lipgloss style, for widgets that want one.
func (t Theme) Style(r Role) lipgloss.Style {
	s := lipgloss.NewStyle().Bold(bold(r))
	if fg, _ := t.Colours(r, Plain); fg != nil {
		s = s.Foreground(fg)
	}
	if t.depth == None && r == Match {
		s = s.Underline(true)
	}
	return s
}

// Colours are the foreground and background of a role on a ground; nil stands for the terminal's own.
func (t Theme) Colours(r Role, g Ground) (fg, bg color.Color) {
	switch t.depth {
	case Full:
		return full(r, g, t.dark)
	case Basic:
		return basic(r, g, t.dark), nil
	}
	return nil, nil
}

func (t Theme) style(r Role, g Ground) ansi.Style {
	var s ansi.Style
	if bold(r) {
		s = s.Bold()
	}
	if r == Match && t.depth != Full {
		s = s.Underline(true)
	}
	if g == Selected && t.depth != Full {
		return s.Reverse(true) // the user's own two colours, exchanged: as legible as the rest of the terminal
	}
	fg, bg := t.Colours(r, g)
	if fg != nil {
		s = s.ForegroundColor(fg)
	}
	if bg != nil {
		s = s.BackgroundColor(bg)
	}
	return s
}

func bold(r Role) bool { return r == Match || r == Strong }
