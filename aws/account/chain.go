package account

import (
	"context"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// endOfChain are the credentials that the profile's chain begins with, where the SDK's own would not do: its SSO provider
// knows neither the endpoints nor the CLI's cache, and it takes the keys of the environment from the process. nil leaves it
// to the SDK.
func (r *resolved) endOfChain() sdk.CredentialsProvider {
	switch {
	case r.end == nil || r.origin.profile == "":
		return nil
	case r.origin.kind == kindSSO:
		provider := &ssoCredentials{r: r, portal: portalOf(r.end), account: r.end.SSOAccountID, role: r.end.SSORoleName}
		return sdk.NewCredentialsCache(provider, func(o *sdk.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow })
	case r.origin.kind == kindEnvironment:
		id, _ := r.env.first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY")
		secret, _ := r.env.first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
		return credentials.NewStaticCredentialsProvider(id, secret, r.env["AWS_SESSION_TOKEN"])
	}
	return nil
}

// links are the profiles of the chain that assume a role, the one nearest to the credentials first.
func (r *resolved) links() []*config.SharedConfig {
	var links []*config.SharedConfig
	for s := r.shared; s != nil; s = s.Source {
		if s.RoleARN != "" && s.WebIdentityTokenFile == "" {
			links = append(links, s)
		}
	}
	slices.Reverse(links)
	return links
}

// assumeRole completes what the SDK knows of a link of the chain. The SDK calls it link by link from the end of the chain,
// and twice for each: once early, with empty options, to see whether there is somebody to ask for an MFA code.
func (r *resolved) assumeRole(ctx context.Context) func(*stscreds.AssumeRoleOptions) {
	links := r.links()
	at := 0
	return func(o *stscreds.AssumeRoleOptions) {
		// The code is asked for where it is known whether it is needed: see roleClient.
		o.TokenProvider = func() (string, error) { return "", nil }
		client, ok := o.Client.(*sts.Client)
		if !ok || at >= len(links) {
			return
		}
		link := links[at]
		if d := link.RoleDurationSeconds; d != nil && *d > 0 {
			o.Duration = *d // the SDK drops 15 minutes and less
		}
		if o.Duration == 0 {
			o.Duration = roleDuration
		}
		if o.RoleSessionName == "" {
			o.RoleSessionName = firstOf(r.o.RoleSessionName, r.env.sessionName())
		}
		options := client.Options()
		if end := r.endOfChain(); end != nil && at == 0 {
			options.Credentials = end
		}
		at++
		o.Client = &roleClient{
			r: r, client: r.endpoints.chained(options, r.chainEndpoint()), link: link,
			ask: func(serial string, refused bool) (string, error) { return r.askMFA(ctx, serial, refused) },
		}
	}
}

// chainEndpoint is the first endpoint_url on the way from the profile to its credentials.
func (r *resolved) chainEndpoint() string {
	for s := r.shared; s != nil; s = s.Source {
		if s.BaseEndpoint != "" {
			return s.BaseEndpoint
		}
	}
	return ""
}

func (r *resolved) askMFA(ctx context.Context, serial string, refused bool) (string, error) {
	if r.o.MFA == nil {
		return "", config.AssumeRoleTokenProviderNotSetError{}
	}
	code, err := r.o.MFA(ctx, serial, refused)
	if err != nil {
		return "", &mfaError{err}
	}
	return strings.TrimSpace(code), nil
}

// seconds is duration_seconds as the AWS CLI puts it in the name of a cache entry; 0 for none.
func seconds(s *config.SharedConfig) int {
	if s.RoleDurationSeconds == nil {
		return 0
	}
	return int(*s.RoleDurationSeconds / time.Second)
}
