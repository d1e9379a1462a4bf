package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rdsx/rdsx/aws"
)

const upLong = `up opens several tunnels at once, each as rdsx connect would, and stays until Ctrl-C or rdsx down.

A SET is a list of targets under tunnels: in config.yaml or .rdsx.yaml; TARGET is as for connect. Each target has its settings
there: port, via, profile, region and the others. Without an argument it is the only set, or the one named default.

On stdout: a line for each, with its name, its local address and its client's command. On stderr: one line for each change.
With --json, one event a line on stdout instead, as of connect, with the target in each. A tunnel that fails does not stop the
others; the exit code is the worst.

What another rdsx up carries already is not opened a second time: it is named, with its address.

With --detach it asks for what a sign-in needs, then lets a process of its own carry the tunnels, waits until each is ready or
has failed, and returns.`

// upFlags are those of rdsx up. What differs from target to target is in the configuration.
type upFlags struct {
	connectFlags
	detach  bool
	report  string   // hidden: the socket on which the process that has started this one listens
	without []string // hidden: targets that it has given up
}

func (a *app) newUp() *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:               "up [SET|TARGET…]",
		Short:             "Open several databases at once, in the background too",
		Long:              upLong,
		Example:           "  rdsx up\n  rdsx up shop --detach\n  rdsx up orders-prod billing:reader cache.internal:6379",
		ValidArgsFunction: a.completeUp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.up(cmd.Context(), cmd.Flags(), args, flags)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&flags.detach, "detach", "d", false, "return once they are ready; a process of its own carries them")
	f.StringVar(&flags.via, "via", "", "instance to go through for all: its id or Name tag")
	f.StringVar(&flags.bind, "bind", "", "local address to listen on (default 127.0.0.1 and ::1)")
	f.StringVar(&flags.reason, "reason", "", "reason that Session Manager records, at most 256 characters")
	flags.tuning.register(f)
	f.StringVar(&flags.report, "report", "", "socket of the process that waits for this one")
	f.StringArrayVar(&flags.without, "without", nil, "leave out this target")
	_, _ = f.MarkHidden("report"), f.MarkHidden("without") // for --detach; the flags exist
	a.flags.many.register(f)
	_ = cmd.RegisterFlagCompletionFunc("group", a.completeGroups)
	_ = cmd.RegisterFlagCompletionFunc("via", a.completeInstances)
	return cmd
}

// wish is a target that is to be opened.
type wish struct {
	name, set string
	settings  targetSettings
	flags     connectFlags // with the settings
}

// up opens what is named, in this process or in one of its own.
func (a *app) up(ctx context.Context, given *pflag.FlagSet, args []string, flags upFlags) error {
	all, err := a.settings()
	if err != nil {
		return err
	}
	wishes, err := all.wishes(args, flags.connectFlags, cmp.Or(a.settingsPath(), teamFile))
	if err != nil {
		return err
	}
	wishes = slices.DeleteFunc(wishes, func(w wish) bool { return slices.Contains(flags.without, w.name) })
	if err := samePort(wishes); err != nil {
		return err
	}
	switch {
	case flags.report != "":
		return a.upFor(ctx, wishes, flags.report)
	case flags.detach:
		return a.detach(ctx, given, args, wishes)
	case a.flags.json:
		return a.upHere(ctx, wishes, &jsonAudience{out: &lockedWriter{w: a.Stdout}}, nil)
	}
	talk := newTextAudience(a, wishes)
	here := *a
	here.Stderr = talk.c
	return here.upHere(ctx, wishes, talk, nil)
}

// wishes are the targets that the arguments name, each once, with their settings. A name that is both a set's and a target's
// is the set's.
func (s settings) wishes(args []string, flags connectFlags, path string) ([]wish, error) {
	if len(args) == 0 {
		name, err := s.onlySet(path)
		if err != nil {
			return nil, err
		}
		args = []string{name}
	}
	var all []wish
	add := func(name, set string) {
		if !slices.ContainsFunc(all, func(w wish) bool { return w.name == name }) {
			t := s.targets[name]
			all = append(all, wish{name, set, t, t.fill(flags)})
		}
	}
	for _, arg := range args {
		if arg == "" {
			return nil, usage("rdsx up --help", "the name of a set or target is empty")
		}
		for _, name := range s.tunnels[arg] {
			add(name, arg)
		}
		if s.tunnels[arg] == nil {
			add(arg, "")
		}
	}
	return all, nil
}

// onlySet is the set that is meant when none is named.
func (s settings) onlySet(path string) (string, error) {
	names := slices.Sorted(maps.Keys(s.tunnels))
	switch {
	case len(names) == 0:
		return "", usage("rdsx up TARGET…, or write a set of targets under tunnels: in "+path, "no set of tunnels is in the configuration")
	case s.tunnels["default"] != nil:
		return "default", nil
	case len(names) > 1:
		return "", usage("rdsx up "+names[0], "none of the sets is named default: which of %s?", strings.Join(names, ", "))
	}
	return names[0], nil
}

// samePort refuses what cannot come true before anything is asked of AWS.
func samePort(wishes []wish) error {
	by := map[int]string{}
	for _, w := range wishes {
		port := w.flags.port
		if other := by[port]; port != 0 && other != "" {
			return usage("give one of them another port: under targets: in config.yaml", "%s and %s both want the local port %d", other, w.name, port)
		}
		by[port] = w.name
	}
	return nil
}

// signInFor asks for what the credentials of the targets need, each profile once. failed has why a target's could not be had.
func (a *app) signInFor(ctx context.Context, wishes []wish) (failed map[string]error) {
	type where struct{ profile, region string }
	asked := map[where]error{}
	failed = map[string]error{}
	for _, w := range wishes {
		at := a.at(w.settings)
		key := where{at.flags.profile, at.flags.region}
		err, known := asked[key]
		if !known {
			err = at.retrieve(ctx)
			asked[key] = err
		}
		if err != nil {
			failed[w.name] = err
		}
	}
	return failed
}

// retrieve has the credentials of the profiles that are meant in the cache, for another process to find. A failure of others
// than the sign-in is left to that one.
func (a *app) retrieve(ctx context.Context) error {
	chosen, err := a.chosen()
	if err != nil {
		return err
	}
	scopes, err := a.scopes(ctx, chosen)
	if err != nil {
		return err
	}
	places, _, err := a.places(ctx, scopes, a.askMFA)
	if err != nil {
		return err
	}
	for _, p := range places {
		if p.cfg.Credentials == nil {
			continue
		}
		if _, err := p.cfg.Credentials.Retrieve(ctx); errors.Is(err, aws.ErrSignIn) {
			return fmt.Errorf("profile %s: %w", cmp.Or(p.account.Profile, "default"), err)
		}
	}
	return nil
}
