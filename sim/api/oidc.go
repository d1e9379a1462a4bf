package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// Approval is what the person at the browser does with a sign-in.
type Approval string

// The ways of a person.
const (
	ApproveAll Approval = "auto" // confirms everything at once
	ApproveAsk Approval = "ask"  // waits for SignIns.Answer
	ApproveNo  Approval = "deny" // refuses everything
)

// The lives of what OIDC hands out.
const (
	clientLife = 90 * 24 * time.Hour
	deviceLife = 10 * time.Minute
	codeLife   = time.Minute
	pollEvery  = time.Second // the shortest that the protocol can say
)

// SignIns is IAM Identity Center: OIDC at one end, the portal's API at the other. Tokens leave it in answers only.
type SignIns struct {
	api *API
	mux *http.ServeMux

	mu        sync.Mutex
	approval  Approval
	tokenLife time.Duration
	clients   map[string]oidcClient
	devices   map[string]*signIn // by device code
	codes     map[string]*signIn // by authorization code
	access    map[string]*grant  // by access token
	refresh   map[string]*grant  // by refresh token
}

type oidcClient struct {
	secret    string
	grants    []string // empty: the device flow alone
	redirects []string
	scopes    []string
	issuer    string
	expires   time.Time
}

// signIn is one that is under way.
type signIn struct {
	client, portal      string
	userCode            string
	redirect, challenge string
	answer              Approval // ApproveAsk until there is one
	asked               time.Time
	expires             time.Time
}

// grant is what a sign-in gave.
type grant struct {
	portal, client string
	expires        time.Time
	refreshable    bool
}

func newSignIns(a *API) *SignIns {
	s := &SignIns{
		api: a, mux: http.NewServeMux(), approval: ApproveAll, tokenLife: 8 * time.Hour, clients: map[string]oidcClient{},
		devices: map[string]*signIn{}, codes: map[string]*signIn{}, access: map[string]*grant{}, refresh: map[string]*grant{},
	}
	s.serve("POST /client/register", "sso-oidc:RegisterClient", s.registerClient)
	s.serve("POST /device_authorization", "sso-oidc:StartDeviceAuthorization", s.startDevice)
	s.serve("POST /token", "sso-oidc:CreateToken", s.createToken)
	s.serve("GET /assignment/accounts", "sso:ListAccounts", s.listAccounts)
	s.serve("GET /assignment/roles", "sso:ListAccountRoles", s.listAccountRoles)
	s.serve("GET /federation/credentials", "sso:GetRoleCredentials", s.getRoleCredentials)
	s.mux.HandleFunc("GET /authorize", s.authorize)
	s.mux.HandleFunc("GET /device", s.devicePage)
	return s
}

// serves says whether a request is for Identity Center, whose calls are not signed.
func (s *SignIns) serves(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	return pattern != ""
}

// SetApproval changes what the person does from now on; sign-ins that wait go on waiting for Answer.
func (s *SignIns) SetApproval(a Approval) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.approval = a
}

// SetTokenLife changes how long access tokens last from now on; 8 h at first.
func (s *SignIns) SetTokenLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenLife = d
}

// Answer confirms or refuses the device sign-in with that user code, or all that wait when it is "". It returns how many.
func (s *SignIns) Answer(userCode string, allow bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, d := range s.devices {
		if d.answer == ApproveAsk && (userCode == "" || d.userCode == userCode) {
			d.answer = ApproveNo
			if allow {
				d.answer = ApproveAll
			}
			n++
		}
	}
	return n
}

// Revoke ends every token, as an administrator can.
func (s *SignIns) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
	clear(s.refresh)
}

// Waiting lists the user codes of device sign-ins that nobody has answered.
func (s *SignIns) Waiting() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	codes := []string{}
	for _, d := range s.devices {
		if d.answer == ApproveAsk {
			codes = append(codes, d.userCode)
		}
	}
	slices.Sort(codes)
	return codes
}

// serve answers one call of REST JSON with latency, throttle and log of every other call.
func (s *SignIns) serve(pattern, op string, run func(r *http.Request) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.api.now().UTC().Format(http.TimeFormat))
		var v any
		var err error
		if throttled := *s.api.throttle.Load(); throttled != nil && throttled(world.Place{}, op) {
			err = &Error{Code: "TooManyRequestsException", Message: "HTTP 429 Unknown Code", Status: http.StatusTooManyRequests}
		} else {
			v, err = run(r)
		}
		if s.api.wait(r.Context()) != nil {
			return
		}
		code := "ok"
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			e := oidcError(err)
			code = e.Code
			w.Header().Set("X-Amzn-Errortype", e.Code)
			w.WriteHeader(e.Status)
			v = map[string]string{"message": e.Message, "error": oauthName(e.Code), "error_description": e.Message}
		}
		_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
		s.api.log.Info("api", "operation", op, "code", code)
	})
}

func oidcError(err error) *Error {
	e, ok := err.(*Error) //nolint:errorlint // made in this file, never wrapped
	if !ok {
		return &Error{Code: "InternalServerException", Message: err.Error(), Status: http.StatusInternalServerError}
	}
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	return e
}

