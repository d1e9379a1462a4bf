package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/forward"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// screen is rdsx without a command: the screens on a terminal, numbered prompts with RDSX_PLAIN=1, and off a terminal the
// list and how to go on.
func (a *app) screen(ctx context.Context) error {
	return a.screenWith(ctx, screenOptions{})
}

// screenOptions are what the demo adds to the screens.
type screenOptions struct {
	hints tui.Hints
	// client is the client program on a tunnel: its arguments, and what its environment needs on top. nil for the engine's own.
	client func(t aws.Tunnel) (args, env []string)
}

func (a *app) screenWith(ctx context.Context, o screenOptions) error {
	plain := a.getenv("RDSX_PLAIN") != "" && a.getenv("RDSX_PLAIN") != "0"
	if a.flags.noInput || a.flags.json || !plain && !a.onTerminal() {
		return a.noScreen(ctx)
	}
	s := &screenRun{app: a, options: o, questions: make(chan tui.Question)}
	var err error
	if s.cfg, s.account, err = a.loadAsking(ctx, s.askMFA(plain)); err != nil {
		return err
	}
	s.files = a.screenFiles(s.account)
	deps := tui.Deps{Catalogue: s, Opener: s, Memory: s.files, Desk: s, Check: checkPort(ctx), Limits: s.limits, Questions: s.questions}
	var ended []aws.Tunnel
	if plain {
		ended, err = tui.Plain(ctx, deps, a.Stdin, a.Stdout)
	} else {
		ended, err = tui.Run(ctx, deps, tui.Options{
			In: a.Stdin, Out: a.Stdout, Env: a.Env, Mouse: a.getenv("RDSX_NO_MOUSE") == "", Hints: o.hints,
			Ending: func(n int) { fmt.Fprintf(a.Stderr, "ending %s…\n", count(n, "session")) },
		})
	}
	a.summary(ended)
	return err
}

// screenRun is what the screens work with.
type screenRun struct {
	app       *app
	options   screenOptions
	cfg       sdk.Config
	account   aws.Account
	files     *screenFiles
	questions chan tui.Question
}

// onTerminal says whether both ends of the screens are a terminal that can draw them.
func (a *app) onTerminal() bool {
	in, ok := a.Stdin.(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && a.isTerminal(a.Stdout)
}

// noScreen is for pipes and jobs: what there is, and how to connect.
func (a *app) noScreen(ctx context.Context) error {
	if err := a.ls(ctx); err != nil {
		return err
	}
	return usage("rdsx connect TARGET", "the screens need a terminal and somebody to ask")
}

// Open implements tui.Opener. It binds the port; the session is started behind it.
func (s *screenRun) Open(ctx context.Context, target aws.Target, port int) (tui.Tunnel, error) {
	if target.Engine == "" {
		target.Engine = string(engine.ByPort(target.Endpoint.Port).Family)
	}
	r := route{target: target, cfg: s.cfg}
	f, err := s.app.listen(ctx, r, connectFlags{port: port})
	if err != nil {
		return nil, err
	}
	// The state and its reason say why a Run has ended; Close waits for it.
	go func() { _ = f.Run(ctx) }()
	return f, nil
}

// checkPort says who holds a port, by taking it for a moment as a tunnel would.
func checkPort(ctx context.Context) func(int) (string, error) {
	return func(port int) (string, error) {
		f, err := forward.Listen(ctx, forward.Config{Port: port}, nil)
		var taken *forward.PortInUse
		switch {
		case errors.As(err, &taken):
			return taken.Holder.String(), nil
		case err != nil:
			return "", err
		}
		f.Close()
		return "", nil
	}
}

// summary is what stays on the terminal: what moved, for how long, and the command that does it again.
func (a *app) summary(ended []aws.Tunnel) {
	again := map[string]bool{}
	for _, t := range ended {
		until := time.Now()
		if t.State == aws.StateClosed {
			until = t.Since
		}
		fmt.Fprintf(a.Stderr, "%s: ↑ %s ↓ %s in %s, %s\n", printable(t.Target.Name()), size(t.Up), size(t.Down),
			until.Sub(t.Started).Round(time.Second), count(int(t.Connections), "connection"))
		if line := a.againCommand(t); !again[line] {
			again[line] = true
			fmt.Fprintf(a.Stderr, "  again: %s\n", line)
		}
	}
}

// againCommand is the command that opens the same tunnel without a screen.
func (a *app) againCommand(t aws.Tunnel) string {
	target := t.Target.Name()
	if db := t.Target.Database; db != nil && db.Role == aws.RoleReader {
		target += ":reader"
	}
	args := []string{"rdsx", "connect", target, "--via", t.Target.Instance.ID}
	if port := portOf(t.Local); port > 0 {
		args = append(args, "--port", strconv.Itoa(port))
	}
	if a.flags.profile != "" {
		args = append(args, "--profile", a.flags.profile)
	}
	if a.flags.region != "" {
		args = append(args, "--region", a.flags.region)
	}
	return engine.Quote(args)
}

var _ tui.Tunnel = (*forward.Forwarder)(nil)

// limits implements tui.Deps.Limits: they are in Session Manager's preferences, which the profile may not be allowed to read.
func (s *screenRun) limits(ctx context.Context, _ aws.Account) tunnels.Limits {
	return sessionLimits(ctx, s.cfg)
}
