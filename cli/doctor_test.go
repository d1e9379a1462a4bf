package cli

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws/doctor"
	"github.com/rdsx/rdsx/sim"
)

// doctorOn runs rdsx doctor on the default world.
func doctorOn(t *testing.T, env []string, args ...string) (code int, out, talk string) {
	t.Helper()
	box, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if open := box.Sessions(); len(open) != 0 {
			t.Errorf("still open: %v", open)
		}
		_ = box.Close()
	})
	home := t.TempDir()
	config, credentials, err := box.WriteConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	all := append(box.Env(config, credentials), "HOME="+home, "TMPDIR="+home)
	code = Run(t.Context(), Process{Args: append([]string{"doctor"}, args...), Env: append(all, env...), Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestDoctorPlain(t *testing.T) {
	t.Parallel()
	code, out, talk := doctorOn(t, nil, "orders-dev")
	if code != exitUnreachable {
		t.Errorf("exit code %d, want %d: nothing listens behind orders-dev\n%s%s", code, exitUnreachable, out, talk)
	}
	lines := strings.Split(out, "\n")
	for i, c := range doctor.Checks() {
		if i >= len(lines) || !strings.Contains(lines[i], c.Title) {
			t.Fatalf("line %d does not tell of %s:\n%s", i+1, c.Title, out)
		}
	}
	for _, want := range []string{"✓ ok      identity", "? unknown permission on the instance", "✗ failed  session", "refuses connections on port 5432", "? To check more: ask for iam:"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Errorf("escapes on what is no terminal:\n%q", out)
	}
	if !strings.Contains(talk, "rdsx: session: ") {
		t.Errorf("the worst finding is not said: %s", talk)
	}
}

func TestDoctorAlone(t *testing.T) {
	t.Parallel()
	code, out, talk := doctorOn(t, nil)
	if code != exitOK || !strings.Contains(out, "no target was named") {
		t.Errorf("exit code %d\n%s%s", code, out, talk)
	}
}

func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	code, out, talk := doctorOn(t, nil, "no-such-thing", "--json")
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if code != exitNotFound || len(report.Results) != len(doctor.Checks()) || report.Account.ID != "111122223333" {
		t.Errorf("exit code %d, report %+v\n%s", code, report, talk)
	}
}

// TestDoctorWhereTheTargetIs: where the configuration says where a target is, doctor looks there, as connect does; what the command
// line says goes before it.
func TestDoctorWhereTheTargetIs(t *testing.T) {
	t.Parallel()
	config := t.TempDir()
	if err := os.Mkdir(filepath.Join(config, "rdsx"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "targets:\n  elsewhere: {profile: acme-staging-ci, region: eu-central-1}\n"
	if err := os.WriteFile(filepath.Join(config, "rdsx", "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for profile, args := range map[string][]string{"acme-staging-ci": nil, "default": {"--profile", "default", "--region", "eu-west-1"}} {
		_, out, talk := doctorOn(t, []string{"XDG_CONFIG_HOME=" + config}, append([]string{"elsewhere", "--json"}, args...)...)
		var report doctor.Report
		if err := json.Unmarshal([]byte(out), &report); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if a := report.Account; a.Profile != profile || (a.Region == "eu-central-1") != (args == nil) {
			t.Errorf("doctor %v looks in %+v\n%s", args, a, talk)
		}
	}
}

func TestDoctorWithoutProfile(t *testing.T) {
	t.Parallel()
	code, out, _ := doctorOn(t, nil, "orders-dev", "--profile", "nobody")
	if code != exitUsage && code != exitSignIn && code != exitNotFound {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if !strings.Contains(out, "✗ failed  identity") || !strings.Contains(out, "not checked: identity comes first") {
		t.Errorf("a profile that is not there:\n%s", out)
	}
}

func TestDoctorUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"a", "b"}, {"--port", "70000"}, {"--parameter", "x"}, {"--fix", "--json"}} {
		if code, _, _ := doctorOn(t, nil, args...); code != exitUsage {
			t.Errorf("rdsx doctor %v: exit code %d, want %d", args, code, exitUsage)
		}
	}
}

// TestDoctorBundle opens the zip and looks for everything that must not be in it.
func TestDoctorBundle(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ticket.zip")
	env := []string{
		"AWS_SESSION_TOKEN_OF_MINE=tok-3f9c1b77", "RDSX_MFA_CODE=918273", "HTTPS_PROXY=http://ada:hunter2@127.0.0.1:1",
		"HTTP_PROXY=ada:swordfish@127.0.0.1:1", "https_proxy=http://ada:p@ss/mellon@127.0.0.1:1", "UNRELATED_PASSWORD=correct-horse", "SOME_TOKEN=ghp_abcdefABCDEF0123456789",
	}
	_, _, talk := doctorOn(t, env, "orders-dev", "--bundle", file)
	if !strings.Contains(talk, "written: "+file) {
		t.Errorf("it is not said where the bundle is: %s", talk)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("the bundle's mode: %v %v", info, err)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // only read
	var all strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r)
		_ = r.Close()
		all.WriteString("--- " + f.Name + "\n" + string(text))
	}
	for _, secret := range []string{
		"this-key-works", "sim/dev/", "AKIASIM", "tok-3f9c1b77", "918273", "hunter2", "swordfish", "mellon", "correct-horse", "ghp_", "111122223333", "444455556666", "acme-7f3a",
	} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q is in the bundle:\n%s", secret, all.String())
		}
	}
	if found := regexp.MustCompile(`\b[0-9]{12}\b|A[KS]IA[A-Z0-9]{12}`).FindString(all.String()); found != "" {
		t.Errorf("%s is in the bundle", found)
	}
	for _, want := range []string{"--- doctor.txt", "--- doctor.json", "--- config.txt", "--- environment.txt", "AWS_REGION=eu-west-1", "role_arn = arn:aws:iam::ACCOUNT-", "✗ failed"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("%q is missing in the bundle:\n%s", want, all.String())
		}
	}
	if code, _, _ := doctorOn(t, nil, "--bundle", file); code != exitUsage {
		t.Errorf("a file that is there already is replaced: exit code %d", code)
	}
}

