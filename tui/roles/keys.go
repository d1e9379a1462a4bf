package roles

import (
	"charm.land/bubbles/v2/key"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
)

// keys is the grammar of the screen: a letter a verb, as on the dashboard.
type keys struct {
	details, add, edit, remove, sign, filter, refresh, help, esc key.Binding
}

func newKeys() keys {
	bind := chrome.Bind
	return keys{
		details: bind("enter", "details", "enter"),
		add:     bind("a", "add", "a", "n"),
		edit:    bind("e", "edit", "e"),
		remove:  bind("x", "remove", "x"),
		sign:    bind("s", "sign in", "s"),
		filter:  bind("/", "filter", "/"),
		refresh: bind("r", "read again", "r", "ctrl+r"),
		help:    bind("?", "keys", "?", "f1"),
		esc:     bind("esc", "back", "esc", "q"),
	}
}

// ShortHelp is the help line, the most important first. What the row under the cursor cannot do is not offered.
func (m Model) ShortHelp() []key.Binding {
	switch m.over.kind {
	case overForm:
		h := []key.Binding{chrome.Hint("enter", "show the diff"), chrome.Hint("↑↓ tab", "fields"), chrome.Hint("esc", "back")}
		if m.over.form.op == Add {
			h = append(h, chrome.Hint("ctrl+t", "role or SSO"))
		}
		return h
	case overDiff:
		if m.over.waiting {
			return []key.Binding{chrome.Hint("esc", "back")}
		}
		return []key.Binding{chrome.Hint("enter", "write"), chrome.Hint("esc", "back"), chrome.Hint("↑↓", "scroll")}
	case overSheet:
		return []key.Binding{chrome.Hint("esc", "close"), chrome.Hint("↑↓", "scroll")}
	}
	if m.list.Typing() {
		return []key.Binding{chrome.Hint("enter", "keep the filter"), chrome.Hint("esc", "clear it")}
	}
	k := m.keys
	on := m.at().Name != ""
	for _, b := range []*key.Binding{&k.details, &k.edit, &k.remove} {
		b.SetEnabled(on)
	}
	k.sign.SetEnabled(on && m.at().signs())
	k.filter.SetEnabled(len(m.list.Rows()) > 1)
	return []key.Binding{k.add, k.sign, k.edit, k.remove, k.details, k.esc, k.help, k.filter, k.refresh}
}

// signs says whether signing in is of any use: nobody signs in to keys.
func (e entry) signs() bool { return e.SignIn.State != aws.SignInUnknown && e.Problem == "" }

// FullHelp is every key.
func (m Model) FullHelp() [][]key.Binding { return chrome.Bindings(m.helpGroups()) }

func (m Model) helpGroups() []chrome.Group {
	k := m.keys
	k.details.SetHelp("enter", "all that is known of it")
	k.add.SetHelp("a", "add a profile: a role to assume, or one of an SSO portal")
	k.edit.SetHelp("e", "change it; the diff is shown before anything is written")
	k.remove.SetHelp("x", "remove it; the diff is shown before anything is written")
	k.sign.SetHelp("s", "sign in: in the browser, or with the code of an MFA device")
	k.filter.SetHelp("/", "show only what matches")
	k.esc.SetHelp("esc", "clear the filter, then back")
	return []chrome.Group{
		{Title: "Do", Keys: []key.Binding{k.details, k.add, k.edit, k.remove, k.sign, k.filter, k.refresh, k.esc, k.help}},
		{Title: "Move", Keys: m.list.Keys.All()},
		{Title: "Signs", Notes: [][2]string{
			{"● signed in", "there are credentials, for as long as it says"},
			{"○ signed out", "s opens the portal"},
			{"! needs MFA", "the code of a device, at the next use"},
			{"✗ expired", "s signs in again"},
			{"· unknown", "keys, a program or the machine's own role: only a try would tell"},
		}},
	}
}
