package tunnels

import (
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

func board() Model { return screen(120, 30, theme.Theme{}, readings()...) }

// TestEveryKey presses keys and looks at what the root is asked for and at what is under the cursor.
func TestEveryKey(t *testing.T) {
	for keys, want := range map[string]struct {
		intents []tea.Msg
		at      int // the ID under the cursor
	}{
		"n":                  {[]tea.Msg{NewAsked{}}, 1},
		"esc":                {[]tea.Msg{NewAsked{}}, 1},
		"q":                  {[]tea.Msg{QuitAsked{}}, 1},
		"x":                  {[]tea.Msg{CloseAsked{ID: 1}}, 1},
		"down x":             {[]tea.Msg{CloseAsked{ID: 2}}, 2},
		"j j k x":            {[]tea.Msg{CloseAsked{ID: 2}}, 2},
		"G x g x":            {[]tea.Msg{CloseAsked{ID: 6}, CloseAsked{ID: 1}}, 1},
		"end home pgdown":    {nil, 6},
		"end pgup":           {nil, 1},
		"down down down r":   {[]tea.Msg{ReopenAsked{ID: 4}}, 4},
		"r":                  {[]tea.Msg{Notice{chrome.Info, "prod-aurora is open; x closes it"}}, 1},
		"o":                  {[]tea.Msg{OpenClientAsked{ID: 1}}, 1},
		"down down o":        {[]tea.Msg{Notice{chrome.Caution, "no client for this engine was found on PATH; c copies the command"}}, 3},
		"down down down o":   {[]tea.Msg{Notice{chrome.Caution, "prod-billing-legacy is not open"}}, 4},
		"c enter":            {[]tea.Msg{CopyAsked{"address", "127.0.0.1:5432"}}, 1},
		"c down down enter":  {[]tea.Msg{CopyAsked{"URL", copies()[2].Text}}, 1},
		"c 4":                {[]tea.Msg{CopyAsked{"JDBC", copies()[3].Text}}, 1},
		"c 9 end k g esc x":  {[]tea.Msg{CloseAsked{ID: 1}}, 1},
		"c j up enter":       {[]tea.Msg{CopyAsked{"address", "127.0.0.1:5432"}}, 1},
		"down down down c":   {[]tea.Msg{Notice{chrome.Caution, "there is nothing to copy yet"}}, 4},
		"l x l x":            {[]tea.Msg{CloseAsked{ID: 1}}, 1},
		"enter q x":          {[]tea.Msg{CloseAsked{ID: 1}}, 1},
		"? down esc n":       {[]tea.Msg{NewAsked{}}, 1},
		"f1 n esc":           {nil, 1},
		"/ w a r e enter x":  {[]tea.Msg{CloseAsked{ID: 3}}, 3},
		"/ w a r e esc x":    {[]tea.Msg{CloseAsked{ID: 3}}, 3},
		"/ p r o d down tab": {nil, 3},
		"/ z z q enter x n":  {[]tea.Msg{NewAsked{}}, 0},
		"/ i d l e enter x":  {[]tea.Msg{CloseAsked{ID: 2}}, 2},
		"z":                  {nil, 1},
	} {
		m, got := keysOf(board(), keys)
		if !reflect.DeepEqual(got, want.intents) {
			t.Errorf("%q: intents %#v, want %#v", keys, got, want.intents)
		}
		at := 0
		if e := m.at(); e != nil {
			at = e.ID
		}
		if at != want.at {
			t.Errorf("%q: the cursor is on %d, want %d", keys, at, want.at)
		}
	}
}

// TestKeysInFlightCopyNothing presses Enter before the menu's grace period is over.
func TestKeysInFlightCopyNothing(t *testing.T) {
	m, opened := board().Update(golden.Press("c"))
	m, cmd := m.Update(golden.Press("enter"))
	if cmd != nil {
		t.Fatalf("Enter in flight asked for %v", cmd())
	}
	m, _ = m.Update(opened())
	if _, cmd = m.Update(golden.Press("enter")); cmd == nil {
		t.Error("Enter does nothing after the grace period")
	}
}

// TestHelpOffersWhatCanBeDone reads the help line over tunnels in different states.
func TestHelpOffersWhatCanBeDone(t *testing.T) {
	for keys, want := range map[string][2]string{ // what is offered, what is not
		"":               {"x close", "r reopen"},
		"down down down": {"r reopen", "o "},
		"down":           {"o mysql", "x remove"},
		"c":              {"enter copy", "n new"},
		"/":              {"esc clear it", "n new"},
		"l":              {"esc close", "n new"},
	} {
		m, _ := keysOf(board(), keys)
		line := ansi.Strip(chrome.HelpLine(theme.Theme{}, m.ShortHelp(), 200))
		if !strings.Contains(line, want[0]) || strings.Contains(line, want[1]) {
			t.Errorf("%q: the help is %q; want %q in it and not %q", keys, line, want[0], want[1])
		}
	}
	if n := len(board().FullHelp()); n != 4 {
		t.Errorf("%d groups of keys, want 4", n)
	}
}

// TestMouse clicks a row and turns the wheel.
func TestMouse(t *testing.T) {
	m := board()
	m, _ = m.Update(tea.MouseClickMsg{X: 10, Y: 3, Button: tea.MouseLeft})
	if m.at().ID != 3 {
		t.Errorf("a click on the third row goes to %d", m.at().ID)
	}
	m, _ = m.Update(tea.MouseClickMsg{X: 10, Y: 20, Button: tea.MouseLeft})
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if m.at().ID != 2 {
		t.Errorf("the wheel goes to %d", m.at().ID)
	}
}

// TestCursorStaysOnItsTunnel takes rows away and adds others while one is looked at.
func TestCursorStaysOnItsTunnel(t *testing.T) {
	m, _ := keysOf(board(), "down down")
	last := readings()[300].(Sampled)
	m, _ = m.Update(Sampled{At: last.At.Add(time.Second), Rows: last.Rows[2:]})
	if m.at().ID != 3 {
		t.Errorf("the cursor is on %d after two rows above have gone", m.at().ID)
	}
	m, _ = m.Update(Sampled{At: last.At.Add(2 * time.Second), Rows: last.Rows})
	if m.at().ID != 3 {
		t.Errorf("the cursor is on %d after two rows have come", m.at().ID)
	}
	m.Focus(5)
	if m.at().ID != 5 {
		t.Errorf("Focus goes to %d", m.at().ID)
	}
}

// TestDetailsFollow keeps the details of a tunnel open while it changes, and closes them when it goes.
func TestDetailsFollow(t *testing.T) {
	m, _ := keysOf(board(), "enter")
	last := readings()[300].(Sampled)
	row := last.Rows[0]
	row.Tunnel.State, row.Tunnel.Reason = aws.StateResuming, "the network is down"
	m, _ = m.Update(Sampled{At: last.At.Add(time.Second), Rows: []Row{row}})
	if !strings.Contains(m.View(), "the network is down") {
		t.Errorf("the details do not tell the news:\n%s", m.View())
	}
	m, _ = m.Update(Sampled{At: last.At.Add(2 * time.Second)})
	if m.over.kind != overNone {
		t.Error("the details of a tunnel that is gone are still shown")
	}
}

// TestLogKeepsTheLatest feeds more events than are kept.
func TestLogKeepsTheLatest(t *testing.T) {
	m := board()
	for i := range 2 * keptEvents {
		m, _ = m.Update(Happened{ID: 2, Events: []aws.Event{{At: now(), Kind: aws.EventSession, Text: fmt.Sprintf("event %d", i)}}})
	}
	m, _ = keysOf(m, "down l")
	if n := len(m.at().events); n != keptEvents {
		t.Errorf("%d events are kept, want %d", n, keptEvents)
	}
	if want := fmt.Sprintf("event %d", 2*keptEvents-1); !strings.Contains(m.View(), want) {
		t.Errorf("the log does not end with %q:\n%s", want, m.View())
	}
}

// TestDetailsTellWhatIsKnown looks for the facts of the issue in the details, and that nothing unknown is made up.
func TestDetailsTellWhatIsKnown(t *testing.T) {
	all := func(keys string) string {
		m, _ := keysOf(board(), keys)
		return strings.Join(strings.Fields(ansi.Strip(strings.Join(m.details(m.at(), 100), "\n"))), " ")
	}
	busy := all("")
	for _, want := range []string{
		"dev-user-0a1b2c3d4e5f60718", "agent 3.3.1142.0", "3 sent again", "1 duplicate", "0 pauses", "round trip 21 ms", "bastion-a (i-0a1b2c3d4e5f60718)",
		"#11 :50977", "AWS ends every session after 1 h", "in 53 min", "AWS ends a session after 20 min", "3 open, 12 in all", badge, "sslmode=verify-full",
	} {
		if !strings.Contains(busy, want) {
			t.Errorf("%q is not in the details: %s", want, busy)
		}
	}
	if idle := all("down"); strings.Contains(idle, "AWS ends") || strings.Contains(idle, badge) {
		t.Errorf("an unknown limit is shown: %s", idle)
	}
	if degraded := all("down down"); !strings.Contains(degraded, "→ open port 1433") {
		t.Errorf("the advice of the event is missing: %s", degraded)
	}
	if failed := all("down down down"); !strings.Contains(failed, "→ start the instance") {
		t.Errorf("the advice of the row is missing: %s", failed)
	}
}

// TestStatesAreWords draws every state without colour: word and glyph tell them apart.
func TestStatesAreWords(t *testing.T) {
	seen := map[string]string{}
	for name, r := range map[string]Row{
		"binding":  {Tunnel: aws.Tunnel{State: aws.StateBinding}},
		"starting": {Tunnel: aws.Tunnel{State: aws.StateStarting}},
		"open":     {Tunnel: aws.Tunnel{State: aws.StateOpen}},
		"idle":     {Tunnel: aws.Tunnel{State: aws.StateIdle}},
		"degraded": {Tunnel: aws.Tunnel{State: aws.StateDegraded, Reason: "x"}},
		"resuming": {Tunnel: aws.Tunnel{State: aws.StateResuming}},
		"closed":   {Tunnel: aws.Tunnel{State: aws.StateClosed, Reason: aws.ErrClosed.Error()}},
		"failed":   {Tunnel: aws.Tunnel{State: aws.StateClosed, Reason: "refused"}},
		"closing":  {Closing: true, Tunnel: aws.Tunnel{State: aws.StateOpen}},
	} {
		glyph, word, _ := r.state()
		if word != name || width(glyph) != 1 || width(word) > 8 {
			t.Errorf("%s is drawn as %q %q", name, glyph, word)
		}
		if other := seen[word]; other != "" {
			t.Errorf("%s and %s look the same", name, other)
		}
		seen[word] = name
	}
}

// TestWheelScrollsTheSheet: the wheel is for what is in front, and leaves the list behind it alone.
func TestWheelScrollsTheSheet(t *testing.T) {
	m := board()
	m.SetSize(120, 12)
	m, _ = keysOf(m, "?")
	before, at := m.View(), m.at()
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if m.View() == before || m.at() != at {
		t.Error("the wheel scrolls nothing, or the list")
	}
	m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if m.View() != before {
		t.Error("the wheel does not scroll back")
	}
}
