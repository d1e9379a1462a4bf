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
	// scopes are the profiles and regions that are listed; none for those of --profile and --region.
	scopes []scope
	open   []tui.Opening // from the start
	gone   bool          // nothing of this is there afterwards: no command does it again
	// client is the client program on a tunnel: its arguments, and what its environment needs on top; command is a line to
	// paste that does the same. nil, or empty, for the engine's own.
	client  func(t aws.Tunnel) (args, env []string)
	command func(t aws.Tunnel) string
	// conn is what a client has to know, with user and database; false, or nil, for what the target tells.
	conn func(t aws.Tunnel, program string) (engine.Conn, bool)
}

func (a *app) screenWith(ctx context.Context, o screenOptions) error {
	plain := a.getenv("RDSX_PLAIN") != "" && a.getenv("RDSX_PLAIN") != "0"
	if a.flags.noInput || a.flags.json || !plain && !a.onTerminal() {
		return a.noScreen(ctx)
	}
	s := &screenRun{app: a, options: o, questions: make(chan tui.Question), files: a.screenFiles(), before: map[string]way{}, cacheRead: make(chan struct{})}
	if err := s.load(ctx, plain); err != nil {
		return err
	}
	deps := tui.Deps{Catalogue: s, Opener: s, Memory: s.files, Desk: s, Profiles: screenProfiles{a, s.files}, Check: checkPort(ctx), Limits: s.limits, Questions: s.questions, Notice: s.leftBehind}
	var ended []aws.Tunnel
	var err error
	if plain {
		close(s.cacheRead) // prompts show no list of the last run
		ended, err = tui.Plain(ctx, deps, a.Stdin, a.Stdout)
	} else {
		ended, err = tui.Run(ctx, deps, tui.Options{
			In: a.Stdin, Out: streamOf(a.Stdout), Env: a.Env, Mouse: a.getenv("RDSX_NO_MOUSE") == "", Hints: o.hints, Open: o.open,
			Ending: func(n int) { fmt.Fprintf(a.Stderr, "ending %s…\n", count(n, "session")) },
		})
	}
	s.summary(ended)
	return err
}

// screenRun is what the screens work with.
type screenRun struct {
	app       *app
	options   screenOptions
	places    []place
	failed    []error // profiles that could not be read
	files     *screenFiles
	questions chan tui.Question
	before    map[string]way // what the last run knew of the databases, by key; filled before the first scan begins
	kept      *kept          // of the lists of the last run, what Cached has not waited for
	cacheRead chan struct{}  // closed once Cached has returned
}

// scope is a profile and a region; "" is what rdsx takes without being told.
type scope struct{ profile, region string }

// place is a scope that can be asked.
type place struct {
	scope
	cfg     sdk.Config
	account aws.Account // without its id, until AWS has been asked
}

// load reads the profiles. What is not said on the command line is as it was last time, when several were looked at.
func (s *screenRun) load(ctx context.Context, plain bool) error {
	scopes := s.options.scopes
	if len(scopes) == 0 {
		c, err := s.app.chosen()
		if err != nil {
			return err
		}
		if c.empty() && s.app.getenv("AWS_PROFILE") == "" && s.app.getenv("AWS_REGION") == "" {
			c = s.files.memory.Many
		} else if m := s.app.flags.many; m.profiles != "" || m.regions != "" || m.group != "" || m.all {
			_ = s.files.rememberMany(c) // what cannot be kept is typed again
		}
		if scopes, err = s.app.scopes(ctx, c); err != nil {
			return err
		}
	}
	var err error
	s.places, s.failed, err = s.app.places(ctx, scopes, s.askMFA(plain))
	return err
}

