package tunnels

import (
	"cmp"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// pane is what stands below the list, h lines: a rule, then the details of the tunnel under the cursor, and beside or below
// them its latest events.
func (m Model) pane(h int) []string {
	e := m.at()
	if e == nil {
		return nil
	}
	if m.w < wideFrom {
		lines := m.details(e, m.w-4)
		if room := h - 1 - len(lines); room >= 3 {
			lines = append(lines, "", m.th.Paint(theme.Faint, "log"))
			lines = append(lines, latest(logLines(m.th, e.events, m.w-4), room-2)...)
		}
		return append([]string{chrome.Rule(m.th, e.name, m.w)}, indented(lines[:min(len(lines), h-1)])...)
	}
	left := m.w * 11 / 20
	facts := m.details(e, left-6)
	log := latest(logLines(m.th, e.events, m.w-left-4), h-1)
	out := []string{chrome.Rule(m.th, e.name, m.w)}
	for i := range h - 1 {
		var a, b string
		if i < len(facts) {
			a = facts[i]
		}
		if i < len(log) {
			b = log[i]
		}
		out = append(out, "   "+chrome.Cell(a, left-6)+m.th.Paint(theme.Faint, "  │ ")+chrome.Cell(b, m.w-left-2))
	}
	return out
}

func indented(lines []string) []string {
	for i, l := range lines {
		lines[i] = "   " + l
	}
	return lines
}

func latest(lines []string, n int) []string { return lines[max(len(lines)-max(n, 0), 0):] }

// facts collects labelled lines, wrapped to w cells.
type facts struct {
	th  theme.Theme
	w   int
	out []string
}

func (f *facts) add(label string, r theme.Role, value string) {
	f.out = append(f.out, chrome.Fact(f.th, label, r, value, f.w)...)
}

// details is all that is known of a tunnel, the most important first: a small pane cuts it at the end.
func (m Model) details(e *entry, w int) []string {
	t := e.Tunnel
	f := &facts{th: m.th, w: w}
	glyph, word, role := e.state()
	state := glyph + " " + word
	if !t.Since.IsZero() {
		state += " for " + chrome.Span(m.now.Sub(t.Since))
	}
	f.add("state", role, state)
	if why := e.trouble(m.now); why != "" {
		f.add("", role, why)
		f.next(cmp.Or(e.Next, e.advice()))
	}
	up, down := e.meter.rate()
	f.moved("↑ up", t.Up, up)
	f.moved("↓ down", t.Down, down)
	if e.meter.limited() {
		f.add("", theme.Warn, badge+": Session Manager sends about 0.8 MB/s a session; the database could do more")
	}
	f.connections(t, m.now)
	f.add("local", theme.Text, strings.Join(orOne(t.Listening, t.Local), " and "))
	if len(e.Copies) > 1 && !e.over() {
		f.add("client", theme.Muted, e.Copies[1].Text)
	}
	f.add("target", theme.Text, strings.TrimSpace(t.Target.Endpoint.String()+"  "+t.Target.Engine))
	if t.Server != nil {
		f.add("server", theme.Text, chrome.Clean(t.Server.Text))
	}
	if t.Serving != "" {
		f.add("", theme.Warn, "it answers as a "+t.Serving)
	}
	f.add("through", theme.Text, instanceName(t.Target.Instance))
	f.add("account", theme.Muted, joined(t.Target.Account.Profile, t.Target.Account.ID, t.Target.Account.Region))
	f.pool(t, m.now)
	if len(t.Sessions) > 0 {
		f.ends(e, m.now)
	}
	return f.out
}

// moved is what went one way, and how fast it goes now.
func (f *facts) moved(label string, bytes uint64, rate float64) {
	text := bytesText(bytes)
	if rate >= 1 {
		text += ", now " + rateText(rate)
	}
	f.add(label, theme.Text, text)
}

// ends is when AWS will end the sessions, as far as its preferences could be read.
func (f *facts) ends(e *entry, now time.Time) {
	if e.Limits.Max > 0 {
		first := e.Tunnel.Sessions[0].Started
		for _, s := range e.Tunnel.Sessions {
			if s.Started.Before(first) {
				first = s.Started
			}
		}
		f.add("ends", theme.Muted, fmt.Sprintf("in %s: AWS ends every session after %s", chrome.Span(first.Add(e.Limits.Max).Sub(now)), chrome.Span(e.Limits.Max)))
	}
	if e.Limits.Idle > 0 {
		quiet := chrome.Span(now.Sub(e.meter.busy))
		f.add("idle", theme.Muted, fmt.Sprintf("nothing sent for %s: AWS ends a session after %s", quiet, chrome.Span(e.Limits.Idle)))
	}
}

// next is what to do about it.
func (f *facts) next(advice string) {
	if advice != "" {
		f.add("", theme.Accent, "→ "+advice)
	}
}

// advice is the last one that an event gave.
func (e *entry) advice() string {
	for i := len(e.events) - 1; i >= 0; i-- {
		if e.events[i].Next != "" {
			return e.events[i].Next
		}
	}
	return ""
}

func orOne(list []string, one string) []string {
	if len(list) == 0 {
		return []string{one}
	}
	return list
}

func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
}

