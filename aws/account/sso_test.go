package account

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
)

const acmeURL = "https://acme.awsapps.com/start"

// acme are profiles of the simulated portal, with an sso-session and without.
const acme = `[profile dev]
region = eu-west-1
sso_session = acme
sso_account_id = 111122223333
sso_role_name = Operator
[profile legacy]
region = eu-west-1
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 444455556666
sso_role_name = ReadOnly
[profile denied]
region = eu-west-1
sso_session = acme
sso_account_id = 444455556666
sso_role_name = Operator
[profile chained]
region = eu-west-1
role_arn = arn:aws:iam::111122223333:role/operator
source_profile = dev
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
`

func acmePortal() Portal { return Portal{Session: "acme", StartURL: acmeURL, Region: "eu-west-1"} }

// portalRig is a simulated portal, a home folder, and the calls that were made.
type portalRig struct {
	*sim.Sim
	env []string

	mu    sync.Mutex
	calls map[string]int
}

func newPortal(t *testing.T) *portalRig {
	t.Helper()
	r := &portalRig{calls: map[string]int{}}
	count := func(_ world.Place, op string) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls[op]++
		return false
	}
	var err error
	if r.Sim, err = sim.Start(t.Context(), sim.Options{Throttle: count}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	r.env = home(t, acme, "", "AWS_ENDPOINT_URL="+r.URL())
	return r
}

func (r *portalRig) called(op string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[op]
}

func (r *portalRig) options(profile string) Options { return Options{Profile: profile, Env: r.env} }

// browser follows the page as a browser does. It is waited for by the sign-in that it ends.
func browser(ctx context.Context, page string) error {
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}()
	return nil
}

func (r *portalRig) signIn(t *testing.T, p Portal) {
	t.Helper()
	if _, err := SignIn(t.Context(), r.options(""), p, Browser{Open: browser, Show: func(Invitation) {}}); err != nil {
		t.Fatal(err)
	}
}

// whoami uses a profile, in a configuration of its own as another process would.
func (r *portalRig) whoami(t *testing.T, profile string, shared *Shared) (aws.Account, error) {
	t.Helper()
	o := r.options(profile)
	o.Shared = shared
	cfg, _, _, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Retryer = func() sdk.Retryer { return sdk.NopRetryer{} }
	return Identify(t.Context(), cfg)
}

func TestSSO(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	legacy := Portal{StartURL: acmeURL, Region: "eu-west-1"}
	r.signIn(t, acmePortal())
	r.signIn(t, legacy)
	for profile, account := range map[string]string{"dev": "111122223333", "legacy": "444455556666", "chained": "111122223333"} {
		who, err := r.whoami(t, profile, nil)
		if err != nil || who.ID != account {
			t.Errorf("%s: %+v %v", profile, who, err)
		}
	}
	// Again: from the cache, without a call to the portal.
	before := r.called("sso:GetRoleCredentials")
	if _, err := r.whoami(t, "dev", nil); err != nil || r.called("sso:GetRoleCredentials") != before {
		t.Errorf("the role credentials were fetched again: %v", err)
	}
	_, err := r.whoami(t, "denied", nil)
	if !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), "no such role in that account") {
		t.Errorf("a role that is not assigned: %v", err)
	}
	r.SignIns().Revoke()
	_, err = r.whoami(t, "denied", nil)
	if !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), "revoked") || aws.NextOf(err) != "rdsx profiles login denied" {
		t.Errorf("a token that was revoked: %v, %s", err, aws.NextOf(err))
	}
}

