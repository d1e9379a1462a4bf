package api

import (
	"net/http"
	"slices"
	"time"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

type createTokenInput struct {
	ClientID, ClientSecret, GrantType string
	DeviceCode, Code, CodeVerifier    string
	RedirectURI, RefreshToken         string
	Scope                             []string
}

func (s *SignIns) createToken(r *http.Request) (any, error) {
	var in createTokenInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.client(in.ClientID, in.ClientSecret)
	if err != nil {
		return nil, err
	}
	var portal string
	switch in.GrantType {
	case deviceGrant:
		portal, err = s.byDevice(in)
	case "authorization_code":
		portal, err = s.byCode(in)
	case "refresh_token":
		portal, err = s.byRefresh(in)
	default:
		return nil, failf("UnsupportedGrantTypeException", "%s is not supported", in.GrantType)
	}
	if err != nil {
		return nil, err
	}
	return s.grant(in.ClientID, portal, slices.Contains(c.scopes, "sso:account:access")), nil
}

// grant hands out tokens. Clients without a scope get none to renew with, as the old device flow does.
func (s *SignIns) grant(client, portal string, refreshable bool) any {
	g := &grant{portal: portal, client: client, expires: s.api.now().Add(s.tokenLife), refreshable: refreshable}
	access := "sim-access-" + token()
	s.access[access] = g
	out := map[string]any{"accessToken": access, "tokenType": "Bearer", "expiresIn": int(s.tokenLife.Seconds())}
	if refreshable {
		next := "sim-refresh-" + token()
		s.refresh[next] = g
		out["refreshToken"] = next
	}
	return out
}

func (s *SignIns) byDevice(in createTokenInput) (string, error) {
	d, ok := s.devices[in.DeviceCode]
	now := s.api.now()
	switch {
	case !ok || d.client != in.ClientID:
		return "", failf("InvalidGrantException", "Invalid device code provided")
	case now.After(d.expires):
		return "", failf("ExpiredTokenException", "The device code has expired")
	case d.answer == ApproveNo:
		return "", failf("AccessDeniedException", "The person refused")
	case d.answer == ApproveAll:
		delete(s.devices, in.DeviceCode)
		return d.portal, nil
	}
	tooFast := now.Sub(d.asked) < pollEvery/2
	d.asked = now
	if tooFast {
		return "", failf("SlowDownException", "Slow down")
	}
	return "", failf("AuthorizationPendingException", "Authorization is pending")
}

// byCode redeems an authorization code. It is good once, and for the verifier and the redirect of its request only.
func (s *SignIns) byCode(in createTokenInput) (string, error) {
	c, ok := s.codes[in.Code]
	delete(s.codes, in.Code)
	if !ok || c.client != in.ClientID || c.redirect != in.RedirectURI || s.api.now().After(c.expires) || !matches(c.challenge, in.CodeVerifier) {
		return "", failf("InvalidGrantException", "Invalid grant provided")
	}
	return c.portal, nil
}

// byRefresh renews. The token is good once: whoever comes second with it is refused.
func (s *SignIns) byRefresh(in createTokenInput) (string, error) {
	g, ok := s.refresh[in.RefreshToken]
	delete(s.refresh, in.RefreshToken)
	if !ok || g.client != in.ClientID {
		return "", failf("InvalidGrantException", "Invalid refresh token provided")
	}
	return g.portal, nil
}

// bearer is the portal that a request's token is for.
func (s *SignIns) bearer(r *http.Request) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.access[r.Header.Get("X-Amz-Sso_bearer_token")]
	if !ok || !s.api.now().Before(g.expires) {
		return "", &Error{Code: "UnauthorizedException", Message: "Session token not found or invalid", Status: http.StatusUnauthorized}
	}
	return g.portal, nil
}

// Age makes every access token end after d, those in use included.
func (s *SignIns) Age(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.access {
		g.expires = s.api.now().Add(d)
	}
}
