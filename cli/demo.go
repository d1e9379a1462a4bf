package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/sim/databases"
)

const demoLong = `demo starts a simulated AWS in this process, with three accounts and about twenty databases, puts the database servers that
are installed here behind them (PostgreSQL, MariaDB or MySQL, Redis), and opens the screens on it, with one tunnel open and
busy. With TARGET, --headless or --prompt, or without a terminal, it opens a tunnel exactly as connect does.

It needs no account, reads no credentials and writes to a temporary folder only; everything is gone when it ends. On stdout:
the local address. On stderr: user, password file, client command, and how to point rdsx and aws in another terminal at it.

From a clone of the repository, go run ./demo does the same on a machine without any database server.`

const demoExample = `  rdsx demo                          the screens: type ord, Enter, Enter
  rdsx demo billing-dev --prompt     a SQL prompt on a MySQL database
  rdsx demo --headless --faults rtt=80ms,loss=1%`

// demoPasswordEnv hands over the password of the servers named with --engine: a command line can be read by everyone.
const demoPasswordEnv = "RDSX_DEMO_PASSWORD"

// demoFlags are the flags of rdsx demo.
type demoFlags struct {
	headless, prompt, printEnv, missing, noServers bool

	engines        []string
	faults, listen string
	attach         string
	port           int
	via            string
}

func (a *app) newDemo() *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:     "demo [TARGET]",
		Short:   "Try it on a simulated AWS, no account needed",
		Long:    demoLong,
		Example: demoExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target := ""
			if len(args) == 1 {
				target = args[0]
			}
			if err := flags.check(a, target); err != nil {
				return err
			}
			switch {
			case flags.missing:
				return a.printMissing(flags)
			case flags.attach != "":
				return a.attach(cmd.Context(), flags.attach)
			}
			return a.demo(cmd.Context(), target, flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.headless, "headless", false, "only open the tunnel: no prompt, no screens")
	f.BoolVar(&flags.prompt, "prompt", false, "open a SQL prompt on a MySQL database through the tunnel")
	f.BoolVar(&flags.printEnv, "print-env", false, "print the export lines that point rdsx and aws in another terminal at the demo")
	f.StringArrayVar(&flags.engines, "engine", nil, "KIND=ADDRESS:PORT of a running server (mysql, postgres or redis) to use instead of an installed one; its user is demo, its database shop, its password in "+demoPasswordEnv+" (repeatable)")
	f.BoolVar(&flags.noServers, "no-servers", false, "start no installed database servers")
	f.StringVar(&flags.faults, "faults", "", "what is wrong with the network: loss=1%,rtt=20ms,bandwidth=1000000,reorder=2%,cut-client=20s…")
	f.StringVar(&flags.listen, "listen", "", "address of the simulated AWS (default: a free port of 127.0.0.1)")
	f.IntVar(&flags.port, "port", 0, "local port of the tunnel (default: the engine's own if free, else the next free one)")
	f.StringVar(&flags.via, "via", "", "instance to go through: its id or Name tag")
	f.BoolVar(&flags.missing, "missing", false, "print the kinds of server that are not installed, one a line")
	_ = f.MarkHidden("missing") // for the launcher; the flag exists
	f.StringVar(&flags.attach, "attach", "", "open the SQL prompt on this address")
	_ = f.MarkHidden("attach") // for the screens
	return cmd
}

func (f *demoFlags) check(a *app, target string) error {
	switch {
	case f.prompt && (f.headless || a.flags.json):
		return usage("rdsx demo --prompt", "--prompt does not go with --headless or --json")
	case f.port < 0 || f.port > 65535:
		return usage("rdsx demo --port 15432", "--port %d: a TCP port is 1 to 65535", f.port)
	case target == "" && f.via != "":
		return usage("rdsx demo TARGET --via "+f.via, "--via needs a TARGET")
	}
	if _, err := f.handedOver(); err != nil {
		return err
	}
	_, _, err := f.parseFaults()
	return err
}

// handedOver reads the --engine flags.
func (f *demoFlags) handedOver() (map[databases.Kind]string, error) {
	addrs := map[databases.Kind]string{}
	for _, e := range f.engines {
		kind, addr, ok := strings.Cut(e, "=")
		if !ok || !slices.Contains(demoKinds(), databases.Kind(kind)) || !strings.Contains(addr, ":") {
			return nil, usage("rdsx demo --engine mysql=127.0.0.1:3306", "--engine %q is not KIND=ADDRESS:PORT with mysql, postgres or redis as its kind", e)
		}
		addrs[databases.Kind(kind)] = addr
	}
	return addrs, nil
}

// printMissing tells the launcher which engines to build.
func (a *app) printMissing(flags demoFlags) error {
	have, err := flags.handedOver()
	if err != nil {
		return err
	}
	for kind := range databases.Installed() {
		if !flags.noServers {
			have[kind] = "installed"
		}
	}
	for _, kind := range demoKinds() {
		if have[kind] == "" {
			fmt.Fprintln(a.Stdout, kind)
		}
	}
	return nil
}

