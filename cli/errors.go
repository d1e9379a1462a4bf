package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
)

// The exit codes of rdsx (docs/architecture.md, "What the user meets").
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSignIn      = 3
	exitNotFound    = 4
	exitUnreachable = 5
	exitRefused     = 6
	exitInterrupted = 130
)

// childExit carries the exit code of a program that rdsx ran for the user; nothing is printed for it.
type childExit int

func (c childExit) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

// report prints err as a sentence and a hint, and returns the exit code for it. It is the only place that knows both.
func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	code := exitCode(ctx, err)
	var child childExit
	switch {
	case code == exitOK, errors.As(err, &child):
	case code == exitInterrupted:
		// The user ended it and knows; what moved has been printed already.
	case errors.Is(err, syscall.EPIPE):
		// Whoever read the answer has gone: nobody is there to be told.
	default:
		fmt.Fprintf(a.Stderr, "rdsx: %v\n", err)
		printHint(a.Stderr, cmd, err)
	}
	return code
}

func printHint(w io.Writer, cmd *cobra.Command, err error) {
	next := aws.NextOf(err)
	if next == "" && errors.Is(err, aws.ErrUsage) && cmd != nil {
		next = cmd.CommandPath() + " --help"
	}
	if next != "" {
		if cmd != nil { // in the words by which the user called it
			if rest, ok := strings.CutPrefix(next, "rdsx "); ok {
				next = cmd.Root().DisplayName() + " " + rest
			}
		}
		fmt.Fprintf(w, "hint: %s\n", next)
	}
}

func exitCode(ctx context.Context, err error) int {
	var child childExit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &child):
		return int(child)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, aws.ErrClosed)):
		return exitInterrupted
	case errors.Is(err, aws.ErrUsage):
		return exitUsage
	case errors.Is(err, aws.ErrSignIn):
		return exitSignIn
	case errors.Is(err, aws.ErrNotFound):
		return exitNotFound
	case errors.Is(err, aws.ErrUnreachable), errors.Is(err, aws.ErrRefused):
		return exitUnreachable
	case errors.Is(err, aws.ErrRefusedByAWS):
		return exitRefused
	}
	return exitFailed
}

// usage is an error of the command line itself.
func usage(next, format string, args ...any) error {
	return aws.Advise(fmt.Errorf(format, args...), aws.ErrUsage, next)
}
