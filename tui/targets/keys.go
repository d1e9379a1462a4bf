package targets

import (
	"slices"

	"charm.land/bubbles/v2/key"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/pick"
)

// keys is the grammar of the screen. As in fzf, typing always searches and the arrows always move. What is not movement is
// a letter: with Alt while the search has the focus, alone once Tab has given the focus to the list (terminals that send
// no Alt, macOS's own above all, have Tab).
type keys struct {
	enter, focus, esc, filter, value, via, host, errors, details, roles, refresh, copy, help, listSearch, listQuit key.Binding

	move, listMove pick.Keys
}

// newKeys are the bindings as they work, and are shown, while the search (commands false) or the list has the focus.
func newKeys(commands bool) keys {
	letter := func(k, desc string) key.Binding {
		if commands {
			return chrome.Bind(k, desc, k, "alt+"+k)
		}
		return chrome.Hint("alt+"+k, desc)
	}
	bind := chrome.Bind
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

		move: pick.Keys{
			Up:       bind("↑ ctrl+p", "up", "up", "ctrl+p", "ctrl+k"),
			Down:     bind("↓ ctrl+n", "down", "down", "ctrl+n", "ctrl+j"),
			PageUp:   bind("pgup", "a page up", "pgup"),
			PageDown: bind("pgdn", "a page down", "pgdown"),
			First:    bind("ctrl+home", "first", "ctrl+home"),
			Last:     bind("ctrl+end", "last", "ctrl+end"),
		},
		listMove: pick.Keys{
			Up:    bind("k", "up", "k"),
			Down:  bind("j", "down", "j"),
			First: bind("g", "first", "g", "home"),
			Last:  bind("G", "last", "G", "end"),
		},
		listSearch: bind("/", "search", "/"),
		listQuit:   bind("q", "leave", "q"),
	}
	if commands {
		k.focus.SetHelp("tab", "search")
		k.refresh = bind("r", "look again", "r", "ctrl+r")
		k.help = bind("?", "keys", "?", "f1", "alt+?")
		k.esc.SetHelp("esc", "search")
	}
	if !commands {
		k.listMove = pick.Keys{}
	}
	k.listSearch.SetEnabled(commands)
	k.listQuit.SetEnabled(commands)
	return k
}

// ShortHelp is the help line, the most important first.
func (m Model) ShortHelp() []key.Binding {
	k := m.keys
	switch m.over.kind {
	case overVia:
		return []key.Binding{chrome.Hint("enter", "connect through it"), chrome.Hint("↑↓", "choose"), chrome.Hint("esc", "back")}
	case overHost:
		return []key.Binding{chrome.Hint("enter", "connect"), chrome.Hint("esc", "back")}
	case overSheet:
		return []key.Binding{chrome.Hint("esc", "close"), chrome.Hint("↑↓", "scroll")}
	case overReason:
		if m.over.row.Instance != nil {
			return []key.Binding{chrome.Hint("esc", "close")}
		}
		return []key.Binding{chrome.Hint("esc", "close"), chrome.Hint("v", "another instance")}
	}
	k.errors.SetEnabled(len(m.status.problems) > 0)
	if m.commands {
		return []key.Binding{k.enter, k.via, k.host, k.filter, k.details, k.errors, k.listSearch, k.help, k.roles, k.refresh, k.copy}
	}
	return []key.Binding{k.enter, k.focus, k.filter, k.via, k.host, k.errors, k.help, k.details, k.roles}
}

// FullHelp is every key.
func (m Model) FullHelp() [][]key.Binding { return chrome.Bindings(m.helpGroups()) }

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
		{Title: "Move", Keys: slices.Concat(k.move.All(), k.listMove.All())},
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
