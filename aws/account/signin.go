package account

import (
	"context"
	"errors"
	"log/slog"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/rdsx/rdsx/aws"
)

// The grants of OAuth that portals know.
const (
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// defaultScope lets a token list accounts and get credentials, and be renewed.
const defaultScope = "sso:account:access"

// Invitation is what a person has to do for a sign-in.
type Invitation struct {
	URL  string // to open in a browser
	Code string // to compare with the one that the page shows; "" when the browser on this machine finishes by itself
}

// Browser is how a person is reached.
type Browser struct {
	// Open opens a URL in a browser on this machine. nil means that there is none: the sign-in is then finished on any other
	// machine, by a code.
	Open func(ctx context.Context, url string) error
	// Show tells the person what to do. It is called once, before Open, and must not wait for the answer.
	Show func(Invitation)
}

// SignIn signs in to a portal and writes the token where the AWS CLI and every SDK look for it. It waits for the person at
// most ten minutes. It returns when the token ends. Errors are *aws.Hint.
func SignIn(ctx context.Context, o Options, p Portal, b Browser) (time.Time, error) {
	r, err := newBare(ctx, o)
	if err != nil {
		return time.Time{}, Explain(err)
	}
	path := r.env.tokenPath(p)
	if path == "" {
		return time.Time{}, aws.Advise(errors.New("there is no home folder to keep the sign-in in"), aws.ErrUsage, "set HOME")
	}
	cfg, err := r.anonymous(ctx, p.Region)
	if err != nil {
		return time.Time{}, explainConfig(err)
	}
	s := &signing{r: r, portal: p, browser: b, client: ssooidc.NewFromConfig(cfg)}
	run := s.byBrowser
	if b.Open == nil {
		run = s.byDevice
	}
	within, stop := context.WithTimeoutCause(ctx, signInWithin, errNobodyCame)
	defer stop()
	reg, out, err := run(within)
	if err != nil {
		if errors.Is(context.Cause(within), errNobodyCame) && ctx.Err() == nil {
			err = aws.Advise(errNobodyCame, aws.ErrSignIn, "rdsx profiles login "+p.Name())
		}
		return time.Time{}, Explain(err)
	}
	t := token{StartURL: p.StartURL, Region: p.Region, ClientID: reg.ClientID, ClientSecret: reg.ClientSecret, RegistrationExpiresAt: reg.ExpiresAt}
	t.accept(out, time.Now())
	return t.expires(), writeJSON(path, t)
}

// signInWithin is how long the person may take. The AWS CLI waits as long.
const signInWithin = 10 * time.Minute

var errNobodyCame = errors.New("the sign-in was not finished within ten minutes")

// signing is one sign-in under way.
type signing struct {
	r       *resolved
	portal  Portal
	browser Browser
	client  *ssooidc.Client
}

// newBare resolves what a sign-in needs of o: environment, endpoints, and the profile's settings if it exists.
func newBare(ctx context.Context, o Options) (*resolved, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &resolved{o: o, env: newEnviron(o.Env)}
	r.origin = &origin{configFile: r.env.configFile(), credentialsFile: r.env.credentialsFile()}
	if raw, ok := readSections(r.origin.configFile, r.origin.credentialsFile)[o.Profile]; ok {
		shared, err := config.LoadSharedConfigProfile(ctx, raw, func(l *config.LoadSharedConfigOptions) {
			l.ConfigFiles, l.CredentialsFiles = []string{r.origin.configFile}, []string{r.origin.credentialsFile}
		})
		if err == nil {
			r.raw, r.shared, r.end = raw, &shared, &shared
		}
	}
	return r, r.resolveEndpoints()
}

// register makes this program known to the portal for a grant, or takes the registration that is kept from before. fresh
// leaves that aside.
func (s *signing) register(ctx context.Context, grant string, fresh bool) (registration, error) {
	path := s.r.env.registrationPath(s.portal)
	var reg registration
	if !fresh && readJSON(path, &reg) && reg.fits(grant, time.Now()) {
		return reg, nil
	}
	scopes := s.portal.Scopes
	if scopes == nil {
		scopes = []string{defaultScope}
	}
	in := &ssooidc.RegisterClientInput{ClientName: sdk.String("rdsx"), ClientType: sdk.String("public"), Scopes: scopes}
	if grant == grantCode {
		in.GrantTypes, in.IssuerUrl = []string{grantCode, grantRefresh}, &s.portal.StartURL
		in.RedirectUris = []string{"http://127.0.0.1" + callbackPath} // without the port: any will do (RFC 8252 §7.3)
	}
	out, err := s.client.RegisterClient(ctx, in)
	if err != nil {
		return registration{}, err
	}
	reg = registration{
		ClientID: sdk.ToString(out.ClientId), ClientSecret: sdk.ToString(out.ClientSecret),
		ExpiresAt: formatTime(time.Unix(out.ClientSecretExpiresAt, 0)), Scopes: scopes, GrantTypes: in.GrantTypes,
	}
	if err := writeJSON(path, reg); err != nil {
		s.r.o.Log.Debug("sign-in cache", "error", err)
	}
	return reg, nil
}
