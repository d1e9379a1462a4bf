// Package ports is the dialog that chooses the local port of a tunnel: it proposes one that is free, checks what is typed,
// says who holds a port that is taken, and remembers the choice when asked to.
package ports

import (
	"cmp"
	"strconv"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/theme"
)

// Check says who holds a port on this machine, "" when it is free. err is why the port cannot be taken although nobody
// holds it, or why it could not be looked at. It runs in a command, off the screen's own time.
type Check func(port int) (holder string, err error)

// Question is what the dialog is opened with.
type Question struct {
	Target aws.Target
	Last   int  // the port used last time for this target; 0 for none
	Always bool // whether that port is to be used without asking
}

// Connect is the intent: open the target on the port.
type Connect struct {
	Target aws.Target
	Port   int
	Always bool // use this port for this target from now on
}

// Back is the intent to leave the dialog without connecting.
type Back struct{}

// Taken is a port and who holds it.
type Taken struct {
	Port   int
	Holder string
}

// Proposed answers the question with that number: a free port, and those before it that were taken. Port is 0 when none of
// those tried was free.
type Proposed struct {
	N     int
	Port  int
	Taken []Taken
}

// Checked answers the question with that number: who holds the port, or why it cannot be used.
type Checked struct {
	N      int
	Port   int
	Holder string
	Err    error
}

// verdict is what is known of the port in the field.
type verdict struct {
	asked   bool // an answer is under way
	free    bool
	holder  string
	failure string
}

// Model is the dialog. Make it with New, open it with Open.
type Model struct {
	th      theme.Theme
	w, h    int
	check   Check
	ask     Question
	field   chrome.Field
	gate    chrome.Gate
	n       int // of the question asked last
	verdict verdict
	taken   []Taken // passed over by the proposal
	enter   bool    // Enter was pressed while the answer was under way
	always  bool
}

// New is a closed dialog.
func New(th theme.Theme, check Check) Model {
	return Model{th: th, check: check, field: chrome.Field{Limit: 5, Accept: digit}}
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

// SetTheme changes the colours.
func (m *Model) SetTheme(th theme.Theme) { m.th = th }

// SetSize sets how many cells View fills.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Open starts the dialog for a target. The command looks for the port to propose; keys in flight cannot confirm.
func (m Model) Open(q Question) (Model, tea.Cmd) {
	m.ask, m.always = q, q.Always
	m.field = m.field.With("")
	m.enter, m.taken = false, nil
	var cmd tea.Cmd
	m.gate, cmd = m.gate.Shut("ports")
	return m, tea.Batch(cmd, m.propose(candidates(q.Last, q.Target.Endpoint.Port)))
}

// candidates are the ports to propose, in order: the last one, the engine's own, and those that follow it.
func candidates(last, own int) []int {
	var out []int
	if valid(last) {
		out = append(out, last)
	}
	if !valid(own) {
		own = 10000
	}
	for p := own; p < own+100 && valid(p); p++ {
		if p != last {
			out = append(out, p)
		}
	}
	return out
}

// propose asks for the first of the ports that is free.
func (m *Model) propose(ports []int) tea.Cmd {
	m.n++
	m.verdict = verdict{asked: true}
	n, check := m.n, m.check
	return func() tea.Msg {
		answer := Proposed{N: n}
		for _, p := range ports {
			holder, err := check(p)
			if holder == "" && err == nil {
				answer.Port = p
				return answer
			}
			if err != nil {
				holder = cmp.Or(holder, err.Error())
			}
			answer.Taken = append(answer.Taken, Taken{Port: p, Holder: holder})
		}
		return answer
	}
}

// look asks for the port in the field, if it is one.
func (m *Model) look() tea.Cmd {
	m.n++
	m.enter = false
	m.verdict = verdict{}
	p, problem := m.port()
	if problem != "" {
		return nil
	}
	m.verdict.asked = true
	n, check := m.n, m.check
	return func() tea.Msg {
		holder, err := check(p)
		return Checked{N: n, Port: p, Holder: holder, Err: err}
	}
}

// Update handles a message. It does no input or output: checks run in commands, decisions go up as intents.
func (m Model) Update(msg tea.Msg) (Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return m.edit(msg)
	case chrome.GateOpened:
		m.gate = m.gate.Update(msg)
	case Proposed:
		return m.onProposed(msg)
	case Checked:
		return m.onChecked(msg)
	}
	return m, nil
}

