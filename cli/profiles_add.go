package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rdsx/rdsx/profiles"
)

// keyFlags are the flags that stand for keys of a profile. Unlike other flags they are not taken from the environment: RDSX_REGION
// must not change a profile that is edited for something else.
type keyFlags struct {
	values map[string]*string // by key
	portal profiles.Portal
	typed  map[string]bool // flags on the command line
}

// keyFlagNames are flag, key, and what it is, in writing order.
func keyFlagNames() [][3]string {
	return [][3]string{
		{"role-arn", "role_arn", "role to assume, arn:aws:iam::ACCOUNT:role/NAME"},
		{"source-profile", "source_profile", "profile whose credentials assume the role"},
		{"credential-source", "credential_source", "or: Ec2InstanceMetadata, Environment or EcsContainer"},
		{"sso-session", "sso_session", "sso-session to sign in with"},
		{"account", "sso_account_id", "account of an SSO profile"},
		{"role", "sso_role_name", "permission set of an SSO profile"},
		{"region", "region", "region of the profile"},
		{"session-name", "role_session_name", "name of the role's session in CloudTrail"},
		{"duration", "duration_seconds", "seconds that a role's session lasts, 900 to 43200"},
		{"mfa-serial", "mfa_serial", "MFA device that the role asks for"},
		{"external-id", "external_id", "external id that the role's trust policy asks for"},
	}
}

func (k *keyFlags) register(cmd *cobra.Command) {
	k.values = map[string]*string{}
	for _, n := range keyFlagNames() {
		k.values[n[1]] = cmd.Flags().String(n[0], "", n[2])
	}
}

// remember runs before the environment is looked at.
func (k *keyFlags) remember(flags *pflag.FlagSet) {
	k.typed = map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { k.typed[f.Name] = true })
}

// get is what was typed for a key.
func (k *keyFlags) get(key string) string {
	for _, n := range keyFlagNames() {
		if n[1] == key && k.typed[n[0]] {
			return *k.values[key]
		}
	}
	return ""
}

func (k *keyFlags) put(key, value string) {
	*k.values[key] = value
	for _, n := range keyFlagNames() {
		if n[1] == key {
			k.typed[n[0]] = true
		}
	}
}

const addLong = `add writes a new profile: one that assumes a role (--role-arn with --source-profile or --credential-source), or one that signs in
with IAM Identity Center (--sso-session, --account, --role; with --sso-start-url and --sso-region the sso-session is written as
well). On a terminal, what is missing is asked for.`

func (a *app) newProfilesAdd() *cobra.Command {
	var flags writeFlags
	var keys keyFlags
	cmd := &cobra.Command{
		Use:     "add [NAME]",
		Short:   "Add a profile that assumes a role or signs in with SSO",
		Long:    addLong,
		Example: strings.Join(strings.Split(profilesExample, "\n")[1:3], "\n"),
		Args:    cobra.MaximumNArgs(1),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			keys.remember(cmd.Flags())
			return a.fromEnv(cmd.Flags())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return a.profilesAdd(cmd.Context(), name, flags, &keys)
		},
	}
	keys.register(cmd)
	cmd.Flags().StringVar(&keys.portal.StartURL, "sso-start-url", "", "portal of a new sso-session")
	cmd.Flags().StringVar(&keys.portal.Region, "sso-region", "", "region of a new sso-session")
	flags.register(cmd, "")
	return cmd
}

func (a *app) profilesAdd(ctx context.Context, name string, flags writeFlags, keys *keyFlags) error {
	if ask := newAsker(a); ask.can {
		f, err := profiles.Open(ctx, a.profileFiles())
		if err != nil {
			return err
		}
		if name, err = complete(ctx, ask, f, name, keys); err != nil {
			return err
		}
	}
	if err := addComplete(name, keys); err != nil {
		return err
	}
	return a.write(ctx, change{
		flags: flags,
		plan: func(f *profiles.File, _ bool) (*profiles.Plan, error) {
			edits, err := a.addEdits(f, name, keys)
			if err != nil {
				return nil, err
			}
			return f.Plan(edits...)
		},
		done: "added profile " + name,
	})
}

