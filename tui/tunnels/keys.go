package tunnels

import (
	"charm.land/bubbles/v2/key"

	"github.com/rdsx/rdsx/tui/chrome"
)

// keys is the grammar of the screen: a letter a verb, as in k9s and lazygit.
type keys struct {
	open, new, shut, reopen, copy, client, log, sign, roles, filter, help, quit, esc key.Binding
}

func newKeys() keys {
	bind := chrome.Bind
	return keys{
		open:   bind("enter", "details", "enter"),
		new:    bind("n", "new", "n"),
		shut:   bind("x", "close", "x"),
		reopen: bind("r", "reopen", "r"),
		copy:   bind("c", "copy", "c", "y"),
		client: bind("o", "client", "o"),
		log:    bind("l", "log", "l"),
		sign:   bind("s", "sign in", "s"),
		roles:  bind("p", "profiles", "p"),
		filter: bind("/", "filter", "/"),
		help:   bind("?", "keys", "?", "f1"),
		quit:   bind("q", "quit", "q"),
		esc:    bind("esc", "clear the filter, then the list of targets", "esc"),
	}
}

// ShortHelp is the help line, the most important first. What the row under the cursor cannot do is not offered.
func (m Model) ShortHelp() []key.Binding {
	switch m.over.kind {
	case overCopy:
		return []key.Binding{chrome.Hint("enter", "copy"), chrome.Hint("↑↓", "choose"), chrome.Hint("esc", "back")}
	case overSheet, overLog, overDetails:
		return []key.Binding{chrome.Hint("esc", "close"), chrome.Hint("↑↓", "scroll")}
	}
	if m.list.Typing() {
		return []key.Binding{chrome.Hint("enter", "keep the filter"), chrome.Hint("esc", "clear it")}
	}
	k := m.offered()
	return []key.Binding{k.sign, k.new, k.copy, k.client, k.shut, k.reopen, k.open, k.log, k.help, k.filter, k.quit, k.roles}
}

// offered are the keys with those switched off that do nothing for the row under the cursor.
func (m Model) offered() keys {
	k := m.keys
	e := m.at()
	for _, b := range []*key.Binding{&k.open, &k.shut, &k.copy, &k.log} {
		b.SetEnabled(e != nil)
	}
	k.client.SetEnabled(e != nil && e.Client != "" && !e.over())
	k.reopen.SetEnabled(e != nil && e.over())
	k.sign.SetEnabled(e != nil && e.WaitsForSignIn())
	if e != nil && e.Client != "" {
		k.client.SetHelp("o", chrome.Clean(e.Client))
	}
	if e != nil && e.over() {
		k.shut.SetHelp("x", "remove")
	}
	k.filter.SetEnabled(len(m.list.Rows()) > 1)
	return k
}

// FullHelp is every key.
func (m Model) FullHelp() [][]key.Binding { return chrome.Bindings(m.helpGroups()) }

func (m Model) helpGroups() []chrome.Group {
	k := m.keys
	k.new.SetHelp("n", "open another target")
	k.shut.SetHelp("x", "close the tunnel and end its session; take one that is over off the screen")
	k.reopen.SetHelp("r", "open one that is over again, on its port")
	k.copy.SetHelp("c", "copy its address, client command, URL or JDBC URL")
	k.client.SetHelp("o", "open the database's client here and come back")
	k.open.SetHelp("enter", "all that is known of it")
	k.log.SetHelp("l", "what happened to it")
	k.sign.SetHelp("s", "sign in, where the tunnel waits for that")
	k.filter.SetHelp("/", "show only what matches")
	k.quit.SetHelp("q", "close everything and leave")
	return []chrome.Group{
		{Title: "Do", Keys: []key.Binding{k.open, k.new, k.shut, k.reopen, k.copy, k.client, k.log, k.sign, k.roles, k.filter, k.esc, k.help, k.quit}},
		{Title: "Move", Keys: m.list.Keys.All()},
		{Title: "States", Notes: [][2]string{
			{"● open", "connections are being carried"},
			{"○ idle", "ready, no connection at the moment"},
			{"◌ starting", "the port is held, the session is being started"},
			{"◌ resuming", "the network was lost: connections wait and go on"},
			{"! degraded", "the port is held, the target refuses or does not answer"},
			{"✗ failed", "over, with the reason in the details"},
		}},
		{Title: "Numbers", Notes: [][2]string{
			{"↑ ↓", "from here to the database, and back"},
			{"last minute", "bytes per second both ways"},
			{badge, "as fast as Session Manager sends: the database could do more"},
		}},
	}
}

// badge marks a tunnel whose downloads run at the agent's pace.
const badge = "SSM limit"
