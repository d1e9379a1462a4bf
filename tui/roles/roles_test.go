package roles

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func list() Listed {
	const orders = "arn:aws:iam::111122223333:role/ops/OrdersReadWrite"
	row := func(used time.Duration, p aws.Profile, keys ...Key) Row {
		r := Row{Profile: p, Keys: keys}
		if used > 0 {
			r.Used = now().Add(-used)
		}
		return r
	}
	hub := []string{"hub", "default", "keys"}
	in := func(d time.Duration) aws.SignIn { return aws.SignIn{State: aws.SignedIn, Expires: now().Add(d)} }
	return Listed{At: now(), Rows: []Row{
		row(26*time.Hour, aws.Profile{Name: "default", Kind: aws.ProfileKeys, Region: "eu-west-1", Chain: hub[1:], SignIn: aws.SignIn{State: aws.SignInUnknown}}),
		row(3*time.Minute, aws.Profile{
			Name: "orders-prod", Kind: aws.ProfileRole, Account: "111122223333", Role: "OrdersReadWrite", RoleARN: orders, Region: "eu-west-1",
			Chain: append([]string{"orders-prod"}, hub...), Managed: true, SignIn: in(52 * time.Minute),
		}, Key{"role_arn", orders}, Key{"source_profile", "hub"}, Key{"region", "eu-west-1"}, Key{"mfa_serial", "arn:aws:iam::999988887777:mfa/ana"}),
		row(0, aws.Profile{
			Name: "orders-admin", Kind: aws.ProfileRole, Account: "111122223333", Role: "Admin", RoleARN: "arn:aws:iam::111122223333:role/Admin", Region: "eu-west-1",
			Chain: append([]string{"orders-admin"}, hub...), SignIn: aws.SignIn{State: aws.SignInMFA},
		}),
		row(0, aws.Profile{Name: "hub", Kind: aws.ProfileRole, Account: "999988887777", Role: "Hub", Chain: hub, SignIn: aws.SignIn{State: aws.SignInExpired}}),
		row(0, aws.Profile{Name: "corp-dev", Kind: aws.ProfileSSO, Account: "222233334444", Role: "Developer", Region: "ap-northeast-1", Chain: []string{"corp-dev", "sso corp"}, Managed: true, SignIn: aws.SignIn{State: aws.SignInNeeded}}),
		row(0, aws.Profile{Name: "注文-開発", Kind: aws.ProfileSSO, Account: "222233334444", Role: "ReadOnly", Chain: []string{"注文-開発", "sso corp"}, SignIn: in(7 * time.Hour)}),
		row(0, aws.Profile{Name: "loop", Kind: aws.ProfileRole, Account: "333344445555", Role: "Loop", Chain: []string{"loop", "loop"}, Problem: "its source_profile leads back to itself"}),
	}}
}

func screen(w, h int, th theme.Theme, msgs ...tea.Msg) Model {
	m := New(th)
	m.SetSize(w, h)
	for _, msg := range msgs {
		m, _ = m.Update(msg)
	}
	return m
}

const diff = "--- ~/.aws/config\n+++ ~/.aws/config\n@@ -3,3 +3,9 @@\n [default]\n region = eu-west-1\n+\n+[profile billing]\n+role_arn = arn:aws:iam::111122223333:role/Billing\n+source_profile = default\n-\x1b[31mred\n+rdsx_managed = 1\n"

// keysOf presses keys; grace periods pass at once, and plans are answered by the diff.
func keysOf(m Model, keys string) (Model, []tea.Msg) {
	var out []tea.Msg
	for k := range strings.FieldsSeq(keys) {
		var cmd tea.Cmd
		m, cmd = m.Update(golden.Press(k))
		for cmd != nil {
			msg := cmd()
			cmd = nil
			switch msg := msg.(type) {
			case chrome.GateOpened:
				m, _ = m.Update(msg)
				continue
			case PlanAsked:
				out = append(out, msg)
				m, cmd = m.Update(Planned{N: msg.N, Diff: diff, Foreign: strings.HasPrefix(msg.Change.Name, "h")})
				continue
			}
			out = append(out, msg)
		}
	}
	return m, out
}

func typed(s string) string { return strings.Join(strings.Split(s, ""), " ") }

