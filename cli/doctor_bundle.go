package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws/doctor"
	"github.com/rdsx/rdsx/profiles"
)

// writeBundle writes a zip that can be given to somebody else: the report, the settings and the config file, without what
// opens anything and without account numbers. The file must not be there yet.
func (a *app) writeBundle(path string, report doctor.Report) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("rdsx doctor --bundle ANOTHER.zip", "%s is there already", path)
	}
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	err = a.fillBundle(f, report)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path) // half a zip is of no use
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

func (a *app) fillBundle(w io.Writer, report doctor.Report) error {
	secrets := a.newRedactor()
	var text bytes.Buffer
	list := &checklist{out: &text, rows: report.Results, done: make([]bool, len(report.Results))}
	for i := range list.done {
		list.done[i] = true
	}
	list.draw()
	if err := list.explain(report); err != nil {
		return err
	}
	machine, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	v := a.Version.filled()
	files := []struct{ name, text string }{
		{"README.txt", "Made by rdsx doctor --bundle. Keys, tokens, passwords and account numbers are replaced; host names and ids are not.\n"},
		{"doctor.txt", text.String()},
		{"doctor.json", string(machine) + "\n"},
		{"version.txt", fmt.Sprintf("rdsx %s\n%s %s/%s\n", v.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)},
		{"environment.txt", a.environmentLines()},
		{"config.txt", configLines(a.profileFiles().Config)},
		{"findings.txt", findingLines(a.profileFiles())},
	}
	z := zip.NewWriter(w)
	for _, file := range files {
		out, err := z.Create(file.name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, secrets.clean(file.text)); err != nil {
			return err
		}
	}
	return z.Close()
}

// plainVariables are those of the environment whose values tell nothing to anybody.
func plainVariables() []string {
	return []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSM", "AWS_EC2_METADATA_DISABLED", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
		"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "TERM", "LANG", "NO_COLOR",
	}
}

func (a *app) environmentLines() string {
	var lines []string
	for _, kv := range a.Env {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case slices.Contains(plainVariables(), name):
		case strings.HasPrefix(name, "AWS_"), strings.HasPrefix(name, "RDSX_"):
			value = "[set]"
		default:
			continue
		}
		if strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			value = withoutPassword(value)
		}
		lines = append(lines, name+"="+value+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// withoutPassword is a proxy without the user and password before its host. The scheme may be left out of a proxy.
func withoutPassword(proxy string) string {
	scheme, rest, ok := strings.Cut(proxy, "://")
	if !ok {
		scheme, rest = "", proxy
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "[redacted]" + rest[at:]
	}
	return scheme + rest
}

// plainKeys are those of the config file whose values may be shown. Anything else may hold a secret: credential_process does.
func plainKeys() []string {
	return []string{
		"region", "output", "role_arn", "source_profile", "credential_source", "duration_seconds", "role_session_name", "sso_session", "sso_region",
		"sso_account_id", "sso_role_name", "sso_registration_scopes", "services", "endpoint_url", "ca_bundle", "use_fips_endpoint", "use_dualstack_endpoint",
		"retry_mode", "max_attempts", "mfa_serial", "aws_account_id", profiles.ManagedKey,
	}
}

// configLines is the config file line by line, without the values and comments that might tell something.
func configLines(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "not readable\n"
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		key, delimiter, property := keyAt(line)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "["):
			b.WriteString(line)
		case strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";"):
			b.WriteString("# [comment]\n")
		case !property:
			b.WriteString("[a line without a value]\n")
		case slices.Contains(plainKeys(), strings.ToLower(strings.TrimSpace(key))):
			b.WriteString(line)
		default:
			b.WriteString(key + delimiter + " [redacted]\n")
		}
	}
	return b.String()
}

// keyAt is what stands before the first delimiter of a line, if that is a key: a colon is one as well for the AWS CLI, and a
// value that goes on over several lines may hold either.
func keyAt(line string) (key, delimiter string, ok bool) {
	at := strings.IndexAny(line, "=:")
	if at < 0 || strings.ContainsAny(strings.TrimSpace(line[:at]), " \t") {
		return "", "", false
	}
	return line[:at], line[at : at+1], true
}

