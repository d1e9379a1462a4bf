package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/doctor"
	"github.com/rdsx/rdsx/profiles"
)

const doctorLong = `doctor checks everything that a tunnel depends on: the config file, who you are, the role and what it may do, the
instance, its agent and its way to Systems Manager, the way to the database, and this machine. At the end it opens a
session, speaks to the database and closes the session again.

TARGET is as for connect; without one, the account and this machine are checked. Each failure is printed with its cause and
with the edit that mends it. What may not be read is no failure: it is marked with ? and says what to ask for.

With --fix, what is local can be mended at once: profiles in the config file, each edit shown and confirmed. The exit code
is that of the worst finding (see rdsx --help for the codes).`

// doctorFlags are those of rdsx doctor beyond what connect has.
type doctorFlags struct {
	via, bind, document string
	parameters          []string
	port                int
	fix                 bool
	bundle              string
}

func (a *app) newDoctor() *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:               "doctor [TARGET]",
		Short:             "Check what a tunnel depends on, and say what mends it",
		Long:              doctorLong,
		Example:           "  rdsx doctor\n  rdsx doctor orders-prod --profile prod\n  rdsx doctor orders-prod --via bastion --bundle ticket.zip",
		Args:              oneTargetAtMost,
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.doctor(cmd.Context(), strings.Join(args, ""), flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.via, "via", "", "instance to examine: its id or Name tag")
	f.IntVar(&flags.port, "port", 0, "local port that the tunnel would have")
	f.StringVar(&flags.bind, "bind", "", "local address that it would listen on (default 127.0.0.1)")
	f.StringVar(&flags.document, "document", "", "Session document that it would use")
	f.StringArrayVar(&flags.parameters, "parameter", nil, "NAME=VALUE for a Session document of your own (repeatable)")
	f.BoolVar(&flags.fix, "fix", false, "offer to mend what is local: profiles in the config file")
	f.StringVar(&flags.bundle, "bundle", "", "write a zip for a ticket to this new file; without keys, tokens and account numbers")
	_ = cmd.RegisterFlagCompletionFunc("via", a.completeInstances)
	return cmd
}

func oneTargetAtMost(_ *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return usage("rdsx ls", "doctor takes one TARGET at most, got %d", len(args))
}

func (d doctorFlags) check() error {
	c := connectFlags{bind: d.bind, port: d.port, parameters: d.parameters}
	return c.check()
}

// doctor examines, prints, bundles, and offers to mend.
func (a *app) doctor(ctx context.Context, name string, flags doctorFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	if flags.fix && a.flags.json {
		return usage("rdsx doctor --json", "--fix asks on the terminal, which --json has no place for")
	}
	all, err := a.settings()
	if err != nil {
		return err
	}
	t := all.targets[name]
	a = a.at(t)
	set := t.fill(connectFlags{via: flags.via, document: flags.document, port: flags.port})
	flags.via, flags.document, flags.port = set.via, set.document, set.port
	o := a.examination(ctx, name, flags)
	report, err := a.examine(ctx, o)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if flags.bundle != "" {
		if err := a.writeBundle(flags.bundle, report); err != nil {
			return err
		}
		fmt.Fprintf(a.Stderr, "written: %s. Look into it before you give it away.\n", flags.bundle)
	}
	if flags.fix {
		if err := a.mend(ctx, report); err != nil {
			return err
		}
	}
	return report.Err()
}

// examine runs the checks and shows them in the way that was asked for.
func (a *app) examine(ctx context.Context, o doctor.Options) (doctor.Report, error) {
	if a.flags.json {
		report := doctor.Run(ctx, o, nil)
		return report, a.printJSON(report)
	}
	list := newChecklist(a)
	report := doctor.Run(ctx, o, list.ended)
	list.close()
	return report, list.explain(report)
}

// examination is what doctor has to know. A profile that cannot be loaded is one of the things to examine.
func (a *app) examination(ctx context.Context, name string, flags doctorFlags) doctor.Options {
	mfa := a.askOnce()
	o := doctor.Options{Document: flags.document, Parameters: parameters(flags.parameters), Reason: "rdsx doctor"}
	o.Config, o.Account, o.LoadError = a.loadAsking(ctx, mfa)
	of := a.assumedBy(ctx, &o)
	if o.LoadError == nil && o.Assumes != nil && o.Assumes.MFASerial != "" {
		_, _ = o.Config.Credentials.Retrieve(ctx) // the code is asked for before the list is drawn; a failure is a finding later
	}
	o.Local = doctor.Local{Env: a.Env, Port: flags.port, Bind: flags.bind, LookPath: exec.LookPath, Lint: a.lint}
	if file := a.getenv("AWS_CA_BUNDLE"); file != "" {
		o.Local.CAFile, o.Local.CAOrigin = file, "AWS_CA_BUNDLE"
	} else if file := of["ca_bundle"]; file != "" {
		o.Local.CAFile, o.Local.CAOrigin = file, "ca_bundle of the profile"
	}
	if name != "" || flags.via != "" {
		o.Target = func(ctx context.Context) (aws.Target, error) { return a.patient(ctx, o, name, flags.via) }
	}
	return o
}

