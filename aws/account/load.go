package account

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/rdsx/rdsx/aws"
)

const (
	// roleDuration is the life of an assumed role's credentials when the profile names none. It is the CLI's default; the
	// Go SDK's 15 minutes would ask for an MFA code four times an hour.
	roleDuration = time.Hour
	// expiryWindow is how long before their end credentials are renewed.
	expiryWindow = 5 * time.Minute
	// dialTimeout bounds one attempt to reach an API. The SDK's 30 s, three times over, looks like a hang.
	dialTimeout = 10 * time.Second
	// imdsDisabled is imds.ClientDisabled; naming it would make that module a direct dependency for one constant.
	imdsDisabled = 1
)

// resolved is an Options whose choices have been made: which profile, which region, whose credentials.
type resolved struct {
	o         Options
	env       environ
	origin    *origin
	raw       string               // the profile as the SDK must be asked for it; "" for none
	shared    *config.SharedConfig // of that profile; nil for none
	end       *config.SharedConfig // the profile at the end of its chain of source_profile; nil for none
	region    string
	endpoints endpoints
	warnings  []string
}

// filesOf is the origin of credentials of which no more is known than the files.
func filesOf(o Options) *origin {
	env := newEnviron(o.Env)
	return &origin{configFile: env.configFile(), credentialsFile: env.credentialsFile()}
}

func resolve(ctx context.Context, o Options) (*resolved, error) {
	env := newEnviron(o.Env)
	r := &resolved{o: o, env: env, origin: filesOf(o)}
	if err := r.resolveProfile(ctx); err != nil {
		return nil, err
	}
	if err := r.resolveRegion(); err != nil {
		return nil, err
	}
	return r, r.resolveEndpoints()
}

func (r *resolved) resolveEndpoints() error {
	url := firstOf(r.o.EndpointURL, r.env["AWS_ENDPOINT_URL"])
	if url != "" && !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return aws.Advise(fmt.Errorf("the endpoint %q is not a URL", url), aws.ErrUsage, "write it as https://HOST or http://HOST:PORT")
	}
	r.endpoints = endpoints{flag: r.o.EndpointURL, env: r.env, profile: r.origin.profile, origin: r.origin}
	return nil
}

// resolveProfile decides whose credentials are used. A named profile always wins over keys in the environment, unlike in
// the SDK, where AWS_ACCESS_KEY_ID beats AWS_PROFILE without a word (docs/aws.md §1.1).
func (r *resolved) resolveProfile(ctx context.Context) error {
	for _, path := range []string{r.origin.configFile, r.origin.credentialsFile} {
		if n := loneQuote(path); n > 0 {
			return aws.Advise(fmt.Errorf("read %s: line %d has a value that is a single quote, at which programs with AWS's SDK crash", path, n),
				aws.ErrUsage, "close or remove the quote; rdsx profiles check says more")
		}
	}
	known := readSections(r.origin.configFile, r.origin.credentialsFile)
	r.origin.profiles = known.names()
	name, by := r.o.Profile, "--profile"
	if name == "" {
		name, by = r.env.first("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
	}
	named := name != ""
	if !named {
		name = "default"
	}
	raw, ok := known[name]
	if named && !ok {
		return noProfile(name, by, r.origin)
	}
	if ok {
		shared, err := config.LoadSharedConfigProfile(ctx, raw, func(o *config.LoadSharedConfigOptions) {
			o.ConfigFiles = []string{r.origin.configFile}
			o.CredentialsFiles = []string{r.origin.credentialsFile}
		})
		if err != nil {
			r.origin.profile = name
			return r.origin.wrap(fmt.Errorf("read profile %q: %w", name, err))
		}
		r.raw, r.shared = raw, &shared
		for r.end = r.shared; r.end.Source != nil; {
			r.end = r.end.Source
		}
	}
	return r.resolveKind(name, named)
}

// resolveKind says what the credentials are and warns when the environment holds others.
func (r *resolved) resolveKind(name string, named bool) error {
	id, idName := r.env.first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY")
	secret, _ := r.env.first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
	token, _ := r.env.first("AWS_WEB_IDENTITY_TOKEN_FILE")
	switch {
	case !named && id != "" && secret != "":
		r.origin.kind = kindEnvironment
		r.warn("the credentials are those of %s in the environment, because no profile was named", idName)
		return nil
	case !named && token != "" && r.env["AWS_ROLE_ARN"] != "":
		r.origin.kind = kindWebIdentity
		return nil
	}
	if id != "" && secret != "" {
		r.warn("profile %q is used; %s in the environment is ignored (other tools may prefer it: unset it, or use --profile there)", name, idName)
	} else if id != "" && !named {
		r.warn("%s is set without AWS_SECRET_ACCESS_KEY and is ignored", idName)
	}
	if r.shared == nil {
		r.origin.kind = kindMachine
		if r.env.isTrue("AWS_EC2_METADATA_DISABLED") && !r.hasContainer() {
			return noCredentials(r.origin)
		}
		return nil
	}
	r.origin.profile = name
	return r.origin.describe(r.shared, r.env.isTrue("AWS_EC2_METADATA_DISABLED") && !r.hasContainer())
}

func (r *resolved) hasContainer() bool {
	uri, _ := r.env.first("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	return uri != ""
}

func (r *resolved) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

func (r *resolved) resolveRegion() error {
	region, by := r.o.Region, "--region"
	if region == "" {
		region, by = r.env.first("AWS_REGION", "AWS_DEFAULT_REGION")
	}
	if region == "" && r.shared != nil {
		region, by = r.shared.Region, "region of "+r.origin.name()
	}
	if region == "" {
		return noRegion(r.origin)
	}
	for _, c := range region {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return badRegion(region, by)
		}
	}
	r.region, r.origin.region = region, region
	return nil
}

func (r *resolved) config(ctx context.Context) (sdk.Config, error) {
	web := &lateSTS{}
	options, err := r.options()
	if err != nil {
		return sdk.Config{}, err
	}
	options = append(options,
		config.WithRegion(r.region),
		config.WithCredentialsCacheOptions(func(o *sdk.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow }),
		config.WithAssumeRoleCredentialOptions(r.assumeRole(ctx)),
		config.WithWebIdentityRoleCredentialOptions(func(o *stscreds.WebIdentityRoleOptions) { o.Client = web }),
	)
	if url := r.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"]; url != "" {
		options = append(options, config.WithEC2IMDSEndpoint(url))
	}
	if r.env.isTrue("AWS_EC2_METADATA_DISABLED") {
		options = append(options, config.WithEC2IMDSClientEnableState(imdsDisabled))
	}
	if provider := r.environment(web); provider != nil {
		options = append(options, config.WithCredentialsProvider(provider))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return sdk.Config{}, err
	}
	r.endpoints.apply(&cfg, r.baseEndpoint())
	if end := r.endOfChain(); end != nil && r.shared.RoleARN == "" {
		cfg.Credentials = end
	}
	web.client = sts.NewFromConfig(cfg, func(o *sts.Options) { o.Credentials = sdk.AnonymousCredentials{} })
	return cfg, nil
}

