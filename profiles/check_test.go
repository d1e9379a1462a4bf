package profiles

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// rules are what Check finds, as "line rule severity"; lines of the credentials file begin with c.
func rules(f *File) []string {
	var out []string
	for _, found := range f.Check() {
		line := fmt.Sprint(found.Line)
		if found.File != f.files.Config {
			line = "c" + line
		}
		out = append(out, line+" "+found.Rule+" "+string(found.Severity))
	}
	return out
}

func TestCheckFixtures(t *testing.T) {
	want := map[string][]string{
		"01-comments":           {"16 source error"},
		"02-inline-comments":    {"2 inline-comment warning", "3 inline-comment warning", "6 shape error", "7 inline-comment warning"},
		"05-crlf":               {"8 source error"},
		"08-dup-keys":           {"3 unreadable error"},
		"10-values-special":     {"4 quotes warning", "8 quotes warning", "9 quotes warning"},
		"15-bom":                {"1 unreadable error"},
		"17-dotted-profile":     {"3 shape error", "4 source error"},
		"19-global-keys":        {"1 unreadable error"},
		"20-junk-line":          {"3 unreadable error"},
		"24-bracket-in-comment": {"1 name error", "4 inline-comment warning"},
		"28-latin1":             {"3 unreadable error"},
	}
	for name, data := range fixtures(t) {
		if got := rules(inMemory(data)); !slices.Equal(got, want[name]) {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
}

// TestCheck has one small file for each rule. Everything between | marks is the credentials file.
func TestCheck(t *testing.T) {
	const role = "role_arn = arn:aws:iam::111122223333:role/R\n"
	const keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n"
	for name, c := range map[string]struct {
		config, credentials string
		want                []string
	}{
		"good chain":            {"[profile a]\n" + role + "source_profile = b\n[profile b]\n" + role + "source_profile = c\n", "[c]\n" + keys, nil},
		"source is itself":      {"[profile a]\n" + role + "source_profile = a\n" + keys, "", nil},
		"duplicate section":     {"[profile a]\n[profile a]\n", "", []string{"2 unreadable error"}},
		"value without key":     {"[profile a]\n= x\n", "", []string{"2 unreadable error"}},
		"block with junk":       {"[profile a]\ns3 =\n  junk\n", "", []string{"2 unreadable error"}},
		"lone CR":               {"[profile a]\nregion = eu-west-1\routput = json\n", "", []string{"2 lone-cr error", "2 value warning", "2 key warning"}},
		"lone quote":            {"[profile a]\nx = \"\n", "", []string{"2 lone-quote error"}},
		"bare name with blank":  {"[profile a b]\n", "", []string{"1 name error"}},
		"quoted name":           {"[profile \"a b\"]\n", "", []string{"1 name error"}},
		"blanks in brackets":    {"[ profile a ]\n", "", []string{"1 name error"}},
		"text after header":     {"[profile a] x\nregion = eu-west-1\n", "", []string{"1 header error"}},
		"indented header":       {"[profile a]\nregion = eu-west-1\n  [profile b]\n", "", []string{"2 continuation warning", "3 indented-header error"}},
		"no prefix":             {"[dev]\n[Profile x]\n[plugins]\n[preview]\n", "", []string{"1 no-prefix warning", "2 no-prefix warning"}},
		"DEFAULT":               {"[DEFAULT]\nregion = eu-west-1\n", "", []string{"1 default-section warning"}},
		"default twice":         {"[default]\n[profile default]\n", "", []string{"2 same-name warning"}},
		"two spellings":         {"[profile a]\n[profile  a]\n", "", []string{"2 same-name warning"}},
		"prefix in credentials": {"", "[profile a]\n" + keys, []string{"c1 prefix error"}},
		"pair in a value":       {"[profile a]\nx = y\n  b = c\n", "", []string{"2 continuation warning", "3 key warning"}},
		"no source":             {"[profile a]\n" + role, "", []string{"2 no-source error"}},
		"no such source":        {"[profile a]\n" + role + "source_profile = b\n", "", []string{"3 no-such-source error"}},
		"circle":                {"[profile a]\n" + role + "source_profile = b\n[profile b]\n" + role + "source_profile = a\n", "", []string{"3 circle error", "6 circle error"}},
		"source without keys":   {"[profile a]\n" + role + "source_profile = b\n[profile b]\n", "", []string{"3 source error"}},
		"two sources":           {"[profile a]\n" + role + "credential_source = Environment\ncredential_process = x\n", "", []string{"4 several-sources error"}},
		"source without role":   {"[profile a]\ncredential_source = Environment\n", "", []string{"2 no-role error"}},
		"odd source":            {"[profile a]\n" + role + "credential_source = environment\n", "", []string{"3 credential-source error"}},
		"no session":            {"[profile a]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = R\n", "", []string{"2 no-such-session error"}},
		"half a session":        {"[sso-session s]\nsso_region = eu-west-1\n", "", []string{"1 sso-session error"}},
		"half of sso":           {"[profile a]\nsso_start_url = https://x.awsapps.com/start\n", "", []string{"1 sso-incomplete error"}},
		"half keys":             {"", "[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", []string{"c2 half-keys error"}},
		"temporary keys":        {"", "[a]\n" + keys + "aws_session_token = t\n", []string{"c4 temporary-keys note"}},
		"hidden":                {"[profile a]\nregion = eu-west-1\n", "[a]\nregion = eu-west-2\n", []string{"c2 hidden warning"}},
		"short":                 {"[profile a]\n" + role + "credential_source = Environment\nduration_seconds = 900\n", "", []string{"4 short-duration note"}},
		"long chain":            {"[profile a]\n" + role + "source_profile = b\nduration_seconds = 7200\n[profile b]\n" + role + "credential_source = Environment\n", "", []string{"4 chained-duration error"}},
		"bad region":            {"[profile a]\nregion = Ireland\n", "", []string{"2 shape error"}},
		"no services":           {"[profile a]\nservices = s\n", "", []string{"2 no-such-services warning"}},
		"source with a blank":   {"[profile a]\n" + role + "source_profile = b c\n[profile \"b c\"]\n" + keys, "", []string{"3 source-name warning", "4 name error"}},
		"keys after a BOM":      {"\ufeff[default]\nregion = eu-west-1\nregion = eu-west-2\n", "", []string{"1 unreadable error", "3 unreadable error"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := inMemory([]byte(c.config))
			f.credentials, f.files.Credentials = []byte(c.credentials), "credentials"
			if got := rules(f); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, found := range f.Check() {
				if found.Text == "" || strings.Contains(found.Text+found.CLI+found.SDK, " s\"") {
					t.Errorf("no text, or a secret in it: %+v", found)
				}
			}
		})
	}
}

// TestCheckHidesTokens: a token that goes over several lines is told of by its line, never shown.
func TestCheckHidesTokens(t *testing.T) {
	f := inMemory([]byte("[profile a]\nregion = eu-west-1\naws_session_token =\n  IQoJb3JpZ2lu\n"))
	if got := rules(f); !slices.Contains(got, "3 unreadable error") {
		t.Fatalf("got %q", got)
	}
	for _, found := range f.Check() {
		if strings.Contains(fmt.Sprint(found), "IQoJ") {
			t.Errorf("the token is shown: %+v", found)
		}
	}
	_, err := f.Plan(Edit{Op: Set, Name: "a", Keys: []Key{{Name: "region", Value: "eu-west-2"}}, Foreign: true})
	if err == nil || strings.Contains(err.Error(), "IQoJ") {
		t.Errorf("the token is in the refusal: %v", err)
	}
}

func TestCheckSeesOpenModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	dir := t.TempDir()
	files := Files{Config: filepath.Join(dir, "config"), Credentials: filepath.Join(dir, "credentials")}
	for path, text := range map[string]string{files.Config: small, files.Credentials: "[default]\naws_access_key_id = A\naws_secret_access_key = s\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Open(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if got := rules(f); !slices.Equal(got, []string{"c1 open-mode warning"}) {
		t.Errorf("got %q", got)
	}
}

func TestProfiles(t *testing.T) {
	f := inMemory([]byte(`[default]
region = eu-west-1
[profile orders]
role_arn = arn:aws:iam::222233334444:role/Orders
source_profile = hub
region = eu-west-2
rdsx_managed = 1
[profile hub]
role_arn = arn:aws:iam::111122223333:role/Hub
source_profile = default
[profile sso]
sso_session = corp
sso_account_id = 333344445555
sso_role_name = Dev
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start#/
sso_region = eu-west-1
[profile tool]
credential_process = /bin/x
[profile box]
role_arn = arn:aws:iam::111122223333:role/Box
credential_source = Ec2InstanceMetadata
[profile web]
role_arn = arn:aws:iam::111122223333:role/Web
web_identity_token_file = /t
[profile login]
login_session = arn:aws:iam::111122223333:user/jane
`))
	f.credentials = []byte("[default]\naws_access_key_id = A\naws_secret_access_key = s\n[only]\naws_access_key_id = A\naws_secret_access_key = s\n")
	var got []string
	for _, p := range f.Profiles() {
		got = append(got, fmt.Sprintf("%s:%d %s %s %s [%s] %v %d", p.Name, p.Line, p.Kind, p.Account, p.Region, p.ChainLine(), p.Managed, len(p.Problems)))
	}
	want := []string{
		"box:20 role 111122223333  [Ec2InstanceMetadata] false 0",
		"default:1 keys  eu-west-1 [keys] false 0",
		"hub:8 role 111122223333  [default → keys] false 0",
		"login:26 login   [login] false 0",
		"only:0 keys   [keys] false 0",
		"orders:3 role 222233334444 eu-west-2 [hub → default → keys] true 0",
		"sso:11 sso 333344445555  [sso corp] false 0",
		"tool:18 process   [process] false 0",
		"web:23 web-identity 111122223333  [web-identity] false 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	sessions := f.Sessions()
	if len(sessions) != 1 || sessions[0].Name != "corp" || sessions[0].StartURL != "https://corp.awsapps.com/start#/" || !slices.Equal(sessions[0].Used, []string{"sso"}) {
		t.Errorf("sessions: %+v", sessions)
	}
}

// TestCheckShowsNoSecret: that two readers differ over a value which may hold a secret is said, and the value is not.
func TestCheckShowsNoSecret(t *testing.T) {
	for _, line := range []string{
		"credential_process = /bin/x --token hushhush # mine", "external_id = hushhush # mine", "aws_session_token = hushhush ; mine",
		"external_id = \"hushhush\"", "region =\n  external_id = hushhush", "s3 =\n  credential_process = hushhush # mine",
	} {
		found := inMemory([]byte("[profile a]\nregion = eu-west-1\n" + line + "\n")).Check()
		for _, f := range found {
			if strings.Contains(f.Text+f.CLI+f.SDK, "hushhush") {
				t.Errorf("%s: %+v", line, f)
			}
		}
		if strings.Contains(line, "#") && !strings.HasPrefix(line, "s3") && len(found) == 0 {
			t.Errorf("%s: nothing is found", line)
		}
	}
}
