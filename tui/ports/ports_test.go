package ports

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

func target() aws.Target {
	d := &aws.Database{ID: "注文-aurora", Role: aws.RoleWriter, Engine: "aurora-postgresql"}
	return aws.Target{
		Account: aws.Account{Profile: "prod", Region: "eu-west-1"}, Instance: aws.Instance{ID: "i-0a1b2c3d4e5f60718", Name: "踏み台\x1b[31m"},
		Database: d, Endpoint: aws.Endpoint{Host: "orders.cluster-c9akciq32rgw.eu-west-1.rds.amazonaws.com", Port: 5432}, Engine: d.Engine,
	}
}

// machine is who holds which port; 80 may not be taken at all.
func machine(held map[int]string) Check {
	return func(port int) (string, error) {
		if port == 80 {
			return "", errors.New("listen on port 80: permission denied")
		}
		return held[port], nil
	}
}

// dialog is opened and has its proposal; the gate is open.
func dialog(t *testing.T, q Question, held map[int]string) Model {
	t.Helper()
	m := New(theme.New(true, theme.Full), machine(held))
	m.SetSize(80, 24)
	if q.Target.Endpoint.Port == 0 {
		q.Target = target()
	}
	m, cmd := m.Open(q)
	m, _ = deliver(m, cmd)
	return m
}

// deliver runs commands until there are none and returns the intents.
func deliver(m Model, cmd tea.Cmd) (Model, []tea.Msg) {
	if cmd == nil {
		return m, nil
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		var out []tea.Msg
		for _, c := range msg {
			var more []tea.Msg
			m, more = deliver(m, c)
			out = append(out, more...)
		}
		return m, out
	case Connect, Back:
		return m, []tea.Msg{msg}
	default:
		next, cmd := m.Update(msg)
		return deliver(next, cmd)
	}
}

func press(k string) tea.KeyPressMsg {
	switch k {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	case "ctrl+u":
		return tea.KeyPressMsg{Code: 'u', Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

func keys(m Model, ks string) (Model, []tea.Msg) {
	var out []tea.Msg
	for k := range strings.FieldsSeq(ks) {
		next, cmd := m.Update(press(k))
		var more []tea.Msg
		m, more = deliver(next, cmd)
		out = append(out, more...)
	}
	return m, out
}

func TestProposal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		for _, c := range []struct {
			name string
			last int
			held map[int]string
			want string
			says string
		}{
			{"used last time", 15432, nil, "15432", "free · used last time"},
			{"the engine's own", 0, nil, "5432", "free · the database's own"},
			{"last is taken", 15432, map[int]string{15432: "java (pid 7)"}, "5432", "free · the database's own · 15432 is taken by java (pid 7)"},
			{"own is taken", 0, map[int]string{5432: "postgres (pid 812)"}, "5433", "free · 5432 is taken by postgres (pid 812)"},
			{"the next too", 0, held(5432, 5433), "5434", "free · 5432 is taken by x · 1 more is taken"},
			{"the next two", 0, held(5432, 5434), "5435", "free · 5432 is taken by x · 2 more are taken"},
			{"all are taken", 0, held(5432, 5600), "", "no free port was found nearby: type one"},
		} {
			m := dialog(t, Question{Last: c.last}, c.held)
			_, _, says := m.state()
			if m.field.Value() != c.want || says != c.says {
				t.Errorf("%s: %q, %q; want %q, %q", c.name, m.field.Value(), says, c.want, c.says)
			}
		}
	})
}

func held(from, to int) map[int]string {
	out := map[int]string{}
	for p := from; p <= to; p++ {
		out[p] = "x"
	}
	return out
}

func TestEveryKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		taken := map[int]string{5432: "postgres (pid 812)", 5434: "ssh (pid 9)"}
		at := func(p int, always bool) []tea.Msg {
			return []tea.Msg{Connect{Target: target(), Port: p, Always: always}}
		}
		for ks, want := range map[string][]tea.Msg{
			"enter":                         at(5433, false),
			"a enter":                       at(5433, true),
			"a a enter":                     at(5433, false),
			"esc":                           {Back{}},
			"q":                             {Back{}},
			"ctrl+u 7 0 0 0 enter":          at(7000, false),
			"ctrl+u 5 4 3 2 enter":          nil, // taken
			"ctrl+u 5 4 3 2 n enter":        at(5433, false),
			"n enter":                       at(5435, false),
			"ctrl+u enter":                  nil, // empty
			"ctrl+u n enter":                at(5433, false),
			"ctrl+u 0 enter":                nil,
			"ctrl+u 6 5 5 3 6 enter":        nil,
			"ctrl+u 6 5 5 3 5 enter":        at(65535, false),
			"ctrl+u 6 5 5 3 5 up":           nil,
			"ctrl+u 8 0 enter":              nil, // may not be taken
			"up enter":                      nil, // 5434 is taken
			"up up enter":                   at(5435, false),
			"down down enter":               at(5431, false),
			"backspace backspace 9 x enter": at(549, false),
		} {
			m := dialog(t, Question{}, taken)
			_, got := keys(m, ks)
			if !slices.EqualFunc(got, want, same) {
				t.Errorf("%s: %v, want %v", ks, got, want)
			}
		}
	})
}

