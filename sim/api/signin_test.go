package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/sim/world"
)

const startURL = "https://acme.awsapps.com/start"

// oidcRig is a client that is registered for everything it is asked to be.
type oidcRig struct {
	*rig
	oidc       *ssooidc.Client
	sso        *sso.Client
	id, secret *string
}

func newOIDC(t *testing.T, r *rig, grants ...string) *oidcRig {
	t.Helper()
	cfg := r.config("eu-west-1", sdk.AnonymousCredentials{})
	o := &oidcRig{rig: r, oidc: ssooidc.NewFromConfig(cfg), sso: sso.NewFromConfig(cfg)}
	in := &ssooidc.RegisterClientInput{ClientName: sdk.String("test"), ClientType: sdk.String("public"), Scopes: []string{"sso:account:access"}, GrantTypes: grants}
	if len(grants) > 0 {
		in.IssuerUrl, in.RedirectUris = sdk.String(startURL), []string{"http://127.0.0.1/oauth/callback"}
	}
	out, err := o.oidc.RegisterClient(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	o.id, o.secret = out.ClientId, out.ClientSecret
	return o
}

func (o *oidcRig) create(t *testing.T, grant string, change func(*ssooidc.CreateTokenInput)) (*ssooidc.CreateTokenOutput, error) {
	t.Helper()
	in := &ssooidc.CreateTokenInput{ClientId: o.id, ClientSecret: o.secret, GrantType: &grant}
	change(in)
	return o.oidc.CreateToken(t.Context(), in)
}

func TestDeviceFlow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := newRig(t, Options{Now: func() time.Time { return now }})
	o := newOIDC(t, r)
	r.api.SignIns().SetApproval(ApproveAsk)
	started, err := o.oidc.StartDeviceAuthorization(t.Context(), &ssooidc.StartDeviceAuthorizationInput{ClientId: o.id, ClientSecret: o.secret, StartUrl: sdk.String(startURL)})
	if err != nil {
		t.Fatal(err)
	}
	poll := func() (*ssooidc.CreateTokenOutput, error) {
		return o.create(t, deviceGrant, func(in *ssooidc.CreateTokenInput) { in.DeviceCode = started.DeviceCode })
	}
	_, err = poll()
	wantCode(t, err, "AuthorizationPendingException", "")
	_, err = poll()
	wantCode(t, err, "SlowDownException", "")
	now = now.Add(5 * time.Second)
	_, err = poll()
	wantCode(t, err, "AuthorizationPendingException", "")
	if n := r.api.SignIns().Answer(*started.UserCode, true); n != 1 {
		t.Fatalf("%d answered", n)
	}
	got, err := poll()
	if err != nil || got.RefreshToken == nil {
		t.Fatalf("%+v %v", got, err)
	}
	_, err = poll()
	wantCode(t, err, "InvalidGrantException", "")
	page, err := o.sso.ListAccounts(t.Context(), &sso.ListAccountsInput{AccessToken: got.AccessToken, MaxResults: sdk.Int32(2)})
	if err != nil || len(page.AccountList) != 2 || page.NextToken == nil {
		t.Errorf("%+v %v", page, err)
	}
	now = now.Add(9 * time.Hour) // the access token has eight
	_, err = o.sso.ListAccounts(t.Context(), &sso.ListAccountsInput{AccessToken: got.AccessToken})
	wantCode(t, err, "UnauthorizedException", "")
	renew := func(in *ssooidc.CreateTokenInput) { in.RefreshToken = got.RefreshToken }
	if _, err := o.create(t, "refresh_token", renew); err != nil {
		t.Error(err)
	}
	_, err = o.create(t, "refresh_token", renew)
	wantCode(t, err, "InvalidGrantException", "")
	_, err = o.oidc.StartDeviceAuthorization(t.Context(), &ssooidc.StartDeviceAuthorizationInput{ClientId: o.id, ClientSecret: sdk.String("no"), StartUrl: sdk.String(startURL)})
	wantCode(t, err, "InvalidClientException", "")
	_, err = o.oidc.StartDeviceAuthorization(t.Context(), &ssooidc.StartDeviceAuthorizationInput{ClientId: o.id, ClientSecret: o.secret, StartUrl: sdk.String("https://x")})
	wantCode(t, err, "InvalidRequestException", "")
}

