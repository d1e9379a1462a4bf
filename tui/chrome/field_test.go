package chrome

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

func TestFieldEdits(t *testing.T) {
	for _, c := range []struct {
		start, keys, want string
		cursor            int // cell of the cursor afterwards
	}{
		{"", "p r d", "prd", 3},
		{"prod orders", "ctrl+w", "prod ", 5},
		{"prod orders", "ctrl+u", "", 0},
		{"prod orders", "alt+b alt+b x", "xprod orders", 1},
		{"prod orders", "home alt+f ctrl+k", "prod", 4},
		{"prod orders", "home alt+d", " orders", 0},
		{"注文", "left x", "注x文", 3},
		{"注文", "backspace", "注", 2},
		{"注文", "home delete", "文", 0},
		{"ab", "left left left right right right c", "abc", 3},
		{"ab", "ctrl+a x ctrl+e y ctrl+b z", "xabzy", 4},
		{"ab", "alt+x ctrl+t", "ab", 2},
	} {
		f := Field{}.With(c.start)
		for k := range strings.FieldsSeq(c.keys) {
			f, _ = f.Update(press(k))
		}
		if f.Value() != c.want || f.Cursor(40) != c.cursor {
			t.Errorf("%q + %s = %q, cursor %d; want %q, %d", c.start, c.keys, f.Value(), f.Cursor(40), c.want, c.cursor)
		}
	}
}

func TestFieldSaysWhetherItChanged(t *testing.T) {
	f := Field{}.With("ab")
	if _, changed := f.Update(press("left")); changed {
		t.Error("moving the cursor counts as a change")
	}
	if _, changed := f.Update(press("c")); !changed {
		t.Error("typing does not count as a change")
	}
}

func TestFieldCleansWhatIsPasted(t *testing.T) {
	f, _ := Field{}.Update(tea.PasteMsg{Content: "prod\norders\x1b[31m"})
	if f.Value() != "prod orders\ufffd[31m" {
		t.Errorf("got %q", f.Value())
	}
	digits := Field{Accept: func(r rune) bool { return r >= '0' && r <= '9' }, Limit: 5}
	digits, _ = digits.Update(tea.PasteMsg{Content: "port 5432"})
	if digits.Value() != "5432" {
		t.Errorf("got %q", digits.Value())
	}
	digits, _ = digits.Update(tea.PasteMsg{Content: "99"})
	if digits.Value() != "5432" {
		t.Errorf("beyond its limit the field holds %q", digits.Value())
	}
}

func FuzzField(f *testing.F) {
	f.Add("注文 orders", "le\u0301\x01\x02", 8)
	f.Add("가", "ᄀ\u200d", 3)
	f.Fuzz(func(t *testing.T, start, typed string, w int) {
		w = min(max(w, 2), 80)
		field := Field{}.With(start)
		th := theme.New(true, theme.None)
		keys := []string{"left", "right", "home", "end", "backspace", "delete", "ctrl+w", "alt+d", "alt+b", "alt+f"}
		for _, r := range typed {
			if r < 32 {
				field, _ = field.Update(press(keys[int(r)%len(keys)]))
			} else {
				field, _ = field.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
			if n := ansi.StringWidth(field.View(th, "hint", w)); n != w {
				t.Fatalf("%q in %d cells has %d", field.Value(), w, n)
			}
			if x := field.Cursor(w); x < 0 || x >= w {
				t.Fatalf("%q: cursor at %d of %d", field.Value(), x, w)
			}
		}
	})
}
