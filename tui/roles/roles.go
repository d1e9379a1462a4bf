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
	rows   []entry
	shown  []entry // those that pass the filter
	list   pick.List
	filter chrome.Field
	typing bool // letters go to the filter
	keys   keys
	over   over
	n      int    // of the plan asked last
	wanted string // the profile that was written last and that no list has shown yet
}

// entry is a row whose texts are fit for the grid.
type entry struct {
	Row
	name, account, role string
	header              bool // the first of its account
}

// New is the screen before anything is known.
func New(th theme.Theme) Model { return Model{th: th, keys: newKeys()} }

// SetTheme changes the colours.
func (m *Model) SetTheme(th theme.Theme) { m.th = th }

// SetSize sets how many cells View fills.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.settle(m.at().Name)
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
		m.onClick(msg)
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

// onListed takes the list; the cursor stays on its profile.
func (m *Model) onListed(msg Listed) {
	m.listed, m.err, m.now = true, msg.Err, msg.At
	if msg.Err != nil {
		return
	}
	at := cmp.Or(m.wanted, m.at().Name)
	m.wanted = ""
	m.rows = make([]entry, 0, len(msg.Rows))
	for _, r := range msg.Rows {
		m.rows = append(m.rows, entry{Row: r, name: chrome.Clean(r.Name), account: chrome.Clean(r.Account), role: chrome.Clean(cmp.Or(r.Role, r.RoleARN))})
	}
	slices.SortStableFunc(m.rows, func(a, b entry) int {
		if (a.Account == "") != (b.Account == "") {
			return cmp.Compare(b.Account, a.Account) // those without an account last
		}
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Name, b.Name))
	})
	m.settle(at)
}

// Focus puts the cursor on the profile with that name, once the next list shows it.
func (m *Model) Focus(name string) {
	m.filter, m.typing, m.wanted = m.filter.With(""), false, name
	m.settle(name)
}

// settle filters, and puts the cursor on the profile called at where that is still shown.
func (m *Model) settle(at string) {
	m.shown = m.rows
	if q := pick.Parse(m.filter.Value()); !q.Empty() {
		m.shown = m.matching(q)
	}
	m.shown = slices.Clone(m.shown)
	for i := range m.shown {
		m.shown[i].header = i == 0 || m.shown[i].Account != m.shown[i-1].Account
	}
	m.list = m.list.Resize(len(m.shown), m.layout().rows)
	for i, e := range m.shown {
		if e.Name == at && at != "" {
			m.list = m.list.Follow(i, len(m.shown))
		}
	}
}

func (m *Model) matching(q pick.Query) []entry {
	var index pick.Index
	ids := make([]int32, 0, len(m.rows))
	for _, e := range m.rows {
		ids = append(ids, int32(index.Add(e.item())))
	}
	var finder pick.Finder
	finder.Source(ids)
	pass := map[int32]bool{}
	for _, id := range finder.Find(&index, q) {
		pass[id] = true
	}
	var out []entry // by account, as without a filter
	for i, e := range m.rows {
		if pass[int32(i)] {
			out = append(out, e)
		}
	}
	return out
}

func (e entry) item() pick.Item {
	words := []string{e.account, e.role, chrome.Clean(e.Region), string(e.Kind), string(e.SignIn.State)}
	return pick.Item{Title: e.name, Words: slices.DeleteFunc(words, func(s string) bool { return s == "" })}
}

// at is the profile under the cursor; its name is "" when there is none.
func (m Model) at() entry {
	if m.list.Cursor < 0 || m.list.Cursor >= len(m.shown) {
		return entry{}
	}
	return m.shown[m.list.Cursor]
}

// Cursor is where the terminal's cursor belongs, from the screen's first cell; nil when no text is being typed.
func (m Model) Cursor() *tea.Cursor {
	switch {
	case m.w == 0:
		return nil
	case m.over.kind != overNone:
		return m.over.cursor(m.w, m.h)
	case m.typing:
		return tea.NewCursor(filterIndent+m.filter.Cursor(m.filterWidth()), 0)
	}
	return nil
}

func width(s string) int { return ansi.StringWidth(s) }

// send is a command that hands an intent to the root.
func send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
