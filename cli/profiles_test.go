package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
)

const profilesBefore = `[default]
region = eu-west-1

[profile theirs]
region = us-east-1

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start#/
sso_region = eu-west-1
`

// conversation runs one command line on a terminal: what is asked, in order, and what is answered. It returns the exit code,
// the config file afterwards and all that was shown.
func conversation(t *testing.T, args []string, lines ...string) (code int, config, shown string) {
	t.Helper()
	user, terminal, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer user.Close()
	home := t.TempDir()
	path := filepath.Join(home, "config")
	keys := filepath.Join(home, "credentials")
	for name, text := range map[string]string{path: profilesBefore, keys: "[default]\naws_access_key_id = A\naws_secret_access_key = hushhush\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	codes := make(chan int, 1)
	go func() {
		defer terminal.Close()
		codes <- Run(t.Context(), Process{
			Args: append([]string{"profiles"}, args...), Stdin: terminal, Stdout: &out, Stderr: terminal,
			Env: []string{"HOME=" + home, "USER=jane", "AWS_CONFIG_FILE=" + path, "AWS_SHARED_CREDENTIALS_FILE=" + keys, "TERM=xterm"},
		})
	}()
	shown = talk(t, user, lines)
	code = <-codes
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(after), shown + out.String()
}

// talk waits for each question (the even lines) and types the answer (the odd ones), then reads to the end.
func talk(t *testing.T, user *os.File, lines []string) string {
	t.Helper()
	in := bufio.NewReader(user)
	var all, since strings.Builder
	for len(lines) > 0 {
		b, err := in.ReadByte()
		if err != nil {
			t.Errorf("%q was never asked: %v\n%s", lines[0], err, all.String())
			return all.String()
		}
		all.WriteByte(b)
		since.WriteByte(b)
		if strings.HasSuffix(since.String(), lines[0]) {
			if _, err := user.WriteString(lines[1] + "\n"); err != nil {
				t.Fatal(err)
			}
			since.Reset()
			lines = lines[2:]
		}
	}
	for {
		b, err := in.ReadByte()
		if err != nil {
			return all.String() // the command has closed its end
		}
		all.WriteByte(b)
	}
}

func TestProfilesAddAsks(t *testing.T) {
	code, config, shown := conversation(t, []string{"add"},
		"Name of the new profile: ", "orders",
		"(empty: sign in with SSO): ", "arn:aws:iam::111122223333:role/Orders",
		"assume it (default) [default]: ", "",
		"Region [eu-west-1]: ", "",
		"MFA device (empty for none): ", "arn:aws:iam::111122223333:mfa/jane",
		"External id (empty for none): ", "",
		"Write this? [y/N] ", "y")
	want := profilesBefore + `
[profile orders]
role_arn = arn:aws:iam::111122223333:role/Orders
source_profile = default
region = eu-west-1
role_session_name = rdsx-jane
duration_seconds = 3600
mfa_serial = arn:aws:iam::111122223333:mfa/jane
rdsx_managed = 1
`
	if code != exitOK || config != want || !strings.Contains(shown, "+[profile orders]") || !strings.Contains(shown, "added profile orders") {
		t.Errorf("code %d\n%s\n%s", code, config, shown)
	}
}

func TestProfilesAddAsksForSSO(t *testing.T) {
	code, config, shown := conversation(t, []string{"add", "dev"},
		"(empty: sign in with SSO): ", "",
		"sso-session (corp) [corp]: ", "new",
		"Its start URL: ", "https://new.awsapps.com/start",
		"Its region: ", "eu-west-1",
		"Account id: ", "111122223333",
		"Permission set: ", "Developer",
		"Region: ", "eu-central-1",
		"Write this? [y/N] ", "yes")
	if code != exitOK || !strings.Contains(config, "\n[sso-session new]\n") || !strings.HasSuffix(config, "\n[profile dev]\nsso_session = new\nsso_account_id = 111122223333\nsso_role_name = Developer\nregion = eu-central-1\nrdsx_managed = 1\n") {
		t.Errorf("code %d\n%s\n%s", code, config, shown)
	}
}

// TestProfilesNo: whoever does not say yes has changed nothing.
func TestProfilesNo(t *testing.T) {
	add := []string{"add", "x", "--role-arn", "arn:aws:iam::111122223333:role/X", "--source-profile", "default"}
	for _, answer := range []string{"", "n", "no", "x", "\x04"} {
		code, config, shown := conversation(t, add, "Write this? [y/N] ", answer)
		if code != exitFailed || config != profilesBefore {
			t.Errorf("%q: code %d\n%s\n%s", answer, code, config, shown)
		}
	}
	code, config, _ := conversation(t, append(add, "--no-input"))
	if code != exitUsage || config != profilesBefore {
		t.Errorf("--no-input: code %d\n%s", code, config)
	}
}

// TestProfilesForeign: a profile that rdsx has not written is changed by whoever types its name.
func TestProfilesForeign(t *testing.T) {
	edit := []string{"edit", "theirs", "--region", "us-west-2"}
	code, config, shown := conversation(t, edit, "Type its name to change it all the same: ", "y")
	if code != exitUsage || config != profilesBefore {
		t.Errorf("code %d\n%s\n%s", code, config, shown)
	}
	code, config, shown = conversation(t, edit, "Type its name to change it all the same: ", "theirs", "Write this? [y/N] ", "y")
	if code != exitOK || config != strings.Replace(profilesBefore, "us-east-1", "us-west-2", 1) {
		t.Errorf("code %d\n%s\n%s", code, config, shown)
	}
	code, config, _ = conversation(t, append(edit, "--yes"))
	if code != exitUsage || config != profilesBefore {
		t.Errorf("--yes: code %d\n%s", code, config)
	}
}

// TestProfilesFiles: where the files are, by the environment.
func TestProfilesFiles(t *testing.T) {
	for _, c := range []struct {
		env                 []string
		config, credentials string
	}{
		{[]string{"HOME=/h"}, "/h/.aws/config", "/h/.aws/credentials"},
		{[]string{"HOME=/h", "AWS_CONFIG_FILE=/c", "AWS_SHARED_CREDENTIALS_FILE=/k"}, "/c", "/k"},
		{[]string{"HOME=/h", "AWS_CONFIG_FILE=~/c"}, "/h/c", "/h/.aws/credentials"},
	} {
		a := &app{Process: Process{Env: c.env}}
		if got := a.profileFiles(); got.Config != filepath.FromSlash(c.config) || got.Credentials != filepath.FromSlash(c.credentials) {
			t.Errorf("%q: %+v", c.env, got)
		}
	}
	a := &app{Process: Process{Env: []string{"USER=jäne doe/" + strings.Repeat("x", 80)}}}
	if got := a.sessionName(); !strings.HasPrefix(got, "rdsx-j-ne-doe-xx") || len(got) != 64 {
		t.Errorf("session name %q", got)
	}
}

// TestProfilesAtOnce: commands that come at once plan again until each has written its own.
func TestProfilesAtOnce(t *testing.T) {
	const writers = 10
	home := t.TempDir()
	path := filepath.Join(home, "config")
	var running sync.WaitGroup
	var codes [writers]int
	var talks [writers]bytes.Buffer
	for n := range writers {
		running.Go(func() {
			codes[n] = Run(t.Context(), Process{
				Args:  []string{"profiles", "add", fmt.Sprintf("p%d", n), "--role-arn", "arn:aws:iam::111122223333:role/X", "--credential-source", "Environment", "--yes"},
				Env:   []string{"HOME=" + home, "AWS_CONFIG_FILE=" + path, "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "none")},
				Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &talks[n],
			})
		})
	}
	running.Wait()
	for n, code := range codes {
		if code != exitOK {
			t.Errorf("writer %d: code %d: %s", n, code, talks[n].String())
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || bytes.Count(data, []byte("[profile p")) != writers || bytes.Count(data, []byte("rdsx_managed = 1")) != writers {
		t.Errorf("%v\n%s", err, data)
	}
}