func findingLines(files profiles.Files) string {
	f, err := profiles.Open(context.Background(), files)
	if err != nil {
		return "not readable\n"
	}
	var b strings.Builder
	for _, finding := range f.Check() {
		fmt.Fprintf(&b, "%s:%d: %s %s: %s\n", finding.File, finding.Line, finding.Severity, finding.Rule, finding.Text)
	}
	return b.String()
}

// redactor takes out of a text what must not leave the machine.
type redactor struct {
	literal  []string // secrets that are known, the longest first
	accounts []string // in the order in which they were met
}

// newRedactor knows the secrets of the environment and of both files.
func (a *app) newRedactor() *redactor {
	r := &redactor{}
	secret := func(name string) bool {
		name = strings.ToLower(name)
		return strings.Contains(name, "secret") || strings.Contains(name, "token") || strings.Contains(name, "password") ||
			strings.Contains(name, "access_key") || name == "external_id" || name == "credential_process"
	}
	add := func(value string) {
		if value = strings.TrimSpace(value); len(value) >= 6 {
			r.literal = append(r.literal, value)
		}
	}
	for _, kv := range a.Env {
		if name, value, _ := strings.Cut(kv, "="); secret(name) && !slices.Contains(plainVariables(), name) {
			add(value)
		}
	}
	files := a.profileFiles()
	for _, path := range []string{files.Config, files.Credentials} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if key, delimiter, found := keyAt(line); found && secret(strings.TrimSpace(key)) {
				add(line[len(key)+len(delimiter):])
			}
		}
	}
	if home := a.getenv("HOME"); len(home) > 1 {
		r.literal = append(r.literal, home)
	}
	slices.SortFunc(r.literal, func(x, y string) int { return len(y) - len(x) })
	return r
}

var (
	keyPattern     = regexp.MustCompile(`\b(A3T[A-Z0-9]|AKIA|ASIA|AROA|AIDA|AGPA|AIPA|ANPA)[A-Z0-9]{12,}`)
	urlPassword    = regexp.MustCompile(`://[^/\s"]+@`)
	signed         = regexp.MustCompile(`(?i)(X-Amz-(?:Security-Token|Signature|Credential)=)[^&\s"]+`)
	longSecret     = regexp.MustCompile(`[A-Za-z0-9+/=_-]{40,}`)
	accountPattern = regexp.MustCompile(`\b[0-9]{12}\b`)
	externalID     = regexp.MustCompile(`((?i:external)[-_ ]?(?i:id)["':= ]+)[^\s"',}]+`)
)

func (r *redactor) clean(text string) string {
	for _, s := range r.literal {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	text = keyPattern.ReplaceAllString(text, "[key]")
	text = urlPassword.ReplaceAllString(text, "://[redacted]@")
	text = signed.ReplaceAllString(text, "${1}[redacted]")
	text = externalID.ReplaceAllString(text, "${1}[redacted]")
	text = longSecret.ReplaceAllStringFunc(text, func(s string) string {
		if looksRandom(s) {
			return "[redacted]"
		}
		return s
	})
	return accountPattern.ReplaceAllStringFunc(text, r.account)
}

// looksRandom tells keys and tokens from names: both cases and several digits in one word.
func looksRandom(s string) bool {
	count := func(from, to rune) int {
		return strings.Count(strings.Map(func(c rune) rune {
			if c >= from && c <= to {
				return 'x'
			}
			return -1
		}, s), "x")
	}
	return count('0', '9') >= 3 && count('A', 'Z') >= 3 && count('a', 'z') >= 3
}

// account gives each account a name of its own, so that it can be told from the others.
func (r *redactor) account(id string) string {
	at := slices.Index(r.accounts, id)
	if at < 0 {
		at = len(r.accounts)
		r.accounts = append(r.accounts, id)
	}
	return fmt.Sprintf("ACCOUNT-%d", at+1)
}
