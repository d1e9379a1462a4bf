package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/ports"
	"github.com/rdsx/rdsx/tui/roles"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/theme"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// page is the screen that has the terminal.
type page uint8

const (
	pageTargets page = iota
	pageTunnels
	pageRoles
)

// Model is the root. Make it with New.
type Model struct {
	deps  Deps
	start starter
	reg   *registry
	look  look
	page  page
	list  targets.Model
	ports ports.Model
	board tunnels.Model
	roles rolesPage
	over  over
	toast chrome.Toast
	hints Hints
	rows  rows
	waits []wait    // profiles that tunnels wait for
	first []Opening // to be opened from the start

	account aws.Account // as the scan has found it
	scanned int         // number of the scan
	started bool        // it has said how many parts it has
}

// Hints are lines that say what to try, for those who see the screens for the first time. "" for none.
type Hints struct{ Targets, Tunnels string }

// look is what the terminal is like.
type look struct {
	w, h  int
	dark  bool
	depth theme.Depth
	mouse bool
}

func (l look) theme() theme.Theme { return theme.New(l.dark, l.depth) }

// over is what lies over the screens: the dialog of the port, the offer of a sign-in, or a confirmation above everything.
type over struct {
	ports   bool
	n       int // of the target chosen last
	offer   offer
	confirm confirm
}

// newModel is the screen before anything is known.
func newModel(deps Deps, o Options, start starter, reg *registry) Model {
	l := look{dark: true, depth: theme.Full, mouse: o.Mouse}
	th := l.theme()
	return Model{
		deps: deps, start: start, reg: reg, look: l, hints: o.Hints, first: o.Open,
		list: targets.New(th), ports: ports.New(th, deps.Check), board: tunnels.New(th), roles: rolesPage{screen: roles.New(th)},
	}
}

// cached is the list of the last run.
type cached struct {
	rows    []targets.Row
	at, now time.Time
}

// begin asks for the first scan.
type begin struct{}

// Init shows what is known without asking anybody, and asks the terminal for its background.
func (m Model) Init() tea.Cmd {
	catalogue := m.deps.Catalogue
	return tea.Batch(
		tea.RequestBackgroundColor,
		m.start(func(context.Context) tea.Msg {
			rows, at := catalogue.Cached()
			return cached{rows: rows, at: at, now: time.Now()}
		}),
		func() tea.Msg { return begin{} },
		m.question(),
	)
}

// Update handles a message: the terminal's, the user's, the screens' intents and the answers of commands, in this order.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.look.w, m.look.h = msg.Width, msg.Height
		m.resize()
		return m, nil
	case tea.BackgroundColorMsg:
		m.look.dark = msg.IsDark()
		m.repaint()
		return m, nil
	case tea.ColorProfileMsg:
		m.look.depth = theme.DepthOf(msg.String())
		m.repaint()
		return m, nil
	case tea.ResumeMsg:
		return m, tea.Batch(tea.RequestBackgroundColor, m.tickNow())
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return m.toFront(msg)
	case tea.MouseMsg:
		return m.onMouse(msg)
	}
	if next, cmd, ok := m.onIntent(msg); ok {
		return next, cmd
	}
	if next, cmd, ok := m.onAnswer(msg); ok {
		return next, cmd
	}
	return m.broadcast(msg)
}

// onAnswer handles what commands of the root have brought.
func (m Model) onAnswer(msg tea.Msg) (next Model, cmd tea.Cmd, ok bool) {
	switch msg := msg.(type) {
	case cached:
		cmds := []tea.Cmd{m.tickNow(), m.tellTargets(targets.Clock{Now: msg.now})}
		if len(msg.rows) > 0 {
			cmds = append(cmds, m.tellTargets(targets.Cached{Rows: msg.rows, At: msg.at}))
		}
		return m, tea.Batch(cmds...), true
	case begin:
		next, cmd = m.onBegin()
	case found:
		next, cmd = m.onFound(msg)
	case proposal:
		next, cmd = m.onProposal(msg)
	case opened:
		next, cmd = m.onOpened(msg)
	case shut:
		next, cmd = m.onShut(msg)
	case reading:
		next, cmd = m.onReading(msg)
	case noted:
		next, cmd = m.notice(msg.level, msg.text)
	case asked:
		return m, tea.Exec(msg.ask, func(error) tea.Msg { return answered{msg.signIn} }), true
	case answered:
		next, cmd = m.onAnswered(msg)
	case portalFound:
		next, cmd = m.onPortalFound(msg)
	case planned:
		next, cmd = m.onPlanned(msg)
	default:
		return m, nil, false
	}
	return next, cmd, true
}

// onBegin starts the scan and opens what is to be open from the start.
func (m Model) onBegin() (Model, tea.Cmd) {
	cmds := []tea.Cmd{m.scan(), m.warned()}
	for _, o := range m.first {
		cmds = append(cmds, m.open(m.rows.add(o.Target, o.Port), func() error { return nil }))
	}
	m.first = nil
	m.tellBoard()
	return m, tea.Batch(cmds...)
}

// warned waits for what the user should know from the start.
func (m Model) warned() tea.Cmd {
	notice := m.deps.Notice
	if notice == nil {
		return nil
	}
	return m.start(func(ctx context.Context) tea.Msg {
		if text := notice(ctx); text != "" {
			return noted{chrome.Caution, text}
		}
		return nil
	})
}

// broadcast hands on what only one of the screens understands: its own answers and timers.
func (m Model) broadcast(msg tea.Msg) (Model, tea.Cmd) {
	var cmds [4]tea.Cmd
	m.list, cmds[0] = m.list.Update(msg)
	m.ports, cmds[1] = m.ports.Update(msg)
	m.board, cmds[2] = m.board.Update(msg)
	m.roles.screen, cmds[3] = m.roles.screen.Update(msg)
	m.toast = m.toast.Update(msg)
	m.over.confirm = m.over.confirm.update(msg)
	m.over.offer = m.over.offer.update(msg)
	return m, tea.Batch(cmds[:]...)
}

// tellTargets hands the list a message; what it has to do for it in slices, between frames, is the command.
func (m *Model) tellTargets(msg tea.Msg) (cmd tea.Cmd) {
	m.list, cmd = m.list.Update(msg)
	return cmd
}

// repaint gives everybody the colours of the terminal.
func (m *Model) repaint() {
	th := m.look.theme()
	m.list.SetTheme(th)
	m.ports.SetTheme(th)
	m.board.SetTheme(th)
	m.roles.screen.SetTheme(th)
}

// resize gives everybody the room that the frame leaves.
func (m *Model) resize() {
	w, h := m.frame().BodySize()
	m.ports.SetSize(w, h)
	if m.hint() != "" {
		h--
	}
	m.list.SetSize(w, h)
	m.board.SetSize(w, h)
	m.roles.screen.SetSize(w, h)
}

func (m Model) notice(level chrome.Level, text string) (Model, tea.Cmd) {
	ttl := 4 * time.Second
	if level == chrome.Failure {
		ttl = 8 * time.Second
	}
	var cmd tea.Cmd
	m.toast, cmd = m.toast.Show(level, text, ttl)
	return m, cmd
}
