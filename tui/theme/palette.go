package theme

import (
	"image/color"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// full is the palette for terminals with at least 256 colours. Text on the plain ground stays the terminal's own, so that
// a wrong guess of the background leaves the most important words legible.
func full(r Role, g Ground, dark bool) (fg, bg color.Color) {
	hex := lightHex(r, g)
	if dark {
		hex = darkHex(r, g)
	}
	if hex != "" {
		fg = lipgloss.Color(hex)
	}
	if g == Selected {
		bg = lipgloss.Color("#dde7f9")
		if dark {
			bg = lipgloss.Color("#2b3a55")
		}
	}
	return fg, bg
}

func darkHex(r Role, g Ground) string {
	on := func(plain, selected string) string {
		if g == Selected {
			return selected
		}
		return plain
	}
	switch r {
	case Muted:
		return on("#adb5c2", "#c6d0e0")
	case Faint, Outline:
		return on("#8c96a6", "#aab8cf")
	case Accent, Match:
		return on("#7ab8ff", "#9fd0ff")
	case OK:
		return on("#86d39a", "#9be3ae")
	case Warn:
		return on("#e8bf6a", "#f3cf85")
	case Error:
		return on("#ff8a80", "#ffa39b")
	}
	return on("", "#ffffff")
}

func lightHex(r Role, g Ground) string {
	on := func(plain, selected string) string {
		if g == Selected {
			return selected
		}
		return plain
	}
	switch r {
	case Muted:
		return on("#4d5866", "#434e5c")
	case Faint, Outline:
		return on("#667080", "#545f70")
	case Accent, Match:
		return on("#1558c9", "#114bb0")
	case OK:
		return on("#19713a", "#13602f")
	case Warn:
		return on("#85570a", "#734a05")
	case Error:
		return on("#bd2430", "#a81d29")
	}
	return on("", "#101418")
}

// basic is the palette for terminals with 16 colours, which the user may have chosen: only those that are legible in
// xterm's own set are used, so on white there is neither green nor yellow nor cyan. Word and glyph carry the state anyway.
func basic(r Role, _ Ground, dark bool) color.Color {
	if !dark {
		switch r {
		case Accent, Match:
			return ansi.Blue
		case Warn:
			return ansi.Magenta
		case Error:
			return ansi.Red
		}
		return nil
	}
	switch r {
	case Faint, Outline, Muted:
		return ansi.White
	case Accent, Match:
		return ansi.BrightCyan
	case OK:
		return ansi.BrightGreen
	case Warn:
		return ansi.BrightYellow
	case Error:
		return ansi.BrightRed
	}
	return nil
}
