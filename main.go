// Command rdsx opens private AWS databases on 127.0.0.1 through Session Manager. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rdsx/rdsx/cli"
)

// Set by the linker in releases (.goreleaser.yaml); a plain go build leaves them empty and the build information is used.
var version, commit, date string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	// Whoever reads what is printed may go first (| head, or a tee that Ctrl-C ended): writing fails then, and rdsx ends what it
	// has open as ever, instead of being ended by the signal. Nobody reads the channel.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	code := cli.Run(ctx, cli.Process{
		Name: strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), Args: os.Args[1:], Env: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version:    cli.Version{Version: version, Commit: commit, Date: date},
		Interrupts: interrupts,
	})
	stop()
	os.Exit(code)
}
