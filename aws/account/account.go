// Package account turns a profile, or the environment, into a configuration of the AWS SDK, and turns the SDK's errors into
// advice.
//
// What it reads it is given: the environment arrives as a value, and the files named in it are the only ones opened. A few
// settings stay the SDK's own, read by it from the process environment: proxies (HTTPS_PROXY, NO_PROXY), retry settings
// (AWS_MAX_ATTEMPTS, AWS_RETRY_MODE), AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, the container credentials of
// ECS and EKS, and the cache of aws login.
//
// Credentials follow their files: see renewing.
//
// It writes to two folders below ~/.aws, in the formats of the AWS CLI, so that a sign-in serves both: cli/cache holds
// credentials of roles, sso/cache the tokens of portals (docs/aws.md §2).
package account

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/aws"
)

// Options is what a configuration is made of. The zero value means the default profile of an empty environment.
type Options struct {
	Profile     string   // of the --profile flag; "" looks at AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
	Region      string   // of the --region flag; "" looks at AWS_REGION, AWS_DEFAULT_REGION, then the profile
	EndpointURL string   // of the --endpoint-url flag: every service, STS inside the credential chain included
	Env         []string // the process environment as NAME=value; the last of a name wins

	// RoleSessionName names the session of an assumed role; "" gives rdsx-<user>. A profile's role_session_name wins.
	RoleSessionName string
	// MFA asks for the code of an MFA device. nil makes a profile that needs one fail with aws.ErrSignIn. It is called
	// with Load's context, because the SDK hands a credentials provider a context that is never cancelled.
	MFA     AskMFA
	Log     *slog.Logger // nil for none; no secret is ever logged
	Version string       // of rdsx, for the user agent
	Shared  *Shared      // of the process, so that several configurations share a sign-in; nil for none
}

// AskMFA asks for the code that the MFA device shows now. refused means that AWS has refused the code given last: it is asked for
// up to three times, and a code that comes again is not tried again, because AWS takes each once.
type AskMFA func(ctx context.Context, serial string, refused bool) (code string, err error)

// Load resolves o without touching the network; only the first use of the credentials does. The context must live as long
// as the configuration is used (see Options.MFA). The account has profile, region and partition; Identify adds the rest.
// The strings are warnings for the user, one line each. Errors are *aws.Hint.
func Load(ctx context.Context, o Options) (sdk.Config, aws.Account, []string, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files := filesOf(o).fingerprint() // of what is then read, or of what was there before
	r, err := resolve(ctx, o)
	if err != nil {
		return sdk.Config{}, aws.Account{}, nil, explainConfig(err)
	}
	cfg, err := r.config(ctx)
	if err != nil {
		return sdk.Config{}, aws.Account{}, r.warnings, explainConfig(r.origin.wrap(fmt.Errorf("use %s: %w", r.origin.name(), err)))
	}
	cfg.Credentials = r.follow(ctx, cfg.Credentials, files)
	o.Log.Debug("account", "profile", r.origin.profile, "region", cfg.Region, "credentials", r.origin.kind)
	return cfg, aws.Account{Profile: r.origin.profile, Region: cfg.Region, Partition: Partition(cfg.Region)}, r.warnings, nil
}

// Credentials are those of cfg, from wherever they come: a person may be asked for an MFA code. Errors are *aws.Hint.
func Credentials(ctx context.Context, cfg sdk.Config) (sdk.Credentials, error) {
	keys, err := cfg.Credentials.Retrieve(ctx)
	for _, source := range cfg.ConfigSources {
		if e, ok := source.(endpoints); ok && err != nil {
			err = e.origin.wrap(err)
		}
	}
	return keys, Explain(err)
}

// Identify asks STS who the caller is. Errors are *aws.Hint.
func Identify(ctx context.Context, cfg sdk.Config) (aws.Account, error) {
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return aws.Account{}, Explain(err)
	}
	account := aws.Account{
		ID:        sdk.ToString(out.Account),
		ARN:       sdk.ToString(out.Arn),
		Partition: Partition(cfg.Region),
		Region:    cfg.Region,
	}
	if parts := strings.SplitN(account.ARN, ":", 3); len(parts) == 3 && parts[0] == "arn" && parts[1] != "" {
		account.Partition = parts[1]
	}
	for _, source := range cfg.ConfigSources {
		if e, ok := source.(endpoints); ok {
			account.Profile = e.profile
		}
	}
	return account, nil
}
