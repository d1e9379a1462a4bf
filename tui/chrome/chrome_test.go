package chrome

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

func bindings(n int) []key.Binding {
	var out []key.Binding
	for i := range n {
		out = append(out, key.NewBinding(key.WithKeys("x"), key.WithHelp(fmt.Sprintf("ctrl+%c", 'a'+i), fmt.Sprintf("do thing %d", i))))
	}
	return out
}

func TestHelpLineHasExactlyItsWidth(t *testing.T) {
	th := theme.New(true, theme.Full)
	for w := range 200 {
		for _, n := range []int{0, 1, 2, 7} {
			if got := ansi.StringWidth(HelpLine(th, bindings(n), w)); got != w {
				t.Fatalf("%d bindings in %d cells: %d", n, w, got)
			}
		}
	}
}

func TestHelpLineCutsTheLastFirst(t *testing.T) {
	th := theme.New(true, theme.None)
	keys := bindings(3)
	keys[1].SetEnabled(false)
	if got := HelpLine(th, keys, 60); got != Cell("ctrl+a do thing 0   ctrl+c do thing 2", 60) {
		t.Errorf("got %q", got)
	}
	if got := HelpLine(th, keys, 30); got != Cell("ctrl+a do thing 0 …", 30) {
		t.Errorf("got %q", got)
	}
}

func TestPageHasExactlyItsSize(t *testing.T) {
	for w := 1; w < 160; w += 3 {
		for h := 1; h < 50; h += 4 {
			p := Page{
				Theme: theme.New(false, theme.Full), W: w, H: h, Name: "targets", Help: bindings(6),
				Context: []string{"本番 prod-admin", "123456789012", "eu-west-1, us-east-1\x1b[2J"},
			}
			bw, bh := p.BodySize()
			got := p.View(strings.Repeat(strings.Repeat("データ", 80)+"\n", bh))
			exact(t, got, w, h)
			if TooSmall(w, h) != strings.HasPrefix(got, "terminal too small"[:min(18, w-1)]) {
				t.Errorf("%d×%d: %q", w, h, got)
			}
			if strings.Contains(got, "\x1b[2J") {
				t.Error("an escape sequence of a name reached the terminal")
			}
			if !TooSmall(w, h) && (bw != w || bh < h-4) {
				t.Errorf("%d×%d leaves only %d×%d", w, h, bw, bh)
			}
		}
	}
}

func TestHeaderDropsTheLeastImportant(t *testing.T) {
	p := Page{W: 40, H: 10, Name: "targets", Context: []string{"prod-admin", "123456789012", "eu-west-1"}}
	top, _, _ := strings.Cut(p.View(""), "\n")
	if !strings.Contains(top, "prod-admin") || strings.Contains(top, "123456789012 · eu-west-1") {
		t.Errorf("header %q", top)
	}
}

func TestOldTimersDoNotClearNewToasts(t *testing.T) {
	th := theme.New(true, theme.None)
	toast, first := Toast{}.Show(Info, "first", time.Nanosecond)
	toast, second := toast.Show(Failure, "second\x1b[31m", time.Nanosecond)
	toast = toast.Update(first())
	if got := toast.View(th, 40); got != "✗ second\ufffd[31m" {
		t.Fatalf("after the first one's timer: %q", got)
	}
	if got := toast.Update(second()).View(th, 40); got != "" {
		t.Errorf("after its own timer: %q", got)
	}
	if got := ansi.StringWidth(toast.View(th, 6)); got != 6 {
		t.Errorf("cut to %d cells, want 6", got)
	}
}

func TestGateOpensOnlyForItsOwnPeriod(t *testing.T) {
	gate, first := Gate{}.Shut("ports")
	gate, second := gate.Shut("ports")
	if gate.Open() || gate.Update(first()).Open() {
		t.Error("an older period opened the gate")
	}
	if gate.Update(GateOpened{Name: "quit", ID: 2}).Open() {
		t.Error("another dialog's period opened the gate")
	}
	if !gate.Update(second()).Open() {
		t.Error("its own period did not open the gate")
	}
}

func press(k string) tea.KeyPressMsg {
	switch k {
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "left":
		return tea.KeyPressMsg{Code: tea.KeyLeft}
	case "right":
		return tea.KeyPressMsg{Code: tea.KeyRight}
	case "home":
		return tea.KeyPressMsg{Code: tea.KeyHome}
	case "end":
		return tea.KeyPressMsg{Code: tea.KeyEnd}
	case "pgdown":
		return tea.KeyPressMsg{Code: tea.KeyPgDown}
	case "pgup":
		return tea.KeyPressMsg{Code: tea.KeyPgUp}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	case "delete":
		return tea.KeyPressMsg{Code: tea.KeyDelete}
	}
	if c, ok := strings.CutPrefix(k, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(c[0]), Mod: tea.ModCtrl}
	}
	if c, ok := strings.CutPrefix(k, "alt+"); ok {
		return tea.KeyPressMsg{Code: rune(c[0]), Mod: tea.ModAlt}
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

func TestSheetScrollsAndCloses(t *testing.T) {
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf("line %d", i))
	}
	s := Sheet{Title: "log", Lines: lines}
	th := theme.New(true, theme.None)
	for _, step := range []struct{ key, first string }{
		{"down", "line 1"}, {"pgdown", "line 8"}, {"end", "line 32"}, {"down", "line 32"}, {"up", "line 31"}, {"pgup", "line 24"}, {"home", "line 0"}, {"up", "line 0"},
	} {
		var closed bool
		s, closed = s.Update(press(step.key), 10)
		got := s.View(th, "", 50, 10)
		exact(t, got, 50, 10)
		if closed || !strings.Contains(strings.Split(got, "\n")[1], step.first+" ") {
			t.Errorf("after %s: closed=%v\n%s", step.key, closed, got)
		}
	}
	for _, k := range []string{"esc", "q"} {
		if _, closed := s.Update(press(k), 10); !closed {
			t.Errorf("%s does not close the sheet", k)
		}
	}
}

func TestSheetFitsEverywhere(t *testing.T) {
	groups := []Group{{Title: "List", Keys: bindings(9), Notes: [][2]string{{"●", "reachable"}}}, {Title: "検索", Keys: bindings(5)}}
	th := theme.New(true, theme.Full)
	for w := 36; w < 160; w += 7 {
		for h := 4; h < 40; h += 5 {
			exact(t, HelpSheet(th, groups).View(th, strings.Repeat("注", 200), w, h), w, h)
		}
	}
}

func TestFrameHasExactlyItsWidth(t *testing.T) {
	th := theme.New(true, theme.Full)
	for w := 2; w < 80; w++ {
		exact(t, Frame(th, "注文 a title that is rather long", []string{"データ", "x"}, "esc back", w), w, 4)
	}
}
