package pick

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
)

// Row is what a filtered list holds.
type Row interface {
	Item() Item // what the filter looks at
}

// Filtered is a screen's list with a filter line: its rows, those that pass, the cursor, and the keys and the mouse that go
// to them. The rows that pass keep their order: a list whose lines jump cannot be read. It searches all rows each time, so
// it is for dozens of them; where there may be thousands, keep an Index and a Finder.
//
// What a screen does with a row, and what lies over its list, is the screen's: it hands on only what is meant for the list.
type Filtered[T Row] struct {
	Keys   Keys
	Shape  Shape
	w, h   int
	rows   []T
	shown  []int // places in rows of those that pass the filter
	list   List
	field  chrome.Field
	query  Query // of the field
	typing bool  // letters go to the filter
}

// SetSize sets how many cells View fills.
func (f *Filtered[T]) SetSize(w, h int) {
	f.w, f.h = w, h
	f.settle(f.place())
}

// Set takes new rows, which stay as they are. The cursor goes to the first that at says, where that passes the filter.
func (f *Filtered[T]) Set(rows []T, at func(T) bool) {
	f.rows = rows
	f.settle(slices.IndexFunc(rows, at))
}

// Focus ends the filtering and puts the cursor on the first row that at says, if there is one.
func (f *Filtered[T]) Focus(at func(T) bool) {
	f.typing, f.field, f.query = false, f.field.With(""), Query{}
	f.settle(slices.IndexFunc(f.rows, at))
}

// Rows are all rows, whether they pass the filter or not.
func (f *Filtered[T]) Rows() []T { return f.rows }

// Matches is how many rows pass the filter.
func (f *Filtered[T]) Matches() int { return len(f.shown) }

// At is the row under the cursor; the zero T when no row is shown.
func (f *Filtered[T]) At() T {
	var none T
	if i := f.place(); i >= 0 {
		return f.rows[i]
	}
	return none
}

// Marks are the places in the title of a row that the filter has matched.
func (f *Filtered[T]) Marks(row T) []int { return f.query.Marks(row.Item()).Title }

// Typing says whether letters go to the filter.
func (f *Filtered[T]) Typing() bool { return f.typing }

// Filtering says whether the filter takes a line: it is being typed, or something has been.
func (f *Filtered[T]) Filtering() bool { return f.typing || f.field.Value() != "" }

// Type gives the letters to the filter, until Enter, Tab or Esc.
func (f *Filtered[T]) Type() { f.typing = true }

// Clear takes the filter away and says whether there was one.
func (f *Filtered[T]) Clear() bool {
	if f.field.Value() == "" {
		return false
	}
	f.narrow(f.field.With(""))
	return true
}

// Update handles a key, a paste or the mouse, whose position counts from the screen's first cell. taken says that a key was
// one of the list or of its filter; the others are the screen's.
func (f *Filtered[T]) Update(msg tea.Msg) (taken bool) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if f.typing {
			f.onFilterKey(msg)
			return true
		}
		f.list, taken = f.list.Key(msg, &f.Keys)
		return taken
	case tea.PasteMsg:
		if f.typing {
			next, _ := f.field.Update(msg)
			f.narrow(next)
		}
	case tea.MouseWheelMsg:
		f.list = f.list.Wheel(msg, 1)
	case tea.MouseClickMsg:
		f.list = f.list.Click(msg, f.layout().top)
	}
	return false
}

func (f *Filtered[T]) onFilterKey(msg tea.KeyPressMsg) {
	switch msg.String() {
	case "enter", "tab":
		f.typing = false
	case "esc":
		f.typing = false
		f.narrow(f.field.With(""))
	case "up", "ctrl+p":
		f.list = f.list.Move(-1)
	case "down", "ctrl+n":
		f.list = f.list.Move(1)
	default:
		if next, changed := f.field.Update(msg); changed {
			f.narrow(next)
		} else {
			f.field = next
		}
	}
}

func (f *Filtered[T]) narrow(field chrome.Field) {
	f.field, f.query = field, Parse(field.Value())
	f.settle(f.place())
}

// place is where in rows the row under the cursor is, -1 when none is shown.
func (f *Filtered[T]) place() int {
	if f.list.Cursor < 0 || f.list.Cursor >= len(f.shown) {
		return -1
	}
	return f.shown[f.list.Cursor]
}

// settle filters, and puts the cursor on the row at that place where that is still shown.
func (f *Filtered[T]) settle(place int) {
	f.shown = f.matching()
	f.list = f.list.Resize(len(f.shown), f.layout().rows)
	if i := slices.Index(f.shown, place); i >= 0 {
		f.list = f.list.Follow(i, len(f.shown))
	}
}

func (f *Filtered[T]) matching() []int {
	out := make([]int, 0, len(f.rows))
	if f.query.Empty() {
		for i := range f.rows {
			out = append(out, i)
		}
		return out
	}
	var index Index
	ids := make([]int32, 0, len(f.rows))
	for _, r := range f.rows {
		ids = append(ids, int32(index.Add(r.Item())))
	}
	var finder Finder
	finder.Source(ids)
	for _, id := range finder.Find(&index, f.query) {
		out = append(out, int(id))
	}
	slices.Sort(out) // the finder has the best first
	return out
}
