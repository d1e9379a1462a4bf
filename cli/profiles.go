package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/profiles"
)

const profilesLong = `profiles edits the profiles in ~/.aws/config (AWS_CONFIG_FILE), which the AWS CLI, the SDKs, Terraform and IDEs read too.

Only the lines that change are written; the rest of the file stays as it is, byte for byte. Every change is shown as a diff
first, and rdsx profiles undo takes the last one back. Access keys and tokens are never written.`

const profilesExample = `  rdsx profiles ls
  rdsx profiles add orders --role-arn arn:aws:iam::111122223333:role/Orders --source-profile default --region eu-west-1
  rdsx profiles add corp-dev --sso-session corp --account 111122223333 --role Developer
  rdsx profiles import corp
  rdsx profiles login corp
  rdsx profiles check`

func (a *app) newProfiles() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "profiles",
		Short:   "List, add, import, sign in to and check the profiles in ~/.aws/config",
		Long:    profilesLong,
		Example: profilesExample,
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.newProfilesLs(), a.newProfilesAdd(), a.newProfilesEdit(), a.newProfilesRm(), a.newProfilesImport(),
		a.newProfilesCheck(), a.newProfilesUndo(), a.newProfilesLogin(), a.newProfilesWhoami(),
	)
	return cmd
}

// profileFiles is where the profiles are, by the environment, and where the lock and the backup go when their folder is
// read-only.
func (a *app) profileFiles() profiles.Files {
	home := a.getenv("HOME")
	if home == "" {
		home = a.getenv("USERPROFILE")
	}
	find := func(variable, name, otherwise string) string {
		path := a.getenv(variable)
		if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
			return filepath.Join(home, rest) // as the AWS CLI does
		}
		switch {
		case path != "":
			return path
		case home != "":
			return filepath.Join(home, ".aws", name)
		}
		return otherwise
	}
	files := profiles.Files{
		Config:      find("AWS_CONFIG_FILE", "config", config.DefaultSharedConfigFilename()),
		Credentials: find("AWS_SHARED_CREDENTIALS_FILE", "credentials", config.DefaultSharedCredentialsFilename()),
	}
	if state := a.home("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData"); state != "" {
		files.Spare = filepath.Join(state, "rdsx", "profiles")
	}
	return files
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// planAdvice gives the reasons why nothing can be planned their kind and the next command.
func planAdvice(err error) error {
	var refusal *profiles.Refusal
	var exists *profiles.Exists
	var missing *profiles.Missing
	var foreign *profiles.Foreign
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal) && refusal.After:
		return aws.Advise(err, aws.ErrUsage, "rdsx profiles ls")
	case errors.As(err, &refusal):
		return aws.Advise(fmt.Errorf("the file is not edited: %w", err), nil, "rdsx profiles check")
	case errors.As(err, &exists):
		return aws.Advise(err, aws.ErrUsage, "rdsx profiles edit "+lastWord(exists.Name))
	case errors.As(err, &missing):
		return aws.Advise(err, aws.ErrNotFound, "rdsx profiles ls")
	case errors.As(err, &foreign):
		return aws.Advise(err, aws.ErrUsage, "add --force to change it all the same")
	case errors.Is(err, profiles.ErrNoBackup):
		return aws.Advise(err, aws.ErrNotFound, "rdsx profiles ls")
	}
	return aws.Advise(err, aws.ErrUsage, "rdsx profiles --help")
}

func lastWord(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }

// completeProfiles offers the names of profiles.
func (a *app) completeProfiles(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	f, err := profiles.Open(cmd.Context(), a.profileFiles())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range f.Profiles() {
		out = append(out, cobra.CompletionWithDesc(p.Name, strings.TrimSpace(string(p.Kind)+" "+p.Account)))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) newProfilesWhoami() *cobra.Command {
	return &cobra.Command{
		Use:               "whoami [NAME]",
		Short:             "Ask AWS who a profile is",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeProfiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.flags.profile = args[0]
			}
			cfg, acct, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			who, err := account.Identify(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			who.Profile = acct.Profile
			if a.flags.json {
				return a.printJSON(who)
			}
			rows := [][]string{{"ACCOUNT", "IDENTITY", "PROFILE", "REGION"}, {who.ID, who.ARN, orDash(who.Profile), who.Region}}
			return printTable(a.Stdout, rows)
		},
	}
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
