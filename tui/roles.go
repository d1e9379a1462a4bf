package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/roles"
)

// rolesPage is the screen of profiles, where it was come from, and the plan that is shown on it.
type rolesPage struct {
	screen roles.Model
	from   page
	path   string // of the file
	n      int    // of the plan
	plan   ProfilePlan
}

// listed is the answer to listing.
type listed struct {
	roles.Listed
	path string
}

// turnToRoles shows the profiles. A target that was found without a profile gets the form of one, filled in as far as it is
// known.
func (m Model) turnToRoles(of aws.Account) (Model, tea.Cmd) {
	if m.deps.Profiles == nil {
		return m.notice(chrome.Info, "there are no profiles here")
	}
	m.roles.from = m.page
	m, tick := m.turnTo(pageRoles)
	if of.Profile != "" {
		m.roles.screen.Focus(of.Profile)
	} else if role := roles.RoleOf(of.ARN); role != "" {
		keys := []roles.Key{{Name: "role_arn", Value: role}}
		if of.Region != "" {
			keys = append(keys, roles.Key{Name: "region", Value: of.Region})
		}
		m.roles.screen = m.roles.screen.Add(keys)
	}
	return m, tea.Batch(tick, m.listProfiles())
}

// listProfiles reads the profiles again while they are shown.
func (m Model) listProfiles() tea.Cmd {
	if m.page != pageRoles || m.deps.Profiles == nil {
		return nil
	}
	source := m.deps.Profiles
	return m.start(func(ctx context.Context) tea.Msg {
		rows, path, err := source.List(ctx)
		return listed{Listed: roles.Listed{At: time.Now(), Rows: rows, Err: err}, path: path}
	})
}

// onRolesIntent does what the screen of profiles asks for.
func (m Model) onRolesIntent(msg tea.Msg) (next tea.Model, cmd tea.Cmd, ok bool) {
	switch msg := msg.(type) {
	case listed:
		m.roles.path = msg.path
		m.roles.screen, cmd = m.roles.screen.Update(msg.Listed)
		return m, cmd, true
	case roles.ListAsked:
		return m, m.listProfiles(), true
	case roles.PlanAsked:
		return m, m.planProfile(msg), true
	case roles.WriteAsked:
		return m, m.writeProfile(msg.N), true
	case roles.SignInAsked:
		return m, m.signIn(msg.Name), true
	case roles.Notice:
		next, cmd = m.notice(msg.Level, msg.Text)
		return next, cmd, true
	case roles.Leave:
		next, cmd = m.turnTo(m.roles.from)
		return next, cmd, true
	}
	return m, nil, false
}

// planned is the plan that answers a question with that number.
type planned struct {
	roles.Planned
	plan ProfilePlan
}

func (m Model) planProfile(msg roles.PlanAsked) tea.Cmd {
	source := m.deps.Profiles
	return m.start(func(ctx context.Context) tea.Msg {
		p := planned{Planned: roles.Planned{N: msg.N}}
		if p.plan, p.Err = source.Plan(ctx, msg.Change); p.Err == nil {
			p.Diff, p.Foreign = p.plan.Diff()
		}
		return p
	})
}

func (m Model) onPlanned(msg planned) (Model, tea.Cmd) {
	m.roles.n, m.roles.plan = msg.N, msg.plan
	var cmd tea.Cmd
	m.roles.screen, cmd = m.roles.screen.Update(msg.Planned)
	return m, cmd
}

// writeProfile writes what was shown, and nothing else.
func (m Model) writeProfile(n int) tea.Cmd {
	plan := m.roles.plan
	if plan == nil || m.roles.n != n {
		return nil
	}
	return m.start(func(ctx context.Context) tea.Msg {
		done, err := plan.Commit(ctx)
		return roles.Written{N: n, Text: done, Err: err}
	})
}

// signIn hands the terminal to the sign-in.
func (m Model) signIn(name string) tea.Cmd {
	source := m.deps.Profiles
	if source == nil {
		return nil
	}
	return m.start(func(ctx context.Context) tea.Msg {
		c, err := source.SignIn(ctx, name)
		if err != nil {
			return noted{chrome.Failure, err.Error()}
		}
		return asked{ask: c, signIn: true}
	})
}
