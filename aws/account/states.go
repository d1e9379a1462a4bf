package account

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// Profiles is every profile with its sign-in, as the files and caches on this machine tell: nothing is asked of AWS, nothing
// is written. It is the list of the screen of roles and of rdsx profiles ls (in cli: app.signIns, which reads the files with
// package profiles and hands its Settings in here).
//
// profiles and sessions are the keys of each profile and each sso-session by name; env is the process environment; now is the
// time to measure by. The list is sorted by name.
func Profiles(env []string, now time.Time, profiles, sessions map[string]map[string]string) []aws.Profile {
	s := states{env: newEnviron(env), now: now, profiles: profiles, sessions: sessions}
	out := make([]aws.Profile, 0, len(profiles))
	for name := range profiles {
		out = append(out, s.profile(name))
	}
	slices.SortFunc(out, func(a, b aws.Profile) int { return strings.Compare(a.Name, b.Name) })
	return out
}

type states struct {
	env                environ
	now                time.Time
	profiles, sessions map[string]map[string]string
}

func (s states) profile(name string) aws.Profile {
	keys := s.profiles[name]
	p := aws.Profile{
		Name: name, Kind: kindOfKeys(keys), Region: keys["region"], RoleARN: keys["role_arn"], MFA: keys["mfa_serial"],
		Managed: keys["rdsx_managed"] != "",
	}
	p.Account, p.Role = keys["sso_account_id"], keys["sso_role_name"]
	if arn := strings.SplitN(p.RoleARN, ":", 6); len(arn) == 6 {
		p.Account, p.Role = arn[4], roleName(p.RoleARN)
	}
	p.Account = firstOf(p.Account, keys["aws_account_id"])
	end, problem := s.chain(name, &p.Chain)
	p.Problem = problem
	if portal, ok := s.portal(end); ok {
		p.Session = firstOf(portal.Session, portal.StartURL)
	}
	if p.Region == "" {
		p.Region = s.regionOf(p.Chain)
	}
	p.SignIn = s.signIn(name)
	return p
}

func kindOfKeys(keys map[string]string) aws.ProfileKind {
	has := func(key string) bool { return keys[key] != "" }
	switch {
	case has("role_arn") && has("web_identity_token_file"):
		return aws.ProfileWebIdentity
	case has("role_arn"):
		return aws.ProfileRole
	case has("sso_session"), has("sso_account_id"), has("sso_start_url"):
		return aws.ProfileSSO
	case has("aws_access_key_id"):
		return aws.ProfileKeys
	case has("credential_process"):
		return aws.ProfileProcess
	case has("login_session"):
		return aws.ProfileLogin
	}
	return aws.ProfileNone
}

// chain follows source_profile and returns the profile at its end, and why that gives no credentials.
func (s states) chain(name string, steps *[]string) (end, problem string) {
	for {
		keys, ok := s.profiles[name]
		if !ok {
			*steps = append(*steps, name)
			return name, "there is no profile " + name
		}
		if slices.Contains(*steps, name) {
			return name, "source_profile runs in a circle"
		}
		*steps = append(*steps, name)
		kind := kindOfKeys(keys)
		source := keys["source_profile"]
		switch {
		case kind == aws.ProfileSSO:
			*steps = append(*steps, strings.TrimSpace("sso "+keys["sso_session"]))
			return name, ""
		case kind != aws.ProfileRole:
			if kind != aws.ProfileNone {
				*steps = append(*steps, string(kind))
			} else if len(*steps) > 1 {
				return name, "profile " + name + " has no credentials"
			}
			return name, ""
		case source == "" && keys["credential_source"] == "":
			return name, "role_arn without source_profile or credential_source"
		case source == "":
			*steps = append(*steps, keys["credential_source"])
			return name, ""
		case s.profiles[source]["aws_access_key_id"] != "": // keys win over a role of the source, and may be the profile's own
			*steps = append(*steps, source, string(aws.ProfileKeys))
			return source, ""
		}
		name = source
	}
}

func (s states) regionOf(chain []string) string {
	for _, step := range chain {
		if region := s.profiles[step]["region"]; region != "" {
			return region
		}
	}
	return ""
}

