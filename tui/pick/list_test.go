package pick

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

func TestListMoves(t *testing.T) {
	l := List{}.Resize(100, 10)
	for _, step := range []struct {
		name        string
		do          func(List) List
		cursor, top int
	}{
		{"up at the top", func(l List) List { return l.Move(-1) }, 0, 0},
		{"down", func(l List) List { return l.Move(1) }, 1, 0},
		{"to the edge", func(l List) List { return l.Move(8) }, 9, 0},
		{"over the edge", func(l List) List { return l.Move(1) }, 10, 1},
		{"page down", func(l List) List { return l.Page(1) }, 19, 10},
		{"page up", func(l List) List { return l.Page(-1) }, 10, 1},
		{"last", List.Last, 99, 90},
		{"down at the end", func(l List) List { return l.Move(3) }, 99, 90},
		{"fewer rows", func(l List) List { return l.Resize(5, 10) }, 4, 0},
		{"none", func(l List) List { return l.Resize(0, 10) }, 0, 0},
		{"first", List.First, 0, 0},
	} {
		l = step.do(l)
		if l.Cursor != step.cursor || l.Top != step.top {
			t.Fatalf("%s: cursor %d, top %d; want %d, %d", step.name, l.Cursor, l.Top, step.cursor, step.top)
		}
	}
}

func TestFollowKeepsTheLine(t *testing.T) {
	l := List{Len: 50, Height: 10, Cursor: 24, Top: 20}
	l = l.Follow(40, 80) // sixteen rows came in above
	if l.Cursor != 40 || l.Cursor-l.Top != 4 {
		t.Errorf("cursor %d on line %d, want 40 on line 4", l.Cursor, l.Cursor-l.Top)
	}
	if from, to := l.Shown(); from != 36 || to != 46 {
		t.Errorf("shows %d…%d", from, to)
	}
}

func TestPaintHasExactlyItsWidth(t *testing.T) {
	th := theme.New(true, theme.Full)
	for _, s := range []string{"", "prod-orders", "注文データベース", "🚀 launch", "مستودع", "e\u0301te\u0301-db"} {
		var all []int
		for i := range []rune(s) {
			all = append(all, i)
		}
		for w := range 30 {
			for _, marks := range [][]int{nil, {0}, {1, 2}, all, {99}} {
				got := Paint(th, theme.Selected, theme.Text, s, marks, w)
				if n := ansi.StringWidth(got); n != w {
					t.Fatalf("%q with %v in %d cells: %d", s, marks, w, n)
				}
			}
		}
	}
}

func TestPaintMarksCells(t *testing.T) {
	th := theme.New(true, theme.Basic)
	got := Paint(th, theme.Plain, theme.Text, "注文x", []int{1}, 6)
	if want := "注" + th.Paint(theme.Match, "文") + "x "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = Paint(th, theme.Plain, theme.Text, strings.Repeat("a", 9), []int{3, 4, 8}, 5)
	if want := "aaa" + th.Paint(theme.Match, "a") + "…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
