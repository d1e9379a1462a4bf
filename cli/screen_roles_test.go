package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestScreenSignIn: what each kind of profile is signed in to with.
func TestScreenSignIn(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	text := "[profile corp-ops]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Operator\n" +
		"[sso-session corp]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = eu-west-1\n" +
		"[profile console]\nlogin_session = arn:aws:iam::111122223333:user/mika\n" +
		"[profile orders]\nrole_arn = arn:aws:iam::111122223333:role/orders\nsource_profile = console\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{Process: Process{Env: []string{"AWS_CONFIG_FILE=" + config, "AWS_SHARED_CREDENTIALS_FILE=" + config + "-none", "HOME=" + filepath.Dir(config)}}}
	a.flags.endpointURL = "http://127.0.0.1:1"
	for name, want := range map[string][]string{
		"corp-ops": {self, "profiles", "login", "corp-ops", "--endpoint-url", "http://127.0.0.1:1"},
		"console":  {"aws", "login", "--profile", "console"},
		"orders":   {"aws", "login", "--profile", "console"},
	} {
		c, err := screenProfiles{app: a}.SignIn(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.(*client).cmd.Args; !slices.Equal(got, want) {
			t.Errorf("%s is signed in to with %q, want %q", name, got, want)
		}
	}
}
