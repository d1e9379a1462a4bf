// Command rdsx opens private AWS databases on 127.0.0.1 through Session Manager. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/rdsx/rdsx/cli"
)

// Set by the linker in releases (.goreleaser.yaml); a plain go build leaves them empty and the build information is used.
var version, commit, date string

func main() {
	// SIGTERM is always among them: of none at all, NotifyContext would make every signal.
	ctx, stop := signal.NotifyContext(context.Background(), heard(syscall.SIGTERM, syscall.SIGHUP)...)
	// Whoever reads what is printed may go first (| head, or a tee that Ctrl-C ended): writing fails then, and rdsx ends what it
	// has open as ever, instead of being ended by the signal. Nobody reads the channel.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	interrupts := make(chan os.Signal, 1)
	if signal.Ignored(os.Interrupt) {
		signal.Ignore(syscall.SIGQUIT) // a shell ignores both or none, and Go's runtime keeps the first alone as it was
	} else {
		signal.Notify(interrupts, os.Interrupt, syscall.SIGQUIT)
	}
	code := cli.Run(ctx, cli.Process{
		Name: strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), Args: os.Args[1:], Env: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version:    cli.Version{Version: version, Commit: commit, Date: date},
		Interrupts: interrupts,
	})
	stop()
	os.Exit(code)
}

// heard are the signals that were not ignored at the start. nohup does that to the end of the terminal, and the shell of a script
// to Ctrl-C, for what it runs with &: they are meant for others then, and Notify would bring them back.
func heard(signals ...os.Signal) []os.Signal { return slices.DeleteFunc(signals, signal.Ignored) }