// same compares intents; the database inside is a pointer.
func same(a, b tea.Msg) bool {
	x, connects := a.(Connect)
	y, wanted := b.(Connect)
	if !connects || !wanted {
		return a == b
	}
	return x.Port == y.Port && x.Always == y.Always && x.Target.Name() == y.Target.Name()
}

func TestWordsAsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		for typed, want := range map[string]string{
			"":      "type a port from 1 to 65535",
			"0":     "a port is a number from 1 to 65535",
			"99999": "a port is a number from 1 to 65535",
			"5432":  "taken by postgres (pid 812); n takes the next free one",
			"443":   "free · below 1024: often for administrators only",
			"80":    "listen on port 80: permission denied",
			"7777":  "free",
		} {
			m := dialog(t, Question{}, map[int]string{5432: "postgres (pid 812)"})
			m, _ = keys(m, "ctrl+u "+strings.Join(strings.Split(typed, ""), " "))
			if _, _, got := m.state(); got != want {
				t.Errorf("%q: %q, want %q", typed, got, want)
			}
		}
	})
}

func TestKeysInFlightConfirmNothing(t *testing.T) {
	m := New(theme.New(true, theme.Full), machine(nil))
	m.SetSize(80, 24)
	m, _ = m.Open(Question{Target: target()})
	m, _ = m.Update(Proposed{N: 1, Port: 5432})
	if _, cmd := m.Update(press("enter")); cmd != nil {
		t.Error("Enter confirmed a dialog that had just opened")
	}
	m, _ = m.Update(chrome.GateOpened{Name: "ports", ID: 1})
	if _, cmd := m.Update(press("enter")); cmd == nil {
		t.Error("Enter does not confirm after the grace period")
	}
}

func TestAnswersToOldQuestionsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		m := dialog(t, Question{}, nil)
		m, first := m.Update(press("1")) // 54321
		m, second := m.Update(press("backspace"))
		m, _ = m.Update(second())
		m, _ = m.Update(Checked{N: first().(Checked).N, Port: 54321, Holder: "late"})
		if _, _, got := m.state(); got != "free · the database's own" {
			t.Errorf("a late answer says %q", got)
		}
		m, _ = m.Update(Proposed{N: 1, Port: 9999})
		if m.field.Value() != "5432" {
			t.Errorf("a late proposal put %s into the field", m.field.Value())
		}
	})
}

func TestEnterWaitsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		m := dialog(t, Question{}, nil)
		m, answer := m.Update(press("1"))
		m, cmd := m.Update(press("enter"))
		if cmd != nil {
			t.Fatal("connects before the port has been looked at")
		}
		_, cmd = m.Update(answer())
		if cmd == nil || cmd().(Connect).Port != 54321 {
			t.Error("the answer did not let Enter through")
		}
		m, _ = m.Update(press("backspace")) // typing on takes Enter back
		if _, cmd = m.Update(answer()); cmd != nil {
			t.Error("Enter outlived an edit")
		}
	})
}

func TestGoldenScreens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		for _, size := range [][2]int{{40, 12}, {80, 24}, {140, 40}} {
			for name, th := range map[string]theme.Theme{
				"light": theme.New(false, theme.Full), "dark": theme.New(true, theme.Full), "none": theme.New(true, theme.None),
			} {
				for view, ks := range map[string]string{"proposal": "a", "taken": "ctrl+u 5 4 3 2", "invalid": "ctrl+u 9 9 9 9 9"} {
					w, h := size[0], size[1]
					m := dialog(t, Question{}, map[int]string{5432: "postgres (pid 812)"})
					m.SetTheme(th)
					m, _ = keys(m, ks)
					p := chrome.Page{Theme: th, W: w, H: h, Name: "port", Context: []string{"prod", "eu-west-1"}, Help: m.ShortHelp()}
					m.SetSize(p.BodySize())
					golden.Screen(t, fmt.Sprintf("%s-%dx%d-%s", view, w, h, name), p.View(m.View()))
				}
			}
		}
	})
}

func TestEveryLineHasExactlyItsWidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the grace periods pass at once
		m := dialog(t, Question{}, map[int]string{5432: strings.Repeat("データベース", 20) + "\x1b[2J"})
		for w := 40; w <= 200; w += 7 {
			for h := 8; h <= 60; h += 4 {
				m.SetSize(w, h)
				got := m.Over(strings.Repeat("注文", 120))
				lines := strings.Split(got, "\n")
				for i, l := range lines {
					if n := ansi.StringWidth(l); n != w || len(lines) != h {
						t.Fatalf("%d×%d: %d lines, line %d has %d cells", w, h, len(lines), i, n)
					}
				}
				if c := m.Cursor(); c.Y >= h || !strings.Contains(ansi.Strip(lines[c.Y]), lead) {
					t.Fatalf("%d×%d: the cursor is on line %d", w, h, c.Y)
				}
				if strings.Contains(got, "\x1b[2J") || strings.Contains(got, "\x1b[31m") {
					t.Fatal("an escape sequence of a name reached the terminal")
				}
			}
		}
	})
}
