package aws

import "time"

// Profile is one profile of ~/.aws/config as a list shows it. No field holds a secret.
type Profile struct {
	Name    string      `json:"name"`
	Kind    ProfileKind `json:"kind"`
	Account string      `json:"account,omitempty"` // id of the account that it leads to, as far as the file says
	Role    string      `json:"role,omitempty"`    // name of the role or permission set, "" for none
	RoleARN string      `json:"role_arn,omitempty"`
	Region  string      `json:"region,omitempty"`
	Chain   []string    `json:"chain"`             // from the profile to what gives its credentials: names, then keys, sso corp, process…
	Session string      `json:"session,omitempty"` // the sso-session, or the start URL of a legacy profile, that it signs in with
	MFA     string      `json:"mfa_serial,omitempty"`
	Managed bool        `json:"managed"` // written by rdsx
	SignIn  SignIn      `json:"sign_in"`
	Problem string      `json:"problem,omitempty"` // why it cannot work as it is written
}

// ProfileKind says where a profile's credentials come from.
type ProfileKind string

// The kinds of profile.
const (
	ProfileKeys        ProfileKind = "keys"         // an access key in one of the files
	ProfileRole        ProfileKind = "role"         // a role, assumed from another profile or a credential source
	ProfileWebIdentity ProfileKind = "web-identity" // a role, assumed with a token of another identity provider
	ProfileSSO         ProfileKind = "sso"          // IAM Identity Center
	ProfileProcess     ProfileKind = "process"      // credential_process
	ProfileLogin       ProfileKind = "login"        // a session of aws login
	ProfileNone        ProfileKind = "none"         // settings alone
)

// SignInState is whether a profile can be used without anybody being asked.
type SignInState string

// The states of a sign-in, as the caches on this machine tell them: AWS is not asked.
const (
	SignedIn      SignInState = "signed in" // credentials or a token are at hand; see SignIn.Expires
	SignInExpired SignInState = "expired"   // a token was there and is over: rdsx profiles login NAME
	SignInNeeded  SignInState = "signed out"
	SignInMFA     SignInState = "needs MFA" // the next use asks for the code of Profile.MFA
	SignInUnknown SignInState = "unknown"   // only a try would tell: keys, programs, the machine's own role
)

// SignIn is one reading of a profile's sign-in.
type SignIn struct {
	State   SignInState `json:"state"`
	Expires time.Time   `json:"expires,omitzero"` // of the role's credentials, else of the SSO token; zero when unknown
}