// demo runs until ctx ends, the prompt is left or the tunnel cannot be carried, and takes everything down again.
func (a *app) demo(ctx context.Context, target string, flags demoFlags) (err error) {
	a.forgetEnvFlags()
	if target == "" && a.flags.profile+a.flags.region != "" {
		return usage("rdsx demo TARGET", "--profile and --region need a TARGET")
	}
	d, err := a.startDemo(ctx, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if d.wantsScreen(target) {
		return d.screen(ctx)
	}
	prompt := flags.prompt || d.wantsPrompt()
	if target == "" {
		if target, err = d.choose(prompt); err != nil {
			return err
		}
	}
	inner := d.inside()
	route, err := inner.plan(ctx, target, connectFlags{via: flags.via})
	if err != nil {
		return err
	}
	c := d.client(route)
	if prompt && (c == nil || c.kind != databases.MySQL) {
		if flags.prompt {
			return usage("rdsx demo billing-dev --prompt", "the prompt speaks to MySQL; %s is %s", target, engine.Of(route.target.Engine).Name)
		}
		prompt = false
	}
	tunnel := connectFlags{port: flags.port}
	if prompt {
		return d.withPrompt(ctx, inner, route, tunnel, c)
	}
	if a.flags.json {
		if err := d.printJSON(target, c); err != nil {
			return err
		}
	} else {
		inner.Stdout = &firstLine{then: func(addr string) { d.announce(route, addr, c) }}
	}
	return inner.carry(ctx, route, tunnel)
}

// forgetEnvFlags undoes RDSX_PROFILE and the like: they name profiles of the user's, which the demo does not have.
func (a *app) forgetEnvFlags() {
	for name, value := range map[string]*string{"RDSX_PROFILE": &a.flags.profile, "RDSX_REGION": &a.flags.region} {
		if *value == a.getenv(name) {
			*value = ""
		}
	}
}

// announce prints what a person needs once the tunnel is open.
func (d *demo) announce(r route, addr string, c *demoClient) {
	fmt.Fprintln(d.app.Stdout, addr)
	if d.flags.printEnv {
		for _, line := range d.exports() {
			fmt.Fprintln(d.app.Stdout, line)
		}
	}
	w := d.app.Stderr
	if c != nil {
		fmt.Fprintf(w, "\n  server    %s\n", c.name())
		if c.database != "" {
			fmt.Fprintf(w, "  database  %s, user %s, password in %s\n", c.database, c.user, c.passwordFile)
		} else {
			fmt.Fprintf(w, "  password  in %s\n", c.passwordFile)
		}
		fmt.Fprintf(w, "  client    %s\n", c.command(r.target, addr))
	}
	fmt.Fprintf(w, "  rdsx, aws in another terminal:  . %s && rdsx ls\n", engine.Quote([]string{d.envFile}))
	if !d.app.isTerminal(w) { // on a terminal the reporter says it
		fmt.Fprintln(w, "  end       Ctrl-C")
	}
	fmt.Fprintln(w)
}

// printJSON is the first line of --json: what announce says, without the address, which the tunnel's own lines have.
func (d *demo) printJSON(target string, c *demoClient) error {
	line := struct {
		Event        string   `json:"event"`
		Target       string   `json:"target"`
		Kind         string   `json:"kind,omitempty"`
		User         string   `json:"user,omitempty"`
		Database     string   `json:"database,omitempty"`
		PasswordFile string   `json:"password_file,omitempty"`
		CAFile       string   `json:"ca_file,omitempty"`
		Env          []string `json:"env"`
	}{Event: "demo", Target: target, Env: d.env}
	if c != nil {
		line.Kind, line.User, line.Database = string(c.kind), c.user, c.database
		line.PasswordFile, line.CAFile = c.passwordFile, c.caFile
	}
	return json.NewEncoder(d.app.Stdout).Encode(line)
}

// firstLine calls then with the first line written to it, the tunnel's address, and drops the rest.
type firstLine struct {
	then func(string)
	text strings.Builder
	done bool
}

func (f *firstLine) Write(b []byte) (int, error) {
	if !f.done {
		f.text.Write(b)
		if line, _, ended := strings.Cut(f.text.String(), "\n"); ended {
			f.done = true
			f.then(line)
		}
	}
	return len(b), nil
}

var _ io.Writer = (*firstLine)(nil)

// command is a line to paste: the engine's client, with the password read from its file.
func (c *demoClient) command(t aws.Target, addr string) string {
	e := engine.Of(t.Engine)
	program := installedClient(e)
	args := e.Command(c.conn(t, addr, program))
	if len(args) == 0 {
		return "any client of " + e.Name
	}
	// A bare -p would ask, although the password is in the environment.
	args = slices.DeleteFunc(args, func(arg string) bool { return arg == "-p" && c.kind == databases.MySQL })
	line := engine.Quote(args)
	if program == "" {
		line += "   (not installed here)"
	}
	if runtime.GOOS == "windows" {
		return line
	}
	return c.passwordVariable() + `="$(cat ` + engine.Quote([]string{c.passwordFile}) + `)" ` + line
}

// installedClient is the client program that is on PATH, by the name that tells its options apart, or "".
func installedClient(e engine.Engine) string {
	for _, name := range e.Programs {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if program, err := filepath.EvalSymlinks(path); err == nil {
			if base := filepath.Base(program); slices.Contains(e.Programs, base) {
				if _, err := exec.LookPath(base); err == nil {
					return base
				}
			}
		}
		return name
	}
	return ""
}
