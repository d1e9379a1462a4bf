package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// manyRoles are roles of one device: of a user's keys, by way of another role, and of another device.
const manyRoles = `[profile base]
region = eu-west-1
[profile one]
role_arn = arn:aws:iam::222222222222:role/one
source_profile = base
mfa_serial = arn:aws:iam::111111111111:mfa/ada
[profile two]
role_arn = arn:aws:iam::222222222222:role/two
source_profile = base
mfa_serial = arn:aws:iam::111111111111:mfa/ada
[profile between]
role_arn = arn:aws:iam::222222222222:role/between
source_profile = base
[profile far]
role_arn = arn:aws:iam::333333333333:role/far
source_profile = between
mfa_serial = arn:aws:iam::111111111111:mfa/ada
[profile bob]
role_arn = arn:aws:iam::222222222222:role/one
source_profile = base
mfa_serial = arn:aws:iam::111111111111:mfa/bob
`

// TestOnePromptPerDevice uses many profiles at once, as a scan of all of them does.
func TestOnePromptPerDevice(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	env := home(t, manyRoles, baseKeys)
	shared := &Shared{}
	var mu sync.Mutex
	asked := map[string]int{}
	use := func(profile string) {
		cfg, _, _, err := Load(t.Context(), Options{
			Profile: profile, Region: "eu-west-1", Env: env, EndpointURL: f.URL, Shared: shared,
			MFA: func(_ context.Context, serial string, _ bool) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				asked[serial]++
				return "123456", nil
			},
		})
		if err == nil {
			_, err = cfg.Credentials.Retrieve(t.Context())
		}
		if err != nil {
			t.Errorf("%s: %v", profile, err)
		}
	}
	var wait sync.WaitGroup
	for range 3 {
		for _, profile := range []string{"one", "two", "bob"} {
			wait.Go(func() { use(profile) })
		}
	}
	wait.Wait()
	if asked["arn:aws:iam::111111111111:mfa/ada"] != 1 || asked["arn:aws:iam::111111111111:mfa/bob"] != 1 {
		t.Errorf("asked %v", asked)
	}
	calls := f.seen()
	slices.Sort(calls)
	// A session for each device, and each of the three roles once, by that session.
	want := []string{"AssumeRole ASIAROLE", "AssumeRole ASIAROLE", "AssumeRole ASIAROLE", "GetSessionToken AKIABASE", "GetSessionToken AKIABASE"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	// Keys of a role get no session: the code goes with the role that wants it.
	use("far")
	if form := f.last("AssumeRole").form; form.Get("TokenCode") != "123456" || form.Get("SerialNumber") == "" {
		t.Errorf("asked with %v", form)
	}
}