// TestTokenFile holds the token's file to the shape of the AWS CLI's.
func TestTokenFile(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	r.signIn(t, acmePortal())
	data, err := os.ReadFile(newEnviron(r.env).tokenPath(acmePortal()))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := []string{"accessToken", "clientId", "clientSecret", "expiresAt", "refreshToken", "region", "registrationExpiresAt", "startUrl"}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	for _, key := range []string{"expiresAt", "registrationExpiresAt"} {
		if _, err := time.Parse("2006-01-02T15:04:05Z", got[key]); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if got["startUrl"] != acmeURL || got["region"] != "eu-west-1" {
		t.Errorf("of %s in %s", got["startUrl"], got["region"])
	}
	// A second sign-in does not register again; one by code does, because the grant is another.
	r.signIn(t, acmePortal())
	if n := r.called("sso-oidc:RegisterClient"); n != 1 {
		t.Errorf("registered %d times", n)
	}
}

// TestRefresh renews a token before it ends, once for all that want it, and keeps the token of the renewal: the portal takes a
// refresh token once.
func TestRefresh(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	r.SignIns().SetTokenLife(10 * time.Minute) // less than is wanted to be left
	r.signIn(t, acmePortal())
	r.SignIns().SetTokenLife(8 * time.Hour)
	signIns := r.called("sso-oidc:CreateToken")
	shared := &Shared{}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := r.whoami(t, "dev", shared); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := r.called("sso-oidc:CreateToken") - signIns; n != 1 {
		t.Errorf("renewed %d times", n)
	}
	if tok, ok := readToken(newEnviron(r.env).tokenPath(acmePortal()), acmePortal()); !ok || time.Until(tok.expires()) < time.Hour || tok.RefreshToken == "" {
		t.Errorf("the file has no new token: %v", ok)
	}
}

// TestExpiry says what happens to a token that can no longer be renewed.
func TestExpiry(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	r.signIn(t, acmePortal())
	path := newEnviron(r.env).tokenPath(acmePortal())
	good, _ := readToken(path, acmePortal())
	for name, c := range map[string]struct {
		change func(*token)
		ok     bool
	}{
		"over, refresh refused":  {func(tk *token) { tk.ExpiresAt, tk.RefreshToken = "2020-01-01T00:00:00Z", "wrong" }, false},
		"over, no refresh token": {func(tk *token) { tk.ExpiresAt, tk.RefreshToken = "2020-01-01T00:00:00Z", "" }, false},
		"over, registration over": {func(tk *token) {
			tk.ExpiresAt, tk.RegistrationExpiresAt = "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
		}, false},
		"over, registration forgotten":   {func(tk *token) { tk.ExpiresAt, tk.ClientID = "2020-01-01T00:00:00Z", "other" }, false},
		"expiry makes no sense":          {func(tk *token) { tk.ExpiresAt, tk.RefreshToken = "tomorrow", "" }, false},
		"ends soon, refresh refused":     {func(tk *token) { tk.ExpiresAt, tk.RefreshToken = formatTime(time.Now().Add(time.Minute)), "wrong" }, true},
		"written by an old CLI, in UTC":  {func(tk *token) { tk.ExpiresAt = strings.Replace(tk.ExpiresAt, "Z", "UTC", 1) }, true},
		"of a portal at another address": {func(tk *token) { tk.StartURL = "https://other.awsapps.com/start" }, false},
	} {
		tk := good
		c.change(&tk)
		if err := writeJSON(path, tk); err != nil {
			t.Fatal(err)
		}
		env := append(slices.Clone(r.env), "AWS_ENDPOINT_URL_STS=http://127.0.0.1:1")
		bare, err := newBare(t.Context(), Options{Env: env, Profile: "dev"})
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := bare.anonymous(t.Context(), "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		_, err = bare.token(t.Context(), cfg, acmePortal())
		var own *signInError
		if c.ok != (err == nil) || err != nil && !errors.As(err, &own) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && aws.NextOf(Explain(err)) != "rdsx profiles login acme" {
			t.Errorf("%s: next %q", name, aws.NextOf(Explain(err)))
		}
	}
}

// TestDevice signs in by a code: confirmed late, refused, and given up.
func TestDevice(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	r.SignIns().SetApproval(api.ApproveAsk)
	p := acmePortal()
	for name, allow := range map[string]bool{"confirmed": true, "refused": false} {
		shown := make(chan Invitation, 1)
		ended := make(chan error, 1)
		go func() {
			_, err := SignIn(t.Context(), r.options(""), p, Browser{Show: func(i Invitation) { shown <- i }})
			ended <- err
		}()
		i := <-shown
		if !strings.Contains(i.URL, "/device?user_code="+i.Code) || i.Code == "" {
			t.Errorf("%s: shown %+v", name, i)
		}
		if n := r.SignIns().Answer(i.Code, allow); n != 1 {
			t.Errorf("%d answered", n)
		}
		err := <-ended
		if allow != (err == nil) || err != nil && (!errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), "refused")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := SignIn(ctx, r.options(""), p, Browser{Show: func(Invitation) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	// A registration that the portal has forgotten is replaced.
	reg := registration{ClientID: "gone", ClientSecret: "x", ExpiresAt: formatTime(time.Now().Add(time.Hour))}
	if err := writeJSON(newEnviron(r.env).registrationPath(p), reg); err != nil {
		t.Fatal(err)
	}
	r.SignIns().SetApproval(api.ApproveAll)
	if _, err := SignIn(t.Context(), r.options(""), p, Browser{Show: func(Invitation) {}}); err != nil {
		t.Errorf("after the portal forgot us: %v", err)
	}
	wrong := Portal{Session: "x", StartURL: "https://nobody.awsapps.com/start", Region: "eu-west-1"}
	_, err = SignIn(t.Context(), r.options(""), wrong, Browser{Show: func(Invitation) {}})
	if !errors.Is(err, aws.ErrUsage) || !strings.Contains(err.Error(), "Invalid start url") || !strings.Contains(aws.NextOf(err), "sso_start_url") {
		t.Errorf("a portal that is none: %v, %s", err, aws.NextOf(err))
	}
}

// TestCallback proves what the port of the browser flow takes: only the answer to our question, once.
func TestCallback(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	var host string
	seen := map[string]int{}
	get := func(ctx context.Context, u string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		seen[req.URL.RawQuery] = resp.StatusCode
		_ = resp.Body.Close()
	}
	open := func(ctx context.Context, page string) error {
		u, err := url.Parse(page)
		if err != nil {
			return err
		}
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("scopes") != defaultScope {
			t.Errorf("page %s", page)
		}
		to, err := url.Parse(q.Get("redirect_uri"))
		if err != nil {
			return err
		}
		host = to.Host
		get(ctx, to.String()+"?code=stolen&state=guessed")
		get(ctx, to.String()+"?code=stolen")
		get(ctx, to.String()+"?error=access_denied&error_description=no%0Athanks&state="+q.Get("state"))
		return nil
	}
	_, err := SignIn(t.Context(), r.options(""), acmePortal(), Browser{Open: open, Show: func(Invitation) {}})
	if !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), "no thanks") {
		t.Errorf("refused: %v", err)
	}
	if seen["code=stolen&state=guessed"] != http.StatusBadRequest || seen["code=stolen"] != http.StatusBadRequest {
		t.Errorf("answers %v", seen)
	}
	var d net.Dialer
	if c, err := d.DialContext(t.Context(), "tcp", host); err == nil {
		_ = c.Close()
		t.Error("the port is still open")
	}
	// A code that the portal has not given is refused by it, with a sentence.
	_, err = SignIn(t.Context(), r.options(""), acmePortal(), Browser{Show: func(Invitation) {}, Open: func(ctx context.Context, page string) error {
		u, _ := url.Parse(page)
		get(ctx, u.Query().Get("redirect_uri")+"?code=made-up&state="+u.Query().Get("state"))
		return nil
	}})
	if !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), "does not accept") {
		t.Errorf("a code that is none: %v", err)
	}
}

func TestCallbackGivenUp(t *testing.T) {
	t.Parallel()
	r := newPortal(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := SignIn(ctx, r.options(""), acmePortal(), Browser{Show: func(Invitation) {}, Open: func(context.Context, string) error { cancel(); return nil }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
