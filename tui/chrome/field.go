package chrome

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

// Field is a line of text that is being edited. Its cursor is the terminal's own, so that input methods open where the
// text is; bubbles' text input counts that position in code points, which is wrong after the first wide character.
type Field struct {
	Accept func(r rune) bool // which characters may be typed; nil for all
	Limit  int               // the most bytes it holds; 0 for 1000
	text   string
	pos    int // byte offset of the cursor, always between two clusters
}

// Value is the text.
func (f Field) Value() string { return f.text }

// With is the field holding s, the cursor at its end.
func (f Field) With(s string) Field {
	f.text, f.pos = "", 0
	return f.insert(s)
}

// Update edits by a key or a paste and says whether the text has changed. Keys are those of a shell's line: arrows, Home and
// End, ctrl+a e b f, ctrl+w u k, alt+b f d, Backspace and Delete.
func (f Field) Update(msg tea.Msg) (next Field, changed bool) {
	before := f.text
	switch msg := msg.(type) {
	case tea.PasteMsg:
		f = f.insert(msg.Content)
	case tea.KeyPressMsg:
		if msg.Text != "" && msg.Mod&^(tea.ModShift|tea.ModCapsLock) == 0 {
			f = f.insert(msg.Text)
		} else {
			f = f.edit(msg.String())
		}
	}
	return f, f.text != before
}

func (f Field) insert(s string) Field {
	if f.Accept != nil {
		s = strings.Map(func(r rune) rune {
			if f.Accept(r) {
				return r
			}
			return -1
		}, s)
	}
	limit := f.Limit
	if limit == 0 {
		limit = 1000
	}
	head, tail := Clean(f.text[:f.pos]+s), f.text[f.pos:]
	if len(head)+len(tail) > limit {
		return f
	}
	f.text, f.pos = Clean(head+tail), len(head)
	return f.snap()
}

// snap moves the cursor out of a cluster that came about by joining what was on its two sides.
func (f Field) snap() Field {
	at := 0
	for at < f.pos && at < len(f.text) {
		at = f.right(at)
	}
	f.pos = at
	return f
}

func (f Field) edit(k string) Field {
	switch k {
	case "left", "ctrl+b":
		f.pos = f.left(f.pos)
	case "right", "ctrl+f":
		f.pos = f.right(f.pos)
	case "home", "ctrl+a":
		f.pos = 0
	case "end", "ctrl+e":
		f.pos = len(f.text)
	case "alt+left", "ctrl+left", "alt+b":
		f.pos = f.wordLeft()
	case "alt+right", "ctrl+right", "alt+f":
		f.pos = f.wordRight()
	case "backspace", "ctrl+h", "shift+backspace":
		f = f.cut(f.left(f.pos), f.pos)
	case "delete", "ctrl+d":
		f = f.cut(f.pos, f.right(f.pos))
	case "ctrl+w", "alt+backspace", "ctrl+backspace":
		f = f.cut(f.wordLeft(), f.pos)
	case "alt+d", "alt+delete", "ctrl+delete":
		f = f.cut(f.pos, f.wordRight())
	case "ctrl+u":
		f = f.cut(0, f.pos)
	case "ctrl+k":
		f = f.cut(f.pos, len(f.text))
	}
	return f
}

func (f Field) cut(from, to int) Field {
	f.text, f.pos = Clean(f.text[:from]+f.text[to:]), from
	return f.snap()
}

func (f Field) right(at int) int {
	cluster, _ := ansi.FirstGraphemeCluster(f.text[at:], ansi.GraphemeWidth)
	return at + len(cluster)
}

func (f Field) left(at int) int {
	last := 0
	for i := 0; i < at; {
		last = i
		n := f.right(i)
		if n == i {
			break
		}
		i = n
	}
	return last
}

func (f Field) wordLeft() int {
	head := strings.TrimRightFunc(f.text[:f.pos], notWord)
	return strings.LastIndexFunc(head, notWord) + sizeAt(head, strings.LastIndexFunc(head, notWord))
}

func (f Field) wordRight() int {
	tail := f.text[f.pos:]
	start := strings.IndexFunc(tail, func(r rune) bool { return !notWord(r) })
	if start < 0 {
		return len(f.text)
	}
	if n := strings.IndexFunc(tail[start:], notWord); n >= 0 {
		return f.pos + start + n
	}
	return len(f.text)
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// sizeAt is the size of the rune at i, or 1 for i = -1, so that i+sizeAt is the byte behind it.
func sizeAt(s string, i int) int {
	if i < 0 {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

// window is the part of the text that w cells show and the cell of the cursor in it.
func (f Field) window(w int) (shown string, x int) {
	start := 0
	for cells(f.text[start:f.pos]) > w-1 && start < f.pos {
		start = f.right(start)
	}
	return f.text[start:], cells(f.text[start:f.pos])
}

// View is the field in exactly w cells; hint stands in it, quietly, while it is empty.
func (f Field) View(th theme.Theme, hint string, w int) string {
	if f.text == "" {
		return th.Paint(theme.Faint, Cell(hint, w))
	}
	shown, _ := f.window(w)
	shown = ansi.Truncate(shown, max(w, 0), "")
	return th.Paint(theme.Text, shown) + spaces(w-cells(shown))
}

// Cursor is the cell of the cursor within the w cells of View.
func (f Field) Cursor(w int) int {
	_, x := f.window(w)
	return x
}
