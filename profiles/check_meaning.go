package profiles

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// meanings checks what profiles lead to, after the files have been read.
type meanings struct {
	view
	config, credentials string
}

func (c meanings) check() []Finding {
	var out []Finding
	for _, name := range c.names() {
		m := c.profiles[name]
		for _, rule := range []func(*meaning) []Finding{c.chain, c.sources, c.sso, c.keys, c.shapes, c.files} {
			out = append(out, rule(m)...)
		}
	}
	for _, name := range sortedKeys(c.sessions) {
		m := c.sessions[name]
		for _, key := range []string{"sso_start_url", "sso_region"} {
			if m.get(key) == "" {
				f := c.finding(m, "", Error, "sso-session", fmt.Sprintf("sso-session %s has no %s", name, key))
				f.Profile, f.CLI, f.SDK = "", "cannot sign in with it", "cannot sign in with it"
				out = append(out, f)
			}
		}
	}
	return out
}

func (c meanings) finding(m *meaning, key string, severity Severity, rule, text string) Finding {
	f := Finding{File: c.config, Line: m.lineOf(key) + 1, Severity: severity, Rule: rule, Profile: m.name, Key: key, Text: text}
	if m.inCredentials[key] || m.line < 0 {
		f.File = c.credentials
	}
	f.Line = max(f.Line, 1)
	return f
}

// chain holds a role to have a source, and the sources to end in credentials.
func (c meanings) chain(m *meaning) []Finding {
	if kindOf(m) != KindRole {
		return nil
	}
	_, broken := c.chainOf(m.name)
	source := m.get("source_profile")
	f := c.finding(m, "source_profile", Error, "source", broken)
	switch {
	case broken == "":
		return c.chained(m)
	case source == "" && m.get("credential_source") == "":
		f = c.finding(m, "role_arn", Error, "no-source", broken)
		f.CLI, f.SDK = "fails: partial credentials found in assume-role", "take an instance's role for the source, and fail late"
		if m.get("aws_access_key_id") != "" || m.get("sso_session") != "" || m.get("credential_process") != "" {
			f.SDK = "assume the role with the profile's other credentials"
		}
	case c.profiles[source] == nil:
		f.Rule, f.Text = "no-such-source", "source_profile "+source+" does not exist"
		f.CLI, f.SDK = "fails: the source profile does not exist", "fail: no such profile"
	case strings.Contains(broken, "circle"):
		f.Rule = "circle"
		f.CLI, f.SDK = "fails: infinite loop in the configuration", "fail: cannot assume the role"
	default:
		f.CLI, f.SDK = "fails: no credentials for the source", "fail: cannot assume the role"
	}
	return []Finding{f}
}

// chained knows that a role that is assumed by a role lasts an hour at most.
func (c meanings) chained(m *meaning) []Finding {
	seconds, err := strconv.Atoi(m.get("duration_seconds"))
	source := c.profiles[m.get("source_profile")]
	if err != nil || seconds <= 3600 || source == nil || source == m || kindOf(source) != KindRole || source.get("aws_access_key_id") != "" {
		return nil
	}
	return []Finding{c.finding(m, "duration_seconds", Error, "chained-duration",
		"duration_seconds is over 3600, and STS gives a role that is assumed by another role an hour at most")}
}

// sources holds a profile to one way to get credentials.
func (c meanings) sources(m *meaning) []Finding {
	var out []Finding
	has := slices.DeleteFunc(sourceKeys(), func(key string) bool { return m.get(key) == "" })
	if len(has) > 1 {
		f := c.finding(m, has[1], Error, "several-sources", "only one of "+strings.Join(has, " and ")+" may be there")
		f.CLI, f.SDK = "fails, or uses one of them", "fail: only one credential type may be specified"
		out = append(out, f)
	}
	if m.get("role_arn") == "" && len(has) > 0 && has[0] != "credential_process" {
		f := c.finding(m, has[0], Error, "no-role", has[0]+" without role_arn")
		f.CLI, f.SDK = "ignores it", "fail: it requires an ARN"
		out = append(out, f)
	}
	if value := m.get("credential_source"); value != "" && !slices.Contains(credentialSources(), value) {
		f := c.finding(m, "credential_source", Error, "credential-source", fmt.Sprintf("credential_source %q is not %s", value, strings.Join(credentialSources(), " or ")))
		f.CLI, f.SDK = "fails: unsupported credential source", "fail: the same"
		out = append(out, f)
	}
	return out
}