// placeOf is where the account is reached; rows of an older list may name one that is not asked this time.
func (s *screenRun) placeOf(of aws.Account) (place, error) {
	for _, p := range s.places {
		if p.account.Profile == of.Profile && p.account.Region == of.Region {
			return p, nil
		}
	}
	return place{}, aws.Advise(fmt.Errorf("profile %q in %s was not asked this time", of.Profile, of.Region), aws.ErrUsage,
		"rdsx "+engine.Quote([]string{"--profile", of.Profile, "--region", of.Region}))
}

// onTerminal says whether both ends of the screens are a terminal that can draw them.
func (a *app) onTerminal() bool {
	in, ok := a.Stdin.(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && a.isTerminal(a.Stdout)
}

// noScreen is for pipes and jobs: what there is, and how to connect.
func (a *app) noScreen(ctx context.Context) error {
	if err := a.ls(ctx, false); err != nil {
		return err
	}
	return usage("rdsx connect TARGET", "the screens need a terminal and somebody to ask")
}

// Open implements tui.Opener. It binds the port; the session is started behind it.
func (s *screenRun) Open(ctx context.Context, target aws.Target, port int) (tui.Tunnel, error) {
	if target.Engine == "" {
		target.Engine = string(engine.ByPort(target.Endpoint.Port).Family)
	}
	p, err := s.placeOf(target.Account)
	if err != nil {
		return nil, err
	}
	way := route{target: target, cfg: p.cfg}
	tuned, err := s.app.tuningFromEnv()
	if err != nil {
		return nil, err
	}
	flags, err := s.app.withSettings(target.Name(), connectFlags{port: port, tuning: tuned})
	if err != nil {
		return nil, err
	}
	flags, warning, err := s.app.fitDocument(ctx, way, flags)
	if err != nil {
		return nil, err
	}
	if warning != "" {
		s.app.log().Warn(warning)
	}
	f, err := s.app.listen(ctx, way, flags)
	if err != nil {
		return nil, err
	}
	way.name = typedName(target)
	leave := s.app.board.post(f, s.app.told(way, "screens"))
	// The state and its reason say why a Run has ended; Close waits for it.
	go func() {
		defer leave()
		_ = f.Run(ctx)
	}()
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
func (s *screenRun) summary(ended []aws.Tunnel) {
	again := map[string]bool{}
	for _, t := range ended {
		until := time.Now()
		if t.State == aws.StateClosed {
			until = t.Since
		}
		fmt.Fprintf(s.app.Stderr, "%s: ↑ %s ↓ %s in %s, %s\n", printable(t.Target.Name()), size(t.Up), size(t.Down),
			until.Sub(t.Started).Round(time.Second), count(int(t.Connections), "connection"))
		if line := s.againCommand(t); !s.options.gone && !again[line] {
			again[line] = true
			fmt.Fprintf(s.app.Stderr, "  again: %s\n", line)
		}
	}
}

// typedName is what is typed behind rdsx connect for the target.
func typedName(t aws.Target) string {
	if t.Database != nil && t.Database.Role == aws.RoleReader {
		return t.Name() + ":reader"
	}
	return t.Name()
}

// againCommand is the command that opens the same tunnel without a screen.
func (s *screenRun) againCommand(t aws.Tunnel) string {
	args := []string{"rdsx", "connect", typedName(t.Target), "--via", t.Target.Instance.ID}
	if port := portOf(t.Local); port > 0 {
		args = append(args, "--port", strconv.Itoa(port))
	}
	if p, err := s.placeOf(t.Target.Account); err == nil {
		if p.profile != "" {
			args = append(args, "--profile", p.profile)
		}
		if p.region != "" {
			args = append(args, "--region", p.region)
		}
	}
	return engine.Quote(args)
}

var _ tui.Tunnel = (*forward.Forwarder)(nil)

// limits implements tui.Deps.Limits: they are in Session Manager's preferences, which the profile may not be allowed to read.
func (s *screenRun) limits(ctx context.Context, of aws.Account) tunnels.Limits {
	p, err := s.placeOf(of)
	if err != nil {
		return tunnels.Limits{}
	}
	return sessionLimits(ctx, p.cfg)
}
