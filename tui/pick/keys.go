package pick

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
)

// Keys move the cursor of a list; those that are not bound move nothing.
type Keys struct{ Up, Down, PageUp, PageDown, First, Last key.Binding }

// Letters are the keys of a list that has the letters for itself: the arrows and pages, and those of vi and the shell.
func Letters() Keys {
	return Keys{
		Up:       chrome.Bind("↑ k", "up", "up", "k", "ctrl+p"),
		Down:     chrome.Bind("↓ j", "down", "down", "j", "ctrl+n"),
		PageUp:   chrome.Bind("pgup", "a page up", "pgup"),
		PageDown: chrome.Bind("pgdn", "a page down", "pgdown"),
		First:    chrome.Bind("g", "first", "g", "home"),
		Last:     chrome.Bind("G", "last", "G", "end"),
	}
}

// All are the bindings in the order in which help names them.
func (k *Keys) All() []key.Binding {
	return []key.Binding{k.Up, k.Down, k.PageUp, k.PageDown, k.First, k.Last}
}

// Key moves the cursor by a key and says whether the key was one that does.
func (l List) Key(msg tea.KeyPressMsg, k *Keys) (next List, taken bool) {
	switch {
	case key.Matches(msg, k.Up):
		return l.Move(-1), true
	case key.Matches(msg, k.Down):
		return l.Move(1), true
	case key.Matches(msg, k.PageUp):
		return l.Page(-1), true
	case key.Matches(msg, k.PageDown):
		return l.Page(1), true
	case key.Matches(msg, k.First):
		return l.First(), true
	case key.Matches(msg, k.Last):
		return l.Last(), true
	}
	return l, false
}

// Wheel moves the cursor by n rows a notch.
func (l List) Wheel(msg tea.MouseWheelMsg, n int) List {
	switch msg.Button {
	case tea.MouseWheelUp:
		return l.Move(-n)
	case tea.MouseWheelDown:
		return l.Move(n)
	}
	return l
}

// Click moves the cursor to the row that was clicked with the left button, when the first row shown is on line top of what
// the position counts from.
func (l List) Click(msg tea.MouseClickMsg, top int) List {
	from, to := l.Shown()
	if i := from + msg.Y - top; msg.Button == tea.MouseLeft && i >= from && i < to {
		return l.Move(i - l.Cursor)
	}
	return l
}
