package account

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/rdsx/rdsx/aws"
)

// kind is where credentials come from.
type kind string

const (
	kindEnvironment kind = "environment"
	kindWebIdentity kind = "web identity"
	kindKeys        kind = "keys of the profile"
	kindSSO         kind = "sso"
	kindLogin       kind = "aws login"
	kindProcess     kind = "credential_process"
	kindMachine     kind = "instance or container"
)

// origin is what an error must know of its credentials to give advice. It holds names, never secrets.
type origin struct {
	profile         string // "" when the environment or the machine gives the credentials
	region          string
	kind            kind
	signIn          string   // the profile to sign in with: the end of a chain of source_profile
	role            string   // the ARN of the outermost role, "" for none
	mfa             bool     // an mfa_serial is somewhere in the chain
	duration        bool     // a duration_seconds is
	profiles        []string // all that exist, sorted
	configFile      string
	credentialsFile string
}

// name is what a sentence calls the credentials.
func (o *origin) name() string {
	switch {
	case o.profile != "":
		return fmt.Sprintf("profile %q", o.profile)
	case o.kind == kindEnvironment:
		return "the keys in the environment"
	case o.kind == kindWebIdentity:
		return "the web identity token"
	}
	return "this machine's role"
}

// describe walks the chain of source_profile. offMachine means that neither the instance nor a container may be asked.
func (o *origin) describe(shared *config.SharedConfig, offMachine bool) error {
	o.role = shared.RoleARN
	end := shared
	for s := shared; s != nil; s = s.Source {
		o.mfa = o.mfa || s.MFASerial != ""
		o.duration = o.duration || s.RoleDurationSeconds != nil
		end = s
	}
	o.signIn = unquote(end.Profile)
	switch {
	case end.Credentials.HasKeys():
		o.kind = kindKeys
	case end.CredentialSource == "Environment":
		o.kind = kindEnvironment
	case end.CredentialSource != "":
		o.kind = kindMachine
	case end.WebIdentityTokenFile != "":
		o.kind = kindWebIdentity
	case end.SSOSessionName != "", end.SSOStartURL != "", end.SSOAccountID != "":
		o.kind = kindSSO
	case end.LoginSession != "":
		o.kind = kindLogin
	case end.CredentialProcess != "":
		o.kind = kindProcess
	case end.RoleARN != "":
		// The SDK would ask the instance's metadata, in vain and slowly (docs/aws.md §1.1).
		return aws.Advise(fmt.Errorf("profile %q has a role_arn, and nothing that says with whose credentials to assume it", unquote(end.Profile)),
			aws.ErrUsage, fmt.Sprintf("add source_profile (or credential_source) to [profile %s] in %s", unquote(end.Profile), o.configFile))
	default:
		o.kind = kindMachine
		if offMachine {
			return noCredentials(o)
		}
	}
	return nil
}

func unquote(raw string) string {
	s := sections{}
	s.add(raw)
	for name := range s {
		return name
	}
	return raw
}

// originError is an error that remembers its credentials. It reads as its cause.
type originError struct {
	origin *origin
	err    error
}

func (e *originError) Error() string { return e.err.Error() }
func (e *originError) Unwrap() error { return e.err }

func (o *origin) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &originError{o, err}
}

// mfaError is the failure to get a code from the user, as opposed to a wrong code.
type mfaError struct{ err error }

func (e *mfaError) Error() string { return "ask for the MFA code: " + e.err.Error() }
func (e *mfaError) Unwrap() error { return e.err }
