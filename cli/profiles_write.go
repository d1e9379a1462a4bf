package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/profiles"
)

// maxReplans is how often a change is planned again because another program was faster.
const maxReplans = 100

// writeFlags are those of every command that writes.
type writeFlags struct{ dryRun, yes, force bool }

func (w *writeFlags) register(cmd *cobra.Command, force string) {
	f := cmd.Flags()
	f.BoolVar(&w.dryRun, "dry-run", false, "print the diff on stdout and change nothing")
	f.BoolVarP(&w.yes, "yes", "y", false, "write without asking")
	if force != "" {
		f.BoolVar(&w.force, "force", false, force)
	}
}

// errDeclined says that the user has looked at a diff and does not want it.
var errDeclined = errors.New("nothing is written")

// change is one change of the config file: how to plan it, on whatever the file holds when it comes to that, and what to say.
type change struct {
	flags   writeFlags
	plan    func(f *profiles.File, foreign bool) (*profiles.Plan, error)
	done    string // on stdout, before the path
	command string // to type again; "" for what was typed
	report  *importReport

	files *profiles.Files // other than those of the profiles; nil for those
	undo  string          // the command that takes it back; "" for rdsx profiles undo
}

func (c change) takesBack() string {
	if c.undo != "" {
		return c.undo
	}
	return "rdsx profiles undo"
}

