package chrome

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

// Level is how much a toast matters.
type Level uint8

// The levels of a toast.
const (
	Info Level = iota
	Done
	Caution
	Failure
)

// ToastOver says that the time of the toast with this number is up.
type ToastOver struct{ ID int }

// Toast is a short notice in the help line's place. The zero value shows nothing.
type Toast struct {
	id    int
	shown bool
	level Level
	text  string
}

// Show replaces the notice. The command ends it after ttl, unless a newer one has taken its place by then.
func (t Toast) Show(level Level, text string, ttl time.Duration) (Toast, tea.Cmd) {
	t = Toast{id: t.id + 1, shown: true, level: level, text: Clean(text)}
	id := t.id
	return t, tea.Tick(ttl, func(time.Time) tea.Msg { return ToastOver{ID: id} })
}

// Update clears the notice when its own time is up; the timers of older ones change nothing.
func (t Toast) Update(msg tea.Msg) Toast {
	if over, ok := msg.(ToastOver); ok && over.ID == t.id {
		t.shown, t.text = false, ""
	}
	return t
}

// View is the notice as one painted line of at most w cells, or "" when there is none.
func (t Toast) View(th theme.Theme, w int) string {
	if !t.shown {
		return ""
	}
	glyph, role := "•", theme.Accent
	switch t.level {
	case Done:
		glyph, role = "✓", theme.OK
	case Caution:
		glyph, role = "!", theme.Warn
	case Failure:
		glyph, role = "✗", theme.Error
	}
	return th.Paint(role, glyph) + " " + th.Paint(theme.Text, ansi.Truncate(t.text, max(w-2, 0), "…"))
}
