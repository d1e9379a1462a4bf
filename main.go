// Command rdsx opens private AWS databases on 127.0.0.1 through Session Manager. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rdsx/rdsx/cli"
)

// Set by the linker in releases (.goreleaser.yaml); a plain go build leaves them empty and the build information is used.
var version, commit, date string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := cli.Run(ctx, cli.Process{
		Args: os.Args[1:], Env: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version: cli.Version{Version: version, Commit: commit, Date: date},
	})
	stop()
	os.Exit(code)
}
