package targets

import (
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
)

func TestWheelMoves(t *testing.T) {
	m := screen(100, 30, plain(), scanned()...)
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if m.list.Cursor != 3 {
		t.Errorf("cursor on %d", m.list.Cursor)
	}
}

func TestClickMoves(t *testing.T) {
	m := screen(100, 30, plain(), scanned()...)
	lines := strings.Split(m.View(), "\n")
	y := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "prod-warehouse") })
	m, _ = m.Update(tea.MouseClickMsg{X: 10, Y: y, Button: tea.MouseLeft})
	if under(m) != "prod-warehouse/instance" {
		t.Errorf("clicked on prod-warehouse, now on %s", under(m))
	}
	for _, y := range []int{0, 25, 29} {
		m, _ = m.Update(tea.MouseClickMsg{X: 10, Y: y, Button: tea.MouseLeft})
	}
	if under(m) != "prod-warehouse/instance" {
		t.Errorf("a click beside the rows went to %s", under(m))
	}
}

// TestWheelScrollsTheSheet: the wheel is for what is in front, and leaves the list behind it alone.
func TestWheelScrollsTheSheet(t *testing.T) {
	m, _ := keysOf(t, screen(100, 14, plain(), scanned()...), "?")
	before, at := m.View(), under(m)
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if m.View() == before || under(m) != at {
		t.Errorf("the wheel scrolls nothing, or the list: now on %s", under(m))
	}
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if m.View() != before {
		t.Error("the wheel does not scroll back")
	}
}

func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"5432": "localhost:5432", "db:1": "db:1", " db.corp:3306 ": "db.corp:3306", "[fd00::1]:5432": "[fd00::1]:5432", "10.0.0.7:6379": "10.0.0.7:6379", "my_db.corp.:1": "my_db.corp.:1",
		"": "!", "db": "!", "db:": "!", "db:0": "!", "db:65536": "!", "fd00::1:5432": "!", "[x]:1": "!", "-a:1": "!", "a b:1": "!", ":5": "!", "a..b:1": "!", "70000": "!", "db:+1": "!", strings.Repeat("a", 300) + ":1": "!",
	} {
		e, problem := ParseHost(in)
		if want == "!" {
			if problem == "" {
				t.Errorf("%q passes as %s", in, e)
			}
			continue
		}
		if problem != "" || e.String() != want {
			t.Errorf("%q: %s %s, want %s", in, e, problem, want)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"db:1", "[::1]:2", "5432", ":", "[", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, problem := ParseHost(s)
		if problem != "" {
			return
		}
		if e.Port < 1 || e.Port > 65535 || e.Host == "" || strings.ContainsAny(e.Host, " \x1b\"'\n/") {
			t.Fatalf("%q passes as %+v", s, e)
		}
		if again, problem := ParseHost(e.String()); problem != "" || again != e {
			t.Fatalf("%q: %+v does not read back: %+v %s", s, e, again, problem)
		}
	})
}

func TestCommand(t *testing.T) {
	target := Row{Account: aws.Account{Profile: "it's prod", Region: "eu-west-1"}, Database: database(prod, "x", aws.RoleWriter, "mysql", 3306), Via: hop}.Target()
	want := `aws ssm start-session --target i-0a1b2c3d4e5f60718 --document-name AWS-StartPortForwardingSessionToRemoteHost --parameters ` +
		`'{"host":["x.cluster-c9akciq32rgw.eu-west-1.rds.amazonaws.com"],"localPortNumber":["13306"],"portNumber":["3306"]}' --region eu-west-1 --profile 'it'\''s prod'`
	if got := Command(target, 13306); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
