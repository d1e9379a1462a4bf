package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/profiles"
)

// profileListing is the JSON of rdsx profiles ls. Fields are only ever added.
type profileListing struct {
	Config      string             `json:"config"`
	Credentials string             `json:"credentials"`
	Profiles    []listedProfile    `json:"profiles"`
	Sessions    []profiles.Session `json:"sso_sessions"`
}

// listedProfile is a profile with its sign-in.
type listedProfile struct {
	profiles.Profile
	SignIn aws.SignIn `json:"sign_in"`
	MFA    string     `json:"mfa_serial,omitempty"`
}

// signIns is every profile with its source chain and its sign-in, without a call to AWS: for the screen of profiles too.
func (a *app) signIns(f *profiles.File) []aws.Profile {
	settings, sessions := f.Settings()
	return account.Profiles(a.Env, time.Now(), settings, sessions)
}

// listProfiles joins what the files say of the profiles with their sign-in.
func (a *app) listProfiles(f *profiles.File) []listedProfile {
	states := map[string]aws.Profile{}
	for _, s := range a.signIns(f) {
		states[s.Name] = s
	}
	out := []listedProfile{}
	for _, p := range f.Profiles() {
		s := states[p.Name]
		out = append(out, listedProfile{Profile: p, SignIn: s.SignIn, MFA: s.MFA})
	}
	return out
}

func (a *app) newProfilesLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List profiles, where their credentials come from, and what is wrong with them",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.profilesLs(cmd.Context()) },
	}
}

func (a *app) profilesLs(ctx context.Context) error {
	files := a.profileFiles()
	f, err := profiles.Open(ctx, files)
	if err != nil {
		return err
	}
	l := profileListing{Config: f.Path(), Credentials: files.Credentials, Profiles: a.listProfiles(f), Sessions: f.Sessions()}
	if a.flags.json {
		err = a.printJSON(l)
	} else {
		err = l.print(a)
	}
	if err == nil && len(l.Profiles) == 0 {
		err = aws.Advise(fmt.Errorf("no profile in %s or %s", files.Config, files.Credentials), aws.ErrNotFound,
			"rdsx profiles add NAME --role-arn ARN --source-profile NAME")
	}
	return err
}

func (l profileListing) print(a *app) error {
	rows := [][]string{{"PROFILE", "KIND", "ACCOUNT", "REGION", "CREDENTIALS FROM", "SIGN-IN", "BY", "PROBLEM"}}
	for _, p := range l.Profiles {
		by := ""
		if p.Managed {
			by = "rdsx"
		}
		rows = append(rows, []string{p.Name, string(p.Kind), orDash(p.Account), orDash(p.Region), orDash(p.ChainLine()), signInText(p.SignIn), by, problem(p.Profile)})
	}
	return printTable(a.Stdout, rows)
}

// signInText is a sign-in in a few words.
func signInText(s aws.SignIn) string {
	switch {
	case s.State == aws.SignInUnknown:
		return "–"
	case s.State == aws.SignedIn && !s.Expires.IsZero():
		return "until " + s.Expires.Local().Format("15:04")
	}
	return string(s.State)
}

// problem is the worst finding of a profile in a few words.
func problem(p profiles.Profile) string {
	worst := ""
	more := 0
	for _, want := range []profiles.Severity{profiles.Error, profiles.Warning} {
		for _, f := range p.Problems {
			switch {
			case f.Severity != want:
			case worst == "":
				worst = f.Text
			default:
				more++
			}
		}
	}
	if more > 0 {
		worst += fmt.Sprintf(" (and %d more)", more)
	}
	return worst
}

// profileCheck is the JSON of rdsx profiles check. Fields are only ever added.
type profileCheck struct {
	Config      string             `json:"config"`
	Credentials string             `json:"credentials"`
	Findings    []profiles.Finding `json:"findings"`
}

const checkLong = `check reads both files by the rules of the AWS CLI (and everything on botocore) and by those of the SDKs, and says line by
line what each of them would make of it. It changes nothing. The exit code is 1 if there is an error.`

func (a *app) newProfilesCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say what the AWS CLI and the SDKs would see, and where they differ",
		Long:  checkLong,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.profilesCheck(cmd.Context()) },
	}
}

func (a *app) profilesCheck(ctx context.Context) error {
	files := a.profileFiles()
	f, err := profiles.Open(ctx, files)
	if err != nil {
		return err
	}
	c := profileCheck{Config: files.Config, Credentials: files.Credentials, Findings: append([]profiles.Finding{}, f.Check()...)}
	failures := 0
	for _, found := range c.Findings {
		if found.Severity == profiles.Error {
			failures++
		}
	}
	switch {
	case a.flags.json:
		err = a.printJSON(c)
	case len(c.Findings) == 0:
		_, err = fmt.Fprintf(a.Stdout, "%s and %s: the AWS CLI and the SDKs read them alike\n", files.Config, files.Credentials)
	default:
		err = c.print(a)
	}
	if err != nil || failures == 0 {
		return err
	}
	return fmt.Errorf("%s", counted(failures, "error")+" in the profiles")
}

func (c profileCheck) print(a *app) error {
	var b strings.Builder
	for _, f := range c.Findings {
		fmt.Fprintf(&b, "%s:%d: %s: ", f.File, f.Line, f.Severity)
		if f.Profile != "" {
			fmt.Fprintf(&b, "[%s] ", printable(f.Profile))
		}
		fmt.Fprintln(&b, printable(f.Text))
		if f.CLI != "" {
			fmt.Fprintf(&b, "    the AWS CLI %s\n", printable(f.CLI))
		}
		if f.SDK != "" {
			fmt.Fprintf(&b, "    the SDKs    %s\n", printable(f.SDK))
		}
	}
	_, err := fmt.Fprint(a.Stdout, b.String())
	return err
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