// oauthName is an exception as RFC 6749 and 8628 call it: InvalidGrantException → invalid_grant.
func oauthName(code string) string {
	var b strings.Builder
	for i, r := range strings.TrimSuffix(code, "Exception") {
		if r >= 'A' && r <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

func decode(r *http.Request, into any) error {
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody)).Decode(into); err != nil {
		return failf("InvalidRequestException", "%v", err)
	}
	return nil
}

func (s *SignIns) registerClient(r *http.Request) (any, error) {
	var in struct {
		ClientName, ClientType, IssuerURL string
		Scopes, GrantTypes, RedirectUris  []string
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.ClientName == "" || in.ClientType != "public" {
		return nil, failf("InvalidClientMetadataException", "Only public clients are supported")
	}
	for _, to := range in.RedirectUris {
		if u, err := url.Parse(to); err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" || u.Port() != "" {
			return nil, failf("InvalidRedirectUriException", "%s is not a loopback address without a port", to)
		}
	}
	if slices.Contains(in.GrantTypes, "authorization_code") && (len(in.RedirectUris) == 0 || !s.isPortal(in.IssuerURL)) {
		return nil, failf("InvalidClientMetadataException", "authorization_code needs redirectUris and the issuerUrl of a portal")
	}
	c := oidcClient{secret: token(), grants: in.GrantTypes, redirects: in.RedirectUris, scopes: in.Scopes, issuer: in.IssuerURL, expires: s.api.now().Add(clientLife)}
	id := token()
	s.mu.Lock()
	s.clients[id] = c
	s.mu.Unlock()
	return map[string]any{"clientId": id, "clientSecret": c.secret, "clientIdIssuedAt": s.api.now().Unix(), "clientSecretExpiresAt": c.expires.Unix()}, nil
}

func (s *SignIns) isPortal(startURL string) bool {
	return slices.ContainsFunc(s.api.world.Portals(), func(p world.Portal) bool { return p.StartURL == startURL })
}

// client checks a client's secret; s.mu is held.
func (s *SignIns) client(id, secret string) (oidcClient, error) {
	c, ok := s.clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(c.secret), []byte(secret)) != 1 || s.api.now().After(c.expires) {
		return c, &Error{Code: "InvalidClientException", Message: "Invalid client provided", Status: http.StatusUnauthorized}
	}
	return c, nil
}

func (s *SignIns) startDevice(r *http.Request) (any, error) {
	var in struct{ ClientID, ClientSecret, StartURL string }
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.client(in.ClientID, in.ClientSecret)
	if err != nil {
		return nil, err
	}
	if len(c.grants) > 0 && !slices.Contains(c.grants, deviceGrant) {
		return nil, failf("UnauthorizedClientException", "The client is not registered for this grant")
	}
	if !s.isPortal(in.StartURL) {
		return nil, failf("InvalidRequestException", "Invalid start url provided")
	}
	d := &signIn{client: in.ClientID, portal: in.StartURL, answer: s.approval, expires: s.api.now().Add(deviceLife)}
	d.userCode = strings.ToUpper(hex.EncodeToString(random(2)) + "-" + hex.EncodeToString(random(2)))
	code := token()
	s.devices[code] = d
	page := "http://" + r.Host + "/device"
	return map[string]any{
		"deviceCode": code, "userCode": d.userCode, "verificationUri": page, "verificationUriComplete": page + "?user_code=" + d.userCode,
		"expiresIn": int(deviceLife.Seconds()), "interval": int(pollEvery.Seconds()),
	}, nil
}

// devicePage is what the person opens: seeing it is confirming it, unless the person refuses everything.
func (s *SignIns) devicePage(w http.ResponseWriter, r *http.Request) {
	n := s.Answer(r.URL.Query().Get("user_code"), true)
	fmt.Fprintf(w, "%d sign-in(s) confirmed. You may close this page.\n", n)
}

// authorize is the page of the browser flow. It answers at once, as a person whose browser is signed in does.
func (s *SignIns) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	to, err := url.Parse(q.Get("redirect_uri"))
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[q.Get("client_id")]
	switch {
	case !ok || err != nil:
		http.Error(w, "unknown client", http.StatusBadRequest)
		return
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("state") == "":
		http.Error(w, "response_type code with a state and an S256 challenge is needed", http.StatusBadRequest)
		return
	case !slices.Contains(c.grants, "authorization_code") || !slices.Contains(c.redirects, "http://"+to.Hostname()+to.Path):
		http.Error(w, "the client is not registered for this redirect_uri", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if s.approval == ApproveNo {
		back.Set("error", "access_denied")
		back.Set("error_description", "The person refused")
	} else {
		code := token()
		s.codes[code] = &signIn{
			client: q.Get("client_id"), portal: c.issuer, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
			answer: ApproveAll, expires: s.api.now().Add(codeLife),
		}
		back.Set("code", code)
	}
	to.RawQuery = back.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// matches says whether a verifier is the one that a challenge was made of (RFC 7636 §4.6).
func matches(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

// token is a secret of 32 bytes.
func token() string { return base64.RawURLEncoding.EncodeToString(random(32)) }
