package tui

import (
	"fmt"
	"net"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// decision is what is to be confirmed.
type decision uint8

const (
	quitting decision = iota + 1
	closing
)

// confirm asks before connections are cut, and names them.
type confirm struct {
	shown bool
	what  decision
	id    int // of the tunnel to close
	title string
	live  []tunnels.Row
	gate  chrome.Gate
}

// ask opens the question; keys in flight cannot confirm it.
func (c confirm) ask(what decision, id int, title string, live []tunnels.Row) (confirm, tea.Cmd) {
	gate, cmd := c.gate.Shut("confirm")
	return confirm{shown: true, what: what, id: id, title: title, live: live, gate: gate}, cmd
}

func (c confirm) update(msg tea.Msg) confirm {
	c.gate = c.gate.Update(msg)
	return c
}

func (c confirm) onKey(msg tea.KeyPressMsg) (next confirm, confirmed bool) {
	switch msg.String() {
	case "enter", "y", "ctrl+c":
		if c.gate.Open() {
			c.shown = false
			return c, true
		}
	case "esc", "n", "q":
		c.shown = false
	}
	return c, false
}

// mostNamed is how many tunnels the question names.
const mostNamed = 6

func (c confirm) view(th theme.Theme, behind string, w, h int) string {
	box := max(min(w-6, 76), min(w, 40))
	inner := box - 4
	n := 0
	for _, r := range c.live {
		n += len(r.Tunnel.Conns)
	}
	say := fmt.Sprintf("%d connections are open and will be cut:", n)
	if n == 1 {
		say = "1 connection is open and will be cut:"
	}
	var body []string
	for _, l := range chrome.Wrap(say, inner) {
		body = append(body, th.Paint(theme.Text, l))
	}
	for i, r := range c.live {
		if i == min(mostNamed, max(h-6, 1)) {
			body = append(body, th.Paint(theme.Faint, "and "+plural(len(c.live)-i, "more tunnel")))
			break
		}
		name := chrome.Middle(chrome.Clean(r.Tunnel.Target.Name()), inner/2)
		body = append(body, th.Paint(theme.Warn, "● ")+th.Paint(theme.Strong, name)+th.Paint(theme.Muted, "  "+peers(r)))
	}
	return chrome.Over(th, behind, chrome.Frame(th, c.title, body, "enter yes, cut them   esc no", box), w, h)
}

// peers are the local clients of a tunnel, by what tells one from another.
func peers(r tunnels.Row) string {
	var out []string
	for _, c := range r.Tunnel.Conns {
		peer := c.Peer
		if host, port, err := net.SplitHostPort(peer); err == nil && (host == "127.0.0.1" || host == "::1") {
			peer = ":" + port
		}
		out = append(out, chrome.Clean(peer))
	}
	return "from " + strings.Join(out, ", ")
}
