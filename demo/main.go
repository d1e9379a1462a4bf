// Command demo is the project's first command, `go run ./demo`: rdsx on a simulated AWS with databases behind it, on a
// machine that has Go and nothing else. It is the standard library alone, so that it starts at once; it builds rdsx and, for
// the servers that are not installed here, the engines of demo/engines, shows how far that is, and runs `rdsx demo`.
//
// Arguments are passed on: go run ./demo --headless, go run ./demo --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code, err := run(context.Background(), signals, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	os.Exit(code)
}

const interrupted = 130

// run builds what is needed, runs rdsx demo and gives its exit code.
func run(ctx context.Context, signals <-chan os.Signal, args []string) (code int, err error) {
	b, err := newBuilder(ctx, os.Stderr)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	rdsx, found, code, err := b.programs(ctx, signals, args)
	if err != nil || code != 0 {
		return code, err
	}
	env := os.Environ()
	if found != nil {
		defer func() { err = errors.Join(err, found.close()) }()
		args = append(found.flags(), args...)
		env = append(env, passwordEnv+"="+found.password)
	}
	return runDemo(ctx, signals, rdsx, args, env)
}

// programs builds rdsx and starts the engines that stand in for servers that are missing here; nil when none is. A signal
// ends it.
func (b *builder) programs(ctx context.Context, signals <-chan os.Signal, args []string) (rdsx string, e *engines, code int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-done:
		}
	}()
	if rdsx, err = b.build(ctx, "rdsx", b.root); err == nil {
		e, err = b.missing(ctx, rdsx, args)
	}
	var refused refusal
	switch {
	case ctx.Err() != nil:
		if e != nil {
			err = e.close()
		} else {
			err = nil
		}
		return "", nil, interrupted, err
	case errors.As(err, &refused):
		return "", nil, int(refused), nil
	case err != nil:
		return "", nil, 1, err
	}
	return rdsx, e, 0, nil
}

// refusal is the exit code of an rdsx that did not like its arguments, and has said why.
type refusal int

func (r refusal) Error() string { return fmt.Sprintf("rdsx demo --missing: exit status %d", int(r)) }

// missing asks rdsx which kinds of server it would have to do without, and starts engines when they can help.
func (b *builder) missing(ctx context.Context, rdsx string, args []string) (*engines, error) {
	if slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "--help" }) {
		return nil, nil
	}
	cmd := exec.CommandContext(ctx, rdsx, append([]string{"demo", "--missing"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return nil, refusal(exit.ExitCode())
	case err != nil:
		return nil, fmt.Errorf("rdsx demo --missing: %w", err)
	}
	kinds := strings.Fields(string(out))
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return !stoodIn(kind) })
	if len(kinds) == 0 {
		return nil, nil
	}
	program, err := b.build(ctx, "engines", filepath.Join(b.root, "demo", "engines"))
	if err != nil {
		return nil, err
	}
	return startEngines(ctx, program, filepath.Join(b.root, "sim", "databases"), kinds)
}

// runDemo runs rdsx demo in the terminal's foreground and passes signals on. Ctrl-C reaches it from the terminal as well;
// a second one does it no harm.
func runDemo(ctx context.Context, signals <-chan os.Signal, rdsx string, args, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, rdsx, append([]string{"demo"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended; Windows knows no signals and its console tells the child itself
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.Exited() {
				return exit.ExitCode(), nil
			}
			if err != nil {
				return 1, fmt.Errorf("rdsx demo: %w", err)
			}
			return 0, nil
		}
	}
}

// executable is a program's file name here.
func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
