package tui

import (
	"context"
	"net"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/ports"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/tunnels"
)

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// proposal is what is remembered of the port of a target that was chosen.
type proposal struct {
	n      int
	target aws.Target
	port   int
	always bool // use it without asking: it is free
}

// chosen looks up the port of last time. A second choice takes the place of the first.
func (m Model) chosen(msg targets.Chosen) (Model, tea.Cmd) {
	m.over.n++
	n, target, memory, check := m.over.n, msg.Target, m.deps.Memory, m.deps.Check
	return m, m.start(func(context.Context) tea.Msg {
		p := proposal{n: n, target: target}
		p.port, p.always = memory.Port(target)
		if p.always {
			holder, err := check(p.port)
			p.always = holder == "" && err == nil
		}
		return p
	})
}

// onProposal opens the dialog, or the tunnel at once where the user wants no dialog.
func (m Model) onProposal(msg proposal) (Model, tea.Cmd) {
	if msg.n != m.over.n {
		return m, nil
	}
	if msg.always {
		return m.connect(ports.Connect{Target: msg.target, Port: msg.port, Always: true})
	}
	m.over.ports = true
	var cmd tea.Cmd
	m.ports, cmd = m.ports.Open(ports.Question{Target: msg.target, Last: msg.port})
	return m, cmd
}

// choices asks which instances could carry the row.
func (m Model) choices(msg targets.ViaAsked) tea.Cmd {
	catalogue := m.deps.Catalogue
	return m.start(func(ctx context.Context) tea.Msg {
		choices, err := catalogue.Choices(ctx, msg.Row)
		return targets.ViaAnswer{N: msg.N, Choices: choices, Err: err}
	})
}

// opened is the answer to opening number n of a row.
type opened struct {
	id, n  int
	err    error
	copies []tunnels.Copy
	client string
	limits tunnels.Limits
	forgot error // the choice could not be kept
}

// connect opens the target on the port and goes to the tunnels.
func (m Model) connect(msg ports.Connect) (Model, tea.Cmd) {
	r := m.rows.add(msg.Target, msg.Port)
	m.rows.opened = true
	memory := m.deps.Memory
	open := m.open(r, func() error { return memory.Remember(msg.Target, msg.Port, msg.Always) })
	m, tick := m.turnTo(pageTunnels)
	m.tellBoard()
	m.board.Focus(r.ID)
	return m, tea.Batch(open, tick)
}

// reopen opens a tunnel that is over again, on its port.
func (m Model) reopen(id int) (Model, tea.Cmd) {
	r := m.rows.find(id)
	if r == nil || !r.over() {
		return m, nil
	}
	r.begin(r.Tunnel.Target)
	m.tellBoard()
	return m, tea.Batch(m.open(r, func() error { return nil }), m.tickNow())
}

// open opens the row's tunnel; the registry has it before the answer is on its way.
func (m Model) open(r *row, remember func() error) tea.Cmd {
	id, n, target, port := r.ID, r.n, r.Tunnel.Target, r.port
	deps, reg := m.deps, m.reg
	return m.start(func(ctx context.Context) tea.Msg {
		reg.close(id) // what is left of the opening before
		t, err := deps.Opener.Open(ctx, target, port)
		if err != nil {
			return opened{id: id, n: n, err: err}
		}
		reg.add(id, t)
		a := opened{id: id, n: n, forgot: remember()}
		a.copies, a.client = deps.Desk.Uses(t.Snapshot())
		if deps.Limits != nil {
			a.limits = deps.Limits(ctx, target.Account)
		}
		return a
	})
}

func (m Model) onOpened(msg opened) (Model, tea.Cmd) {
	r := m.rows.find(msg.id)
	if r == nil || r.n != msg.n {
		return m, nil
	}
	if msg.err != nil {
		r.Tunnel.State, r.Tunnel.Reason, r.Next = aws.StateClosed, msg.err.Error(), aws.NextOf(msg.err)
		m.tellBoard()
		return m, nil
	}
	r.Copies, r.Client, r.Limits = msg.copies, msg.client, msg.limits
	m.tellBoard()
	if msg.forgot != nil {
		next, cmd := m.notice(chrome.Caution, "the port was not kept: "+msg.forgot.Error())
		return next, tea.Batch(cmd, next.tickNow())
	}
	return m, m.tickNow()
}

// shut is the answer to closing number n of a row.
type shut struct{ id, n int }

func (m Model) shutDown(id int) (Model, tea.Cmd) {
	r := m.rows.find(id)
	if r == nil || r.Closing {
		return m, nil
	}
	r.Closing = true
	m.tellBoard()
	n, reg := r.n, m.reg
	return m, m.start(func(context.Context) tea.Msg {
		reg.close(id)
		return shut{id: id, n: n}
	})
}

func (m Model) onShut(msg shut) (Model, tea.Cmd) {
	r := m.rows.find(msg.id)
	if r == nil || r.n != msg.n {
		return m, nil
	}
	r.Closing = false
	r.Tunnel.State, r.Tunnel.Reason, r.Tunnel.Conns, r.Tunnel.Sessions = aws.StateClosed, aws.ErrClosed.Error(), nil, nil
	m.tellBoard()
	return m.notice(chrome.Done, name(r.Tunnel.Target)+" is closed; r opens it again")
}

// noted asks for a toast.
type noted struct {
	level chrome.Level
	text  string
}

// copied puts text on the clipboards: the terminal's by OSC 52, which works over ssh, and the system's.
func (m Model) copied(what, text string) tea.Cmd {
	desk := m.deps.Desk
	return tea.Batch(tea.SetClipboard(text), m.start(func(ctx context.Context) tea.Msg {
		if err := desk.Copy(ctx, text); err != nil {
			return noted{chrome.Info, what + " was sent to the terminal's clipboard"}
		}
		return noted{chrome.Done, what + " is on the clipboard"}
	}))
}

// openClient hands the terminal to the client program.
func (m Model) openClient(id int) tea.Cmd {
	t := m.reg.get(id)
	if t == nil {
		return nil
	}
	desk := m.deps.Desk
	return m.start(func(ctx context.Context) tea.Msg {
		c, err := desk.Client(ctx, t.Snapshot())
		if err != nil {
			return noted{chrome.Failure, err.Error()}
		}
		return asked{ask: c}
	})
}

// asked is what takes the terminal for a while; answered says that it is back.
type (
	asked struct {
		ask    tea.ExecCommand
		signIn bool // tunnels may have waited for it
	}
	answered struct{ signIn bool }
)

// onAnswered takes the terminal back.
func (m Model) onAnswered(msg answered) (Model, tea.Cmd) {
	cmds := []tea.Cmd{m.question(), m.listProfiles()}
	if reg := m.reg; msg.signIn {
		cmds = append(cmds, m.start(func(context.Context) tea.Msg {
			reg.retry()
			return nil
		}), m.tickNow())
	}
	return m, tea.Batch(cmds...)
}

// question waits for what is to be asked on the plain terminal.
func (m Model) question() tea.Cmd {
	questions := m.deps.Questions
	if questions == nil {
		return nil
	}
	return m.start(func(ctx context.Context) tea.Msg {
		select {
		case q := <-questions:
			return asked{ask: q.Ask}
		case <-ctx.Done():
			return nil
		}
	})
}
