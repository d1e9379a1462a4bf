package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/rdsx/rdsx/aws"
)

// callbackPath is where the browser brings the code; the AWS CLI registers the same one.
const callbackPath = "/oauth/callback"

// byBrowser sends a browser on this machine to the portal, which sends it back to a port of ours with a code (RFC 8252). The
// code is worth nothing without the verifier, which never leaves this process (PKCE, RFC 7636).
func (s *signing) byBrowser(ctx context.Context) (registration, *ssooidc.CreateTokenOutput, error) {
	reg, err := s.register(ctx, grantCode, false)
	if err != nil {
		return registration{}, nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return registration{}, nil, fmt.Errorf("listen for the browser: %w", err)
	}
	verifier, state := secret(48), secret(24)
	redirect := "http://" + l.Addr().String() + callbackPath
	page, err := s.authorizeURL(ctx, reg, redirect, state, verifier)
	if err != nil {
		return registration{}, nil, errors.Join(err, l.Close())
	}
	code, err := s.catch(ctx, l, state, func() {
		s.browser.Show(Invitation{URL: page})
		if err := s.browser.Open(ctx, page); err != nil {
			s.r.o.Log.Debug("open a browser", "error", err) // the person has the URL
		}
	})
	if err != nil {
		return registration{}, nil, err
	}
	out, err := s.client.CreateToken(ctx, &ssooidc.CreateTokenInput{
		ClientId: &reg.ClientID, ClientSecret: &reg.ClientSecret, GrantType: sdk.String(grantCode),
		Code: &code, CodeVerifier: &verifier, RedirectUri: &redirect,
	})
	if err != nil {
		return registration{}, nil, s.refusal(err)
	}
	return reg, out, nil
}

// authorizeURL is the page of the portal; its endpoint is that of OIDC in the portal's region and partition.
func (s *signing) authorizeURL(ctx context.Context, reg registration, redirect, state, verifier string) (string, error) {
	base := sdk.ToString(s.client.Options().BaseEndpoint)
	if base == "" {
		found, err := ssooidc.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ssooidc.EndpointParameters{Region: &s.portal.Region})
		if err != nil {
			return "", err
		}
		base = found.URI.String()
	}
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {reg.ClientID}, "redirect_uri": {redirect}, "state": {state},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"scopes": {strings.Join(reg.Scopes, " ")},
	}
	return strings.TrimSuffix(base, "/") + "/authorize?" + query.Encode(), nil
}

// callback is what the browser brought.
type callback struct {
	code string
	err  error
}

// catch serves the callback on l until the browser has come, or ctx ends. It closes l.
func (s *signing) catch(ctx context.Context, l net.Listener, state string, ready func()) (string, error) {
	came := make(chan callback, 1)
	server := &http.Server{Handler: s.landing(state, came), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	ready()
	var got callback
	select {
	case got = <-came:
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	// The page that thanks the person may still be on its way.
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close() // a browser that keeps reading has had its time
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) && got.err == nil && got.code == "" {
		got.err = fmt.Errorf("wait for the browser: %w", err)
	}
	return got.code, got.err
}

// landing is the page that the portal sends the browser to. Only the request with our state counts: any page in that browser
// could call this port.
func (s *signing) landing(state string, came chan<- callback) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+callbackPath, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			http.Error(w, "This is not the sign-in that rdsx waits for.", http.StatusBadRequest)
			return
		}
		got := callback{code: q.Get("code")}
		text := "You are signed in. rdsx has what it needs: you may close this page."
		if got.code == "" {
			why := oneLine(firstOf(q.Get("error_description"), q.Get("error"), "the portal sent no code"))
			got.err = aws.Advise(fmt.Errorf("the sign-in was refused in the browser: %.200q", why), aws.ErrSignIn, "rdsx profiles login "+s.portal.Name())
			text = "You are not signed in. rdsx says more in its terminal: you may close this page."
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(text + "\n")) // a browser that has gone needs no page
		select {
		case came <- got:
		default: // it was loaded twice
		}
	})
	return mux
}

// secret is n random bytes in the letters that RFC 7636 allows.
func secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
