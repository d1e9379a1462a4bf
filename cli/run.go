// Package cli is the command line of rdsx: one file a command, each thin: flags, one call, print.
package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rdsx/rdsx/aws/account"
)

// Process is what the operating system gives a command: nothing below main reads it on its own.
type Process struct {
	Name    string   // of the program as it was called, without folder and .exe; kubectl-rdsx is kubectl's plugin
	Args    []string // without the program's name
	Env     []string // KEY=value, as of os.Environ
	Stdin   io.Reader
	Stdout  io.Writer // the answer
	Stderr  io.Writer // the talk
	Version Version

	// Interrupts delivers the user's Ctrl-C and Ctrl-\, apart from the context: a client program that has the terminal gets them as well,
	// and then they are not for rdsx. nil for never.
	Interrupts <-chan os.Signal
}

// getenv is the value of name in the process's environment; the last one wins, as in a shell.
func (p Process) getenv(name string) string {
	value := ""
	for _, kv := range p.Env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}

// Run runs one command line and returns its exit code. It returns once everything the command opened is closed, also when
// ctx ends first.
func Run(ctx context.Context, p Process) int {
	app := &app{Process: p, held: new(atomic.Int32), traced: new(atomic.Bool), shared: new(account.Shared), asking: new(atomic.Int32), question: new(sync.Mutex)}
	app.ledger = app.newLedger()
	app.board = app.newBoard()
	defer app.board.close()
	ctx, stop := app.interruptible(ctx)
	defer stop()
	ending, hurry := context.WithCancel(ctx)
	defer hurry()
	app.noMore = hurry
	app.Stdout, app.Stderr = &outlet{w: p.Stdout, ending: ending}, &outlet{w: p.Stderr, ending: ending}
	root := app.root()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(app.Stdout)
	root.SetErr(app.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return app.report(ctx, cmd, err)
}