// anonymous is a configuration without credentials, for the services that hand them out.
func (r *resolved) anonymous(ctx context.Context, region string) (sdk.Config, error) {
	options, err := r.options()
	if err != nil {
		return sdk.Config{}, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, append(options, config.WithRegion(region), config.WithCredentialsProvider(sdk.AnonymousCredentials{}))...)
	if err != nil {
		return sdk.Config{}, err
	}
	r.endpoints.apply(&cfg, r.baseEndpoint())
	return cfg, nil
}

func (r *resolved) baseEndpoint() string {
	if r.shared == nil {
		return ""
	}
	return r.shared.BaseEndpoint
}

// options are those of every configuration: the files, the network and the log.
func (r *resolved) options() ([]func(*config.LoadOptions) error, error) {
	client := awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })
	options := []func(*config.LoadOptions) error{
		config.WithSharedConfigFiles([]string{r.origin.configFile}),
		config.WithSharedCredentialsFiles([]string{r.origin.credentialsFile}),
		config.WithHTTPClient(client),
		config.WithLogger(sdkLog{r.o.Log}),
		config.WithAPIOptions(r.apiOptions()),
	}
	if r.o.EndpointURL != "" {
		// This alone reaches the SSO clients of the chain; apply and chained do the rest.
		options = append(options, config.WithBaseEndpoint(r.o.EndpointURL))
	}
	if r.raw != "" {
		options = append(options, config.WithSharedConfigProfile(r.raw))
	}
	if path := r.env["AWS_CA_BUNDLE"]; path != "" {
		pem, err := os.ReadFile(r.env.expand(path))
		if err != nil {
			return nil, aws.Advise(fmt.Errorf("read AWS_CA_BUNDLE: %w", err), aws.ErrUsage, "point AWS_CA_BUNDLE to a file of PEM certificates, or unset it")
		}
		options = append(options, config.WithCustomCABundle(bytes.NewReader(pem)))
	}
	return options, nil
}

// environment is the provider of credentials that the environment names, or nil.
func (r *resolved) environment(client stscreds.AssumeRoleWithWebIdentityAPIClient) sdk.CredentialsProvider {
	if r.origin.profile != "" {
		return nil
	}
	switch r.origin.kind {
	case kindEnvironment:
		id, _ := r.env.first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY")
		secret, _ := r.env.first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
		return credentials.NewStaticCredentialsProvider(id, secret, r.env["AWS_SESSION_TOKEN"])
	case kindWebIdentity:
		return stscreds.NewWebIdentityRoleProvider(client, r.env["AWS_ROLE_ARN"], stscreds.IdentityTokenFile(r.env["AWS_WEB_IDENTITY_TOKEN_FILE"]),
			func(o *stscreds.WebIdentityRoleOptions) {
				o.RoleSessionName = firstOf(r.env["AWS_ROLE_SESSION_NAME"], r.o.RoleSessionName, r.env.sessionName())
			})
	}
	return nil
}

// apiOptions names rdsx in the user agent and lets every error of an API remember where its credentials came from.
func (r *resolved) apiOptions() []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{
		awsmiddleware.AddUserAgentKeyValue("rdsx", firstOf(r.o.Version, "dev")),
		func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("rdsxOrigin", func(
				ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
			) (middleware.InitializeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleInitialize(ctx, in)
				return out, meta, r.origin.wrap(err)
			}), middleware.Before)
		},
	}
}