func (m Model) onKey(msg tea.KeyPressMsg) (Model, tea.Cmd) {
	switch msg.String() {
	case "enter":
		return m.confirm()
	case "esc", "q", "ctrl+c":
		return m, func() tea.Msg { return Back{} }
	case "a":
		m.always = !m.always
		return m, nil
	case "n":
		from := m.ask.Target.Endpoint.Port
		if p, problem := m.port(); problem == "" {
			from = p + 1
		}
		cmd := m.propose(candidates(0, from))
		m.enter, m.taken = false, nil
		return m, cmd
	case "up", "ctrl+p", "+":
		return m.step(1)
	case "down", "ctrl+n", "-":
		return m.step(-1)
	}
	return m.edit(msg)
}

// step goes to a neighbouring port.
func (m Model) step(by int) (Model, tea.Cmd) {
	p, _ := m.port()
	if !valid(p + by) {
		return m, nil
	}
	m.field = m.field.With(strconv.Itoa(p + by))
	m.taken = nil
	cmd := m.look()
	return m, cmd
}

func (m Model) edit(msg tea.Msg) (Model, tea.Cmd) {
	var changed bool
	if m.field, changed = m.field.Update(msg); !changed {
		return m, nil
	}
	m.taken = nil
	cmd := m.look()
	return m, cmd
}

func (m Model) onProposed(msg Proposed) (Model, tea.Cmd) {
	if msg.N != m.n {
		return m, nil
	}
	m.taken = msg.Taken
	if msg.Port == 0 {
		m.enter = false
		m.verdict = verdict{failure: "no free port was found nearby: type one"}
		return m, nil
	}
	m.field = m.field.With(strconv.Itoa(msg.Port))
	m.verdict = verdict{free: true}
	return m.connect()
}

func (m Model) onChecked(msg Checked) (Model, tea.Cmd) {
	if msg.N != m.n {
		return m, nil
	}
	m.verdict = verdict{holder: msg.Holder, free: msg.Holder == "" && msg.Err == nil}
	if msg.Err != nil {
		m.verdict.failure = msg.Err.Error()
	}
	return m.connect()
}

// confirm connects once the port is known to be free; while that is being looked at, Enter waits for the answer.
func (m Model) confirm() (Model, tea.Cmd) {
	if !m.gate.Open() {
		return m, nil
	}
	m.enter = m.verdict.asked || m.verdict.free
	return m.connect()
}

// connect sends the intent when Enter has been pressed and the port is free.
func (m Model) connect() (Model, tea.Cmd) {
	p, problem := m.port()
	if !m.enter || m.verdict.asked {
		return m, nil
	}
	m.enter = false
	if problem != "" || !m.verdict.free {
		return m, nil
	}
	intent := Connect{Target: m.ask.Target, Port: p, Always: m.always}
	return m, func() tea.Msg { return intent }
}

// port is the number in the field; problem says what is wrong with it, "" when nothing is.
func (m Model) port() (p int, problem string) {
	if m.field.Value() == "" {
		return 0, "type a port from 1 to 65535"
	}
	p, err := strconv.Atoi(m.field.Value())
	if err != nil || !valid(p) {
		return 0, "a port is a number from 1 to 65535"
	}
	return p, ""
}

func valid(p int) bool { return p >= 1 && p <= 65535 }

// ShortHelp is the help line, the most important first.
func (m Model) ShortHelp() []key.Binding {
	var out []key.Binding
	for _, k := range [][2]string{{"enter", "connect"}, {"esc", "back"}, {"a", "always this port"}, {"n", "next free"}, {"↑↓", "one up, one down"}} {
		out = append(out, key.NewBinding(key.WithKeys(k[0]), key.WithHelp(k[0], k[1])))
	}
	return out
}

// FullHelp is every key.
func (m Model) FullHelp() [][]key.Binding { return [][]key.Binding{m.ShortHelp()} }
