package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/forward"
)

const execLong = `exec opens a tunnel, runs a program on it, and closes the tunnel when the program ends. Its exit code is the program's.

TARGET is as for connect. The program finds the tunnel in its environment: RDSX_LOCAL_ADDRESS, RDSX_LOCAL_HOST and
RDSX_LOCAL_PORT, RDSX_ENDPOINT (the database's own host:port), and for programs on libpq PGHOST, PGHOSTADDR and PGPORT, for
those of MySQL MYSQL_HOST and MYSQL_TCP_PORT. {host}, {port}, {address}, {endpoint} and {url} in its arguments are replaced.
With --unix, {address} is the socket, and a program that would look for a port is not run.

Standard input and output are the program's own; what rdsx has to say is on stderr.`

func (a *app) newExec() *cobra.Command {
	var flags connectFlags
	cmd := &cobra.Command{
		Use:   "exec TARGET -- PROGRAM [ARG...]",
		Short: "Run a program on a tunnel that lasts as long as it does",
		Long:  execLong,
		Example: "  rdsx exec orders-prod -- pg_dump --format custom --file orders.dump orders\n" +
			"  rdsx exec cache.internal:6379 -- redis-cli -h {host} -p {port} ping",
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at == 1 && len(args) > 1 || at < 0 && len(args) > 1 {
				return nil
			}
			return usage("rdsx exec --help", "exec needs one TARGET and, behind --, a PROGRAM")
		},
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.exec(cmd.Context(), args[0], flags, args[1:])
		},
	}
	flags.register(cmd)
	a.flags.many.register(cmd.Flags())
	cmd.Flags().SetInterspersed(true)
	_ = cmd.RegisterFlagCompletionFunc("via", a.completeInstances)
	return cmd
}

// prepareExec refuses what the program could not do, and asks AWS for all that its tunnel needs. at is a with the target's settings.
func (a *app) prepareExec(ctx context.Context, name string, flags connectFlags, argv []string) (at *app, r route, filled connectFlags, err error) {
	if _, err := exec.LookPath(argv[0]); err != nil {
		return a, r, flags, usage("", "%s cannot be run: %v", argv[0], errors.Unwrap(err))
	}
	if err := socketHas(flags, argv); err != nil {
		return a, r, flags, err
	}
	all, err := a.settings()
	if err != nil {
		return a, r, flags, err
	}
	t := all.targets[name]
	at = a.at(t)
	r, flags, err = at.prepare(ctx, name, t.fill(flags))
	if err == nil {
		err = socketSuffices(flags, r.target, argv)
	}
	return at, r, flags, err
}

// exec carries a tunnel while the program runs.
func (a *app) exec(ctx context.Context, name string, flags connectFlags, argv []string) error {
	a, route, flags, err := a.prepareExec(ctx, name, flags, argv)
	if err != nil {
		return err
	}
	f, err := a.listen(ctx, route, flags)
	if err != nil {
		return portAdvice(ctx, err, flags.bind, func(port int) string { return a.execOnPort(port, argv) })
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	var runErr error
	leave := a.board.post(f, a.told(route, "exec"))
	go func() {
		defer close(done)
		runErr = f.Run(running)
	}()
	defer func() {
		stop()
		<-done
		leave()
	}()
	if !a.awaitOpen(ctx, f, done) {
		stop()
		<-done
		if ctx.Err() != nil {
			return context.Canceled
		}
		if leave() {
			return fmt.Errorf("run %s: the tunnel was %s", argv[0], endedByDown)
		}
		return runErr
	}
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { a.troubles(f, ended) })
	defer func() {
		a.hurry()
		close(ended)
		watching.Wait()
	}()
	release := a.holdInterrupts()
	err = a.runOn(ctx, f.Snapshot(), argv)
	watching.Go(func() { a.afterwards(release, ended) })
	return a.delivered(ctx, f, err)
}

// afterwards takes Ctrl-C back from the program, and tells whoever seems to wait for nothing, after a while. What reached both a moment
// before the program ended was the program's. ended ends it.
func (a *app) afterwards(release func(), ended <-chan struct{}) {
	late := !over(ended, finishHold)
	release()
	if late && !over(ended, finishTalk-finishHold) {
		fmt.Fprintln(a.Stderr, "rdsx: the program has ended; what it sent last is still on its way. Ctrl-C gives it up.")
	}
}

// over says whether something ends within a time.
func over(ended <-chan struct{}, within time.Duration) bool {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-ended:
		return true
	case <-late.C:
		return false
	}
}

// delivered waits until the target has what the program has sent, which has ended with err.
func (a *app) delivered(ctx context.Context, f *forward.Forwarder, err error) error {
	if ctx.Err() != nil {
		return err
	}
	lost := f.Finish(ctx)
	switch {
	case lost != nil && err != nil: // the program's exit code goes before
		fmt.Fprintf(a.Stderr, "rdsx: %s\n", lost)
	case err == nil && ctx.Err() != nil:
		return context.Canceled
	case lost != nil:
		return lost
	}
	return err
}

const (
	// finishHold is how long after the program's end Ctrl-C may still have been meant for it.
	finishHold = 250 * time.Millisecond
	// finishTalk is after how long a person is told what is waited for.
	finishTalk = 2 * time.Second
)

// awaitOpen waits until connections can be carried, and says why not when they cannot.
func (a *app) awaitOpen(ctx context.Context, f *forward.Forwarder, done <-chan struct{}) bool {
	for {
		switch f.Snapshot().State {
		case aws.StateIdle, aws.StateOpen:
			if a.opened != nil {
				a.opened()
			}
			return true
		case aws.StateClosed:
			return false
		}
		select {
		case <-f.Changed():
		case <-done:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// troubles says what goes wrong with the tunnel while the program runs.
func (a *app) troubles(f *forward.Forwarder, ended <-chan struct{}) {
	var seen uint64
	for {
		for _, ev := range f.Events(seen) {
			seen = ev.Seq
			switch over := ev.Kind == aws.EventState && ev.State == aws.StateClosed; {
			case over, ev.Kind == aws.EventConnRefused, ev.Kind == aws.EventUnreachable, ev.Kind == aws.EventConnReset:
				fmt.Fprintf(a.Stderr, "rdsx: %s\n", printable(ev.Text))
				if ev.Next != "" {
					fmt.Fprintf(a.Stderr, "hint: %s\n", printable(ev.Next))
				}
			}
		}
		select {
		case <-f.Changed():
		case <-ended:
			return
		}
	}
}

// runOn runs the program, with interrupts held. Ctrl-C is the program's; other signals to rdsx interrupt it and end the tunnel afterwards.
func (a *app) runOn(ctx context.Context, t aws.Tunnel, argv []string) error {
	args := inPlace(t, argv)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Stdin, streamOf(a.Stdout), streamOf(a.Stderr)
	cmd.Env = append(slices.Clone(a.Env), tunnelEnv(t)...)
	gentle(cmd)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Canceled
	case errors.As(err, &exit):
		if exit.ExitCode() < 0 {
			return childExit(128 + signalOf(exit.ProcessState)) // as a shell says it
		}
		return childExit(exit.ExitCode())
	case err != nil:
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	return nil
}
