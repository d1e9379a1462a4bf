package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// wait is a profile that tunnels cannot go on without. It is kept until their websockets are back: the sign-in is offered once.
type wait struct {
	profile string
	portal  string // or what else is signed in to; "" while that is looked up, and where nobody signs in
	offered bool   // or not to be offered
}

// offer asks whether to sign in now.
type offer struct {
	shown           bool
	profile, portal string
	gate            chrome.Gate
}

func (o offer) update(msg tea.Msg) offer {
	o.gate = o.gate.Update(msg)
	return o
}

// portalFound says what the profile is signed in to, "" for nothing that a person could do.
type portalFound struct{ profile, portal string }

// offerSignIns offers the sign-ins that tunnels have begun to wait for, and forgets those of tunnels that go on.
func (m *Model) offerSignIns() tea.Cmd {
	source := m.deps.Profiles
	if source == nil {
		return nil
	}
	m.waits = slices.DeleteFunc(slices.Clone(m.waits), func(w wait) bool { return !m.lost(w.profile) })
	if m.over.offer.shown && !m.lost(m.over.offer.profile) {
		m.over.offer.shown = false
	}
	cmds := []tea.Cmd{m.nextOffer()}
	for _, r := range m.rows.all {
		profile := r.Tunnel.Target.Account.Profile
		if !r.WaitsForSignIn() || slices.ContainsFunc(m.waits, func(w wait) bool { return w.profile == profile }) {
			continue
		}
		m.waits = append(m.waits, wait{profile: profile})
		cmds = append(cmds, m.start(func(ctx context.Context) tea.Msg {
			rows, _, err := source.List(ctx)
			for _, row := range rows {
				if err == nil && row.Name == profile {
					return portalFound{profile, portalOf(row.Profile)}
				}
			}
			return portalFound{profile: profile}
		}))
	}
	return tea.Batch(cmds...)
}

// lost says whether a tunnel of the profile still has a websocket to get back, or no session. An attempt that fails for another
// reason is not the end of a wait.
func (m Model) lost(profile string) bool {
	return slices.ContainsFunc(m.rows.all, func(r *row) bool {
		return r.Tunnel.Target.Account.Profile == profile && (r.WaitsForSignIn() ||
			slices.ContainsFunc(r.Tunnel.Sessions, func(s aws.SessionStats) bool { return s.Link == aws.LinkResuming }))
	})
}

// portalOf is what a person signs in to for the profile: one sign-in is for all profiles of a portal. The code of an MFA device
// is asked for without being offered, and keys and programs are nobody's to sign in to.
func portalOf(p aws.Profile) string {
	switch n := len(p.Chain); {
	case p.Problem != "":
		return ""
	case p.Session != "":
		return "sso " + p.Session
	case n > 1 && p.Chain[n-1] == string(aws.ProfileLogin):
		return "login " + p.Chain[n-2]
	}
	return ""
}

func (m Model) onPortalFound(msg portalFound) (Model, tea.Cmd) {
	m.waits = slices.Clone(m.waits)
	known := msg.portal == "" || slices.ContainsFunc(m.waits, func(w wait) bool { return w.portal == msg.portal })
	for i := range m.waits {
		if w := &m.waits[i]; w.profile == msg.profile {
			w.portal, w.offered = msg.portal, known
		}
	}
	cmd := m.nextOffer()
	return m, cmd
}

// nextOffer shows the next offer there is, unless another dialog has the user's attention.
func (m *Model) nextOffer() (cmd tea.Cmd) {
	o := &m.over.offer
	if o.shown || m.over.confirm.shown || m.over.ports {
		return nil
	}
	for i, w := range m.waits {
		if w.portal != "" && !w.offered {
			m.waits = slices.Clone(m.waits)
			m.waits[i].offered = true
			o.shown, o.profile, o.portal = true, w.profile, w.portal
			o.gate, cmd = o.gate.Shut("offer")
			return cmd
		}
	}
	return nil
}

// onOfferKey is a key while a sign-in is offered. What holds everywhere is not its own. Somebody who is typing has not seen the
// offer yet: it takes no Enter until they have stopped.
func (m Model) onOfferKey(msg tea.KeyPressMsg) (next Model, cmd tea.Cmd, ok bool) {
	o := &m.over.offer
	switch msg.String() {
	case "ctrl+c", "ctrl+z":
		return m, nil, false
	case "enter":
		if o.gate.Open() {
			o.shown = false
			return m, m.signIn(o.profile), true
		}
	case "esc":
		o.shown = false
		next, cmd = m.notice(chrome.Info, "put off: s on the dashboard signs in, and the tunnel goes on then")
		return next, cmd, true
	default:
		o.gate, cmd = o.gate.Shut("offer")
	}
	return m, cmd, true
}

// waitingFor are the tunnels that the sign-in would let go on.
func (m Model) waitingFor(portal string) []tunnels.Row {
	var out []tunnels.Row
	for _, r := range m.rows.all {
		if r.WaitsForSignIn() && slices.ContainsFunc(m.waits, func(w wait) bool {
			return w.profile == r.Tunnel.Target.Account.Profile && w.portal == portal
		}) {
			out = append(out, r.Row)
		}
	}
	return out
}

func (o offer) view(th theme.Theme, behind string, waiting []tunnels.Row, w, h int) string {
	box := max(min(w-6, 76), min(w, 40))
	inner := box - 4
	var body []string
	text := "AWS wants a new sign-in. No connection is cut; this waits for it:"
	if !slices.ContainsFunc(waiting, func(r tunnels.Row) bool { return !r.Tunnel.SignIn }) {
		text = "AWS wants a new sign-in before it starts a session. The port stays; new connections need it:"
	}
	for _, l := range chrome.Wrap(text, inner) {
		body = append(body, th.Paint(theme.Text, l))
	}
	for i, r := range waiting {
		if i == min(mostNamed, max(h-6, 1)) {
			body = append(body, th.Paint(theme.Faint, "and "+plural(len(waiting)-i, "more tunnel")))
			break
		}
		name := chrome.Middle(chrome.Clean(r.Tunnel.Target.Name()), inner/2)
		body = append(body, th.Paint(theme.Warn, "◌ ")+th.Paint(theme.Strong, name)+th.Paint(theme.Muted, "  "+plural(len(r.Tunnel.Conns), "connection")))
	}
	return chrome.Over(th, behind, chrome.Frame(th, "sign in to "+chrome.Clean(o.profile)+"?", body, "enter sign in   esc later", box), w, h)
}
