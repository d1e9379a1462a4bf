package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/profiles"
)

const importLong = `import writes a profile for every account and role that you have and that no profile leads to yet:

  from an IAM Identity Center portal, by the name of its sso-session or of a profile that uses it: accounts x permission sets;
  from AWS Organizations (--organization): every active account, with one role to assume in it (--role).

Profiles that rdsx wrote for accounts or roles which are gone are named, with the command that removes them; import never
removes anything. Names are made by --template of {account} (its name), {id}, {role} and {session}.`

const importExample = `  rdsx profiles import corp --dry-run
  rdsx profiles import corp --sso-start-url https://corp.awsapps.com/start --sso-region eu-west-1
  rdsx profiles import --organization --role OrganizationAccountAccessRole --template {account}`

// importFlags are those of rdsx profiles import.
type importFlags struct {
	writeFlags
	loginFlags
	organization                            bool
	role, source, template                  string
	region, mfaSerial, externalID, sessName string
	only                                    []string
	typed                                   keyFlags
}

func (a *app) newProfilesImport() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:               "import [SSO-SESSION|PROFILE]",
		Short:             "Write profiles for all accounts and roles of a portal or an organization",
		Long:              importLong,
		Example:           importExample,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeProfiles,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// As with add: --region is a key of the profiles, not the region of this command.
			flags.typed.remember(cmd.Flags())
			if !flags.typed.typed["region"] {
				flags.region = ""
			}
			region := flags.region
			err := a.fromEnv(cmd.Flags())
			flags.region = region
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return a.profilesImport(cmd.Context(), name, flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.organization, "organization", false, "import the accounts of AWS Organizations instead of a portal's")
	f.StringVar(&flags.template, "template", "", "how to name the profiles (default {account}-{role})")
	f.StringSliceVar(&flags.only, "only", nil, "accounts to import, by name or id (default all)")
	f.StringVar(&flags.role, "role", "", "the one permission set to import; with --organization, the role to assume in every account")
	f.StringVar(&flags.region, "region", "", "region of the profiles (default: the portal's, or the source profile's)")
	f.StringVar(&flags.source, "source-profile", "", "with --organization: profile that assumes the roles (default: the one in use)")
	f.StringVar(&flags.mfaSerial, "mfa-serial", "", "with --organization: MFA device that the roles ask for")
	f.StringVar(&flags.externalID, "external-id", "", "with --organization: external id that the roles ask for")
	f.StringVar(&flags.sessName, "session-name", "", "with --organization: name of the roles' sessions in CloudTrail")
	flags.loginFlags.register(cmd)
	flags.writeFlags.register(cmd, "")
	return cmd
}

func (a *app) profilesImport(ctx context.Context, name string, flags importFlags) error {
	list := a.importPortal
	if flags.organization {
		list = a.importOrganization
	} else if flags.source != "" || flags.mfaSerial != "" || flags.externalID != "" || flags.sessName != "" {
		return usage("rdsx profiles import --help", "--source-profile, --mfa-serial, --external-id and --session-name are for --organization")
	}
	if err := checkTemplate(flags.template); err != nil {
		return err
	}
	found, err := list(ctx, name, &flags)
	if err != nil {
		return err
	}
	return a.writeImport(ctx, found, flags)
}

// importable is one profile that could be written.
type importable struct {
	account, accountName, role string
	keys                       []profiles.Key
}

// imported is what a source offers.
type imported struct {
	source  string // as sentences call it
	session string // of a portal
	items   []importable
	own     string         // the caller's account in an organization: there, and not imported
	portal  *profiles.Edit // a new sso-session, nil for none
	// owned says whether a profile came from this source, by its keys: it is gone when no item is the same.
	owned func(keys map[string]string) bool
}