// sso holds a profile of IAM Identity Center to be complete.
func (c meanings) sso(m *meaning) []Finding {
	session := m.get("sso_session")
	if session != "" && c.sessions[session] == nil {
		f := c.finding(m, "sso_session", Error, "no-such-session", "sso-session "+session+" does not exist")
		f.CLI, f.SDK = "fails: the sso-session does not exist", "fail: the same"
		return []Finding{f}
	}
	if kindOf(m) != KindSSO {
		return nil
	}
	want := []string{"sso_account_id", "sso_role_name"}
	if session == "" {
		want = append(want, "sso_start_url", "sso_region")
	}
	var missing []string
	for _, key := range want {
		if m.get(key) == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 || session != "" && len(missing) == 2 {
		return nil // with a session alone the profile gives bearer tokens, which some services take
	}
	f := c.finding(m, "", Error, "sso-incomplete", "the profile signs in with SSO but has no "+strings.Join(missing, ", "))
	f.CLI, f.SDK = "fails: missing required configuration", "fail: the same"
	return []Finding{f}
}

// keys looks at access keys: half a pair, temporary ones, and keys that a role hides.
func (c meanings) keys(m *meaning) []Finding {
	id, secret := m.get("aws_access_key_id"), m.get("aws_secret_access_key")
	switch {
	case (id == "") != (secret == ""):
		key := "aws_access_key_id"
		if id == "" {
			key = "aws_secret_access_key"
		}
		f := c.finding(m, key, Error, "half-keys", "only one of aws_access_key_id and aws_secret_access_key is there")
		f.CLI, f.SDK = "fails: partial credentials", "fail: partial credentials"
		return []Finding{f}
	case m.get("aws_session_token") != "":
		return []Finding{c.finding(m, "aws_session_token", Note, "temporary-keys", "temporary keys in a file: nothing renews them; a role or SSO profile does")}
	}
	return nil
}

// shapes holds values to what AWS takes. A value that readers do not read alike has its own finding.
func (c meanings) shapes(m *meaning) []Finding {
	var out []Finding
	for _, key := range []string{"role_arn", "region", "sso_account_id", "duration_seconds", "mfa_serial"} {
		value := m.get(key)
		if value == "" || m.nested[key] || unsafeValue(value) != "" {
			continue
		}
		if err := checkKey(Key{key, value}); err != nil {
			out = append(out, c.finding(m, key, Error, "shape", err.Error()))
		}
	}
	seconds, err := strconv.Atoi(m.get("duration_seconds"))
	if err == nil && seconds >= 900 && seconds < 960 {
		f := c.finding(m, "duration_seconds", Note, "short-duration", "duration_seconds under 16 minutes")
		f.CLI, f.SDK = "uses it, and does not cache such a session", "ignore it and take their own default (Go: 15 minutes)"
		out = append(out, f)
	}
	if name := m.get("services"); name != "" && !c.services[name] {
		out = append(out, c.finding(m, "services", Warning, "no-such-services", "the section [services "+name+"] does not exist"))
	}
	if name := m.get("source_profile"); name != "" && !letters(nameMarks, 1, maxName)(name) {
		f := c.finding(m, "source_profile", Warning, "source-name", "the name of source_profile is not read alike by all tools")
		out = append(out, f)
	}
	return out
}

// files finds keys of the config file that the credentials file hides.
func (c meanings) files(m *meaning) []Finding {
	if m.line < 0 {
		return nil
	}
	var out []Finding
	for _, key := range m.hidden {
		f := c.finding(m, key, Warning, "hidden", key+" of profile "+m.name+" is in both files; the credentials file wins")
		out = append(out, f)
	}
	return out
}
