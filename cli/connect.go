package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/forward"
)

const connectLong = `connect forwards a local port to a database and stays until Ctrl-C.

TARGET is an RDS instance, cluster or proxy identifier, an endpoint name, or host:port. A cluster identifier leads to its
writer; CLUSTER:reader leads to its reader endpoint. Without --via an online instance in the database's VPC is chosen and
named.

On stdout: the local address, then the command that opens the engine's client. On stderr: one line for each change.
With --json, one event a line on stdout instead.`

// connectFlags are the flags of every command that opens a tunnel.
type connectFlags struct {
	via, bind, unix, document, reason string
	parameters                        []string
	port                              int
	avoid                             []int // ports that are not to be taken by chance: other tunnels want them
	tuning
}

func (c *connectFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.via, "via", "", "instance to go through: its id or Name tag")
	f.IntVar(&c.port, "port", 0, "local port (default: the engine's own if free, else the next free one)")
	f.StringVar(&c.bind, "bind", "", "local address to listen on (default 127.0.0.1 and ::1)")
	f.StringVar(&c.unix, "unix", "", "listen on this unix socket instead of a port")
	f.StringVar(&c.document, "document", "", "Session document, name or ARN (default: AWS's own for port forwarding)")
	f.StringArrayVar(&c.parameters, "parameter", nil, "NAME=VALUE for a Session document of your own (repeatable)")
	f.StringVar(&c.reason, "reason", "", "reason that Session Manager records, at most 256 characters")
	c.tuning.register(f)
}

// check refuses what can be known to be wrong before anything is asked of AWS.
func (c *connectFlags) check() error {
	switch {
	case c.port < 0 || c.port > 65535:
		return usage("rdsx connect TARGET --port 15432", "--port %d: a TCP port is 1 to 65535", c.port)
	case c.unix != "" && (c.port != 0 || c.bind != ""):
		return usage("rdsx connect TARGET --unix "+c.unix, "--unix takes the place of --port and --bind")
	case c.bind != "" && net.ParseIP(c.bind) == nil:
		return usage("rdsx connect TARGET --bind 127.0.0.1", "--bind %q is not an IP address", c.bind)
	case len([]rune(c.reason)) > 256:
		return usage("", "--reason is %d characters; Session Manager records at most 256", len([]rune(c.reason)))
	case slices.ContainsFunc(c.parameters, func(p string) bool { return strings.Index(p, "=") < 1 }):
		return usage("rdsx connect TARGET --document NAME --parameter NAME=VALUE", "--parameter takes NAME=VALUE")
	}
	return c.tuning.check()
}

func (a *app) newConnect() *cobra.Command {
	var flags connectFlags
	cmd := &cobra.Command{
		Use:               "connect TARGET",
		Short:             "Open a database on 127.0.0.1",
		Long:              connectLong,
		Example:           "  rdsx connect orders-prod\n  rdsx connect billing:reader --port 15432\n  rdsx connect cache.internal:6379 --via bastion",
		Args:              oneTarget,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.connect(cmd.Context(), args[0], flags)
		},
	}
	flags.register(cmd)
	a.flags.many.register(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("group", a.completeGroups)
	_ = cmd.RegisterFlagCompletionFunc("via", a.completeInstances)
	return cmd
}

func oneTarget(_ *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return usage("rdsx ls", "connect needs one TARGET, got %d", len(args))
}

// connect opens a tunnel to the named target and carries it until ctx ends or it cannot be carried.
func (a *app) connect(ctx context.Context, name string, flags connectFlags) error {
	all, err := a.settings()
	if err != nil {
		return err
	}
	t := all.targets[name]
	a = a.at(t)
	route, flags, err := a.prepare(ctx, name, t.fill(flags))
	if err != nil {
		return err
	}
	a.warnOfOrphans(ctx, route.cfg, route.target.Account)
	return a.carry(ctx, route, flags)
}

// prepare asks AWS for all that a tunnel needs before its port is bound: the database, the instance, the parameters of a
// document of the user's own.
func (a *app) prepare(ctx context.Context, name string, flags connectFlags) (route, connectFlags, error) {
	r, err := a.plan(ctx, name, flags)
	if err != nil {
		return r, flags, err
	}
	flags, warning, err := a.fitDocument(ctx, r, flags)
	if err == nil && warning != "" {
		fmt.Fprintf(a.Stderr, "warning: %s\n", warning)
	}
	return r, flags, err
}

// carry binds the local port, opens the session and reports until the tunnel is over.
func (a *app) carry(ctx context.Context, route route, flags connectFlags) error {
	f, err := a.listen(ctx, route, flags)
	if err != nil {
		return portAdvice(ctx, err, flags.bind, a.onPort)
	}
	var rep reporter
	if a.flags.json {
		rep = newJSONReporter(a.Stdout, route)
	} else {
		rep = newTextReporter(newConsole(a), route)
	}
	return a.run(ctx, f, a.told(route, "connect"), rep, a.hurry)
}