// TestEveryKey presses keys and looks at what the root is asked for.
func TestEveryKey(t *testing.T) {
	remove := func(n int, name string) PlanAsked {
		return PlanAsked{N: n, Change: Change{Op: Remove, Name: name}}
	}
	for keys, want := range map[string][]tea.Msg{
		"esc":                         {Leave{}},
		"q":                           {Leave{}},
		"r":                           {ListAsked{}},
		"s":                           {SignInAsked{Name: "orders-admin"}},
		"down s":                      {SignInAsked{Name: "orders-prod"}},
		"G s":                         {Notice{chrome.Info, "default needs no sign-in"}},
		"x":                           {remove(1, "orders-admin")},
		"x enter":                     {remove(1, "orders-admin"), WriteAsked{N: 1}},
		"x esc x enter":               {remove(1, "orders-admin"), remove(2, "orders-admin"), WriteAsked{N: 2}},
		"/ h u b enter x enter":       {remove(1, "hub"), Notice{chrome.Caution, "type hub to change what rdsx has not written"}},
		"/ h u b enter x h u b enter": {remove(1, "hub"), WriteAsked{N: 1}},
		"enter s esc s":               {SignInAsked{Name: "orders-admin"}},
		"? s esc r":                   {ListAsked{}},
		"/ z z enter x s e esc r":     {ListAsked{}},
		"down e down down down " + strings.Repeat("backspace ", 33) + "enter": {PlanAsked{N: 1, Change: Change{Op: Edit, Name: "orders-prod", Keys: []Key{{"mfa_serial", ""}}}}},
		"a " + typed("new") + " down " + typed("arn:aws:iam::111122223333:role/R") + " tab " + typed("hub") + " enter enter": {
			PlanAsked{N: 1, Change: Change{Op: Add, Name: "new", Keys: []Key{{"role_arn", "arn:aws:iam::111122223333:role/R"}, {"source_profile", "hub"}}}}, WriteAsked{N: 1},
		},
		"a ctrl+t " + typed("s") + " down " + typed("corp") + " tab " + typed("1") + " down " + typed("Dev") + " enter": {
			PlanAsked{N: 1, Change: Change{Op: Add, Name: "s", Keys: []Key{{"sso_session", "corp"}, {"sso_account_id", "1"}, {"sso_role_name", "Dev"}}}},
		},
		"a enter": nil, // the name is needed
	} {
		m, got := keysOf(screen(120, 30, theme.Theme{}, list()), keys)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, want %#v", keys, got, want)
		}
		golden.Exact(t, keys, m.View(), 120, 30)
	}
}

// TestFormSaysWhatIsWrong keeps what was typed, below the reason and the advice.
func TestFormSaysWhatIsWrong(t *testing.T) {
	m, _ := keysOf(screen(100, 24, theme.Theme{}, list()), "a "+typed("new")+" enter")
	if view := ansi.Strip(m.View()); !strings.Contains(view, "role ARN is needed") {
		t.Errorf("nothing is said of the missing role:\n%s", view)
	}
	m, _ = keysOf(m, typed("arn:aws:iam::111122223333:role/R")+" down "+typed("hub"))
	m, cmd := m.Update(golden.Press("enter"))
	asked := cmd().(PlanAsked)
	m, _ = m.Update(Planned{N: asked.N - 1, Diff: "of an older question"})
	m, _ = m.Update(Planned{N: asked.N, Err: aws.Advise(errors.New("profile new exists already, in line 7"), nil, "rdsx profiles edit new")})
	for _, want := range []string{"profile new exists already, in line 7", "→ rdsx profiles edit new", "arn:aws:iam::111122223333:role/R", "hub"} {
		if view := ansi.Strip(m.View()); !strings.Contains(view, want) {
			t.Errorf("%q is missing:\n%s", want, view)
		}
	}
}

// TestWrittenAfterTheGate takes no key in flight for a yes, says what was done, and asks for the new list.
func TestWrittenAfterTheGate(t *testing.T) {
	m, cmd := screen(100, 24, theme.Theme{}, list()).Update(golden.Press("x"))
	asked := cmd().(PlanAsked)
	m, opened := m.Update(Planned{N: asked.N, Diff: diff})
	m, cmd = m.Update(golden.Press("enter"))
	if cmd != nil {
		t.Fatal("a key in flight was taken for a yes")
	}
	m, _ = m.Update(opened())
	m, cmd = m.Update(golden.Press("enter"))
	if cmd == nil || cmd() != (WriteAsked{N: asked.N}) {
		t.Fatal("Enter does not write")
	}
	if _, again := m.Update(golden.Press("enter")); again != nil {
		t.Error("a second Enter writes twice")
	}
	m, cmd = m.Update(Written{N: asked.N, Text: "removed orders-admin"})
	if cmd == nil || strings.Contains(ansi.Strip(m.View()), "remove orders-admin") {
		t.Error("the diff stays after the writing")
	}
	m, _ = m.Update(list())
	if m.at().Name != "orders-admin" {
		t.Errorf("the cursor is on %q after the writing", m.at().Name)
	}
	if m, _ = screen(100, 24, theme.Theme{}, list()).Update(Written{N: 9, Text: "of another time"}); m.over.kind != overNone {
		t.Error("an answer to nothing opened something")
	}
}

