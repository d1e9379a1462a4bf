package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
)

// mfaSeed is the secret of a virtual MFA device, as the IAM console shows it.
const mfaSeed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// seededBox is a simulated AWS in which mika's MFA device shows real TOTP codes, and who assumes acme-prod's roles needs one.
func seededBox(t *testing.T) *box {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("sim", "world", "default.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const serial = "        mfa_serial: arn:aws:iam::111122223333:mfa/mika\n"
	if !bytes.Contains(text, []byte(serial)) {
		t.Fatal("the default world has another mika: nothing would be proved")
	}
	w, err := world.Parse("default.yaml", bytes.Replace(text, []byte(serial), []byte(serial+"        mfa_seed: "+mfaSeed+"\n"), 1))
	if err != nil {
		t.Fatal(err)
	}
	return newBox(t, sim.Options{World: w})
}

// awsCLI runs the aws CLI in the box and returns what it printed. It has no terminal: a prompt is an error.
func (b *box) awsCLI(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path := tool(t, "aws")
	ctx, stop := context.WithTimeout(t.Context(), waitAtMost)
	defer stop()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(b.env, "AWS_MAX_ATTEMPTS=1", "LANG=C.UTF-8", "NO_PROXY=127.0.0.1")
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	err = cmd.Run()
	return out.String(), talk.String(), err
}

// home is the box's home folder.
func (b *box) home() string {
	for _, kv := range b.env {
		if home, ok := strings.CutPrefix(kv, "HOME="); ok {
			return home
		}
	}
	return ""
}

// must runs rdsx and demands exit code 0.
func (b *box) must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := b.run(t, args...)
	if code != 0 {
		t.Fatalf("rdsx %s: code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout, stderr
}

func code(t *testing.T) string {
	t.Helper()
	c, err := world.TOTP(mfaSeed, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTheCLIUsesWhatRdsxWrote writes a role profile with an MFA device, signs in once with a real TOTP code, and lets the aws
// CLI work with it without a terminal to ask on.
func TestTheCLIUsesWhatRdsxWrote(t *testing.T) {
	t.Parallel()
	b := seededBox(t)
	const serial = "arn:aws:iam::111122223333:mfa/mika"
	b.must(t, "profiles", "add", "prod", "--role-arn", "arn:aws:iam::777788889999:role/operator", "--source-profile", "acme-dev-mika",
		"--mfa-serial", serial, "--region", "eu-central-1", "--yes")
	if _, stderr, exit := b.run(t, "profiles", "login", "prod", "--no-input"); exit != 3 || !strings.Contains(stderr, serial) {
		t.Errorf("without a code: exit %d: %s", exit, stderr)
	}
	if runtime.GOOS != "windows" {
		if _, stderr, err := b.awsCLI(t, "--profile", "prod", "sts", "get-caller-identity"); err == nil {
			t.Error("the aws CLI needed no code before rdsx had signed in: the test proves nothing")
		} else if strings.Contains(stderr, "Traceback") {
			t.Error(stderr)
		}
	}
	out, _ := b.must(t, "profiles", "login", "prod", "--mfa-code", code(t))
	if !strings.HasPrefix(out, "signed in to profile prod until ") {
		t.Error(out)
	}
	for _, c := range [][2]string{
		{"sts get-caller-identity", "arn:aws:sts::777788889999:assumed-role/operator/rdsx"},
		{"rds describe-db-instances", "DBInstanceIdentifier"},
	} {
		stdout, stderr, err := b.awsCLI(t, append([]string{"--profile", "prod"}, strings.Fields(c[0])...)...)
		if err != nil || !strings.Contains(stdout, c[1]) {
			t.Errorf("aws %s: %v\n%s%s", c[0], err, stdout, stderr)
		}
	}
	// rdsx asks no more either, in another process; nor for another role behind the same device.
	b.must(t, "profiles", "whoami", "prod", "--no-input")
	b.must(t, "profiles", "add", "prod2", "--role-arn", "arn:aws:iam::777788889999:role/operator", "--source-profile", "acme-dev-mika",
		"--mfa-serial", serial, "--region", "eu-central-1", "--session-name", "second", "--yes")
	b.must(t, "profiles", "whoami", "prod2", "--no-input")
	ls, _ := b.must(t, "profiles", "ls")
	if !strings.Contains(ls, "until ") {
		t.Errorf("ls does not show the sign-in:\n%s", ls)
	}
	b.private(t)
}

// private demands that nothing in the sign-in caches can be read by others.
func (b *box) private(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	seen := 0
	for _, dir := range []string{"cli", "sso"} {
		files, _ := filepath.Glob(filepath.Join(b.home(), ".aws", dir, "cache", "*"))
		for _, path := range files {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o", path, info.Mode().Perm())
			}
		}
	}
	if seen == 0 {
		t.Error("no cache file found")
	}
}

// TestSignInByDevice signs in where there is no browser: the code is confirmed from elsewhere. Then profiles are imported, and
// the aws CLI uses them.
func TestSignInByDevice(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	b.SignIns().SetApproval(api.ApproveAsk)
	portal := []string{"--sso-start-url", "https://acme.awsapps.com/start", "--sso-region", "eu-west-1"}
	_, stderr, exit := b.run(t, append([]string{"profiles", "import", "corp", "--yes"}, portal...)...)
	if exit != 3 || !strings.Contains(stderr, "hint: rdsx profiles login corp --sso-start-url") {
		t.Fatalf("not signed in: exit %d: %s", exit, stderr)
	}
	cmd := exec.Command("rdsx", append([]string{"profiles", "login", "corp", "--device", "--json"}, portal...)...)
	cmd.Env = b.env
	talk := &lockedBuffer{}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	b.confirm(t, ended)
	if err := <-ended; err != nil {
		t.Fatalf("login: %v\n%s", err, talk)
	}
	var done struct {
		Session string    `json:"sso_session"`
		Expires time.Time `json:"expires"`
	}
	if err := json.Unmarshal(out.Bytes(), &done); err != nil || done.Session != "corp" || time.Until(done.Expires) < time.Hour {
		t.Errorf("login printed %s: %v", out.String(), err)
	}
	dry, _ := b.must(t, append([]string{"profiles", "import", "corp", "--dry-run"}, portal...)...)
	if !strings.Contains(dry, "+[profile acme-dev-Operator]") || !strings.Contains(dry, "+[sso-session corp]") {
		t.Errorf("the dry run shows\n%s", dry)
	}
	b.must(t, append([]string{"profiles", "import", "corp", "--yes"}, portal...)...)
	who, _ := b.must(t, "profiles", "whoami", "acme-prod-Operator")
	if !strings.Contains(who, "777788889999") || !strings.Contains(who, "AWSReservedSSO_Operator_") {
		t.Error(who)
	}
	stdout, cliTalk, err := b.awsCLI(t, "--profile", "acme-staging-ReadOnly", "sts", "get-caller-identity")
	if err != nil || !strings.Contains(stdout, "444455556666") {
		t.Errorf("the aws CLI with our token: %v\n%s%s", err, stdout, cliTalk)
	}
	b.gone(t)
	b.private(t)
}

// confirm waits for a device sign-in and confirms it, unless the program ends first.
func (b *box) confirm(t *testing.T, ended <-chan error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(waitAtMost)
	for len(b.SignIns().Waiting()) == 0 {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the sign-in ended before it was confirmed: %v", err)
		case <-timeout:
			t.Fatal("no sign-in to confirm")
		}
	}
	if n := b.SignIns().Answer("", true); n != 1 {
		t.Fatalf("%d sign-ins confirmed", n)
	}
}

// gone takes an assignment away: the import proposes to remove its profile, and does not.
func (b *box) gone(t *testing.T) {
	t.Helper()
	if err := b.World().Assign("https://acme.awsapps.com/start", "777788889999"); err != nil {
		t.Fatal(err)
	}
	_, stderr := b.must(t, "profiles", "import", "corp", "--yes")
	if !strings.Contains(stderr, "hint: rdsx profiles rm acme-prod-Operator") || !strings.Contains(stderr, "nothing to change") {
		t.Error(stderr)
	}
	ls, _ := b.must(t, "profiles", "ls")
	if !strings.Contains(ls, "acme-prod-Operator") {
		t.Errorf("import removed a profile by itself:\n%s", ls)
	}
}

// TestSignInByBrowser signs in with PKCE: the browser is a program that follows the portal's redirect.
func TestSignInByBrowser(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	b.env = append(b.env, "BROWSER="+b.browser(t))
	b.must(t, "profiles", "add", "corp-dev", "--sso-session", "corp", "--account", "111122223333", "--role", "ReadOnly", "--region", "eu-west-1",
		"--sso-start-url", "https://acme.awsapps.com/start", "--sso-region", "eu-west-1", "--yes")
	_, stderr, exit := b.run(t, "ls", "--profile", "corp-dev")
	if exit != 3 || !strings.Contains(stderr, "hint: rdsx profiles login corp-dev") {
		t.Errorf("before: exit %d: %s", exit, stderr)
	}
	out, talk := b.must(t, "profiles", "login", "corp-dev")
	if !strings.HasPrefix(out, "signed in to corp until ") || !strings.Contains(talk, "/authorize?") {
		t.Errorf("login printed %s%s", out, talk)
	}
	b.must(t, "ls", "--profile", "corp-dev")
	// Revoked by an administrator: said, with the command that mends it.
	b.SignIns().Revoke()
	for _, path := range b.cached(t, "cli") {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	_, stderr, exit = b.run(t, "ls", "--profile", "corp-dev")
	if exit != 3 || !strings.Contains(stderr, "revoked") || !strings.Contains(stderr, "hint: rdsx profiles login corp-dev") {
		t.Errorf("revoked: exit %d: %s", exit, stderr)
	}
	b.SignIns().SetApproval(api.ApproveNo)
	_, stderr, exit = b.run(t, "profiles", "login", "corp-dev")
	if exit != 3 || !strings.Contains(stderr, "refused in the browser") {
		t.Errorf("refused: exit %d: %s", exit, stderr)
	}
}

func (b *box) cached(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.home(), ".aws", dir, "cache", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cache of %s: %v", dir, err)
	}
	return files
}

// browser is this test program once more, which fetches the page that it is given.
func (b *box) browser(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("browse")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// browse is what the program "browse" does: open a page, follow it wherever it leads.
func browse() {
	client := &http.Client{Timeout: waitAtMost}
	resp, err := client.Get(os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if errors.Join(err, resp.Body.Close()) != nil {
		os.Exit(1)
	}
}
