package account

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
)

// ssoCredentials are the credentials of a permission set in an account.
type ssoCredentials struct {
	r             *resolved
	portal        Portal
	account, role string
	handed        string // as roleClient.handed
}

// signInError is an SSO token that is not there or of no use any more.
type signInError struct {
	portal  Portal
	missing bool // there never was one, as opposed to one that is over
	err     error
}

func (e *signInError) Error() string {
	if e.missing {
		return fmt.Sprintf("there is no SSO token of %s", e.portal.Name())
	}
	return fmt.Sprintf("the SSO token of %s has expired", e.portal.Name())
}

func (e *signInError) Unwrap() error { return e.err }

// Retrieve implements sdk.CredentialsProvider.
func (s *ssoCredentials) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	key := cacheKey(ssoArgs(s.account, s.role, s.portal.Session, s.portal.StartURL), true)
	unlock, err := s.r.o.Shared.lock(ctx, "sso "+key)
	if err != nil {
		return sdk.Credentials{}, err
	}
	defer unlock()
	cfg, err := s.r.anonymous(ctx, s.portal.Region)
	if err != nil {
		return sdk.Credentials{}, err
	}
	client := sso.NewFromConfig(cfg)
	dir, endpoint := s.r.env.cacheDir(), sdk.ToString(client.Options().BaseEndpoint)
	hit, expires, ok := readCached(dir, key, time.Now())
	if ok && hit.Endpoint == endpoint && hit.ProviderType == "sso" && (hit.Credentials.AccountID == "" || hit.Credentials.AccountID == s.account) && hit.Credentials.AccessKeyID != s.handed {
		s.handed = hit.Credentials.AccessKeyID
		return hit.keys(expires, "SSO"), nil
	}
	token, err := s.r.token(ctx, cfg, s.portal)
	if err != nil {
		return sdk.Credentials{}, s.r.origin.wrap(err)
	}
	out, err := client.GetRoleCredentials(ctx, &sso.GetRoleCredentialsInput{AccessToken: &token, AccountId: &s.account, RoleName: &s.role})
	if err != nil {
		return sdk.Credentials{}, err
	}
	entry := cached{ProviderType: "sso", Endpoint: endpoint}
	k := &entry.Credentials
	k.AccessKeyID, k.SecretAccessKey = sdk.ToString(out.RoleCredentials.AccessKeyId), sdk.ToString(out.RoleCredentials.SecretAccessKey)
	k.SessionToken, k.AccountID = sdk.ToString(out.RoleCredentials.SessionToken), s.account
	expires = time.UnixMilli(out.RoleCredentials.Expiration)
	s.handed = k.AccessKeyID
	if err := writeCached(dir, key, entry, expires, time.Now()); err != nil {
		s.r.o.Log.Debug("sign-in cache", "error", err)
	}
	return entry.keys(expires, "SSO"), nil
}

// token is an access token of the portal that is good for now: the one of the file, renewed when it is about to end. Whether
// there is one is found out before anything is asked of AWS. Errors are *signInError, or of the network.
func (r *resolved) token(ctx context.Context, cfg sdk.Config, p Portal) (string, error) {
	path := r.env.tokenPath(p)
	unlock, err := r.o.Shared.lock(ctx, "token "+path)
	if err != nil {
		return "", err
	}
	defer unlock()
	now := time.Now()
	t, ok := readToken(path, p)
	switch {
	case !ok:
		return "", &signInError{portal: p, missing: true}
	case t.expires().Sub(now) >= refreshWindow:
		return t.AccessToken, nil
	}
	var refused error
	if t.refreshable(now) {
		fresh, err := renew(ctx, ssooidc.NewFromConfig(cfg), t, p)
		if err == nil {
			if err := writeJSON(path, fresh); err != nil {
				r.o.Log.Debug("sign-in cache", "error", err)
			}
			return fresh.AccessToken, nil
		}
		refused = err
		// Another program may have renewed it in the same moment, and then this renewal is refused.
		if again, ok := readToken(path, p); ok && again.AccessToken != t.AccessToken {
			t = again
		}
	}
	if now.Before(t.expires()) {
		return t.AccessToken, nil
	}
	if refused != nil && !newFailure(refused).isOIDCRefusal() {
		return "", refused
	}
	return "", &signInError{portal: p, err: refused}
}

// renew gets a new access token for the refresh token.
func renew(ctx context.Context, client *ssooidc.Client, t token, p Portal) (token, error) {
	out, err := client.CreateToken(ctx, &ssooidc.CreateTokenInput{
		ClientId: &t.ClientID, ClientSecret: &t.ClientSecret, GrantType: sdk.String("refresh_token"), RefreshToken: &t.RefreshToken,
	})
	if err != nil {
		return token{}, err
	}
	t.StartURL, t.Region = p.StartURL, p.Region
	t.accept(out, time.Now())
	return t, nil
}

// accept takes over what CreateToken answered. A portal may keep the refresh token as it is.
func (t *token) accept(out *ssooidc.CreateTokenOutput, now time.Time) {
	t.AccessToken = sdk.ToString(out.AccessToken)
	t.ExpiresAt = formatTime(now.Add(time.Duration(out.ExpiresIn) * time.Second))
	if refresh := sdk.ToString(out.RefreshToken); refresh != "" {
		t.RefreshToken = refresh
	}
}