// askOnce asks for an MFA code once, however often it is wanted: a wrong one is a finding, not a second question.
func (a *app) askOnce() account.AskMFA {
	asked := false
	var code string
	var err error
	return func(ctx context.Context, serial string, _ bool) (string, error) {
		if !asked {
			asked = true
			code, err = a.askMFA(ctx, serial, false)
		}
		return code, err
	}
}

// assumedBy fills in the role that the profile assumes, and returns the profile's keys.
func (a *app) assumedBy(ctx context.Context, o *doctor.Options) map[string]string {
	f, err := profiles.Open(ctx, a.profileFiles())
	if err != nil {
		return nil
	}
	all, _ := f.Settings()
	name := o.Account.Profile
	if name == "" && o.LoadError != nil {
		name = a.flags.profile
	}
	keys := all[name]
	source := keys["source_profile"]
	if keys["role_arn"] == "" || source == "" {
		return keys
	}
	assumes := doctor.Assumed{Profile: name, ARN: keys["role_arn"], MFASerial: keys["mfa_serial"], ExternalID: keys["external_id"]}
	assumes.Source, _, _, assumes.SourceErr = account.Load(ctx, account.Options{
		Profile: source, Region: o.Account.Region, EndpointURL: a.flags.endpointURL, Env: a.Env, MFA: a.askMFA, Log: a.log(),
		Version: a.Version.filled().Version, Shared: a.shared,
	})
	if o.LoadError == nil {
		o.Assumes = &assumes
	}
	return keys
}

// lint is what rdsx profiles check finds, as doctor wants it.
func (a *app) lint() ([]doctor.Fault, error) {
	f, err := profiles.Open(context.Background(), a.profileFiles())
	if err != nil {
		return nil, err
	}
	var faults []doctor.Fault
	for _, finding := range f.Check() {
		if finding.Severity == profiles.Note {
			continue
		}
		faults = append(faults, doctor.Fault{
			Where: fmt.Sprintf("%s:%d", finding.File, finding.Line), Text: finding.Text, Serious: finding.Severity == profiles.Error,
			Profile: finding.Profile, Edit: editFor(f, finding),
		})
	}
	slices.SortStableFunc(faults, func(a, b doctor.Fault) int { return badFirst(a) - badFirst(b) })
	return faults, nil
}

func badFirst(f doctor.Fault) int {
	if f.Serious {
		return 0
	}
	return 1
}

// editFor is the edit that settles a finding without anybody's judgement, nil for the others.
func editFor(f *profiles.File, finding profiles.Finding) *doctor.ProfileEdit {
	if finding.Profile == "" {
		return nil
	}
	switch finding.Rule {
	case "chained-duration":
		return &doctor.ProfileEdit{Name: finding.Profile, Set: map[string]string{"duration_seconds": "3600"}}
	case "inline-comment":
		all, _ := f.Settings()
		if finding.Key != "region" {
			return nil
		}
		region, _, _ := strings.Cut(all[finding.Profile]["region"], " ")
		return &doctor.ProfileEdit{Name: finding.Profile, Set: map[string]string{"region": region}}
	}
	return nil
}

// mend offers each edit of a profile that a finding proposes.
func (a *app) mend(ctx context.Context, report doctor.Report) error {
	edits := 0
	var declined []string
	for _, f := range report.Findings() {
		if f.Profile == nil {
			continue
		}
		edits++
		edit := profiles.Edit{Op: profiles.Set, Name: f.Profile.Name}
		for key, value := range f.Profile.Set {
			edit.Keys = append(edit.Keys, profiles.Key{Name: key, Value: value})
		}
		fmt.Fprintf(a.Stderr, "\n%s: %s\n", f.Title, f.Text)
		err := a.write(ctx, change{
			plan: func(file *profiles.File, foreign bool) (*profiles.Plan, error) {
				edit.Foreign = foreign
				return file.Plan(edit)
			},
			done: "profile " + f.Profile.Name + " is set", command: f.Fixes[0].Command,
		})
		switch {
		case errors.Is(err, errDeclined):
			declined = append(declined, f.Profile.Name)
		case err != nil:
			return err
		}
	}
	if len(declined) > 0 {
		fmt.Fprintf(a.Stderr, "not mended, as you said: %s\n", strings.Join(declined, ", "))
	}
	if edits == 0 {
		fmt.Fprintln(a.Stderr, "nothing to mend on this machine: what is printed above is done where it says")
		return nil
	}
	if edits == len(declined) {
		return nil
	}
	fmt.Fprintln(a.Stderr, "Run rdsx doctor again: the findings above are from before.")
	return nil
}