// TestBundledConfig: a line of the config file is shown only when its key is known to be harmless, whatever the delimiter, and
// what goes on over several lines is not taken for a key.
func TestBundledConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config")
	text := `[profile a]
region: eu-west-1
credential_process: /opt/helper --pw one --user=joe
aws_session_token : two=
external_id = three
[profile b]
credential_process =
  /opt/helper --pw four --user=joe
s3 =
  region = five
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := `[profile a]
region: eu-west-1
credential_process: [redacted]
aws_session_token : [redacted]
external_id = [redacted]
[profile b]
credential_process = [redacted]
[a line without a value]
s3 = [redacted]
  region = five
`
	if got := configLines(file); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDoctorFixCommands: what a finding prints to mend a profile is what rdsx profiles edit takes, key by key.
func TestDoctorFixCommands(t *testing.T) {
	t.Parallel()
	config := "[profile base]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b\n" +
		"[profile mid]\nrole_arn = arn:aws:iam::111122223333:role/mid\nsource_profile = base\n" +
		"[profile far]\nrole_arn = arn:aws:iam::111122223333:role/far\nsource_profile = mid\nduration_seconds = 43200\n"
	home := t.TempDir()
	file := filepath.Join(home, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, _ := doctorOn(t, []string{"AWS_CONFIG_FILE=" + file}, "--profile", "base")
	command := regexp.MustCompile(`rdsx (profiles edit far --[^\n]*)`).FindStringSubmatch(out)
	if command == nil {
		t.Fatalf("no command mends the duration of a chained role:\n%s", out)
	}
	var stdout, stderr bytes.Buffer
	args := append(strings.Fields(command[1]), "--force", "--dry-run")
	code := Run(t.Context(), Process{Args: args, Env: []string{"AWS_CONFIG_FILE=" + file, "HOME=" + home}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr})
	if code != exitOK || !strings.Contains(stdout.String(), "+duration_seconds = 3600") {
		t.Errorf("rdsx %s: exit code %d\n%s%s", command[1], code, stdout.String(), stderr.String())
	}
}
