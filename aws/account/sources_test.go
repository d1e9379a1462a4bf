package account

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim"
)

// TestProcessAsSource lets a program give the credentials that assume a role.
func TestProcessAsSource(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	program := filepath.Join(t.TempDir(), "keys")
	script := "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"AKIAPROCESS\",\"SecretAccessKey\":\"s\"}'\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	f := newFake(t, nil)
	env := home(t, "[profile ops]\nregion = eu-west-1\nrole_arn = "+opsARN+"\nsource_profile = p\n[profile p]\ncredential_process = "+program+"\n", "")
	cfg, _, _, err := Load(t.Context(), Options{Profile: "ops", Env: env, EndpointURL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cfg.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != "ASIAROLE" || !slices.Equal(f.seen(), []string{"AssumeRole AKIAPROCESS"}) {
		t.Errorf("%s %v %v", got.AccessKeyID, err, f.seen())
	}
}

// TestLoginSession reads the sessions of aws login. It is not parallel: the SDK looks for them below the home of the process.
func TestLoginSession(t *testing.T) {
	const session = "arn:aws:iam::111111111111:user/ada"
	env := home(t, "[profile x]\nregion = eu-west-1\nlogin_session = "+session+"\n", "")
	dir := newEnviron(env).home()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	t.Setenv("AWS_LOGIN_CACHE_DIRECTORY", "")
	load := func() (string, error) {
		cfg, _, _, err := Load(t.Context(), Options{Profile: "x", Env: env, EndpointURL: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Credentials(t.Context(), cfg)
		return got.AccessKeyID, err
	}
	missing := func(when string) {
		t.Helper()
		if _, err := load(); !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), "expired or is missing") || aws.NextOf(err) != "aws login --profile x" {
			t.Errorf("%s: %v, %s", when, err, aws.NextOf(err))
		}
	}
	missing("no file")
	token := func(until time.Time, rest string) {
		t.Helper()
		put(t, env, "login", fmt.Sprintf("%x", sha256.Sum256([]byte(session))), `{"accessToken":{"accessKeyId":"ASIALOGIN","secretAccessKey":"s","sessionToken":"t","accountId":"111111111111","expiresAt":"`+
			until.UTC().Format(time.RFC3339)+`"}`+rest+`}`)
	}
	token(time.Now().Add(time.Hour), "")
	missing("half a file")
	token(time.Now().Add(10*time.Minute), `,"tokenType":"aws_sigv4","refreshToken":"r","clientId":"c","dpopKey":"k","idToken":"i"`)
	if id, err := load(); err != nil || id != "ASIALOGIN" {
		t.Errorf("%s %v", id, err)
	}
	list := Profiles(env, time.Now(), map[string]map[string]string{"x": {"login_session": session}}, nil)
	if list[0].SignIn.State != aws.SignedIn || list[0].SignIn.Expires.IsZero() {
		t.Errorf("state %+v", list[0].SignIn)
	}
}

// TestReadsTheCLIsCache lets the aws CLI assume a role, and finds its entry under the name that rdsx gives it.
func TestReadsTheCLIsCache(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("aws (the AWS CLI) is not on PATH")
	}
	box, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close() //nolint:errcheck // nothing is left in it
	const arn = "arn:aws:iam::111122223333:role/operator"
	env := home(t, "[profile ops]\nregion = eu-west-1\nrole_arn = "+arn+"\nsource_profile = base\nduration_seconds = 3600\nrole_session_name = rdsx-ada\n[profile base]\n",
		"[base]\naws_access_key_id = AKIASIMDEV0000000001\naws_secret_access_key = sim/dev/mika/this-key-works-nowhere-else\n")
	cmd := exec.CommandContext(t.Context(), program, "--profile", "ops", "sts", "get-caller-identity")
	cmd.Env = append(slices.Clone(env), "PATH="+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+box.URL(), "AWS_ENDPOINT_URL_STS="+box.URL(), "NO_PROXY=127.0.0.1", "AWS_PAGER=", "AWS_CA_BUNDLE=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	args := roleArgs(arn, "rdsx-ada", "", "", 3600)
	hit, expires, ok := readCached(newEnviron(env).cacheDir(), cacheKey(args, false), time.Now())
	if !ok || !hit.isOf(arn, "rdsx-ada") || hit.isOf(arn, "somebody") || time.Until(expires) < 50*time.Minute {
		t.Errorf("%v: of %+v until %s", ok, hit.AssumedRoleUser, expires)
	}
}