// TestAddOfARole fills the form in.
func TestAddOfARole(t *testing.T) {
	for session, want := range map[string]string{
		"arn:aws:sts::111122223333:assumed-role/Orders/ana":    "arn:aws:iam::111122223333:role/Orders",
		"arn:aws-cn:sts::111122223333:assumed-role/Orders/a/b": "arn:aws-cn:iam::111122223333:role/Orders",
		"arn:aws:iam::111122223333:user/ana":                   "",
		"arn:aws:sts::111122223333:assumed-role/Orders":        "",
		"arn:aws:sts::111122223333:federated-user/ana":         "",
		"assumed-role/x/y": "",
		"arn:aws-us-gov:sts::111122223333:assumed-role//ana":      "",
		"arn:aws-us-gov:sts::111122223333:assumed-role/R/ana@x.y": "arn:aws-us-gov:iam::111122223333:role/R",
	} {
		if got := RoleOf(session); got != want {
			t.Errorf("%s: %q, want %q", session, got, want)
		}
	}
	m := screen(100, 24, theme.Theme{}, list()).Add([]Key{{"role_arn", "arn:aws:iam::111122223333:role/Orders"}})
	if view := ansi.Strip(m.View()); !strings.Contains(view, "arn:aws:iam::111122223333:role/Orders") {
		t.Errorf("the role is not in the form:\n%s", view)
	}
}

// views are the states of the screen that are drawn in the golden files.
func views(w, h int, th theme.Theme) map[string]Model {
	out := map[string]Model{
		"reading": screen(w, h, th), "empty": screen(w, h, th, Listed{At: now()}), "list": screen(w, h, th, list()),
		"unreadable": screen(w, h, th, Listed{At: now(), Err: aws.Advise(errors.New("~/.aws/config: line 12: a UTF-8 byte order mark"), nil, "rdsx profiles check")}),
	}
	for name, keys := range map[string]string{
		"chain": "down", "broken": "/ l o o p enter", "add": "a " + typed("billing") + " down", "sso": "a ctrl+t", "edit": "down e", "diff": "x", "foreign": "/ h u b enter x h", "help": "?", "filter": "/ o r d",
	} {
		out[name], _ = keysOf(screen(w, h, th, list()), keys)
	}
	return out
}

func page(m Model, w, h int, th theme.Theme) string {
	p := chrome.Page{Theme: th, W: w, H: h, Name: "profiles", Context: []string{"~/.aws/config"}, Help: m.ShortHelp()}
	m.SetSize(p.BodySize())
	return p.View(m.View())
}

func TestGoldenScreens(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {80, 24}, {140, 40}} {
		for name, th := range map[string]theme.Theme{
			"light": theme.New(false, theme.Full), "dark": theme.New(true, theme.Full), "none": theme.New(true, theme.None),
		} {
			w, h := size[0], size[1]
			bw, bh := chrome.Page{W: w, H: h}.BodySize()
			for view, m := range views(bw, bh, th) {
				got := page(m, w, h, th)
				golden.Exact(t, view, got, w, h)
				if name == "none" && h == 40 || view == "reading" && name != "dark" {
					continue
				}
				golden.Screen(t, fmt.Sprintf("%s-%dx%d-%s", view, w, h, name), got)
			}
		}
	}
}

// TestEveryLineHasExactlyItsWidth draws every view at every size that a terminal may have, with names of all kinds.
func TestEveryLineHasExactlyItsWidth(t *testing.T) {
	th := theme.New(true, theme.Full)
	odd := list()
	for _, name := range []string{"a\nb\tc", "\x1b[31mred\x1b[0m", "👩‍👩‍👧‍👦👨‍👩‍👧", strings.Repeat("注", 90), strings.Repeat("e\u0301", 90), "\u202eabc\u202c", "\xff\xfe"} {
		odd.Rows = append(odd.Rows, Row{Profile: aws.Profile{
			Name: name, Kind: aws.ProfileKind(name), Account: name, Role: name, Region: name, Chain: []string{name, name, name}, Problem: name, SignIn: aws.SignIn{State: aws.SignInState(name)},
		}})
	}
	all := views(80, 24, th)
	all["odd"] = screen(80, 24, th, odd)
	all["oddest"], _ = keysOf(all["odd"], "G enter")
	for view, m := range all {
		for w := 40; w <= 200; w += 13 {
			for h := 6; h <= 60; h += 9 {
				m.SetSize(w, h)
				golden.Exact(t, view, m.View(), w, h)
				if strings.Contains(m.View(), "\x1b[31mred") {
					t.Fatal("an escape sequence of a name reached the terminal")
				}
				if c := m.Cursor(); c != nil && (c.X < 0 || c.X >= w || c.Y < 0 || c.Y >= h) {
					t.Fatalf("%s at %d×%d: cursor at %d,%d", view, w, h, c.X, c.Y)
				}
			}
		}
	}
}

// TestWheelScrollsTheSheet: the wheel is for what is in front, and leaves the list behind it alone.
func TestWheelScrollsTheSheet(t *testing.T) {
	m, _ := keysOf(screen(120, 10, theme.Theme{}, list()), "?")
	before, at := m.View(), m.at().Name
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if m.View() == before || m.at().Name != at {
		t.Error("the wheel scrolls nothing, or the list")
	}
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if m.View() != before {
		t.Error("the wheel does not scroll back")
	}
}
