package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

const downLong = `down ends tunnels that are open on this machine, of every rdsx of yours, and waits until their sessions are ended at AWS. Each
is ended by its own process: connect and up end with their last tunnel, the screens and the program of exec go on.

A tunnel is named by its TARGET as it was typed, its database or endpoint, its set, its local address, or :PORT. One that has
connections is ended after a question; without a terminal --yes is needed. On stdout: what moved through each.`

type downFlags struct{ all, yes bool }

func (a *app) newDown() *cobra.Command {
	var flags downFlags
	cmd := &cobra.Command{
		Use:               "down [NAME|TARGET|:PORT…] [--all]",
		Short:             "End tunnels that are open on this machine",
		Long:              downLong,
		Example:           "  rdsx down orders-prod\n  rdsx down shop :5432 --yes\n  rdsx down --all",
		ValidArgsFunction: a.completeDown,
		RunE: func(cmd *cobra.Command, names []string) error {
			switch {
			case flags.all && len(names) > 0:
				return usage("rdsx down --all", "--all ends every tunnel: leave out the names")
			case !flags.all && len(names) == 0:
				return usage("rdsx ps", "down needs the NAME or :PORT of a tunnel, or --all")
			}
			return a.down(cmd.Context(), names, flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.all, "all", false, "every tunnel")
	f.BoolVarP(&flags.yes, "yes", "y", false, "end those that have connections without asking")
	return cmd
}

// down ends the tunnels that are named, or none when a name is nobody's.
func (a *app) down(ctx context.Context, names []string, flags downFlags) error {
	all, silent := a.peers(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.saySilent(silent)
	chosen := openTunnels(all)
	if !flags.all {
		var missing []string
		for _, name := range names {
			if !slices.ContainsFunc(chosen, func(t openTunnel) bool { return t.called(name) }) {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			return aws.Advise(fmt.Errorf("no open tunnel %s on this machine", strings.Join(missing, ", ")), aws.ErrNotFound, "rdsx ps")
		}
		chosen = slices.DeleteFunc(chosen, func(t openTunnel) bool { return !slices.ContainsFunc(names, t.called) })
	}
	if len(chosen) == 0 {
		return aws.Advise(errors.New("no tunnel is open on this machine"), aws.ErrNotFound, "rdsx up --help")
	}
	if !flags.yes {
		if err := a.askToEnd(ctx, chosen, names); err != nil {
			return err
		}
	}
	ended, failed := endTunnels(ctx, all, chosen)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errors.Join(failed...), a.printEnded(tunnelList{Tunnels: ended, Errors: texts(failed)}))
}

// askToEnd asks where connections would be cut.
func (a *app) askToEnd(ctx context.Context, chosen []openTunnel, names []string) error {
	var used []string
	n := 0
	for _, t := range chosen {
		for _, c := range t.Connections {
			n++
			used = append(used, fmt.Sprintf("%s on %s: %s since %s, ↑ %s ↓ %s", t.Name, t.Local, c.Peer, c.Opened.Local().Format(time.TimeOnly), size(c.Up), size(c.Down)))
		}
	}
	if n == 0 {
		return nil
	}
	ask := newAsker(a)
	if !ask.can {
		args := append([]string{"rdsx", "down"}, names...)
		if len(names) == 0 {
			args = append(args, "--all")
		}
		return usage(engine.Quote(append(args, "--yes")), "there is nobody to confirm that %s may be cut", count(n, "connection"))
	}
	for _, line := range used {
		fmt.Fprintln(a.Stderr, printable(line))
	}
	answer, err := ask.line(ctx, fmt.Sprintf("Cut %s and end %s? [y/N] ", count(n, "connection"), count(len(chosen), "tunnel")))
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return errors.New("nothing was ended")
	}
	return nil
}

// endTunnels has each process end its own, and returns their last readings. Of one that has ended by itself meanwhile, or with its
// process, that is what was listed of it.
func endTunnels(ctx context.Context, all []peer, chosen []openTunnel) (ended []openTunnel, failed []error) {
	replies, errs := make([]boardReply, len(all)), make([]error, len(all))
	theirs := make([][]openTunnel, len(all))
	var asked sync.WaitGroup
	for i, p := range all {
		q := boardRequest{Ask: askEnd}
		for _, t := range p.tunnels {
			if slices.ContainsFunc(chosen, func(c openTunnel) bool { return c.socket == t.socket && c.ID == t.ID }) {
				q.IDs, theirs[i] = append(q.IDs, t.ID), append(theirs[i], t)
			}
		}
		if len(q.IDs) > 0 {
			asked.Go(func() { replies[i], errs[i] = askToEndAll(ctx, p.path, q) })
		}
	}
	asked.Wait()
	ended = []openTunnel{}
	for i, r := range replies {
		if errs[i] != nil && !isDead(errs[i]) { // one that has ended meanwhile has ended its tunnels
			failed = append(failed, fmt.Errorf("end the tunnels of process %d: %w", pidOf(all[i].path), errs[i]))
			continue
		}
		ended = append(ended, r.Tunnels...)
		for _, t := range theirs[i] {
			if !slices.ContainsFunc(r.Tunnels, func(e openTunnel) bool { return e.ID == t.ID }) {
				t.State = aws.StateClosed
				ended = append(ended, t)
			}
		}
	}
	return ended, failed
}

// askToEndAll asks one process. One that is about to leave hangs up on those that it has not heard yet: its tunnels are over then, and
// it is dead as soon as one looks again.
func askToEndAll(ctx context.Context, path string, q boardRequest) (boardReply, error) {
	r, err := askBoard(ctx, path, q, endTime)
	if err == nil || isDead(err) || ctx.Err() != nil {
		return r, err
	}
	if _, again := askBoard(ctx, path, boardRequest{Ask: askList}, listTime); isDead(again) {
		err = again
	}
	return r, err
}

func (a *app) printEnded(l tunnelList) error {
	if a.flags.json {
		return a.printTunnels(l)
	}
	for _, t := range l.Tunnels {
		fmt.Fprintf(a.Stdout, "%s on %s: ↑ %s ↓ %s in %s, %s\n", printable(t.Name), printable(t.Local), size(t.Up), size(t.Down),
			age(time.Since(t.Started)), count(int(t.Accepted), "connection"))
	}
	return nil
}
