package account

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rdsx/rdsx/aws"
)

var update = flag.Bool("update", false, "write the golden files")

func kindName(err error) string {
	for _, k := range []struct {
		kind error
		name string
	}{
		{aws.ErrUsage, "usage"},
		{aws.ErrSignIn, "sign-in"},
		{aws.ErrNotFound, "not found"},
		{aws.ErrUnreachable, "unreachable"},
		{aws.ErrRefusedByAWS, "refused"},
	} {
		if errors.Is(err, k.kind) {
			return k.name
		}
	}
	return "failed"
}

func nextOf(err error) string {
	if next := aws.NextOf(err); next != "" {
		return next
	}
	return "-"
}

const twoProfiles = "[default]\nregion = eu-west-1\n[profile dev]\nregion = eu-central-1\n[profile \"a b\"]\nregion = sa-east-1\n[profile bare]\n"

const twoKeys = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s\n" +
	"[\"a b\"]\naws_access_key_id = AKIAAB\naws_secret_access_key = s\n[bare]\naws_access_key_id = AKIABARE\naws_secret_access_key = s\n"

// TestWhose proves whose keys and which region are used, and what is said about it.
func TestWhose(t *testing.T) {
	t.Parallel()
	keys := []string{"AWS_ACCESS_KEY_ID=AKIAENV", "AWS_SECRET_ACCESS_KEY=s"}
	for name, c := range map[string]struct {
		env          []string
		o            Options
		key, profile string
		region       string
		warns        string
	}{
		"default profile":             {nil, Options{}, "AKIADEFAULT", "default", "eu-west-1", ""},
		"AWS_PROFILE":                 {[]string{"AWS_PROFILE=dev"}, Options{}, "AKIADEV", "dev", "eu-central-1", ""},
		"AWS_DEFAULT_PROFILE":         {[]string{"AWS_DEFAULT_PROFILE=dev"}, Options{}, "AKIADEV", "dev", "eu-central-1", ""},
		"AWS_PROFILE beats the other": {[]string{"AWS_PROFILE=dev", "AWS_DEFAULT_PROFILE=bare"}, Options{}, "AKIADEV", "dev", "eu-central-1", ""},
		"flag beats AWS_PROFILE":      {[]string{"AWS_PROFILE=bare"}, Options{Profile: "dev"}, "AKIADEV", "dev", "eu-central-1", ""},
		"quoted name":                 {nil, Options{Profile: "a b"}, "AKIAAB", "a b", "sa-east-1", ""},
		"keys, no name":               {keys, Options{}, "AKIAENV", "", "eu-west-1", "AWS_ACCESS_KEY_ID in the environment, because no profile"},
		"keys, AWS_PROFILE":           {append(keys, "AWS_PROFILE=dev"), Options{}, "AKIADEV", "dev", "eu-central-1", "AWS_ACCESS_KEY_ID in the environment is ignored"},
		"keys, flag":                  {keys, Options{Profile: "dev"}, "AKIADEV", "dev", "eu-central-1", "is ignored"},
		"half a key pair":             {keys[:1], Options{}, "AKIADEFAULT", "default", "eu-west-1", "without AWS_SECRET_ACCESS_KEY"},
		"region flag":                 {[]string{"AWS_REGION=us-east-2"}, Options{Region: "ap-south-1"}, "AKIADEFAULT", "default", "ap-south-1", ""},
		"AWS_REGION":                  {[]string{"AWS_REGION=us-east-2", "AWS_DEFAULT_REGION=us-west-2"}, Options{}, "AKIADEFAULT", "default", "us-east-2", ""},
		"AWS_DEFAULT_REGION":          {[]string{"AWS_DEFAULT_REGION=us-west-2"}, Options{}, "AKIADEFAULT", "default", "us-west-2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Env = home(t, twoProfiles, twoKeys, c.env...)
			cfg, acct, warnings, err := Load(t.Context(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := cfg.Credentials.Retrieve(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got.AccessKeyID != c.key || acct.Profile != c.profile || acct.Region != c.region || cfg.Region != c.region {
				t.Errorf("key %s profile %q region %s/%s", got.AccessKeyID, acct.Profile, acct.Region, cfg.Region)
			}
			if text := strings.Join(warnings, "\n"); (c.warns == "") != (text == "") || !strings.Contains(text, c.warns) {
				t.Errorf("warnings %q, want %q", text, c.warns)
			}
		})
	}
}

const roleChain = `[profile base]
region = eu-west-1
[profile ops]
role_arn = arn:aws:iam::222222222222:role/ops
source_profile = base
region = eu-west-1
[profile short]
role_arn = arn:aws:iam::222222222222:role/short
source_profile = base
region = eu-west-1
duration_seconds = 900
role_session_name = mine
external_id = shared-secret
[profile mfa]
role_arn = arn:aws:iam::222222222222:role/mfa
source_profile = base
region = eu-west-1
mfa_serial = arn:aws:iam::111111111111:mfa/ada
`

const baseKeys = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret\n"

// TestEndpointsReachTheChain proves that STS inside the credential chain is asked where the endpoint says, by each way of
// saying it (docs/aws.md §1.1: the SDK alone would ask the real STS).
func TestEndpointsReachTheChain(t *testing.T) {
	t.Parallel()
	for name, point := range map[string]func(url, other string) (config string, o Options){
		"flag": func(url, _ string) (string, Options) { return roleChain, Options{EndpointURL: url} },
		"variable": func(url, _ string) (string, Options) {
			return roleChain, Options{Env: []string{"AWS_ENDPOINT_URL=" + url}}
		},
		"variable of the service": func(url, other string) (string, Options) {
			return roleChain, Options{Env: []string{"AWS_ENDPOINT_URL=" + other, "AWS_ENDPOINT_URL_STS=" + url}}
		},
		"flag beats the variables": func(url, other string) (string, Options) {
			return roleChain, Options{EndpointURL: url, Env: []string{"AWS_ENDPOINT_URL=" + other, "AWS_ENDPOINT_URL_STS=" + other, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"}}
		},
		"profile": func(url, _ string) (string, Options) {
			return strings.ReplaceAll(roleChain, "[profile ops]", "[profile ops]\nendpoint_url = "+url), Options{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			right, wrong := newFake(t, nil), newFake(t, nil)
			config, o := point(right.URL, wrong.URL)
			o.Profile, o.Env = "ops", home(t, config, baseKeys, o.Env...)
			cfg, _, _, err := Load(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			acct, err := Identify(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"AssumeRole AKIABASE", "GetCallerIdentity ASIAROLE"}; !slices.Equal(right.seen(), want) {
				t.Errorf("the endpoint saw %v, want %v", right.seen(), want)
			}
			if len(wrong.seen()) > 0 {
				t.Errorf("the other endpoint saw %v", wrong.seen())
			}
			if want := (aws.Account{ID: "111111111111", ARN: "arn:aws-cn:iam::111111111111:user/ada", Partition: "aws-cn", Profile: "ops", Region: "eu-west-1"}); acct != want {
				t.Errorf("account %+v", acct)
			}
		})
	}
}

func TestIgnoredEndpoints(t *testing.T) {
	t.Parallel()
	env := home(t, "", "", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=s")
	cfg, _, _, err := Load(t.Context(), Options{Env: env})
	if err != nil || cfg.BaseEndpoint != nil {
		t.Errorf("%v %v", cfg.BaseEndpoint, err)
	}
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	for profile, want := range map[string]map[string]string{
		"ops":   {"RoleArn": "arn:aws:iam::222222222222:role/ops", "DurationSeconds": "3600", "RoleSessionName": "rdsx-ada"},
		"short": {"DurationSeconds": "900", "RoleSessionName": "mine", "ExternalId": "shared-secret"},
		"mfa":   {"DurationSeconds": "3600", "SerialNumber": "", "TokenCode": ""}, // the code is for the session that assumes it
	} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, nil)
			cfg, _, _, err := Load(t.Context(), Options{
				Profile: profile, EndpointURL: f.URL, Env: home(t, roleChain, baseKeys), Version: "1.2.3",
				MFA: func(_ context.Context, serial string, _ bool) (string, error) {
					if serial != "arn:aws:iam::111111111111:mfa/ada" {
						t.Errorf("asked for %q", serial)
					}
					return " 123456\n", nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := f.last("AssumeRole")
			for key, value := range want {
				if got.form.Get(key) != value {
					t.Errorf("%s is %q, want %q", key, got.form.Get(key), value)
				}
			}
			if session := f.last("GetSessionToken").form; profile == "mfa" && (session.Get("SerialNumber") != "arn:aws:iam::111111111111:mfa/ada" || session.Get("TokenCode") != "123456") {
				t.Errorf("the session was asked for with %v", session)
			}
			if !strings.Contains(got.agent, "rdsx/1.2.3") {
				t.Errorf("user agent %q", got.agent)
			}
		})
	}
}

// TestMFAIsAskedOnce proves that many users of a configuration cause one question, and that no secret is logged.
func TestMFAIsAskedOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	var log bytes.Buffer
	asked := 0
	cfg, _, _, err := Load(t.Context(), Options{
		Profile: "mfa", EndpointURL: f.URL, Env: home(t, roleChain, baseKeys),
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		MFA: func(context.Context, string, bool) (string, error) { asked++; return "654321", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if asked != 1 || !slices.Equal(f.seen(), []string{"GetSessionToken AKIABASE", "AssumeRole ASIAROLE"}) {
		t.Errorf("asked %d times, calls %v", asked, f.seen())
	}
	for _, secret := range []string{"base-secret", "role-secret", "role-token", "654321"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "profile=mfa") {
		t.Errorf("the log says nothing: %s", log.String())
	}
}

func TestWebIdentity(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("web-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config  string
		profile string
		env     []string
		session string
	}{
		"environment": {"", "", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + token, "AWS_ROLE_ARN=arn:aws:iam::2:role/ci"}, "rdsx-ada"},
		"named":       {"", "", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + token, "AWS_ROLE_ARN=arn:aws:iam::2:role/ci", "AWS_ROLE_SESSION_NAME=job7"}, "job7"},
		"profile":     {"[profile web]\nweb_identity_token_file = " + token + "\nrole_arn = arn:aws:iam::2:role/ci\nrole_session_name = web1\n", "web", nil, "web1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, nil)
			cfg, _, _, err := Load(t.Context(), Options{Profile: c.profile, Region: "eu-west-1", EndpointURL: f.URL, Env: home(t, c.config, "", c.env...)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := cfg.Credentials.Retrieve(t.Context())
			if err != nil || got.AccessKeyID != "ASIAROLE" {
				t.Fatalf("%s %v", got.AccessKeyID, err)
			}
			form := f.last("AssumeRoleWithWebIdentity").form
			if form.Get("WebIdentityToken") != "web-token" || form.Get("RoleArn") != "arn:aws:iam::2:role/ci" || form.Get("RoleSessionName") != c.session {
				t.Errorf("asked with %v", form)
			}
		})
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	names := []string{"prod-orders", "prod-users", "staging-orders", "dev", "eu-west-1"}
	for name, want := range map[string][]string{
		"prod-order":  {"prod-orders"},
		"PROD-ORDERS": {"prod-orders"},
		"orders":      {"prod-orders", "staging-orders"},
		"pord-orders": {"prod-orders"},
		"eu-wst-1":    {"eu-west-1"},
		"dve":         {"dev"},
		"nothing-of":  nil,
		"":            nil,
	} {
		if got := Near(name, names, 3); !slices.Equal(got, want) {
			t.Errorf("Near(%q) = %v, want %v", name, got, want)
		}
	}
	if got := Near("prod", []string{"prod-1", "prod-2", "prod-3", "prod-4"}, 3); len(got) != 3 {
		t.Errorf("more than three: %v", got)
	}
}

func TestPartition(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "": "aws",
	} {
		if got := Partition(region); got != want {
			t.Errorf("Partition(%q) = %s, want %s", region, got, want)
		}
	}
}
