package profiles

import (
	"slices"
	"strings"
)

// Kind says where a profile's credentials come from.
type Kind string

// The kinds of profile.
const (
	KindKeys        Kind = "keys"         // an access key in one of the files
	KindRole        Kind = "role"         // role_arn, assumed from another profile or a credential source
	KindWebIdentity Kind = "web-identity" // role_arn with web_identity_token_file
	KindSSO         Kind = "sso"          // IAM Identity Center, sso-session or legacy
	KindProcess     Kind = "process"      // credential_process
	KindLogin       Kind = "login"        // a session of aws login
	KindNone        Kind = "none"         // no credentials: settings alone
)

func kindOf(m *meaning) Kind {
	has := func(key string) bool { return m.get(key) != "" }
	switch {
	case has("role_arn") && has("web_identity_token_file"):
		return KindWebIdentity
	case has("role_arn"):
		return KindRole
	case has("sso_session"), has("sso_account_id"), has("sso_start_url"):
		return KindSSO
	case has("aws_access_key_id"):
		return KindKeys
	case has("credential_process"):
		return KindProcess
	case has("login_session"):
		return KindLogin
	}
	return KindNone
}

// sourceKeys are the keys of which a profile may have one.
func sourceKeys() []string {
	return []string{"source_profile", "credential_source", "credential_process", "web_identity_token_file"}
}

// chainOf follows source_profile from name. Each step is a profile's name, the last what gives the credentials. broken is
// why the chain does not end in credentials, "" when it does.
func (v view) chainOf(name string) (steps []string, broken string) {
	for {
		m := v.profiles[name]
		if m == nil {
			return append(steps, name+" (missing)"), "profile " + name + " does not exist"
		}
		circle := slices.Contains(steps, name)
		steps = append(steps, name)
		if kindOf(m) != KindRole {
			end, why := endOf(m, len(steps) > 1)
			if end != "" {
				steps = append(steps, end)
			}
			return steps, why
		}
		if circle {
			return steps, "source_profile runs in a circle: " + strings.Join(steps, " → ")
		}
		source := m.get("source_profile")
		if source == "" {
			if m.get("credential_source") == "" {
				return append(steps, "nothing"), "role_arn without source_profile or credential_source"
			}
			return append(steps, m.get("credential_source")), ""
		}
		// A source that holds keys gives those, even if it has a role of its own, even if it is the profile itself.
		if next := v.profiles[source]; next.get("aws_access_key_id") != "" && next.get("aws_secret_access_key") != "" {
			return append(steps, source, string(KindKeys)), ""
		}
		name = source
	}
}

// endOf says what gives a profile's credentials when it assumes no role.
func endOf(m *meaning, isSource bool) (end, broken string) {
	switch kind := kindOf(m); {
	case kind == KindSSO && m.get("sso_session") != "":
		return "sso " + m.get("sso_session"), ""
	case kind != KindNone:
		return string(kind), ""
	case isSource:
		return "nothing", "profile " + m.name + " has no credentials to assume a role with"
	}
	return "", ""
}

// accountOf is the account that a profile leads to, as far as the file says.
func accountOf(m *meaning) string {
	if parts := strings.Split(m.get("role_arn"), ":"); len(parts) > 5 {
		return parts[4]
	}
	if id := m.get("sso_account_id"); id != "" {
		return id
	}
	return m.get("aws_account_id")
}