// TestNoSessionForTheUser falls back to the code for the role itself, and asks for none anew.
func TestNoSessionForTheUser(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c call) (int, string) {
		if c.action == "GetSessionToken" {
			return 403, queryError("AccessDenied", "User: "+ada+" is not authorized to perform: sts:GetSessionToken with an explicit deny in an identity-based policy")
		}
		return 200, ""
	})
	asked := 0
	cfg, _, _, err := Load(t.Context(), Options{
		Profile: "mfa", Env: home(t, roleChain, baseKeys), EndpointURL: f.URL,
		MFA: func(context.Context, string, bool) (string, error) { asked++; return "123456", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if form := f.last("AssumeRole").form; asked != 1 || form.Get("TokenCode") != "123456" || form.Get("SerialNumber") != "arn:aws:iam::111111111111:mfa/ada" {
		t.Errorf("asked %d times, with %v", asked, form)
	}
}

// TestWrongCodes are asked for again, three in all, and never tried twice: with a session, and where the user may have none.
func TestWrongCodes(t *testing.T) {
	t.Parallel()
	const wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
	for name, c := range map[string]struct {
		sessions bool
		codes    []string // as they are typed
		asked    string   // n for a first question, r for one after a refusal
		fails    bool
	}{
		"right at last":             {true, []string{"111111", "222222", "123456"}, "nrr", false},
		"wrong for good":            {true, []string{"111111", "222222", "333333", "123456"}, "nrr", true},
		"the same again":            {true, []string{"111111", "111111", "123456"}, "nr", true},
		"no session, right at last": {false, []string{"111111", "123456"}, "nr", false},
		"no session, wrong":         {false, []string{"111111", "222222", "333333", "123456"}, "nrr", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(of call) (int, string) {
				switch code := of.form.Get("TokenCode"); {
				case of.action == "GetSessionToken" && !c.sessions:
					return 403, queryError("AccessDenied", "User: "+ada+" is not authorized to perform: sts:GetSessionToken with an explicit deny in an identity-based policy")
				case code != "" && code != "123456":
					return 403, queryError("AccessDenied", wrong)
				}
				return 200, ""
			})
			asked := ""
			cfg, _, _, err := Load(t.Context(), Options{
				Profile: "mfa", Env: home(t, roleChain, baseKeys), EndpointURL: f.URL,
				MFA: func(_ context.Context, _ string, refused bool) (string, error) {
					if asked += "n"; refused {
						asked = asked[:len(asked)-1] + "r"
					}
					return c.codes[len(asked)-1], nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = cfg.Credentials.Retrieve(t.Context()); (err != nil) != c.fails || asked != c.asked {
				t.Errorf("asked %s: %v", asked, err)
			}
		})
	}
}

// TestAPromptThatIsGivenUp ends all who wait for it, each with its own context.
func TestAPromptThatIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	env := home(t, manyRoles, baseKeys)
	shared := &Shared{}
	asking, giveUp := make(chan struct{}), make(chan struct{})
	load := func(ctx context.Context, ask AskMFA) error {
		cfg, _, _, err := Load(ctx, Options{Profile: "one", Region: "eu-west-1", Env: env, EndpointURL: f.URL, Shared: shared, MFA: ask})
		if err != nil {
			return err
		}
		_, err = cfg.Credentials.Retrieve(ctx)
		return err
	}
	first := make(chan error, 1)
	go func() {
		first <- load(t.Context(), func(context.Context, string, bool) (string, error) {
			close(asking)
			<-giveUp
			return "", aws.Advise(errors.New("the terminal is gone"), aws.ErrSignIn, "")
		})
	}()
	<-asking
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		second <- load(ctx, func(context.Context, string, bool) (string, error) { return "", errors.New("asked twice") })
	}()
	cancel()
	if err := <-second; err == nil || strings.Contains(err.Error(), "asked twice") {
		t.Errorf("the one who waited: %v", err)
	}
	close(giveUp)
	if err := <-first; err == nil || !strings.Contains(err.Error(), "the terminal is gone") {
		t.Errorf("the one who asked: %v", err)
	}
}

// TestCredentialSourceEnvironment takes the keys of the environment that was handed in, as source of a role.
func TestCredentialSourceEnvironment(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	env := home(t, "[profile x]\nregion = eu-west-1\nrole_arn = arn:aws:iam::222222222222:role/ops\ncredential_source = Environment\n", "",
		"AWS_ACCESS_KEY_ID=AKIAENV", "AWS_SECRET_ACCESS_KEY=s")
	cfg, _, _, err := Load(t.Context(), Options{Profile: "x", Env: env, EndpointURL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil || !slices.Equal(f.seen(), []string{"AssumeRole AKIAENV"}) {
		t.Errorf("%v %v", err, f.seen())
	}
}

// TestNoIsSaidOnce does not ask again for each of those who wait for the same device.
func TestNoIsSaidOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	env := home(t, manyRoles, baseKeys)
	shared := &Shared{}
	ready := make(chan struct{})
	var mu sync.Mutex
	asked := 0
	var wait sync.WaitGroup
	waiting := make(chan struct{}, 2)
	for _, profile := range []string{"one", "two"} {
		wait.Go(func() {
			cfg, _, _, err := Load(t.Context(), Options{
				Profile: profile, Region: "eu-west-1", Env: env, EndpointURL: f.URL, Shared: shared,
				MFA: func(context.Context, string, bool) (string, error) {
					mu.Lock()
					asked++
					mu.Unlock()
					<-ready
					return "", errors.New("no")
				},
			})
			if err != nil {
				t.Error(err)
			}
			waiting <- struct{}{}
			if _, err := Credentials(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "no") {
				t.Errorf("%s: %v", profile, err)
			}
		})
	}
	<-waiting
	<-waiting
	close(ready)
	wait.Wait()
	// Whoever came only after the no was said may ask: then there were two, which the order of these two cannot rule out.
	if asked < 1 || asked > 2 {
		t.Errorf("asked %d times", asked)
	}
	now := time.Now()
	if err := shared.failed("x", errors.New("no")); err == nil || shared.failedSince("x", now.Add(-time.Second)) == nil || shared.failedSince("x", now.Add(time.Hour)) != nil {
		t.Error("a failure is not for those who waited, or for those who come later")
	}
}
