package account

import (
	"errors"
	"os"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
)

// TestKeysFollowTheFile: keys that another program has written in the place of those that AWS no longer takes are used, by a profile
// of their own and by a role that is assumed with them; while the file is half written there are none, and afterwards they are.
func TestKeysFollowTheFile(t *testing.T) {
	t.Parallel()
	const old, fresh = "[p]\naws_access_key_id = AKIAOLD\naws_secret_access_key = s\n", "[p]\naws_access_key_id = AKIANEW\naws_secret_access_key = s\n"
	f := newFake(t, nil)
	for profile, call := range map[string]string{"p": "", "ops": "AssumeRole AKIANEW"} {
		env := home(t, "[profile p]\nregion = eu-west-1\n[profile ops]\nregion = eu-west-1\nrole_arn = "+opsARN+"\nsource_profile = p\n", old)
		cfg, _, _, err := Load(t.Context(), Options{Profile: profile, Env: env, EndpointURL: f.URL})
		if err != nil {
			t.Fatal(err)
		}
		copied := cfg.Copy()
		keys := func() (string, error) {
			got, err := copied.Credentials.Retrieve(t.Context())
			return got.AccessKeyID, err
		}
		if _, err := keys(); err != nil {
			t.Fatal(err)
		}
		invalidate := cfg.Credentials.(interface{ Invalidate() }).Invalidate
		write := func(text string) {
			if err := os.WriteFile(newEnviron(env).credentialsFile(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("[p\n")
		invalidate()
		if got, err := keys(); err == nil {
			t.Errorf("%s: %s from half a file", profile, got)
		}
		write(fresh)
		got, err := keys()
		if call != "" { // a role that was assumed before is in the AWS CLI's cache, and may still be good; it is not
			invalidate()
			got, err = keys()
		}
		if err != nil || call == "" && got != "AKIANEW" {
			t.Errorf("%s: %s, %v", profile, got, err)
		}
		if seen := f.seen(); call != "" && seen[len(seen)-1] != call {
			t.Errorf("%s: asked %q", profile, seen)
		}
	}
}

// TestRefusedKeysStayRefused: whoever asks for keys between their refusal and the new ones in the file gets the old ones, and that
// takes nothing from those who ask later.
func TestRefusedKeysStayRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	env := home(t, "[profile p]\nregion = eu-west-1\n", "[p]\naws_access_key_id = AKIAOLD\naws_secret_access_key = s\n")
	cfg, _, _, err := Load(t.Context(), Options{Profile: "p", Env: env, EndpointURL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	want := func(id string) {
		t.Helper()
		if got, err := cfg.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != id {
			t.Errorf("%s, %v, want %s", got.AccessKeyID, err, id)
		}
	}
	want("AKIAOLD")
	cfg.Credentials.(interface{ Invalidate() }).Invalidate()
	want("AKIAOLD")
	want("AKIAOLD")
	if err := os.WriteFile(newEnviron(env).credentialsFile(), []byte("[p]\naws_access_key_id = AKIANEW\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("AKIANEW")
}

// TestKeysOfTheEnvironmentStay: nothing that is done elsewhere gives a process that runs another environment.
func TestKeysOfTheEnvironmentStay(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(call) (int, string) {
		return 403, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>"
	})
	for name, c := range map[string]struct {
		env       []string
		renewable bool
	}{
		"environment": {home(t, "", "", "AWS_ACCESS_KEY_ID=AKIAENV", "AWS_SECRET_ACCESS_KEY=s", "AWS_REGION=eu-west-1"), false},
		"file":        {home(t, twoProfiles, twoKeys), true},
	} {
		cfg, _, _, err := Load(t.Context(), Options{Env: c.env, EndpointURL: f.URL})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Retryer = func() sdk.Retryer { return sdk.NopRetryer{} }
		if _, err := Identify(t.Context(), cfg); !errors.Is(err, aws.ErrSignIn) || Renewable(err) != c.renewable {
			t.Errorf("%s: %v, renewable %v", name, err, Renewable(err))
		}
	}
}
