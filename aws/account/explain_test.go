package account

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

// The shapes of an error in AWS's protocols.
func queryError(code, message string) string {
	return fmt.Sprintf("<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r-1</RequestId></ErrorResponse>", code, message)
}

func ec2Error(code, message string) string {
	return fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r-1</RequestID></Response>", code, message)
}

func jsonError(code, message string) string {
	return fmt.Sprintf(`{"__type":"%s","message":%q}`, code, message)
}

func identify(ctx context.Context, cfg sdk.Config) error {
	_, err := Identify(ctx, cfg)
	return err
}

func startSession(ctx context.Context, cfg sdk.Config) error {
	_, err := ssm.NewFromConfig(cfg).StartSession(ctx, &ssm.StartSessionInput{Target: sdk.String("i-0abc")})
	return Explain(err)
}

func describeInstances(ctx context.Context, cfg sdk.Config) error {
	_, err := ec2.NewFromConfig(cfg).DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
	return Explain(err)
}

func listMembers(ctx context.Context, cfg sdk.Config) error {
	_, err := Members(ctx, cfg, slog.New(slog.DiscardHandler))
	return err
}

func describeProxies(ctx context.Context, cfg sdk.Config) error {
	_, err := rds.NewFromConfig(cfg).DescribeDBProxies(ctx, &rds.DescribeDBProxiesInput{})
	return Explain(err)
}

const ada = "arn:aws:iam::111111111111:user/ada"