// connections are those that are open, a line each, and how many there were.
func (f *facts) connections(t aws.Tunnel, now time.Time) {
	f.add("conns", theme.Text, fmt.Sprintf("%d open, %d in all", len(t.Conns), t.Connections))
	wide := 0
	for _, c := range t.Conns {
		wide = max(wide, width(peer(c.Peer)))
	}
	for _, c := range t.Conns {
		line := fmt.Sprintf("#%-3d %s  ", c.ID, chrome.Cell(peer(c.Peer), wide))
		line += chrome.CellRight("↑ "+bytesText(c.Up), 9) + chrome.CellRight("↓ "+bytesText(c.Down), 10) + chrome.CellRight(chrome.Span(now.Sub(c.Opened)), 8)
		f.out = append(f.out, f.th.Paint(theme.Faint, chrome.Cell("", chrome.LabelWidth))+f.th.Paint(theme.Muted, chrome.Cell(line, max(f.w-chrome.LabelWidth, 1))))
	}
}

// peer is a local client's address, of which only the port says anything.
func peer(addr string) string {
	if host, port, err := net.SplitHostPort(addr); err == nil && (host == "127.0.0.1" || host == "::1") {
		return ":" + port
	}
	return chrome.Clean(cmp.Or(addr, "local"))
}

// logLines are events with their times, wrapped to w cells, oldest first.
func logLines(th theme.Theme, events []aws.Event, w int) []string {
	var out []string
	for _, ev := range events {
		text, role := eventText(ev)
		if text == "" {
			continue
		}
		at := ev.At.Format("15:04:05")
		for _, part := range chrome.Wrap(chrome.Clean(text), max(w-10, 8)) {
			out = append(out, th.Paint(theme.Faint, chrome.Cell(at, 10))+th.Paint(role, part))
			at = ""
		}
		if ev.Next != "" {
			for _, part := range chrome.Wrap("→ "+chrome.Clean(ev.Next), max(w-10, 8)) {
				out = append(out, th.Paint(theme.Faint, chrome.Cell("", 10))+th.Paint(theme.Accent, part))
			}
		}
	}
	if len(out) == 0 {
		out = append(out, th.Paint(theme.Faint, "nothing has happened yet"))
	}
	return out
}

// eventText is the line of an event; "" for one that says nothing new.
func eventText(ev aws.Event) (string, theme.Role) {
	text, role := ev.Text, theme.Muted
	switch ev.Kind {
	case aws.EventState:
		if text == "" {
			return "", role // the event before it has said why
		}
		if ev.State == aws.StateOpen || ev.State == aws.StateIdle {
			role = theme.OK
		}
	case aws.EventConnRefused, aws.EventUnreachable, aws.EventConnReset:
		role = theme.Error
	case aws.EventMoved, aws.EventLink:
		role = theme.Warn
	case aws.EventConnClosed:
		text += fmt.Sprintf("  ↑ %s ↓ %s", bytesText(ev.Up), bytesText(ev.Down))
	}
	if role == theme.Muted && (ev.State == aws.StateDegraded || ev.State == aws.StateResuming) {
		role = theme.Warn
	}
	return strings.TrimSpace(text), role
}
