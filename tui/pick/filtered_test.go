package pick

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

type fruit string

func (f fruit) Item() Item { return Item{Title: string(f)} }

func called(name string) func(fruit) bool { return func(f fruit) bool { return string(f) == name } }

var basket = []fruit{"apple", "banana", "cherry", "date", "elder", "fig", "grape"}

func fruits(w, h int) *Filtered[fruit] {
	f := &Filtered[fruit]{Keys: Letters(), Shape: Shape{Least: 2, Fifths: 3, Count: 6}}
	f.SetSize(w, h)
	f.Set(basket, called(""))
	return f
}

func pressed(f *Filtered[fruit], keys string) *Filtered[fruit] {
	for k := range strings.FieldsSeq(keys) {
		f.Update(golden.Press(k))
	}
	return f
}

func drawn(f *Filtered[fruit]) string {
	return f.View(theme.Theme{}, Parts[fruit]{
		Count: fmt.Sprint(f.Matches()), Head: "fruit",
		Row: func(row, above fruit, selected bool) string {
			mark := " "
			if selected {
				mark = ">"
			}
			return fmt.Sprintf("%s%s after %q", mark, row, string(above))
		},
		Details: func(h int) []string { return []string{fmt.Sprintf("%d lines of %s", h, f.At())} },
	})
}

// TestFilteredKeys presses keys and looks at what is under the cursor, how much passes, and where the letters go.
func TestFilteredKeys(t *testing.T) {
	for keys, want := range map[string]string{
		"":                         "apple 7",
		"j j k":                    "banana 7",
		"down ctrl+n up ctrl+p":    "apple 7",
		"G":                        "grape 7",
		"end home":                 "apple 7",
		"pgdown":                   "elder 7",
		"G pgup":                   "cherry 7",
		"/ p":                      "apple 2 typing",
		"/ p down":                 "grape 2 typing",
		"/ p ctrl+n ctrl+p":        "apple 2 typing",
		"/ p enter j":              "grape 2",
		"/ p tab j":                "grape 2",
		"/ p down esc":             "grape 7",
		"/ p down enter clear":     "grape 7",
		"clear":                    "apple 7 nothing to clear",
		"/ z z":                    " 0 typing",
		"/ z z enter j":            " 0",
		"/ z z backspace":          " 0 typing",
		"G / g r a ctrl+b ctrl+a":  "grape 1 typing",
		"down / a n":               "banana 1 typing",
		"down / a n ctrl+u":        "banana 7 typing",
		"G / c h enter / e r r":    "cherry 1 typing",
		"/ p down focus":           "date 7",
		"/ p enter focus down / e": "elder 5 typing",
	} {
		f := fruits(40, 6)
		said := ""
		for k := range strings.FieldsSeq(keys) {
			switch {
			case k == "clear":
				if !f.Clear() {
					said = " nothing to clear"
				}
			case k == "focus":
				f.Focus(called("date"))
			case k == "/" && !f.Typing():
				if f.Update(golden.Press(k)) {
					t.Errorf("%q: the list took the screen's own key", keys)
				}
				f.Type()
			default:
				if !f.Update(golden.Press(k)) {
					t.Errorf("%q: %s is not the list's", keys, k)
				}
			}
		}
		if f.Typing() {
			said += " typing"
		}
		if got := fmt.Sprintf("%s %d%s", f.At(), f.Matches(), said); got != want {
			t.Errorf("%q: %s, want %s", keys, got, want)
		}
	}
}