// changed is the JSON of every command that writes. Fields are only ever added.
type changed struct {
	Changed bool   `json:"changed"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Diff    string `json:"diff"`
	profiles.Written
	Import *importReport `json:"import,omitempty"`
}

// write plans, shows, asks, and writes. If another program changes the file in the meantime, all of that again.
func (a *app) write(ctx context.Context, c change) error {
	ask := newAsker(a)
	files := a.profileFiles()
	if c.files != nil {
		files = *c.files
	}
	for try := 0; ; try++ {
		f, err := profiles.Open(ctx, files)
		if err != nil {
			return err
		}
		plan, err := a.planned(ctx, ask, f, &c)
		if err != nil {
			return planAdvice(err)
		}
		if plan.Empty() || c.flags.dryRun {
			return a.printPlan(f, plan, c)
		}
		if err := a.confirm(ctx, ask, plan, c); err != nil {
			return err
		}
		written, err := plan.Commit(ctx)
		if errors.Is(err, profiles.ErrChanged) && try < maxReplans {
			if !c.flags.yes {
				fmt.Fprintln(a.Stderr, "the file was changed by another program in the meantime")
			}
			continue
		}
		if err != nil {
			return commitAdvice(err)
		}
		return a.printWritten(written, plan, c)
	}
}

// commitAdvice adds what to type to a write that was refused.
func commitAdvice(err error) error {
	var readOnly *profiles.ReadOnlyError
	if errors.As(err, &readOnly) {
		return aws.Advise(err, aws.ErrUsage, "chmod u+w "+shellWord(readOnly.Path)+", and the same again")
	}
	return err
}

// planned plans c. What rdsx has not written is only touched with --force, or by somebody who types its name; a dry run shows
// what that would be.
func (a *app) planned(ctx context.Context, ask *asker, f *profiles.File, c *change) (*profiles.Plan, error) {
	plan, err := c.plan(f, c.flags.force)
	var foreign *profiles.Foreign
	switch {
	case !errors.As(err, &foreign):
		return plan, err
	case c.flags.dryRun:
		fmt.Fprintf(a.Stderr, "note: %v; writing this takes --force\n", err)
		return c.plan(f, true)
	case c.flags.yes || !ask.can:
		return nil, err
	}
	name := lastWord(foreign.Name)
	typed, askErr := ask.line(ctx, foreign.Error()+"\nType its name to change it all the same: ")
	if askErr != nil {
		return nil, askErr
	}
	if typed != name {
		return nil, err
	}
	c.flags.force = true
	return c.plan(f, true)
}

// confirm shows the diff and asks; without anybody to ask it is an error of the command line.
func (a *app) confirm(ctx context.Context, ask *asker, plan *profiles.Plan, c change) error {
	if plan.Others() && !c.flags.force && (c.flags.yes || !ask.can) {
		printDiff(a.Stderr, plan.Diff())
		return usage(a.again(c.command, "--yes", "--force"), "another program has changed the file since, and that would be taken back as well")
	}
	if c.flags.yes {
		return nil
	}
	printDiff(a.Stderr, plan.Diff())
	if !ask.can {
		return usage(a.again(c.command, "--yes"), "nothing is written: there is nobody to confirm this diff")
	}
	question := "Write this? [y/N] "
	if plan.Others() {
		question = "Another program has changed the file since; that is taken back as well. Write this? [y/N] "
	}
	answer, err := ask.line(ctx, question)
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

func (a *app) printPlan(f *profiles.File, plan *profiles.Plan, c change) error {
	if a.flags.json {
		return a.printJSON(changed{DryRun: c.flags.dryRun, Diff: plan.Diff(), Written: profiles.Written{Path: f.Path()}, Import: c.report})
	}
	if plan.Empty() {
		fmt.Fprintln(a.Stderr, "nothing to change: the file is as you want it")
		return nil
	}
	printDiff(a.Stdout, plan.Diff())
	return nil
}

func (a *app) printWritten(w profiles.Written, plan *profiles.Plan, c change) error {
	if w.InPlace {
		fmt.Fprintf(a.Stderr, "warning: %s cannot be replaced as a whole (a mount, a link or a read-only folder); it was written in place\n", w.Path)
	}
	if a.flags.json {
		return a.printJSON(changed{Changed: true, Diff: plan.Diff(), Written: w, Import: c.report})
	}
	_, err := fmt.Fprintf(a.Stdout, "%s in %s; %s takes it back\n", c.done, w.Path, c.takesBack())
	return err
}

// printDiff writes a diff so that nothing in it can drive the terminal.
func printDiff(w io.Writer, diff string) {
	for line := range strings.Lines(diff) {
		text := strings.TrimRight(line, "\r\n")
		parts := strings.Split(text, "\t")
		for i, p := range parts {
			parts[i] = printable(p)
		}
		fmt.Fprintln(w, strings.Join(parts, "\t"))
	}
}

func (a *app) newProfilesUndo() *cobra.Command {
	var flags writeFlags
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Take back the last change that rdsx wrote; again, to take that back",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.write(cmd.Context(), change{
				flags:   flags,
				plan:    func(f *profiles.File, _ bool) (*profiles.Plan, error) { return f.PlanUndo() },
				done:    "the last change is taken back",
				command: "rdsx profiles undo",
			})
		},
	}
	flags.register(cmd, "also take back what another program has written since")
	return cmd
}

const rmLong = `rm removes profiles, and an sso-session that rdsx wrote when no other profile uses it. A profile that rdsx has not written needs
--force, or its name typed on the terminal. A profile that others have as their source stays.`

func (a *app) newProfilesRm() *cobra.Command {
	var flags writeFlags
	cmd := &cobra.Command{
		Use:               "rm NAME...",
		Aliases:           []string{"remove"},
		Short:             "Remove profiles",
		Long:              rmLong,
		ValidArgsFunction: a.completeProfiles,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("rdsx profiles ls", "rm needs a NAME")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.write(cmd.Context(), change{
				flags:   flags,
				plan:    func(f *profiles.File, foreign bool) (*profiles.Plan, error) { return planRm(f, args, foreign) },
				done:    "removed " + strings.Join(args, ", "),
				command: "rdsx profiles rm " + strings.Join(args, " "),
			})
		},
	}
	flags.register(cmd, "also remove what rdsx has not written")
	return cmd
}

func planRm(f *profiles.File, names []string, foreign bool) (*profiles.Plan, error) {
	gone := map[string]bool{}
	var edits []profiles.Edit
	for _, name := range names {
		if gone[name] {
			return nil, aws.Advise(fmt.Errorf("%s is named twice", name), aws.ErrUsage, "")
		}
		gone[name] = true
		edits = append(edits, profiles.Edit{Op: profiles.Remove, Name: name, Foreign: foreign})
	}
	for _, s := range f.Sessions() {
		left := 0
		for _, user := range s.Used {
			if !gone[user] {
				left++
			}
		}
		if s.Managed && len(s.Used) > 0 && left == 0 {
			edits = append(edits, profiles.Edit{Op: profiles.Remove, Session: true, Name: s.Name})
		}
	}
	return f.Plan(edits...)
}
