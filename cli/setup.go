package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/setup"
)

const setupLong = `setup writes what an account needs before rdsx can open anything in it: roles and policies (iam), an instance that
carries tunnels with its security group and Session documents (bastion), or both (all). It writes text and touches nothing in
AWS; with --apply cloudformation it makes a change set, shows it, and executes it once the stack's name was typed.

The recommended shape keeps the people's role apart from the instance's, asks for MFA, and allows sessions to the tagged
instance through documents that lead to the named databases and nowhere else. The classic shape is the routine of most guides,
with the rights that they leave out.

What flags do not say is looked up in the account of --profile and, on a terminal, asked for. With every database written out
as NAME=HOST:PORT@sg-…, and --vpc and --subnet, nothing is looked up.`

const setupExample = `  rdsx setup all --database orders-prod --operator mika                       a script of aws commands
  rdsx setup all --database orders-prod --operator mika --format terraform --out ./rdsx/
  rdsx setup iam --shape classic --operator mika --format cloudformation
  rdsx setup all --database orders-prod --operator mika --apply cloudformation
  rdsx setup teardown                                                         what to remove again`

// setupFlags are the flags of the three parts.
type setupFlags struct {
	options                              setup.Options
	shape, format, out, apply, confirmed string
	stack                                string
	databases                            []string
	force                                bool
}

func (s *setupFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.shape, "shape", string(setup.Recommended), "recommended or classic")
	f.StringVar(&s.format, "format", "", "cli, terraform, cloudformation or json (default cli)")
	f.StringVar(&s.out, "out", "", "write a file here instead of stdout; a folder gets a file with a name of its own")
	f.BoolVar(&s.force, "force", false, "let --out replace a file")
	f.StringVar(&s.options.Name, "name", "rdsx", "what every name begins with")
	f.StringVar(&s.options.Tag, "tag", "bastion", "value of the tag rdsx on the instance")
	f.StringArrayVar(&s.options.Operators, "operator", nil, "who may open tunnels: an IAM user's name, or an ARN (repeatable)")
	f.BoolVar(&s.options.MFA, "mfa", true, "the operators' role asks for MFA (recommended shape)")
	f.StringArrayVar(&s.databases, "database", nil, "a database's identifier, or NAME=HOST:PORT@sg-… (repeatable)")
	f.StringVar(&s.options.VPC, "vpc", "", "VPC of the instance (default: the databases')")
	f.StringVar(&s.options.VPCCIDR, "vpc-cidr", "", "address range of the VPC (classic shape)")
	f.StringVar(&s.options.Subnet, "subnet", "", "subnet of the instance (default: one with a way out)")
	f.StringVar(&s.options.Type, "instance-type", "", "type of the instance (default t4g.nano; classic t3.micro)")
	f.StringVar(&s.options.Account, "account", "", "account id (default: that of the credentials)")
	f.StringVar(&s.apply, "apply", "", "cloudformation: apply it, after a look at the change set")
	f.StringVar(&s.stack, "stack", "", "name of the stack (default: --name)")
	f.StringVar(&s.confirmed, "confirm", "", "the stack's name, for --apply without a terminal")
}

func (a *app) newSetup() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "setup",
		Short:   "Write what a new account needs: roles, policies, an instance, documents",
		Long:    setupLong,
		Example: setupExample,
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, part := range []struct {
		part  setup.Part
		short string
	}{
		{setup.PartIAM, "The roles and policies"},
		{setup.PartBastion, "The instance, its security group and the Session documents"},
		{setup.PartAll, "Both"},
	} {
		cmd.AddCommand(a.newSetupPart(part.part, part.short))
	}
	cmd.AddCommand(a.newTeardown())
	return cmd
}

func (a *app) newSetupPart(part setup.Part, short string) *cobra.Command {
	var flags setupFlags
	cmd := &cobra.Command{
		Use:     string(part),
		Short:   short,
		Long:    setupLong,
		Example: setupExample,
		Args:    noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.options.Part, flags.options.Shape = part, setup.Shape(flags.shape)
			return a.setUp(cmd.Context(), flags)
		},
	}
	flags.register(cmd)
	return cmd
}