// run carries a tunnel whose port is bound and reports until it is over: nil when rdsx down has ended it. over is called once
// it has ended and only the last lines of the report are left.
func (a *app) run(ctx context.Context, f *forward.Forwarder, told openTunnel, rep reporter, over func()) error {
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	var runErr error
	leave := a.board.post(f, told)
	go func() {
		defer close(done)
		runErr = f.Run(running)
		over()
	}()
	// Run closes the listener and ends every session before it returns: waiting for it is the whole of the clean-up, also
	// while a panic passes through here.
	defer func() {
		stop()
		<-done
		leave()
	}()
	a.follow(f, rep, done)
	stop()
	<-done
	switch {
	case leave():
		return nil
	case ctx.Err() != nil && (runErr == nil || errors.Is(runErr, aws.ErrClosed)):
		return context.Canceled
	}
	return runErr
}

// listen binds the port that was asked for, else the engine's own or the next free one. Another program can take a port
// between the look and the bind, so that is tried again.
func (a *app) listen(ctx context.Context, route route, flags connectFlags) (*forward.Forwarder, error) {
	cfg := forward.Config{
		Target: route.target, Bind: flags.bind, Port: flags.port, Unix: flags.unix, Log: a.log(),
		Sessions: flags.limit(), KeepAlive: flags.keepAlive, KeepEvery: flags.every(), Watcher: route.watcher(),
	}
	dialer := a.newDialer(route, flags)
	if flags.port != 0 || flags.unix != "" {
		return insist(ctx, cfg, dialer)
	}
	cfg.Port = route.preferredPort()
	wanted := cfg.Port
	for tries := 0; ; tries++ {
		cfg.Port = freePort(ctx, cfg.Bind, cfg.Port, flags.avoid)
		f, err := forward.Listen(ctx, cfg, dialer)
		if err == nil && wanted != 0 && cfg.Port != wanted && !slices.Contains(flags.avoid, wanted) {
			a.sayTaken(ctx, forward.Config{Bind: cfg.Bind, Port: wanted}, cfg.Port)
		}
		var taken *forward.PortInUse
		if err == nil || !errors.As(err, &taken) || tries == 16 {
			return f, err
		}
		cfg.Port++
	}
}

// insist binds a port that was asked for. Another rdsx looks whether a port is free by taking it for a moment, and that must not
// be the end of it here.
func insist(ctx context.Context, cfg forward.Config, dialer forward.Dialer) (*forward.Forwarder, error) {
	again := time.NewTicker(25 * time.Millisecond)
	defer again.Stop()
	for tries := 1; ; tries++ {
		f, err := forward.Listen(ctx, cfg, dialer)
		var taken *forward.PortInUse
		if tries == 5 || !errors.As(err, &taken) {
			return f, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// sayTaken says who has the port that the tunnel would have had, and which one it has.
func (a *app) sayTaken(ctx context.Context, wanted forward.Config, has int) {
	unused, err := forward.Listen(ctx, wanted, nil)
	if err == nil { // it has just become free
		unused.Close()
		return
	}
	var taken *forward.PortInUse
	if errors.As(err, &taken) {
		fmt.Fprintf(a.Stderr, "port %d is taken by %s: %d is used instead\n", wanted.Port, printable(taken.Holder.String()), has)
	}
}

// freePort is the first port of the address, from that one on, that is free and that nobody else is to have.
func freePort(ctx context.Context, bind string, from int, avoid []int) int {
	for {
		port := nextFree(ctx, bind, from)
		if !slices.Contains(avoid, port) {
			return port
		}
		from = port + 1
	}
}

// nextFree is the first port from that one on that can be bound on the address, or on both loopback addresses where it is "": what
// others hold on another address is not in the way. 0 is none.
func nextFree(ctx context.Context, bind string, from int) int {
	ip := net.ParseIP(bind)
	if ip == nil {
		return forward.FreePort(from)
	}
	network := "tcp" // as forward binds it
	if ip.To4() != nil {
		network = "tcp4"
	}
	probe := func(port int) (int, error) {
		l, err := new(net.ListenConfig).Listen(ctx, network, net.JoinHostPort(bind, strconv.Itoa(port)))
		if err != nil {
			return 0, err
		}
		defer l.Close() //nolint:errcheck // it has served its purpose
		return portOf(l.Addr().String()), nil
	}
	if port, err := probe(0); err != nil || from == 0 {
		return max(from, port) // nothing can be bound on the address: whoever listens says why
	}
	for port := from; port <= 65535; port++ {
		if free, err := probe(port); err == nil {
			return free
		}
	}
	return 0
}

// portAdvice says what to do when the local port is taken; again is what to type for another one.
func portAdvice(ctx context.Context, err error, bind string, again func(port int) string) error {
	var taken *forward.PortInUse
	if !errors.As(err, &taken) {
		return err
	}
	if bind != "" {
		taken.Free = nextFree(ctx, bind, taken.Port+1) // it was looked for on 127.0.0.1
	}
	next := ""
	if taken.Free > 0 {
		next = again(taken.Free)
	}
	return aws.Advise(err, nil, next)
}

// onPort is the command line as it was typed, for another port: any other target, profile or instance may be another database.
func (a *app) onPort(port int) string { return a.again("", "--port", strconv.Itoa(port)) }

// inConfig is where a target of rdsx up has its port.
func inConfig(int) string { return "give it another port under targets: in config.yaml" }
