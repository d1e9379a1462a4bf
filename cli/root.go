package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// app is one run of the command line: the process, the global flags, and the seams that tests replace.
type app struct {
	Process
	flags globalFlags

	// opened is called once a tunnel is open. Tests make it panic to prove that a session never outlives its process.
	opened func()

	ledger *ledger // of the sessions that this machine has open at AWS; nil keeps none

	noMore func() // ends the patience of the outlets; nil where there are none

	board *board // tells the tunnels of this process to rdsx ps and rdsx down; nil tells nobody

	shared *account.Shared // one sign-in for all configurations of this process

	held   *atomic.Int32 // how many programs have the terminal, with its interrupts
	traced *atomic.Bool  // --debug is given; nil for never

	asking   *atomic.Int32 // how many questions stand on the terminal or wait for it, see askingMFA
	question *sync.Mutex   // held by the one that stands there
}

// globalFlags are understood by every command. Each can be given as RDSX_NAME in the environment instead.
type globalFlags struct {
	profile, region, endpointURL string
	mfaCode                      string
	json, noInput, debug         bool
	many                         manyFlags
}

const rootLong = `rdsx opens private AWS databases on 127.0.0.1. It finds the databases and the instances that reach them, starts a
Session Manager session itself (no plugin, no bastion keys, no public IPs) and forwards a local port.`

const rootExample = `  rdsx                            pick one on the screen: type, Enter, Enter
  rdsx ls                         databases and instances of the profile's account and region
  rdsx connect orders-prod        open one on 127.0.0.1
  rdsx demo                       the same on a simulated AWS, no account needed`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "rdsx",
		Short:         "Open any private AWS database from a terminal",
		Long:          rootLong,
		Example:       rootExample,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: a.calledAs()},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.screen(cmd.Context())
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.fromEnv(cmd.Flags()) },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.flags.profile, "profile", "", "profile in ~/.aws/config (default: AWS_PROFILE, else default)")
	f.StringVar(&a.flags.region, "region", "", "AWS region (default: AWS_REGION, else the profile's)")
	f.StringVar(&a.flags.endpointURL, "endpoint-url", "", "send every AWS request to this URL instead")
	f.StringVar(&a.flags.mfaCode, "mfa-code", "", "code of the profile's MFA device, instead of being asked")
	f.BoolVar(&a.flags.json, "json", false, "print JSON on stdout")
	f.BoolVar(&a.flags.noInput, "no-input", false, "never ask; fail instead")
	f.BoolVar(&a.flags.debug, "debug", false, "log what is being done on stderr; never tokens or keys")
	a.flags.many.register(root.Flags())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return aws.Advise(inWords(err), aws.ErrUsage, cmd.CommandPath()+" --help")
	})
	root.AddCommand(a.newConnect(), a.newExec(), a.newUp(), a.newDown(), a.newPs(), a.newLs(), a.newProfiles(), a.newSessions(), a.newSetup(), a.newDoctor(), a.newPolicy(), a.newPlugin(), a.newDemo(), a.newVersion())
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args = noCommand
		completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	argumentsAreUsage(root)
	a.renameExamples(root)
	return root
}

// argumentsAreUsage makes what cobra says of superfluous arguments an error of the command line, with its code and a hint.
func argumentsAreUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		argumentsAreUsage(sub)
	}
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil || errors.Is(err, aws.ErrUsage) {
			return err
		}
		return usage(cmd.CommandPath()+" --help", "too many arguments for %s: %s", cmd.CommandPath(), strings.Join(args, " "))
	}
}

// noCommand turns cobra's "unknown command" into a usage error with a hint.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(cmd.CommandPath()+" --help", "unknown command %q", args[0])
}

// envNote marks a flag whose value is one of RDSX_<FLAG>.
const envNote = "from the environment"

// fromEnv gives every flag that was not typed the value of RDSX_<FLAG>, when there is one.
func (a *app) fromEnv(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || failed != nil {
			return
		}
		name := "RDSX_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := a.getenv(name); value != "" {
			if err := flags.Set(f.Name, value); err != nil {
				failed = usage("unset "+name, "%s=%q: %w", name, value, inWords(err))
			}
			_ = flags.SetAnnotation(f.Name, envNote, nil) // the flag exists
		}
	})
	if a.traced != nil {
		a.traced.Store(a.flags.debug)
	}
	return failed
}

// inWords says what is wrong with the value of a flag as a person would, not as Go's parsers do.
func inWords(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	f := invalid.GetFlag()
	var wanted string
	switch f.Value.Type() {
	case "int":
		wanted = "a whole number"
		if errors.Is(err, strconv.ErrRange) {
			wanted = "a smaller number"
		}
	case "bool":
		wanted = "true or false"
	case "duration":
		wanted = "a time such as 90s or 1h30m"
	default:
		return err
	}
	return fmt.Errorf("--%s takes %s, not %q", f.Name, wanted, invalid.GetValue())
}

// log is where --debug writes. Attributes are values without secrets: tokens and keys have types that print as "[redacted]".
func (a *app) log() *slog.Logger {
	if !a.flags.debug {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// tempDir is where a slow reader's bytes may wait, encrypted, outside memory.
func (a *app) tempDir() string {
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		if dir := a.getenv(name); dir != "" {
			return dir
		}
	}
	return os.TempDir()
}

// isTerminal says whether the stream is a terminal that can redraw a line.
func (a *app) isTerminal(stream io.Writer) bool {
	f, ok := fileOf(stream)
	return ok && term.IsTerminal(int(f.Fd())) && a.getenv("TERM") != "dumb"
}