// setUp renders what the flags, the account and the answers say, and prints, writes or applies it.
func (a *app) setUp(ctx context.Context, flags setupFlags) error {
	format, err := flags.wanted(a.flags.json)
	if err != nil {
		return err
	}
	options, cfg, err := a.completeSetup(ctx, flags, format)
	if err != nil {
		return err
	}
	options.Source = a.sourceProfile()
	text, err := setup.Render(options, format)
	if err != nil {
		return err
	}
	for _, n := range text.Notes {
		fmt.Fprintf(a.Stderr, "note: %s\n", n)
	}
	switch {
	case flags.apply != "":
		err = a.applyStack(ctx, cfg, flags, options.Account, text.Body)
	case flags.out != "":
		err = a.writeText(flags.out, text, flags.force)
	default:
		_, err = fmt.Fprint(a.Stdout, text.Body)
	}
	if err != nil {
		return err
	}
	for _, n := range text.Next {
		fmt.Fprintf(a.Stderr, "then: %s\n", n)
	}
	return nil
}

// sourceProfile is the profile that is used, "" for none in particular.
func (a *app) sourceProfile() string {
	return cmp.Or(a.flags.profile, a.getenv("AWS_PROFILE"), a.getenv("AWS_DEFAULT_PROFILE"))
}

// wanted is the format, by --format, --apply and --json.
func (s setupFlags) wanted(json bool) (setup.Format, error) {
	switch {
	case s.apply != "" && s.apply != string(setup.CloudFormation):
		return "", usage("rdsx setup all --apply cloudformation", "--apply %q: only cloudformation shows what it will change first", s.apply)
	case s.apply != "" && s.out != "":
		return "", usage("", "--apply and --out exclude each other")
	case s.apply != "" && s.format != "" && s.format != s.apply:
		return "", usage("", "--apply cloudformation takes no --format %s", s.format)
	case s.apply != "":
		return setup.CloudFormation, nil
	case s.format == "" && json:
		return setup.JSON, nil
	case s.format == "":
		return setup.CLI, nil
	}
	all := []setup.Format{setup.Terraform, setup.CloudFormation, setup.CLI, setup.JSON}
	if !slices.Contains(all, setup.Format(s.format)) {
		return "", usage("", "--format %q is none of terraform, cloudformation, cli, json", s.format)
	}
	return setup.Format(s.format), nil
}

// writeText writes a text where it was told to. A folder that is to be made is private, as is the file.
func (a *app) writeText(out string, text setup.Text, force bool) error {
	path := out
	if info, err := os.Stat(out); err == nil && info.IsDir() || strings.HasSuffix(out, "/") || strings.HasSuffix(out, string(filepath.Separator)) {
		path = filepath.Join(out, text.Name)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	mode := os.FileMode(0o600)
	if text.Executable {
		mode = 0o700
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, mode)
	if os.IsExist(err) {
		return aws.Advise(fmt.Errorf("%s is there already", path), aws.ErrUsage, "add --force to replace it")
	}
	if err != nil {
		return fmt.Errorf("write the set-up: %w", err)
	}
	_, err = f.WriteString(text.Body)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	fmt.Fprintf(a.Stderr, "written: %s\n", path)
	return nil
}

const teardownLong = `teardown prints a script that removes what setup made, last things first. It removes nothing itself.`

func (a *app) newTeardown() *cobra.Command {
	var o setup.Options
	var shape, out string
	var force bool
	cmd := &cobra.Command{
		Use:   "teardown",
		Short: "Say what to remove again",
		Long:  teardownLong,
		Args:  noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Shape = setup.Shape(shape)
			if err := a.fillPlace(cmd.Context(), &o); err != nil {
				return err
			}
			text, err := setup.Teardown(o)
			if err != nil {
				return err
			}
			if out != "" {
				return a.writeText(out, text, force)
			}
			_, err = fmt.Fprint(a.Stdout, text.Body)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&shape, "shape", string(setup.Recommended), "recommended or classic")
	f.StringVar(&o.Name, "name", "rdsx", "what every name begins with")
	f.StringVar(&o.Account, "account", "", "account id (default: that of the credentials)")
	f.StringArrayVar(&o.Operators, "operator", nil, "users whose policy is removed (classic shape; repeatable)")
	f.StringVar(&out, "out", "", "write a file here instead of stdout")
	f.BoolVar(&force, "force", false, "let --out replace a file")
	return cmd
}
