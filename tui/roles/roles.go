// Package roles is the screen of the profiles in ~/.aws/config: by account, with the way from each to its credentials, whether
// it is signed in and for how long, and when it was used last.
//
// Adding, changing and removing go through a plan: the diff is shown, and only then is anything written. The screen knows no
// files: plans, writing and sign-in are intents (PlanAsked, WriteAsked, SignInAsked).
package roles

import (
	"cmp"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
	"github.com/rdsx/rdsx/tui/theme"
)

// Model is the screen. Make it with New.
type Model struct {
	th     theme.Theme
	w, h   int
	now    time.Time // of the last list
	listed bool
	err    error
	list   pick.Filtered[entry]
	keys   keys
	over   over
	n      int    // of the plan asked last
	wanted string // the profile that was written last and that no list has shown yet
}

// entry is a row whose texts are fit for the grid.
type entry struct {
	Row
	name, account, role string
}

// New is the screen before anything is known.
func New(th theme.Theme) Model {
	shape := pick.Shape{Least: 2, Fifths: 3, Count: 13}
	return Model{th: th, keys: newKeys(), list: pick.Filtered[entry]{Keys: pick.Letters(), Shape: shape}}
}

// SetTheme changes the colours.
func (m *Model) SetTheme(th theme.Theme) { m.th = th }

// SetSize sets how many cells View fills.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.list.SetSize(w, h)
}

// Update handles a message. It does no input or output; intents carry all that is to be done.
func (m Model) Update(msg tea.Msg) (Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		m.onPaste(msg)
	case tea.MouseWheelMsg:
		m.onWheel(msg)
	case tea.MouseClickMsg:
		if m.over.kind == overNone {
			m.list.Update(msg)
		}
	case Listed:
		m.onListed(msg)
	case Planned:
		return m.onPlanned(msg)
	case Written:
		return m.onWritten(msg)
	case chrome.GateOpened:
		m.over.gate = m.over.gate.Update(msg)
	}
	return m, nil
}

// onWheel scrolls what is in front.
func (m *Model) onWheel(msg tea.MouseWheelMsg) {
	switch m.over.kind {
	case overNone:
		m.list.Update(msg)
	case overForm: // has nothing to scroll
	default:
		m.over.sheet = m.over.sheet.Wheel(msg, m.h)
	}
}

// onListed takes the list; the cursor stays on its profile.
func (m *Model) onListed(msg Listed) {
	m.listed, m.err, m.now = true, msg.Err, msg.At
	if msg.Err != nil {
		return
	}
	at := cmp.Or(m.wanted, m.at().Name)
	m.wanted = ""
	rows := make([]entry, 0, len(msg.Rows))
	for _, r := range msg.Rows {
		rows = append(rows, entry{Row: r, name: chrome.Clean(r.Name), account: chrome.Clean(r.Account), role: chrome.Clean(cmp.Or(r.Role, r.RoleARN))})
	}
	slices.SortStableFunc(rows, func(a, b entry) int {
		if (a.Account == "") != (b.Account == "") {
			return cmp.Compare(b.Account, a.Account) // those without an account last
		}
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Name, b.Name))
	})
	m.list.Set(rows, called(at))
}

// Focus puts the cursor on the profile with that name, once the next list shows it.
func (m *Model) Focus(name string) {
	m.wanted = name
	m.list.Focus(called(name))
}

// called says whether a profile has that name; "" is the name of none.
func called(name string) func(entry) bool {
	return func(e entry) bool { return e.Name == name && name != "" }
}

// Item is what the filter looks at.
func (e entry) Item() pick.Item {
	words := []string{e.account, e.role, chrome.Clean(e.Region), string(e.Kind), string(e.SignIn.State)}
	return pick.Item{Title: e.name, Words: slices.DeleteFunc(words, func(s string) bool { return s == "" })}
}

// at is the profile under the cursor; its name is "" when there is none.
func (m Model) at() entry { return m.list.At() }

// Cursor is where the terminal's cursor belongs, from the screen's first cell; nil when no text is being typed.
func (m Model) Cursor() *tea.Cursor {
	switch {
	case m.w == 0:
		return nil
	case m.over.kind != overNone:
		return m.over.cursor(m.w, m.h)
	}
	return m.list.Cursor()
}

func width(s string) int { return ansi.StringWidth(s) }

// send is a command that hands an intent to the root.
func send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