// importPortal lists what a portal offers. The person is asked to sign in if need be and there is a person.
func (a *app) importPortal(ctx context.Context, name string, flags *importFlags) (imported, error) {
	f, err := profiles.Open(ctx, a.profileFiles())
	if err != nil {
		return imported{}, err
	}
	settings, sessions := f.Settings()
	if name, err = a.loginName(name, settings, sessions); err != nil {
		return imported{}, err
	}
	portal, err := a.portal(name, flags.loginFlags, settings, sessions)
	switch {
	case err != nil:
		return imported{}, err
	case portal.Session == "":
		return imported{}, usage("rdsx profiles import NAME --sso-start-url "+portal.StartURL+" --sso-region "+portal.Region,
			"profile %q names the portal itself; profiles are imported for an sso-session, which can be new", name)
	}
	found, err := account.Assignments(ctx, a.accountOptions(name), portal)
	if errors.Is(err, aws.ErrSignIn) && newAsker(a).can {
		if _, err := a.signIn(ctx, name, portal, false); err != nil {
			return imported{}, err
		}
		found, err = account.Assignments(ctx, a.accountOptions(name), portal)
	}
	if errors.Is(err, aws.ErrSignIn) && sessions[portal.Session] == nil {
		return imported{}, aws.Advise(err, aws.ErrSignIn, fmt.Sprintf("rdsx profiles login %s --sso-start-url %s --sso-region %s", portal.Session, portal.StartURL, portal.Region))
	}
	if err != nil {
		return imported{}, err
	}
	out := imported{source: "the portal of " + portal.Session, session: portal.Session, owned: func(keys map[string]string) bool {
		return keys["sso_session"] == portal.Session
	}}
	if sessions[portal.Session] == nil {
		out.portal = &profiles.Edit{Op: profiles.Add, Session: true, Name: portal.Session, Keys: flags.portal.Keys()}
	}
	for _, found := range found {
		sso := profiles.SSO{Session: portal.Session, Account: found.Account, Role: found.Role, Region: cmp.Or(flags.region, portal.Region)}
		out.items = append(out.items, importable{account: found.Account, accountName: found.AccountName, role: found.Role, keys: sso.Keys()})
	}
	return out, nil
}

// importOrganization lists the accounts of the organization, with one role in each.
func (a *app) importOrganization(ctx context.Context, name string, flags *importFlags) (imported, error) {
	switch {
	case name != "":
		return imported{}, usage("rdsx profiles import --help", "--organization takes no NAME: --profile says who lists the accounts")
	case flags.role == "":
		return imported{}, usage("rdsx profiles import --organization --role OrganizationAccountAccessRole", "--organization needs the --role to assume in every account")
	}
	cfg, acct, err := a.load(ctx)
	if err != nil {
		return imported{}, err
	}
	who, err := account.Identify(ctx, cfg)
	if err != nil {
		return imported{}, err
	}
	members, err := account.Members(ctx, cfg, a.log())
	if err != nil {
		return imported{}, err
	}
	source := cmp.Or(flags.source, acct.Profile)
	if source == "" {
		return imported{}, usage("rdsx profiles import --organization --source-profile NAME", "the credentials come from the environment: which profile is to assume the roles?")
	}
	f, err := profiles.Open(ctx, a.profileFiles())
	if err != nil {
		return imported{}, err
	}
	path := strings.TrimPrefix(flags.role, "/")
	out := imported{source: "the organization", own: who.ID, owned: func(keys map[string]string) bool {
		return strings.HasSuffix(keys["role_arn"], ":role/"+path) && keys["source_profile"] == source
	}}
	for _, m := range members {
		if !m.Active || m.ID == who.ID { // the management account has no such role in itself
			continue
		}
		role := profiles.Role{
			ARN: "arn:" + who.Partition + ":iam::" + m.ID + ":role/" + path, SourceProfile: source,
			Region:      cmp.Or(flags.region, chainRegion(f, source), acct.Region),
			SessionName: cmp.Or(flags.sessName, a.sessionName()), MFASerial: flags.mfaSerial, ExternalID: flags.externalID,
		}
		out.items = append(out.items, importable{account: m.ID, accountName: m.Name, role: lastPart(path), keys: role.Keys()})
	}
	return out, nil
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// wanted says whether an item is among those that were asked for.
func (f importFlags) wanted(i importable) bool {
	if !f.organization && f.role != "" && i.role != f.role {
		return false
	}
	return len(f.only) == 0 || slices.ContainsFunc(f.only, func(o string) bool { return o == i.account || strings.EqualFold(o, i.accountName) })
}