// addComplete says which flag is missing.
func addComplete(name string, keys *keyFlags) error {
	const next = "rdsx profiles add --help"
	role, session := keys.get("role_arn") != "", keys.get("sso_session") != ""
	switch {
	case name == "":
		return usage(next, "add needs the NAME of the new profile")
	case role == session:
		return usage(next, "add needs one of --role-arn and --sso-session")
	case role && (keys.get("source_profile") == "") == (keys.get("credential_source") == ""):
		return usage(next, "--role-arn needs one of --source-profile and --credential-source: whose credentials assume the role")
	case session && (keys.get("sso_account_id") == "" || keys.get("sso_role_name") == ""):
		return usage(next, "--sso-session needs --account and --role")
	case (keys.portal.StartURL == "") != (keys.portal.Region == ""):
		return usage(next, "a new sso-session needs both --sso-start-url and --sso-region")
	}
	for _, n := range keyFlagNames() {
		foreign := map[bool][]string{
			true:  {"sso_account_id", "sso_role_name"},
			false: {"source_profile", "credential_source", "role_session_name", "duration_seconds", "mfa_serial", "external_id"},
		}[role]
		if keys.get(n[1]) != "" && slices.Contains(foreign, n[1]) {
			return usage(next, "--%s has no place in this kind of profile", n[0])
		}
	}
	return nil
}

// addEdits is the new profile, and its sso-session when that is new.
func (a *app) addEdits(f *profiles.File, name string, keys *keyFlags) ([]profiles.Edit, error) {
	add := profiles.Edit{Op: profiles.Add, Name: name}
	session := keys.get("sso_session")
	if session == "" {
		role, err := a.addRole(f, keys)
		add.Keys = role.Keys()
		return []profiles.Edit{add}, err
	}
	add.Keys = profiles.SSO{Session: session, Account: keys.get("sso_account_id"), Role: keys.get("sso_role_name"), Region: keys.get("region")}.Keys()
	if keys.portal.StartURL == "" {
		return []profiles.Edit{add}, nil
	}
	for _, s := range f.Sessions() {
		if s.Name == session && s.StartURL == keys.portal.StartURL && s.Region == keys.portal.Region {
			return []profiles.Edit{add}, nil
		}
	}
	portal := profiles.Edit{Op: profiles.Add, Session: true, Name: session, Keys: keys.portal.Keys()}
	return []profiles.Edit{portal, add}, nil
}

// addRole fills in what can be known: the source's region, and a session name that says who it was.
func (a *app) addRole(f *profiles.File, keys *keyFlags) (profiles.Role, error) {
	r := profiles.Role{
		ARN: keys.get("role_arn"), SourceProfile: keys.get("source_profile"), CredentialSource: keys.get("credential_source"),
		Region: keys.get("region"), SessionName: keys.get("role_session_name"),
		MFASerial: keys.get("mfa_serial"), ExternalID: keys.get("external_id"),
	}
	if text := keys.get("duration_seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return r, fmt.Errorf("--duration %q is not a number of seconds", text)
		}
		r.Duration = n
	}
	if r.SessionName == "" {
		r.SessionName = a.sessionName()
	}
	if r.Region == "" {
		r.Region = chainRegion(f, r.SourceProfile)
	}
	return r, nil
}

// chainRegion is the first region on the way from a profile to its credentials.
func chainRegion(f *profiles.File, name string) string {
	regions := map[string]string{}
	var chain []string
	for _, p := range f.Profiles() {
		regions[p.Name] = p.Region
		if p.Name == name {
			chain = p.Chain
		}
	}
	for _, step := range chain {
		if region := regions[step]; region != "" {
			return region
		}
	}
	return ""
}

// sessionName is rdsx-USER in the letters that STS takes.
func (a *app) sessionName() string {
	user := a.getenv("USER")
	if user == "" {
		user = a.getenv("USERNAME")
	}
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_+=,.@-", r) {
			return r
		}
		return '-'
	}, user)
	if clean == "" {
		return "rdsx"
	}
	return ("rdsx-" + clean)[:min(64, len("rdsx-"+clean))]
}
