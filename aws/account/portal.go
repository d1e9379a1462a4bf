package account

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/rdsx/rdsx/aws"
)

// Portal is an IAM Identity Center portal: what people sign in to.
type Portal struct {
	Session  string   // name of the [sso-session]; "" for a legacy profile, which names the portal itself
	StartURL string   // exactly as in the file: the name of the token's file is made of it
	Region   string   // of the portal
	Scopes   []string // sso_registration_scopes; nil when the file has none
}

// Name is what a sentence calls the portal.
func (p Portal) Name() string { return firstOf(p.Session, p.StartURL) }

// portalOf is what a profile signs in with, as the SDK reads it. The SDK does not read the scopes, which only a sign-in needs.
func portalOf(s *config.SharedConfig) Portal {
	if s.SSOSession != nil {
		return Portal{Session: s.SSOSession.Name, StartURL: s.SSOSession.SSOStartURL, Region: s.SSOSession.SSORegion}
	}
	return Portal{StartURL: s.SSOStartURL, Region: s.SSORegion}
}

// FindPortal is the portal that name signs in with: a profile, wherever its chain ends, or an sso-session. profiles and
// sessions are as for Profiles. Errors are *aws.Hint.
func FindPortal(name string, profiles, sessions map[string]map[string]string) (Portal, error) {
	s := states{profiles: profiles, sessions: sessions}
	_, isProfile := profiles[name]
	from, isSession := sessions[name]
	var chain []string
	end, problem := "", ""
	if isProfile {
		end, problem = s.chain(name, &chain)
	}
	p, ok := s.portal(end)
	switch {
	case ok:
		return p, p.check()
	case isSession: // also where a profile of that name has other credentials
		p = Portal{Session: name, StartURL: from["sso_start_url"], Region: from["sso_region"], Scopes: parseScopes(from["sso_registration_scopes"])}
		return p, p.check()
	case !isProfile:
		return Portal{}, aws.Advise(fmt.Errorf("there is no profile and no sso-session %q", name), aws.ErrNotFound, "rdsx profiles ls")
	case problem != "":
		return Portal{}, aws.Advise(errors.New(problem), aws.ErrUsage, "rdsx profiles check")
	}
	return Portal{}, notSSO(name, kindOfKeys(profiles[end]))
}

// notSSO says how else a profile is signed in to.
func notSSO(name string, kind aws.ProfileKind) error {
	next := "rdsx profiles whoami " + name
	text := fmt.Sprintf("profile %q does not sign in with SSO", name)
	if kind == aws.ProfileLogin {
		next = "aws login --profile " + name
		text = fmt.Sprintf("profile %q signs in with aws login", name)
	}
	return aws.Advise(errors.New(text), aws.ErrUsage, next)
}

func (p Portal) check() error {
	if p.StartURL == "" || p.Region == "" {
		return aws.Advise(fmt.Errorf("the sso-session %q has no sso_start_url or no sso_region", p.Session), aws.ErrUsage, "rdsx profiles check")
	}
	return nil
}