// TestFilteredMouse clicks rows and other places, with and without the filter's line, and turns the wheel.
func TestFilteredMouse(t *testing.T) {
	click := func(y int, b tea.MouseButton) tea.MouseClickMsg { return tea.MouseClickMsg{X: 3, Y: y, Button: b} }
	for name, step := range map[string]struct {
		keys string
		msg  tea.Msg
		want fruit
	}{
		"the head":          {"j", click(0, tea.MouseLeft), "banana"},
		"the first row":     {"j", click(1, tea.MouseLeft), "apple"},
		"the third row":     {"", click(3, tea.MouseLeft), "cherry"},
		"scrolled":          {"G", click(1, tea.MouseLeft), "cherry"},
		"another button":    {"", click(3, tea.MouseRight), "apple"},
		"below the rows":    {"", click(6, tea.MouseLeft), "apple"},
		"below the filter":  {"filter", click(3, tea.MouseLeft), "grape"},
		"the filter's head": {"filter", click(1, tea.MouseLeft), "apple"},
		"down":              {"j", tea.MouseWheelMsg{Button: tea.MouseWheelDown}, "cherry"},
		"up":                {"j", tea.MouseWheelMsg{Button: tea.MouseWheelUp}, "apple"},
		"sideways":          {"j", tea.MouseWheelMsg{Button: tea.MouseWheelLeft}, "banana"},
	} {
		f := fruits(40, 6)
		if step.keys == "filter" {
			f.Type()
			step.keys = "p enter"
		}
		pressed(f, step.keys).Update(step.msg)
		if f.At() != step.want {
			t.Errorf("%s: the cursor is on %q, want %q", name, f.At(), step.want)
		}
	}
}

// TestFilteredPaste pastes while the filter is typed, and while it is not.
func TestFilteredPaste(t *testing.T) {
	f := fruits(40, 8)
	f.Update(tea.PasteMsg{Content: "fig"})
	if f.Matches() != len(basket) || f.Filtering() {
		t.Errorf("a paste that nobody asked for leaves %d rows", f.Matches())
	}
	f.Type()
	f.Update(tea.PasteMsg{Content: "fig"})
	if f.Matches() != 1 || f.At() != "fig" {
		t.Errorf("a paste into the filter leaves %d rows, the cursor on %q", f.Matches(), f.At())
	}
}

// TestFilteredKeepsItsRow brings rows in above the cursor's, takes them away, and takes away the row itself.
func TestFilteredKeepsItsRow(t *testing.T) {
	f := pressed(fruits(40, 6), "G k")
	f.Set(append([]fruit{"acorn", "almond"}, basket...), called(string(f.At())))
	if f.At() != "fig" {
		t.Errorf("the cursor is on %q after two rows have come", f.At())
	}
	f.Set(basket[4:], called(string(f.At())))
	if f.At() != "fig" {
		t.Errorf("the cursor is on %q after rows have gone", f.At())
	}
	f.Type()
	pressed(f, "e r")
	f.Set(basket, called(string(f.At())))
	if f.At() != "cherry" && f.At() != "elder" || f.Matches() != 2 {
		t.Errorf("new rows are not filtered: the cursor is on %q of %d", f.At(), f.Matches())
	}
	f.Set(nil, called("elder"))
	if f.At() != "" || f.Matches() != 0 {
		t.Errorf("the cursor is on %q of no rows", f.At())
	}
}

// TestFilteredView draws the list with its filter line and with details below it.
func TestFilteredView(t *testing.T) {
	f := pressed(fruits(24, 7), "j")
	if c := f.Cursor(); c != nil {
		t.Errorf("the terminal's cursor is at %v while nothing is typed", c)
	}
	trimmed := func() string {
		var out []string
		for line := range strings.Lines(drawn(f)) {
			out = append(out, strings.TrimRight(line, " \n"))
		}
		return strings.Join(out, "\n")
	}
	// Three fifths of six lines would leave too little for details: all are rows.
	if got, want := trimmed(), "fruit\n apple after \"\"\n>banana after \"apple\"\n cherry after \"banana\"\n date after \"cherry\"\n elder after \"date\"\n fig after \"elder\""; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	f.Type()
	pressed(f, "p")
	if got, want := trimmed(), " / p                  2\nfruit\n apple after \"\"\n>grape after \"apple\"\n\n\n"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if c := f.Cursor(); c == nil || c.X != 4 || c.Y != 0 {
		t.Errorf("the terminal's cursor is at %v, want behind the letter", c)
	}
	f.SetSize(24, 10)
	if got, want := trimmed(), " / p                  2\nfruit\n apple after \"\"\n>grape after \"apple\"\n6 lines of grape\n\n\n\n\n"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for w := 12; w < 60; w += 5 {
		for h := 1; h < 40; h += 3 {
			f.SetSize(w, h)
			golden.Exact(t, "filtered", drawn(f), w, h)
		}
	}
	f.SetSize(0, 0)
	if got := drawn(f); got != "" {
		t.Errorf("without a size it draws %q", got)
	}
}
