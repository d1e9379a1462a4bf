package profiles

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Key is one key = value line.
type Key struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Role is a profile that assumes a role.
type Role struct {
	ARN              string // role_arn
	SourceProfile    string // one of these two
	CredentialSource string // Ec2InstanceMetadata, Environment or EcsContainer
	Region           string // "" leaves it to the reader's own default
	SessionName      string // role_session_name; it shows in CloudTrail
	Duration         int    // duration_seconds; 0 is 3600, the longest that a chain of roles may have
	MFASerial        string // "" for none
	ExternalID       string // "" for none
}

// Keys is what is written for r, in this order.
func (r Role) Keys() []Key {
	if r.Duration == 0 {
		r.Duration = 3600
	}
	return present([]Key{
		{"role_arn", r.ARN},
		{"source_profile", r.SourceProfile},
		{"credential_source", r.CredentialSource},
		{"region", r.Region},
		{"role_session_name", r.SessionName},
		{"duration_seconds", strconv.Itoa(r.Duration)},
		{"mfa_serial", r.MFASerial},
		{"external_id", r.ExternalID},
		{ManagedKey, "1"},
	})
}

// SSO is a profile that signs in through an sso-session.
type SSO struct{ Session, Account, Role, Region string }

// Keys is what is written for s, in this order.
func (s SSO) Keys() []Key {
	return present([]Key{
		{"sso_session", s.Session}, {"sso_account_id", s.Account}, {"sso_role_name", s.Role}, {"region", s.Region}, {ManagedKey, "1"},
	})
}

// Portal is an [sso-session]: an IAM Identity Center portal.
type Portal struct {
	StartURL, Region string
	Scopes           string // "" is sso:account:access
}

// Keys is what is written for p, in this order.
func (p Portal) Keys() []Key {
	if p.Scopes == "" {
		p.Scopes = "sso:account:access"
	}
	return present([]Key{{"sso_start_url", p.StartURL}, {"sso_region", p.Region}, {"sso_registration_scopes", p.Scopes}, {ManagedKey, "1"}})
}

func present(keys []Key) []Key {
	return slices.DeleteFunc(keys, func(k Key) bool { return k.Value == "" })
}

// shape is what AWS allows as the value of a key, after the STS and SSO API models.
type shape struct {
	fits func(string) bool
	says string
}

// shapes are the keys that may be written; a key that is not here is refused, so that no access key or token ever is.
func shapes() map[string]shape {
	name := letters(nameMarks, 1, maxName)
	region := shape{isRegion, "a region such as eu-west-1"}
	return map[string]shape{
		"role_arn":                {isRoleARN, "a role's ARN, arn:aws:iam::ACCOUNT:role/NAME"},
		"source_profile":          {name, "a profile's name that every reader reads alike"},
		"credential_source":       {oneOf(credentialSources()...), strings.Join(credentialSources(), " or ")},
		"region":                  region,
		"role_session_name":       {letters("_+=,.@-", 2, 64), "2 to 64 of A-Z a-z 0-9 _ + = , . @ -"},
		"duration_seconds":        {isDuration, "a number of seconds from 900 to 43200"},
		"mfa_serial":              {letters("_+=/:,.@-", 9, 256), "an MFA device's ARN or serial number"},
		"external_id":             {letters("_+=,.@:/-", 2, 1224), "2 to 1224 of A-Z a-z 0-9 _ + = , . @ : / -"},
		"sso_session":             {name, "an sso-session's name that every reader reads alike"},
		"sso_account_id":          {isAccount, "an account id of 12 digits"},
		"sso_role_name":           {letters("_+=,.@-", 1, 64), "a permission set's name"},
		"sso_start_url":           {isURL, "a URL such as https://corp.awsapps.com/start"},
		"sso_region":              region,
		"sso_registration_scopes": {letters(":_-, ", 1, 256), "scopes such as sso:account:access"},
		"output":                  {oneOf("json", "text", "table", "yaml", "yaml-stream", "off"), "json, yaml, yaml-stream, text, table or off"},
		ManagedKey:                {oneOf("1"), "1"},
	}
}

const (
	nameMarks = "_.@+/-"
	maxName   = 128
)

func credentialSources() []string {
	return []string{"Ec2InstanceMetadata", "Environment", "EcsContainer"}
}

// letters allows from least to most of A-Z a-z 0-9 and marks.
func letters(marks string, least, most int) func(string) bool {
	return func(s string) bool {
		return len(s) >= least && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
			return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
		})
	}
}

func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// isPrintable says whether s is of visible ASCII alone.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func isRoleARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "iam" || parts[3] != "" || !isAccount(parts[4]) {
		return false
	}
	name, ok := strings.CutPrefix(parts[5], "role/")
	return ok && name != "" && isPrintable(s)
}

// isRegion wants two lower-case words at least, as in eu-west-1 or eusc-de-east-1.
func isRegion(s string) bool {
	words := strings.Split(s, "-")
	return len(words) > 1 && s == strings.ToLower(s) && !slices.ContainsFunc(words, func(w string) bool { return !letters("", 1, 16)(w) })
}

func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	return ok && (scheme == "https" || scheme == "http") && rest != "" && isPrintable(s)
}

func isDuration(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 900 && n <= 43200 && s == strconv.Itoa(n)
}

// Writable lists the keys that may be written, sorted.
func Writable() []string { return sortedKeys(shapes()) }

// checkKey refuses a key that is not written by rdsx, and a value that AWS would not take or that readers read differently.
func checkKey(k Key) error {
	s, ok := shapes()[k.Name]
	if !ok {
		return fmt.Errorf("%s is not a key that rdsx writes", k.Name)
	}
	if why := unsafeValue(k.Value); why != "" {
		return fmt.Errorf("%s = %q: %s", k.Name, k.Value, why)
	}
	if !s.fits(k.Value) {
		return fmt.Errorf("%s = %q is not %s", k.Name, k.Value, s.says)
	}
	return nil
}

// unsafeValue says why the AWS CLI and the SDKs would read a value differently; "" when they read it alike.
func unsafeValue(v string) string {
	switch {
	case v == "":
		return "an empty value starts a nested block"
	case !utf8.ValidString(v):
		return "it is not UTF-8"
	case strings.ContainsFunc(v, unicode.IsControl):
		return "it holds a control character"
	case v != strip(v):
		return "white space around a value is lost"
	case strings.ContainsAny(v[:1], "#;"):
		return "the SDKs take it for a comment"
	case cutComment(v) != v:
		return "the SDKs take the rest after a blank and # or ; for a comment, the AWS CLI does not"
	case strings.ContainsAny(v[:1], "\"'`"):
		return "the SDKs strip quotes, the AWS CLI keeps them"
	}
	return ""
}

// checkName refuses a name that the AWS CLI and the SDKs cannot both be asked for (docs/aws.md §1.1).
func checkName(name string) error {
	switch {
	case !letters(nameMarks, 1, maxName)(name) || name[0] == '-':
		return fmt.Errorf("the name %q is not read alike by the AWS CLI and the SDKs: use A-Z a-z 0-9 _ . @ + / -, at most %d", name, maxName)
	case strings.EqualFold(name, defaultProfile) && name != defaultProfile:
		return fmt.Errorf("the name %q is taken for default by some readers", name)
	}
	return nil
}

// isSecret says whether a key's value must never be shown.
func isSecret(key string) bool {
	switch strings.ToLower(key) {
	case "aws_secret_access_key", "aws_session_token", "aws_security_token":
		return true
	}
	return false
}
