package account

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// refreshWindow is how long before its end an SSO token is renewed. It is the AWS CLI's; the Go SDK waits until the token is
// over, and so finds out in the midst of a call.
const refreshWindow = 15 * time.Minute

// token is an SSO token's file in the AWS CLI's shape.
type token struct {
	StartURL              string `json:"startUrl"`
	Region                string `json:"region"`
	AccessToken           string `json:"accessToken"`
	ExpiresAt             string `json:"expiresAt"`
	ClientID              string `json:"clientId,omitempty"`
	ClientSecret          string `json:"clientSecret,omitempty"`
	RegistrationExpiresAt string `json:"registrationExpiresAt,omitempty"`
	RefreshToken          string `json:"refreshToken,omitempty"`
}

// tokenPath is where the token of a portal is; "" without a home folder.
func (e environ) tokenPath(p Portal) string {
	dir := e.ssoDir()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, sha1Name(firstOf(p.Session, p.StartURL))+".json")
}

// readToken reads a token; false when there is none. A token of another portal under the same session's name is none.
func readToken(path string, p Portal) (token, bool) {
	var t token
	if path == "" || !readJSON(path, &t) || t.AccessToken == "" {
		return token{}, false
	}
	return t, t.StartURL == "" || p.StartURL == "" || t.StartURL == p.StartURL
}

// expires is when the access token ends; a time that makes no sense is the past.
func (t token) expires() time.Time {
	at, err := parseTime(t.ExpiresAt)
	if err != nil {
		return time.Time{}
	}
	return at
}

// refreshable says whether a new access token can be had without a person.
func (t token) refreshable(now time.Time) bool {
	until, err := parseTime(t.RegistrationExpiresAt)
	return t.RefreshToken != "" && t.ClientID != "" && t.ClientSecret != "" && err == nil && now.Before(until)
}

// registration is the file in which the AWS CLI keeps itself known to a portal.
type registration struct {
	ClientID     string   `json:"clientId"`
	ClientSecret string   `json:"clientSecret"`
	ExpiresAt    string   `json:"expiresAt"`
	Scopes       []string `json:"scopes,omitempty"`
	GrantTypes   []string `json:"grantTypes,omitempty"`
}

// registrationPath is the CLI's name for the registration of a portal. scopes are those of the file: nil when it has none.
func (e environ) registrationPath(p Portal) string {
	dir := e.ssoDir()
	if dir == "" {
		return ""
	}
	args := map[string]any{"tool": "botocore", "startUrl": p.StartURL, "region": p.Region, "scopes": nil, "session_name": nil}
	if p.Scopes != nil {
		args["scopes"] = p.Scopes
	}
	if p.Session != "" {
		args["session_name"] = p.Session
	}
	return filepath.Join(dir, cacheKey(args, false)+".json")
}

// fits says whether the registration may still be used for a grant. Registrations for the device flow name no grants.
func (r registration) fits(grant string, now time.Time) bool {
	until, err := parseTime(r.ExpiresAt)
	if err != nil || until.Sub(now) < refreshWindow || r.ClientID == "" || r.ClientSecret == "" {
		return false
	}
	return slices.Contains(r.GrantTypes, grant) || len(r.GrantTypes) == 0 && grant == grantDevice
}

// parseScopes reads sso_registration_scopes as the CLI does: nil for a key that is not there.
func parseScopes(text string) []string {
	var scopes []string
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			scopes = append(scopes, s)
		}
	}
	return scopes
}
