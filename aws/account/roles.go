package account

import (
	"context"
	"errors"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

// roleClient is the STS client of one link of the chain. It takes role credentials from the AWS CLI's cache and puts them
// there, so that whoever has signed in with one need not sign in with the other, and asks for an MFA code only when the cache
// has nothing.
type roleClient struct {
	r      *resolved
	client *sts.Client
	link   *config.SharedConfig
	ask    func(serial string, refused bool) (string, error)
	handed string // access key of the entry given out last: asked for again before its end, AWS does not take it
}

// AssumeRole is the one call that stscreds needs.
func (c *roleClient) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, opts ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	key := cacheKey(roleArgs(c.link.RoleARN, c.link.RoleSessionName, c.link.ExternalID, c.link.MFASerial, seconds(c.link)), false)
	unlock, err := c.r.o.Shared.lock(ctx, "role "+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	dir, endpoint := c.r.env.cacheDir(), sdk.ToString(c.client.Options().BaseEndpoint)
	if hit, expires, ok := readCached(dir, key, time.Now()); ok && hit.Endpoint == endpoint && hit.isOf(c.link.RoleARN, c.link.RoleSessionName) && hit.Credentials.AccessKeyID != c.handed {
		c.handed = hit.Credentials.AccessKeyID
		c.r.o.Log.Debug("role from the cache", "role", c.link.RoleARN, "expires", expires)
		return hit.output(expires), nil
	}
	out, err := c.assume(ctx, in, opts)
	if err != nil || out.Credentials == nil || out.Credentials.Expiration == nil {
		return out, err
	}
	c.handed = sdk.ToString(out.Credentials.AccessKeyId)
	c.store(dir, key, fromOutput(out, endpoint), *out.Credentials.Expiration)
	return out, nil
}

// store keeps credentials for later. A cache that cannot be written costs a sign-in, not the command.
func (c *roleClient) store(dir, key string, entry cached, expires time.Time) {
	if err := writeCached(dir, key, entry, expires, time.Now()); err != nil {
		c.r.o.Log.Debug("sign-in cache", "error", err)
	}
}

// assume calls STS, with an MFA code where the profile has a device. Keys of a user are first turned into a session that knows
// of the code: each code is good once, and a session serves every role that the device opens.
func (c *roleClient) assume(ctx context.Context, in *sts.AssumeRoleInput, opts []func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	serial := c.link.MFASerial
	if serial == "" {
		return c.client.AssumeRole(ctx, in, opts...)
	}
	source, err := c.client.Options().Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	if source.SessionToken != "" { // of a role: STS gives no session for those
		return c.assumeByCode(ctx, in, opts, "")
	}
	session, code, err := c.session(ctx, source, serial, "")
	if err != nil {
		return nil, err
	}
	if session.AccessKeyID == "" {
		return c.assumeByCode(ctx, in, opts, code)
	}
	out, err := c.assumeWith(ctx, in, opts, session)
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "ExpiredToken" || api.ErrorCode() == "InvalidClientTokenId") {
		// The session was ended before its time: a new one takes a new code.
		if session, _, err = c.session(ctx, source, serial, session.AccessKeyID); err != nil {
			return nil, err
		}
		return c.assumeWith(ctx, in, opts, session)
	}
	return out, err
}

// assumeByCode assumes the role with a code: with the one given, "" for none, and with those that are asked for.
func (c *roleClient) assumeByCode(ctx context.Context, in *sts.AssumeRoleInput, opts []func(*sts.Options), code string) (out *sts.AssumeRoleOutput, err error) {
	err = c.withCode(c.link.MFASerial, code, func(code string) (err error) {
		with := *in
		with.TokenCode = &code
		out, err = c.client.AssumeRole(ctx, &with, opts...)
		return err
	})
	return out, err
}

// mostCodes is how many codes are tried for one sign-in: a code is mistyped, or ends while it is typed.
const mostCodes = 3

// withCode tries a code, the one given or else one that is asked for, and asks for another while AWS takes it for wrong.
func (c *roleClient) withCode(serial, code string, try func(code string) error) error {
	var refusal error
	for range mostCodes {
		tried := code
		if code == "" || refusal != nil {
			var err error
			if code, err = c.ask(serial, refusal != nil); err != nil {
				return err
			}
		}
		if refusal != nil && code == tried {
			return refusal
		}
		if refusal = try(code); refusal == nil || !newFailure(refusal).says(codeWrong) {
			return refusal
		}
	}
	return refusal
}