// portal is what a profile signs in with; false when it is no SSO profile.
func (s states) portal(name string) (Portal, bool) {
	keys := s.profiles[name]
	if kindOfKeys(keys) != aws.ProfileSSO {
		return Portal{}, false
	}
	if session := keys["sso_session"]; session != "" {
		from := s.sessions[session]
		return Portal{Session: session, StartURL: from["sso_start_url"], Region: from["sso_region"], Scopes: parseScopes(from["sso_registration_scopes"])}, true
	}
	return Portal{StartURL: keys["sso_start_url"], Region: keys["sso_region"]}, true
}

// signIn looks from the profile towards the end of its chain: credentials of a nearer link make the farther ones needless.
func (s states) signIn(name string) aws.SignIn {
	seen := map[string]bool{}
	for !seen[name] {
		seen[name] = true
		keys := s.profiles[name]
		switch kindOfKeys(keys) {
		case aws.ProfileRole:
			if expires, ok := s.role(keys); ok {
				return aws.SignIn{State: aws.SignedIn, Expires: expires}
			}
			if serial := keys["mfa_serial"]; serial != "" {
				return s.device(keys, serial)
			}
			source := keys["source_profile"]
			if source == "" || source == name || s.profiles[source]["aws_access_key_id"] != "" {
				return aws.SignIn{State: aws.SignInUnknown}
			}
			name = source
		case aws.ProfileSSO:
			return s.sso(name, keys)
		case aws.ProfileLogin:
			return s.login(keys["login_session"])
		default:
			return aws.SignIn{State: aws.SignInUnknown}
		}
	}
	return aws.SignIn{State: aws.SignInUnknown}
}

// role looks for the credentials of an assumed role in the AWS CLI's cache.
func (s states) role(keys map[string]string) (time.Time, bool) {
	seconds, _ := strconv.Atoi(keys["duration_seconds"])
	args := roleArgs(keys["role_arn"], keys["role_session_name"], keys["external_id"], keys["mfa_serial"], seconds)
	c, expires, ok := readCached(s.env.cacheDir(), cacheKey(args, false), s.now)
	return expires, ok && c.isOf(keys["role_arn"], keys["role_session_name"])
}

// device is whether a code of an MFA device is needed: not while the session of its last one lasts.
func (s states) device(keys map[string]string, serial string) aws.SignIn {
	id := firstOf(s.profiles[keys["source_profile"]]["aws_access_key_id"], keys["aws_access_key_id"])
	if _, expires, ok := readCached(s.env.cacheDir(), sessionKey(id, serial), s.now); ok && id != "" {
		return aws.SignIn{State: aws.SignedIn, Expires: expires}
	}
	return aws.SignIn{State: aws.SignInMFA}
}

// login reads the cache of aws login, whose tokens last minutes and are renewed by whoever uses them.
func (s states) login(session string) aws.SignIn {
	dir, _ := s.env.first("AWS_LOGIN_CACHE_DIRECTORY")
	if dir == "" {
		dir = s.env.awsDir("login", "cache")
	}
	var t struct {
		AccessToken  struct{ ExpiresAt time.Time }
		RefreshToken string
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(session)))
	if dir == "" || !readJSON(filepath.Join(dir, hex.EncodeToString(sum[:])+".json"), &t) {
		return aws.SignIn{State: aws.SignInNeeded}
	}
	switch {
	case s.now.Before(t.AccessToken.ExpiresAt):
		return aws.SignIn{State: aws.SignedIn, Expires: t.AccessToken.ExpiresAt}
	case t.RefreshToken != "":
		return aws.SignIn{State: aws.SignInUnknown}
	}
	return aws.SignIn{State: aws.SignInExpired, Expires: t.AccessToken.ExpiresAt}
}

func (s states) sso(name string, keys map[string]string) aws.SignIn {
	portal, _ := s.portal(name)
	t, ok := readToken(s.env.tokenPath(portal), portal)
	switch {
	case ok && s.now.Before(t.expires()):
		return aws.SignIn{State: aws.SignedIn, Expires: t.expires()}
	case ok && t.refreshable(s.now):
		return aws.SignIn{State: aws.SignedIn} // its renewal needs nobody
	}
	args := ssoArgs(keys["sso_account_id"], keys["sso_role_name"], portal.Session, portal.StartURL)
	if _, expires, cached := readCached(s.env.cacheDir(), cacheKey(args, true), s.now); cached {
		return aws.SignIn{State: aws.SignedIn, Expires: expires}
	}
	if ok {
		return aws.SignIn{State: aws.SignInExpired, Expires: t.expires()}
	}
	return aws.SignIn{State: aws.SignInNeeded}
}