// answers are what AWS says, and the call that it says it to. The profile is base of roleChain unless another is named.
var answers = []struct {
	name    string
	profile string
	region  string
	call    func(context.Context, sdk.Config) error
	status  int
	body    string
}{
	{"expired token", "", "", identify, 403, queryError("ExpiredToken", "The security token included in the request is expired")},
	{"expired token, JSON", "", "", startSession, 400, jsonError("ExpiredTokenException", "The security token included in the request is expired")},
	{"expired token, EC2", "", "", describeInstances, 400, ec2Error("RequestExpired", "Request has expired.")},
	{"bad key id", "", "", identify, 403, queryError("InvalidClientTokenId", "The security token included in the request is invalid.")},
	{"bad key id, JSON", "", "", startSession, 400, jsonError("UnrecognizedClientException", "The security token included in the request is invalid.")},
	{"bad key id, EC2", "", "", describeInstances, 401, ec2Error("AuthFailure", "AWS was not able to validate the provided access credentials")},
	{"bad key id, opt-in region", "", "ap-east-1", identify, 403, queryError("InvalidClientTokenId", "The security token included in the request is invalid")},
	{"region not opted in, EC2", "", "ap-east-1", describeInstances, 401, ec2Error("OptInRequired", "You are not subscribed to this service.")},
	{"STS off in the region", "", "", identify, 403, queryError("RegionDisabledException", "STS is not activated in this region for account:111111111111.")},
	{"secret mistyped", "", "", identify, 403, queryError("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")},
	{"clock", "", "", identify, 403, queryError("SignatureDoesNotMatch", "Signature expired: 20261124T100000Z is now earlier than 20261124T110000Z")},
	{"clock ahead, JSON", "", "", startSession, 400, jsonError("InvalidSignatureException", "Signature not yet current: 20261124T120000Z is still later than 20261124T110500Z")},
	{"denied, RDS", "", "", describeProxies, 403, queryError("AccessDenied", "User: "+ada+" is not authorized to perform: rds:DescribeDBProxies on resource: arn:aws:rds:eu-west-1:111111111111:db-proxy:* because no identity-based policy allows the rds:DescribeDBProxies action")},
	{"denied by an SCP", "", "", describeProxies, 403, queryError("AccessDenied", "User: "+ada+" is not authorized to perform: rds:DescribeDBProxies with an explicit deny in a service control policy")},
	{"denied, EC2", "", "", describeInstances, 403, ec2Error("UnauthorizedOperation", "You are not authorized to perform this operation. User: "+ada+" is not authorized to perform: ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action")},
	{"denied, EC2 encoded", "", "", describeInstances, 403, ec2Error("UnauthorizedOperation", "You are not authorized to perform this operation. Encoded authorization failure message: h0hRKAZqzZzz")},
	{"denied, session on the instance", "", "", startSession, 400, jsonError("AccessDeniedException", "User: "+ada+" is not authorized to perform: ssm:StartSession on resource: arn:aws:ec2:eu-west-1:111111111111:instance/i-0abc because no identity-based policy allows the ssm:StartSession action")},
	{"denied, just-in-time access", "", "", startSession, 400, jsonError("AccessDeniedException", "Just-in-time node access is required for this node.")},
	{"denied, assume role", "ops", "", identify, 403, queryError("AccessDenied", "User: "+ada+" is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/ops")},
	{"MFA wrong", "mfa", "", identify, 403, queryError("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")},
	{"MFA device of somebody else", "mfa", "", identify, 403, queryError("AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")},
	{"web identity: expired", "web", "", identify, 400, queryError("ExpiredTokenException", "Token expired: current date/time 1 must be before the expiration date/time 0")},
	{"web identity: not ours", "web", "", identify, 400, queryError("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://ci.example")},
	{"organization: not the management account", "", "", listMembers, 400, jsonError("AccessDeniedException", "You don't have permissions to access this resource.")},
	{"organization: none", "", "", listMembers, 400, jsonError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")},
	{"role: too long", "ops", "", identify, 400, queryError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")},
	{"role: chained too long", "ops", "", identify, 400, queryError("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")},
	{"role: base keys expired", "ops", "", startSession, 403, queryError("ExpiredToken", "The security token included in the request is expired")},
	{"throttled", "", "", describeInstances, 503, ec2Error("RequestLimitExceeded", "Request limit exceeded.")},
	{"throttled, JSON", "", "", startSession, 400, jsonError("ThrottlingException", "Rate exceeded")},
	{"target not connected", "", "", startSession, 400, jsonError("TargetNotConnected", "i-0abc is not connected.")},
	{"document missing", "", "", startSession, 400, jsonError("InvalidDocument", "Document with name My-Document does not exist.")},
	{"hybrid tier", "", "", startSession, 400, jsonError("BadRequest", "Enable advanced-instances tier to use Session Manager with your on-premises instances")},
	{"not AWS", "", "", identify, 200, "<html><body>Welcome to the hotel, please sign in</body></html>"},
	{"unknown to us", "", "", describeProxies, 400, queryError("InvalidParameterValue", "MaxRecords must be   at least 20.\n")},
}

// webProfile is a profile with a token of another identity provider.
func webProfile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("web-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	return "[profile web]\nregion = eu-west-1\nrole_arn = arn:aws:iam::222222222222:role/ci\nweb_identity_token_file = " + path + "\n"
}

// TestExplain holds every sentence and hint to the golden file: testdata/explain.txt reads as users read it.
func TestExplain(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	record := func(name string, err error, env []string) {
		var hint *aws.Hint
		if !errors.As(err, &hint) {
			t.Errorf("%s: no hint: %v", name, err)
		}
		fmt.Fprintf(&out, "%s: %s\n\n", name, show(err, env))
	}
	for _, a := range answers {
		f := newFake(t, func(call) (int, string) { return a.status, a.body })
		o := Options{
			Profile: firstOf(a.profile, "base"), Region: a.region, EndpointURL: f.URL, Env: home(t, roleChain+webProfile(t), baseKeys),
			MFA: func(context.Context, string, bool) (string, error) { return "000000", nil },
		}
		cfg, _, _, err := Load(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Retryer = func() sdk.Retryer { return sdk.NopRetryer{} }
		record(a.name, a.call(t.Context(), cfg), o.Env)
	}
	for _, c := range configurations(t) {
		c.o.Env = home(t, c.config, c.credentials, c.env...)
		cfg, _, _, err := Load(t.Context(), c.o)
		if err == nil {
			err = identify(t.Context(), cfg)
		}
		record(c.name, err, c.o.Env)
	}
	golden := filepath.Join("testdata", "explain.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); text != out.String() {
		t.Errorf("got:\n%s", diff(text, out.String()))
	}
}

// diff shows the paragraphs that differ.
func diff(want, got string) string {
	var out strings.Builder
	have := map[string]bool{}
	for p := range strings.SplitSeq(want, "\n\n") {
		have[p] = true
	}
	for p := range strings.SplitSeq(got, "\n\n") {
		if !have[p] {
			out.WriteString(p + "\n\n")
		}
	}
	return out.String()
}

type configuration struct {
	name, config, credentials string
	env                       []string
	o                         Options
}

// configurations are files and environments with something wrong in them.
func configurations(t *testing.T) []configuration {
	metadata := newFake(t, func(call) (int, string) { return 404, "" })
	key := "aws_access_key_id = AKIA\naws_secret_access_key = s\n"
	return []configuration{
		{"profile mistyped", roleChain, baseKeys, nil, Options{Profile: "opps"}},
		{"profile mistyped, far off", roleChain, baseKeys, []string{"AWS_PROFILE=zzz"}, Options{}},
		{"profile named, no files", "", "", nil, Options{Profile: "dev"}},
		{"no credentials at all", "", "", []string{"AWS_REGION=eu-west-1"}, Options{}},
		{"no credentials, other profiles", roleChain, baseKeys, []string{"AWS_REGION=eu-west-1"}, Options{}},
		{"profile without credentials", "[profile x]\nregion = eu-west-1\n", "", nil, Options{Profile: "x"}},
		{"machine without a role", "", "", []string{"AWS_REGION=eu-west-1", "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + metadata.URL}, Options{}},
		{"no region", "[profile x]\n", "[x]\n" + key, nil, Options{Profile: "x"}},
		{"no region, no profile", "", "", []string{"AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=s"}, Options{}},
		{"region is no region", roleChain, baseKeys, nil, Options{Profile: "base", Region: "eu_west_1"}},
		{"endpoint is no URL", roleChain, baseKeys, nil, Options{Profile: "base", EndpointURL: "127.0.0.1:4566"}},
		{"role without source", "[profile x]\nregion = eu-west-1\nrole_arn = arn:aws:iam::2:role/r\n", "", nil, Options{Profile: "x"}},
		{"source missing", strings.ReplaceAll(roleChain, "source_profile = base", "source_profile = bass"), baseKeys, nil, Options{Profile: "ops"}},
		{"source leads back", "[profile x]\nregion = eu-west-1\nrole_arn = arn:aws:iam::2:role/r\nsource_profile = y\n[profile y]\nrole_arn = arn:aws:iam::2:role/r2\nsource_profile = x\n", "", nil, Options{Profile: "x"}},
		{"two sources", "[profile x]\nregion = eu-west-1\nrole_arn = arn:aws:iam::2:role/r\nsource_profile = y\ncredential_source = Environment\n[profile y]\n", "[y]\n" + key, nil, Options{Profile: "x"}},
		{"source without a role", "[profile x]\nregion = eu-west-1\nsource_profile = y\n", "[y]\n" + key, nil, Options{Profile: "x"}},
		{"half a key pair", "[profile x]\nregion = eu-west-1\naws_access_key_id = AKIA\n", "", nil, Options{Profile: "x"}},
		{"MFA and nobody to ask", roleChain, baseKeys, nil, Options{Profile: "mfa"}},
		{"MFA and the user gives up", roleChain, baseKeys, nil, Options{Profile: "mfa", MFA: func(context.Context, string, bool) (string, error) { return "", errors.New("the terminal is gone") }}},
		{"SSO session section missing", "[profile x]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = r\n", "", nil, Options{Profile: "x"}},
		{"bad setting", "[profile x]\nregion = eu-west-1\nmax_attempts = many\n", "[x]\n" + key, nil, Options{Profile: "x"}},
	}
}

// TestExplainNetwork covers failures whose texts depend on the operating system.
func TestExplainNetwork(t *testing.T) {
	t.Parallel()
	request := func(err error) error {
		wrapped := &smithy.OperationError{ServiceID: "STS", OperationName: "GetCallerIdentity", Err: &url.Error{Op: "Post", URL: "https://sts.eu-wst-1.amazonaws.com/", Err: err}}
		return (&origin{region: "eu-wst-1"}).wrap(wrapped)
	}
	for name, c := range map[string]struct {
		err        error
		kind       string
		text, next string
	}{
		"unknown region": {request(&net.OpError{Op: "dial", Err: &net.DNSError{Name: "sts.eu-wst-1.amazonaws.com", IsNotFound: true}}), "usage", `no region "eu-wst-1"`, "eu-west-1"},
		"no name server": {request(&net.DNSError{Name: "sts.eu-wst-1.amazonaws.com", IsTemporary: true}), "failed", "no address for sts", "online"},
		"proxy":          {request(&net.OpError{Op: "proxyconnect", Err: errors.New("connection refused")}), "failed", "proxy", "HTTPS_PROXY"},
		"untrusted":      {request(x509.UnknownAuthorityError{}), "failed", "not trusted", "AWS_CA_BUNDLE"},
		"time-out":       {request(context.DeadlineExceeded), "failed", "sts.eu-wst-1.amazonaws.com does not answer in time", "443"},
		"something":      {request(errors.New("odd")), "failed", "sts:GetCallerIdentity: sts.eu-wst-1.amazonaws.com: odd", "network"},
		"bad region":     {fmt.Errorf("operation: %w", errors.New("endpoint rule error, Invalid Configuration: Missing Region")), "usage", "no region", "--region"},
	} {
		err := Explain(c.err)
		if kindName(err) != c.kind || !strings.Contains(err.Error(), c.text) || !strings.Contains(aws.NextOf(err), c.next) {
			t.Errorf("%s: %s\n%s\n%s", name, kindName(err), err, aws.NextOf(err))
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: the cause is lost", name)
		}
	}
}

// TestExplainFiles covers files and programs whose texts depend on the operating system.
func TestExplainFiles(t *testing.T) {
	t.Parallel()
	env := home(t, roleChain, baseKeys, "AWS_CA_BUNDLE=~/nowhere.pem")
	_, _, _, err := Load(t.Context(), Options{Profile: "base", Env: env})
	if !errors.Is(err, aws.ErrUsage) || !strings.Contains(err.Error(), "nowhere.pem") || !strings.Contains(aws.NextOf(err), "AWS_CA_BUNDLE") {
		t.Errorf("CA bundle missing: %v\n%s", err, aws.NextOf(err))
	}
	env = home(t, "[profile x]\nregion = eu-west-1\ncredential_process = /nonexistent/program\n", "")
	cfg, _, _, err := Load(t.Context(), Options{Profile: "x", Env: env})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Identify(t.Context(), cfg)
	if !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), `credential_process of profile "x" failed`) {
		t.Errorf("credential_process fails: %v\n%s", err, aws.NextOf(err))
	}
}

func TestExplainLeavesAlone(t *testing.T) {
	t.Parallel()
	if Explain(nil) != nil {
		t.Error("nil became an error")
	}
	hint := fmt.Errorf("more: %w", aws.Advise(errors.New("x"), aws.ErrUsage, "y"))
	if !errors.Is(Explain(hint), hint) {
		t.Error("a hint was wrapped again")
	}
	ask := (&origin{}).wrap(fmt.Errorf("long story: %w", &mfaError{aws.Advise(errors.New("--no-input"), aws.ErrUsage, "type it")}))
	if err := Explain(ask); err.Error() != "ask for the MFA code: --no-input" || !errors.Is(err, aws.ErrUsage) || aws.NextOf(err) != "type it" {
		t.Errorf("advice of the one who asks: %v", err)
	}
	cancelled := fmt.Errorf("request: %w", context.Canceled)
	if got := Explain(cancelled); got != cancelled { //nolint:errorlint // the very same error is meant
		t.Errorf("a cancelled context became %v", got)
	}
}

// TestRefusedAndTLS meets a closed port and a server whose certificate only AWS_CA_BUNDLE knows.
func TestRefusedAndTLS(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	f := &fake{}
	f.Server = httptest.NewTLSServer(f)
	t.Cleanup(f.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url  string
		env  []string
		want string
	}{
		"closed port":       {closed.URL, nil, "refuse"},
		"unknown issuer":    {f.URL, nil, "not trusted"},
		"known by the file": {f.URL, []string{"AWS_CA_BUNDLE=" + bundle}, ""},
	} {
		cfg, _, _, err := Load(t.Context(), Options{Profile: "base", EndpointURL: c.url, Env: home(t, roleChain, baseKeys, c.env...)})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Retryer = func() sdk.Retryer { return sdk.NopRetryer{} }
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, err = Identify(ctx, cfg)
		cancel()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const ssoProfiles = `[profile new]
region = eu-west-1
sso_session = corp
sso_account_id = 111111111111
sso_role_name = reader
[profile legacy]
region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111111111111
sso_role_name = reader
[profile role]
region = eu-west-1
role_arn = arn:aws:iam::222222222222:role/ops
source_profile = new
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
`

// TestExplainSSO finds the token below the home folder that the environment names.
func TestExplainSSO(t *testing.T) {
	t.Parallel()
	const expired = `{"startUrl":"https://corp.awsapps.com/start","region":"eu-west-1","accessToken":"secret-token","expiresAt":"2020-01-01T00:00:00Z"}`
	for _, c := range []struct{ name, profile, token, text, next string }{
		{"no token", "new", "", `profile "new" is not signed in`, "rdsx profiles login new"},
		{"no token, legacy", "legacy", "", `profile "legacy"`, "rdsx profiles login legacy"},
		{"no token, role over SSO", "role", "", `profile "role" is not signed in`, "rdsx profiles login role"},
		{"expired", "new", expired, "expired", "rdsx profiles login new"},
	} {
		env := home(t, ssoProfiles, "")
		dir := newEnviron(env).home()
		if c.token != "" {
			writeToken(t, dir, c.token)
		}
		cfg, _, _, err := Load(t.Context(), Options{Profile: c.profile, Env: env, EndpointURL: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Identify(t.Context(), cfg)
		if !errors.Is(err, aws.ErrSignIn) || !strings.Contains(err.Error(), c.text) || aws.NextOf(err) != c.next {
			t.Errorf("%s: %v\n%s", c.name, err, aws.NextOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: the token is in the error", c.name)
		}
	}
}

// writeToken puts a token where the SDK and the CLI keep that of the session corp: the SHA-1 of its name.
func writeToken(t *testing.T, dir, token string) {
	t.Helper()
	cache := filepath.Join(dir, ".aws", "sso", "cache")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%x.json", sha1.Sum([]byte("corp")))
	if err := os.WriteFile(filepath.Join(cache, name), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
}