// TestPKCE redeems a code with the right verifier, and with all that is wrong.
func TestPKCE(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	o := newOIDC(t, r, "authorization_code", "refresh_token")
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	const redirect = "http://127.0.0.1:4711/oauth/callback"
	sum := sha256.Sum256([]byte(verifier))
	if challenge := base64.RawURLEncoding.EncodeToString(sum[:]); challenge != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Fatal(challenge)
	}
	authorize := func(change func(url.Values)) (int, url.Values) {
		q := url.Values{
			"response_type": {"code"}, "client_id": {*o.id}, "redirect_uri": {redirect}, "state": {"s"}, "code_challenge_method": {"S256"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "scopes": {"sso:account:access"},
		}
		change(q)
		client := http.Client{Transport: r.client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/authorize?"+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // only read
		to, err := resp.Location()
		if err != nil {
			return resp.StatusCode, nil
		}
		return resp.StatusCode, to.Query()
	}
	for name, c := range map[string]struct {
		change func(*ssooidc.CreateTokenInput)
		ok     bool
	}{
		"right":            {func(*ssooidc.CreateTokenInput) {}, true},
		"another verifier": {func(in *ssooidc.CreateTokenInput) { in.CodeVerifier = sdk.String(strings.Repeat("x", 43)) }, false},
		"no verifier":      {func(in *ssooidc.CreateTokenInput) { in.CodeVerifier = nil }, false},
		"another redirect": {func(in *ssooidc.CreateTokenInput) {
			in.RedirectUri = sdk.String("http://127.0.0.1:4712/oauth/callback")
		}, false},
		"a code that is not": {func(in *ssooidc.CreateTokenInput) { in.Code = sdk.String("x") }, false},
	} {
		_, back := authorize(func(url.Values) {})
		if back.Get("state") != "s" || back.Get("code") == "" {
			t.Fatalf("%s: the browser came back with %v", name, back)
		}
		redeem := func() error {
			_, err := o.create(t, "authorization_code", func(in *ssooidc.CreateTokenInput) {
				in.Code, in.CodeVerifier, in.RedirectUri = sdk.String(back.Get("code")), sdk.String(verifier), sdk.String(redirect)
				c.change(in)
			})
			return err
		}
		if err := redeem(); c.ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if c.ok {
			wantCode(t, redeem(), "InvalidGrantException", "")
		}
	}
	for name, change := range map[string]func(url.Values){
		"plain":       func(q url.Values) { q.Set("code_challenge_method", "plain") },
		"no state":    func(q url.Values) { q.Del("state") },
		"elsewhere":   func(q url.Values) { q.Set("redirect_uri", "http://evil.example/oauth/callback") },
		"other path":  func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:1/other") },
		"nobody's id": func(q url.Values) { q.Set("client_id", "x") },
	} {
		if code, _ := authorize(change); code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
	}
	r.api.SignIns().SetApproval(ApproveNo)
	if _, back := authorize(func(url.Values) {}); back.Get("error") != "access_denied" || back.Get("code") != "" {
		t.Errorf("refused: %v", back)
	}
}

func TestPortalThrottle(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Throttle: Only(EveryNth(1), "sso:ListAccounts")})
	o := newOIDC(t, r)
	_, err := o.sso.ListAccounts(t.Context(), &sso.ListAccountsInput{AccessToken: sdk.String("x")})
	wantCode(t, err, "TooManyRequestsException", "")
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	out, err := organizations.NewFromConfig(r.as(t, "mika", "us-east-1")).ListAccounts(t.Context(), &organizations.ListAccountsInput{MaxResults: sdk.Int32(2)})
	if err != nil || len(out.Accounts) != 2 || out.NextToken == nil {
		t.Fatalf("%+v %v", out, err)
	}
	_, err = organizations.NewFromConfig(r.as(t, "reader", "us-east-1")).ListAccounts(t.Context(), &organizations.ListAccountsInput{})
	wantCode(t, err, "AccessDeniedException", "organizations:ListAccounts")
	_, err = organizations.NewFromConfig(r.as(t, "mika", "us-east-1")).ListAccounts(t.Context(), &organizations.ListAccountsInput{MaxResults: sdk.Int32(21)})
	wantCode(t, err, "InvalidInputException", "")
	if found, stderr, err := r.cli(t, keyOf(t, r, "mika"), "organizations", "list-accounts"); err != nil || len(found["Accounts"].([]any)) != 3 {
		t.Errorf("aws: %v %v %s", found, err, stderr)
	}
}

// TestTOTPDevice takes each code once, and those of the neighbouring half minutes too.
func TestTOTPDevice(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 10, 0, time.UTC)
	var d devices
	w, err := world.Default()
	if err != nil {
		t.Fatal(err)
	}
	u := world.User{MFASerial: "arn:aws:iam::111122223333:mfa/x", MFASeed: "JBSWY3DPEHPK3PXP"}
	at := func(off time.Duration) string {
		code, err := world.TOTP(u.MFASeed, now.Add(off))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	for i, c := range []struct {
		code string
		ok   bool
	}{{at(-time.Minute), false}, {"000000", false}, {at(-30 * time.Second), true}, {at(-30 * time.Second), false}, {at(0), true}, {at(0), false}, {at(-30 * time.Second), false}, {at(30 * time.Second), true}} {
		if got := d.accept(w, u, c.code, now); got != c.ok {
			t.Errorf("code %d: %v", i, got)
		}
	}
	for range 2 {
		if !d.accept(w, world.User{}, w.MFACode(), now) {
			t.Error("a device without a seed has the world's code, always")
		}
	}
	r := newRig(t, Options{})
	_, err = sts.NewFromConfig(r.as(t, "mika", "eu-west-1")).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{SerialNumber: sdk.String("arn:aws:iam::111122223333:mfa/mika"), TokenCode: sdk.String("999999")})
	wantCode(t, err, "AccessDenied", "invalid MFA one time pass code")
}
