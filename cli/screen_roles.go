package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/profiles"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/roles"
)

// screenProfiles is what the screen of profiles works with: the same plans as rdsx profiles add, edit and rm.
type screenProfiles struct {
	app   *app
	files *screenFiles
}

// List implements tui.Profiles.
func (s screenProfiles) List(ctx context.Context) ([]roles.Row, string, error) {
	f, err := profiles.Open(ctx, s.app.profileFiles())
	if err != nil {
		return nil, "", planAdvice(err)
	}
	settings, _ := f.Settings()
	used := s.files.usedBy()
	var out []roles.Row
	for _, p := range s.app.signIns(f) {
		row := roles.Row{Profile: p, Used: used[p.Name]}
		for _, n := range keyFlagNames() {
			if v := settings[p.Name][n[1]]; v != "" {
				row.Keys = append(row.Keys, roles.Key{Name: n[1], Value: v})
			}
		}
		out = append(out, row)
	}
	return out, s.app.tilde(f.Path()), nil
}

// tilde is the path as people write it.
func (a *app) tilde(path string) string {
	if home := a.getenv("HOME"); home != "" {
		if rest, ok := strings.CutPrefix(path, filepath.Clean(home)+string(filepath.Separator)); ok {
			return "~" + string(filepath.Separator) + rest
		}
	}
	return path
}

// Plan implements tui.Profiles.
func (s screenProfiles) Plan(ctx context.Context, c roles.Change) (tui.ProfilePlan, error) {
	f, err := profiles.Open(ctx, s.app.profileFiles())
	if err != nil {
		return nil, planAdvice(err)
	}
	plan, err := s.planOf(f, c, false)
	var foreign *profiles.Foreign
	if errors.As(err, &foreign) {
		plan, err = s.planOf(f, c, true) // the screen asks for its name before this may be written
	}
	if err != nil {
		return nil, planAdvice(err)
	}
	done := map[roles.Op]string{roles.Add: "added profile ", roles.Edit: "changed profile ", roles.Remove: "removed "}[c.Op] + c.Name
	return screenPlan{plan: plan, foreign: foreign != nil, done: done}, nil
}

func (s screenProfiles) planOf(f *profiles.File, c roles.Change, foreign bool) (*profiles.Plan, error) {
	switch c.Op {
	case roles.Remove:
		return planRm(f, []string{c.Name}, foreign)
	case roles.Edit:
		edit := profiles.Edit{Op: profiles.Set, Name: c.Name, Foreign: foreign}
		for _, k := range c.Keys {
			if k.Value == "" {
				edit.Unset = append(edit.Unset, k.Name)
				continue
			}
			edit.Keys = append(edit.Keys, profiles.Key{Name: k.Name, Value: k.Value})
		}
		return f.Plan(edit)
	}
	keys := keysOf(c.Keys)
	if err := addComplete(c.Name, keys); err != nil {
		return nil, err
	}
	edits, err := s.app.addEdits(f, c.Name, keys)
	if err != nil {
		return nil, err
	}
	return f.Plan(edits...)
}

// keysOf are the keys of the form as if they had been typed as flags.
func keysOf(in []roles.Key) *keyFlags {
	k := &keyFlags{values: map[string]*string{}, typed: map[string]bool{}}
	for _, one := range in {
		switch one.Name {
		case "sso_start_url":
			k.portal.StartURL = one.Value
		case "sso_region":
			k.portal.Region = one.Value
		}
		for _, n := range keyFlagNames() {
			if n[1] == one.Name {
				k.values[one.Name], k.typed[n[0]] = &one.Value, true
			}
		}
	}
	return k
}

// screenPlan implements tui.ProfilePlan.
type screenPlan struct {
	plan    *profiles.Plan
	foreign bool
	done    string
}

func (p screenPlan) Diff() (string, bool) { return p.plan.Diff(), p.foreign }

func (p screenPlan) Commit(ctx context.Context) (string, error) {
	written, err := p.plan.Commit(ctx)
	if errors.Is(err, profiles.ErrChanged) {
		return "", fmt.Errorf("%w: look at the diff again", err)
	}
	if err != nil {
		return "", planAdvice(err)
	}
	return p.done + " in " + written.Path + "; rdsx profiles undo takes it back", nil
}

// SignIn implements tui.Profiles: rdsx profiles login, in the place of the screen, or what it would send the user to.
func (s screenProfiles) SignIn(ctx context.Context, name string) (tea.ExecCommand, error) {
	args, err := s.signInArgs(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("sign in to %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = slices.Clone(s.app.Env)
	gentle(cmd)
	return &client{cmd: cmd, name: "sign-in to " + name, held: s.app.holdInterrupts}, nil
}

func (s screenProfiles) signInArgs(ctx context.Context, name string) ([]string, error) {
	f, err := profiles.Open(ctx, s.app.profileFiles())
	if err != nil {
		return nil, planAdvice(err)
	}
	for _, p := range s.app.signIns(f) {
		// The session of aws login is the AWS CLI's own, and belongs to the profile at the end of the chain.
		if n := len(p.Chain); p.Name == name && n > 1 && p.Chain[n-1] == string(aws.ProfileLogin) {
			return []string{"aws", "login", "--profile", p.Chain[n-2]}, nil
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{self, "profiles", "login", name}
	if url := s.app.flags.endpointURL; url != "" {
		args = append(args, "--endpoint-url", url)
	}
	return args, nil
}

// usedBy is when each profile was used last, as far as the state file remembers.
func (f *screenFiles) usedBy() map[string]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]time.Time{}
	for key, v := range maps.All(f.memory.Used) {
		if parts := strings.SplitN(key, "\x00", 3); len(parts) == 3 {
			name := parts[1] // of targets.Row.Key without the account
			if v.At.After(out[name]) {
				out[name] = v.At
			}
		}
	}
	return out
}
