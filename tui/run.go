package tui

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
)

// Options are the terminal that the screens are drawn on.
type Options struct {
	In    io.Reader
	Out   io.Writer
	Env   []string // KEY=value: TERM, COLORTERM and NO_COLOR say what the terminal can do
	Mouse bool
	Hints Hints
	Open  []Opening // tunnels to be opened from the start, while the list is shown

	// Ending is called when the terminal is the user's again and the sessions of that many tunnels are about to be ended,
	// which may take a second. May be nil.
	Ending func(tunnels int)
}

// Opening is a target and the local port to open it on.
type Opening struct {
	Target aws.Target
	Port   int
}

// frames is how often the terminal is drawn at the most, in a second. What moves by itself moves four times a second.
const frames = 10

// Run shows the screens until the user leaves or ctx ends. When it returns, the terminal is as it was, every session has been
// ended at AWS, and the last readings of all tunnels there were are handed back: also after a panic, which is an error.
func Run(ctx context.Context, deps Deps, o Options) ([]aws.Tunnel, error) {
	within, stop := context.WithCancel(ctx)
	defer stop()
	w, reg := newWorks(), newRegistry()
	// Tunnels outlive the program's own context by their Close, so that they are ended and not merely abandoned.
	defer reg.seal()
	program := tea.NewProgram(newModel(deps, o, w.starter(within), reg),
		tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Env),
		tea.WithoutSignalHandler(), tea.WithFPS(frames))
	err := runUntil(within, program)
	if n := reg.count(); n > 0 && o.Ending != nil {
		o.Ending(n)
	}
	stop()
	w.wait()
	ended := reg.seal()
	if ctx.Err() != nil && !errors.Is(err, tea.ErrProgramPanic) {
		err = ctx.Err() // asked to end, and that was done
	}
	return ended, err
}

// leaving is how long the program has to end in order. It cannot while a client has the terminal.
const leaving = 500 * time.Millisecond

// runUntil runs the program until it ends by itself or ctx does. Asked to quit, unlike killed, it waits for its own reader of
// the terminal.
func runUntil(ctx context.Context, program *tea.Program) error {
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		kill := time.AfterFunc(leaving, program.Kill)
		defer kill.Stop()
		program.Quit()
		<-ended
	})
	_, err := program.Run()
	close(ended)
	watch.Wait()
	return err
}