// assumeWith assumes the role with a session that knows of the code already.
func (c *roleClient) assumeWith(ctx context.Context, in *sts.AssumeRoleInput, opts []func(*sts.Options), session sdk.Credentials) (*sts.AssumeRoleOutput, error) {
	with := *in
	with.SerialNumber, with.TokenCode = nil, nil
	return c.client.AssumeRole(ctx, &with, append(opts, func(o *sts.Options) {
		o.Credentials = credentials.StaticCredentialsProvider{Value: session}
	})...)
}

// What STS says of a code that it refuses, and of one that is wrong or was used before (docs/aws.md §2).
const (
	codeRefused = "multifactorauthentication failed"
	codeWrong   = codeRefused + " with invalid mfa one time pass code"
)

// session is a user's session after an MFA code: the one that is kept for the device, unless it is the refused one, or a new
// one. Where the user may not have one, it is empty, and the code is for the role itself.
func (c *roleClient) session(ctx context.Context, source sdk.Credentials, serial, refused string) (sdk.Credentials, string, error) {
	key := sessionKey(source.AccessKeyID, serial)
	turn, waiting := "device "+key, time.Now()
	unlock, err := c.r.o.Shared.lock(ctx, turn)
	if err != nil {
		return sdk.Credentials{}, "", err
	}
	defer unlock()
	if err := c.r.o.Shared.failedSince(turn, waiting); err != nil {
		return sdk.Credentials{}, "", err
	}
	dir, endpoint := c.r.env.cacheDir(), sdk.ToString(c.client.Options().BaseEndpoint)
	if hit, expires, ok := readCached(dir, key, time.Now()); ok && hit.Endpoint == endpoint && hit.Credentials.AccessKeyID != refused {
		return hit.keys(expires, "MFA session"), "", nil
	}
	var code string
	var out *sts.GetSessionTokenOutput
	err = c.withCode(serial, "", func(typed string) (err error) {
		code = typed
		out, err = c.client.GetSessionToken(ctx, &sts.GetSessionTokenInput{
			DurationSeconds: sdk.Int32(int32(roleDuration / time.Second)), SerialNumber: &serial, TokenCode: &typed,
		})
		return err
	})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "AccessDenied" && !newFailure(err).says(codeRefused) {
		return sdk.Credentials{}, code, nil // a policy forbids the call, before the code was looked at
	}
	if err != nil {
		return sdk.Credentials{}, "", c.r.o.Shared.failed(turn, err)
	}
	if out.Credentials == nil || out.Credentials.Expiration == nil {
		return sdk.Credentials{}, "", errors.New("STS gave a session without credentials")
	}
	entry := fromKeys(out.Credentials, endpoint)
	expires := sdk.ToTime(out.Credentials.Expiration)
	c.store(dir, key, entry, expires)
	return entry.keys(expires, "MFA session"), "", nil
}

// sessionKey names the session of a user's device. The AWS CLI has no such entry, and meets no name of it.
func sessionKey(accessKey, serial string) string {
	return cacheKey(map[string]any{"AccessKeyId": accessKey, "SerialNumber": serial, "tool": "rdsx"}, false)
}

func fromKeys(k *ststypes.Credentials, endpoint string) cached {
	entry := cached{Endpoint: endpoint}
	entry.Credentials.AccessKeyID, entry.Credentials.SecretAccessKey = sdk.ToString(k.AccessKeyId), sdk.ToString(k.SecretAccessKey)
	entry.Credentials.SessionToken = sdk.ToString(k.SessionToken)
	return entry
}

func fromOutput(out *sts.AssumeRoleOutput, endpoint string) cached {
	entry := fromKeys(out.Credentials, endpoint)
	if u := out.AssumedRoleUser; u != nil {
		entry.AssumedRoleUser = &assumedUser{AssumedRoleID: sdk.ToString(u.AssumedRoleId), Arn: sdk.ToString(u.Arn)}
		entry.Credentials.AccountID = accountOfARN(entry.AssumedRoleUser.Arn)
	}
	return entry
}

// output is an entry as STS would have answered.
func (c cached) output(expires time.Time) *sts.AssumeRoleOutput {
	return &sts.AssumeRoleOutput{
		Credentials: &ststypes.Credentials{
			AccessKeyId: &c.Credentials.AccessKeyID, SecretAccessKey: &c.Credentials.SecretAccessKey,
			SessionToken: &c.Credentials.SessionToken, Expiration: &expires,
		},
		AssumedRoleUser: &ststypes.AssumedRoleUser{Arn: &c.AssumedRoleUser.Arn, AssumedRoleId: &c.AssumedRoleUser.AssumedRoleID},
	}
}
