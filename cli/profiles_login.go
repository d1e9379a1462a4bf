package cli

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/profiles"
)

const loginLong = `login signs in to an IAM Identity Center portal, by the name of a profile or of an sso-session, and leaves the token where the
AWS CLI and every SDK look for it. On a machine with a browser it opens the portal's page; elsewhere, and with --device, it shows
a code to confirm in a browser on any machine. A profile that assumes a role with an MFA device is signed in to with a code, once:
the AWS CLI does not ask again for it.`

// loginFlags are those of rdsx profiles login.
type loginFlags struct {
	device bool
	portal profiles.Portal // for one that is in no file yet
}

func (a *app) newProfilesLogin() *cobra.Command {
	var flags loginFlags
	cmd := &cobra.Command{
		Use:               "login [PROFILE|SSO-SESSION]",
		Short:             "Sign in with SSO, or with an MFA code",
		Long:              loginLong,
		Example:           "  rdsx profiles login corp\n  rdsx profiles login orders --mfa-code 123456",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeProfiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return a.profilesLogin(cmd.Context(), name, flags)
		},
	}
	cmd.Flags().BoolVar(&flags.device, "device", false, "show a code to confirm in any browser, instead of opening one here")
	flags.register(cmd)
	return cmd
}

func (l *loginFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.portal.StartURL, "sso-start-url", "", "portal of an sso-session that is in no file yet")
	cmd.Flags().StringVar(&l.portal.Region, "sso-region", "", "its region")
}

