package targets

import (
	"charm.land/bubbles/v2/key"

	"github.com/rdsx/rdsx/tui/chrome"
)

// keys is the grammar of the screen. As in fzf, typing always searches and the arrows always move. What is not movement is
// a letter: with Alt while the search has the focus, alone once Tab has given the focus to the list (terminals that send
// no Alt, macOS's own above all, have Tab).
type keys struct {
	enter, focus, esc, filter, value, via, host, errors, details, roles, refresh, copy, help             key.Binding
	up, down, pageUp, pageDown, first, last, listUp, listDown, listFirst, listLast, listSearch, listQuit key.Binding
}

// newKeys are the bindings as they work, and are shown, while the search (commands false) or the list has the focus.
func newKeys(commands bool) keys {
	letter := func(k, desc string) key.Binding {
		if commands {
			return key.NewBinding(key.WithKeys(k, "alt+"+k), key.WithHelp(k, desc))
		}
		return key.NewBinding(key.WithKeys("alt+"+k), key.WithHelp("alt+"+k, desc))
	}
	bind := func(help, desc string, ks ...string) key.Binding {
		return key.NewBinding(key.WithKeys(ks...), key.WithHelp(help, desc))
	}
	k := keys{
		enter:   bind("enter", "connect", "enter"),
		focus:   bind("tab", "commands", "tab", "shift+tab"),
		esc:     bind("esc", "clear, leave", "esc"),
		filter:  letter("f", "filter"),
		value:   letter("F", "next of the filter"),
		via:     letter("v", "via"),
		host:    letter("i", "host:port"),
		errors:  letter("e", "errors"),
		details: letter("p", "details"),
		roles:   letter("a", "profiles"),
		copy:    letter("y", "copy the aws command"),
		refresh: bind("ctrl+r", "look again", "ctrl+r"),
		help:    bind("f1", "keys", "f1", "alt+?"),

		up:       bind("↑ ctrl+p", "up", "up", "ctrl+p", "ctrl+k"),
		down:     bind("↓ ctrl+n", "down", "down", "ctrl+n", "ctrl+j"),
		pageUp:   bind("pgup", "a page up", "pgup"),
		pageDown: bind("pgdn", "a page down", "pgdown"),
		first:    bind("ctrl+home", "first", "ctrl+home"),
		last:     bind("ctrl+end", "last", "ctrl+end"),

		listUp:     bind("k", "up", "k"),
		listDown:   bind("j", "down", "j"),
		listFirst:  bind("g", "first", "g", "home"),
		listLast:   bind("G", "last", "G", "end"),
		listSearch: bind("/", "search", "/"),
		listQuit:   bind("q", "leave", "q"),
	}
	if commands {
		k.focus.SetHelp("tab", "search")
		k.refresh = bind("r", "look again", "r", "ctrl+r")
		k.help = bind("?", "keys", "?", "f1", "alt+?")
		k.esc.SetHelp("esc", "search")
	}
	for _, b := range []*key.Binding{&k.listUp, &k.listDown, &k.listFirst, &k.listLast, &k.listSearch, &k.listQuit} {
		b.SetEnabled(commands)
	}
	return k
}

// ShortHelp is the help line, the most important first.
func (m Model) ShortHelp() []key.Binding {
	k := m.keys
	switch m.over.kind {
	case overVia:
		return []key.Binding{hint("enter", "connect through it"), hint("↑↓", "choose"), hint("esc", "back")}
	case overHost:
		return []key.Binding{hint("enter", "connect"), hint("esc", "back")}
	case overSheet:
		return []key.Binding{hint("esc", "close"), hint("↑↓", "scroll")}
	case overReason:
		return []key.Binding{hint("esc", "close"), hint("v", "another instance")}
	}
	k.errors.SetEnabled(len(m.status.problems) > 0)
	if m.commands {
		return []key.Binding{k.enter, k.via, k.host, k.filter, k.details, k.errors, k.listSearch, k.help, k.roles, k.refresh, k.copy}
	}
	return []key.Binding{k.enter, k.focus, k.filter, k.via, k.host, k.errors, k.help, k.details, k.roles}
}

// FullHelp is every key.
func (m Model) FullHelp() [][]key.Binding {
	var out [][]key.Binding
	for _, g := range m.helpGroups() {
		out = append(out, g.Keys)
	}
	return out
}

func hint(k, desc string) key.Binding {
	return key.NewBinding(key.WithKeys(k), key.WithHelp(k, desc))
}

func (m Model) helpGroups() []chrome.Group {
	k := m.keys
	k.focus.SetHelp("tab", "between the search and the commands: then the letters work without alt")
	k.esc.SetHelp("esc", "clear the search, then the filter, then leave")
	k.filter.SetHelp(k.filter.Help().Key, "filter like the row: engine, account, region, only reachable")
	k.via.SetHelp(k.via.Help().Key, "choose the instance to go through")
	k.host.SetHelp(k.host.Help().Key, "type a host:port to open through the row's instance")
	k.errors.SetHelp(k.errors.Help().Key, "what could not be listed, and what to do")
	k.details.SetHelp(k.details.Help().Key, "all that is known of the row")
	k.roles.SetHelp(k.roles.Help().Key, "profiles: add, change, sign in; for a target found without one, make one of its role")
	return []chrome.Group{
		{Title: "Do", Keys: []key.Binding{k.enter, k.focus, k.listSearch, k.esc, k.filter, k.value, k.via, k.host, k.details, k.roles, k.copy, k.errors, k.refresh, k.help, k.listQuit}},
		{Title: "Move", Keys: []key.Binding{k.up, k.down, k.pageUp, k.pageDown, k.first, k.last, k.listUp, k.listDown, k.listFirst, k.listLast}},
		{Title: "Search", Notes: [][2]string{
			{"prd wri", "letters in order, words in any order, all must match"},
			{"'abc", "in one piece; 'abc' whole words"},
			{"^abc  abc$", "at the beginning, at the end"},
			{"!abc", "not"},
			{"a | b", "either"},
			{"Abc", "a capital minds the case"},
		}},
		{Title: "Signs", Notes: [][2]string{
			{"●", "reachable: every rule on the way lets it through"},
			{"◌", "not proven: nothing forbids it, something could not be read"},
			{"✗", "cannot be opened now; enter says why"},
		}},
	}
}