// signedIn is the JSON of rdsx profiles login. Fields are only ever added.
type signedIn struct {
	Profile  string    `json:"profile,omitempty"`
	Session  string    `json:"sso_session,omitempty"`
	StartURL string    `json:"start_url,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
}

func (a *app) profilesLogin(ctx context.Context, name string, flags loginFlags) error {
	f, err := profiles.Open(ctx, a.profileFiles())
	if err != nil {
		return err
	}
	settings, sessions := f.Settings()
	if name, err = a.loginName(name, settings, sessions); err != nil {
		return err
	}
	if role(settings, name) && sessions[name] == nil {
		return a.loginRole(ctx, name)
	}
	portal, err := a.portal(name, flags, settings, sessions)
	if err != nil {
		return err
	}
	until, err := a.signIn(ctx, name, portal, flags.device)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(signedIn{Session: portal.Session, StartURL: portal.StartURL, Expires: until})
	}
	_, err = fmt.Fprintf(a.Stdout, "signed in to %s until %s\n", printable(portal.Name()), until.Local().Format("15:04 on 2 January"))
	return err
}

// loginName is what to sign in to when nothing was typed: the profile in use, else the only sso-session there is.
func (a *app) loginName(name string, settings, sessions map[string]map[string]string) (string, error) {
	for _, found := range []string{name, a.flags.profile, a.getenv("AWS_PROFILE"), a.getenv("AWS_DEFAULT_PROFILE")} {
		if found != "" {
			return found, nil
		}
	}
	if len(sessions) == 1 {
		for only := range sessions {
			return only, nil
		}
	}
	if _, ok := settings["default"]; ok {
		return "default", nil
	}
	return "", usage("rdsx profiles ls", "login needs the name of a profile or an sso-session")
}

// role says whether the profile's credentials end in something else than a portal, so that signing in is using it.
func role(settings map[string]map[string]string, name string) bool {
	seen := map[string]bool{}
	for at := name; !seen[at]; at = settings[at]["source_profile"] {
		seen[at] = true
		keys := settings[at]
		switch {
		case keys == nil:
			return false
		case keys["sso_session"] != "" || keys["sso_start_url"] != "":
			return false
		case keys["source_profile"] == "" || keys["role_arn"] == "":
			return settings[name]["role_arn"] != ""
		}
	}
	return true
}

// portal is the one that name signs in with, or the one that the flags describe.
func (a *app) portal(name string, flags loginFlags, settings, sessions map[string]map[string]string) (account.Portal, error) {
	if flags.portal.StartURL == "" && flags.portal.Region == "" {
		return account.FindPortal(name, settings, sessions)
	}
	if flags.portal.StartURL == "" || flags.portal.Region == "" {
		return account.Portal{}, usage("rdsx profiles login --help", "a new sso-session needs both --sso-start-url and --sso-region")
	}
	if at := sessions[name]; at != nil && (at["sso_start_url"] != flags.portal.StartURL || at["sso_region"] != flags.portal.Region) {
		return account.Portal{}, usage("rdsx profiles ls --json", "the sso-session %q is there already, with another start URL or region", name)
	}
	return account.Portal{Session: name, StartURL: flags.portal.StartURL, Region: flags.portal.Region, Scopes: []string{"sso:account:access"}}, nil
}

// loginRole fetches the credentials of a role, asking for the MFA code, so that the cache has them for everybody.
func (a *app) loginRole(ctx context.Context, name string) error {
	a.flags.profile = name
	cfg, _, err := a.load(ctx)
	if err != nil {
		return err
	}
	keys, err := account.Credentials(ctx, cfg)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(signedIn{Profile: name, Expires: keys.Expires})
	}
	_, err = fmt.Fprintf(a.Stdout, "signed in to profile %s until %s\n", printable(name), keys.Expires.Local().Format("15:04"))
	return err
}

// signIn lets the person sign in to a portal. The endpoints are those of the profile of that name, if there is one.
func (a *app) signIn(ctx context.Context, name string, p account.Portal, device bool) (time.Time, error) {
	if a.flags.noInput {
		return time.Time{}, aws.Advise(fmt.Errorf("a sign-in to %s needs a person", p.Name()), aws.ErrSignIn, "rdsx profiles login "+p.Name()+", without --no-input")
	}
	browser := account.Browser{Show: a.invite}
	if !device {
		browser.Open = a.opener(runtime.GOOS)
	}
	return account.SignIn(ctx, a.accountOptions(name), p, browser)
}

func (a *app) accountOptions(profile string) account.Options {
	return account.Options{
		Profile: profile, EndpointURL: a.flags.endpointURL, Env: a.Env, Log: a.log(), Version: a.Version.filled().Version, Shared: a.shared,
	}
}

func (a *app) invite(i account.Invitation) {
	if i.Code == "" {
		fmt.Fprintf(a.Stderr, "Sign in with the browser. If none opens, open this page on this machine:\n\n  %s\n\nOn another machine: --device\n", printable(i.URL))
		return
	}
	fmt.Fprintf(a.Stderr, "Open this page in any browser:\n\n  %s\n\nand confirm that it shows this code:\n\n  %s\n\n", printable(i.URL), printable(i.Code))
}

// opener opens a browser on this machine; nil where there is none to be seen: over SSH, and on a Linux without a screen. A
// program in BROWSER is taken everywhere.
func (a *app) opener(goos string) func(context.Context, string) error {
	program := []string{a.getenv("BROWSER")}
	remote := a.getenv("SSH_CONNECTION") != "" || a.getenv("SSH_TTY") != ""
	switch {
	case program[0] != "":
	case remote:
		return nil
	case goos == "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler"}
	case goos == "darwin":
		program = []string{"open"}
	case a.getenv("DISPLAY") == "" && a.getenv("WAYLAND_DISPLAY") == "":
		return nil
	default:
		program = []string{"xdg-open"}
	}
	path, err := exec.LookPath(program[0])
	if err != nil {
		return nil
	}
	return func(ctx context.Context, url string) error {
		if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
			return fmt.Errorf("%q is no page for a browser", url)
		}
		cmd := exec.CommandContext(context.WithoutCancel(ctx), path, append(program[1:], url)...)
		cmd.Env = a.Env
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("open a browser: %w", err)
		}
		go func() { _ = cmd.Wait() }() // a browser may outlive the sign-in, and this process
		return nil
	}
}
