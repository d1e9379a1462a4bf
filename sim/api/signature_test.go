package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/rdsx/rdsx/sim/world"
)

func staticOf(k *ststypes.Credentials) sdk.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, *k.SessionToken)
}

// everyService calls one operation of each service.
func everyService(ctx context.Context, cfg sdk.Config) map[string]error {
	all := map[string]error{}
	_, all["sts"] = sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	_, all["ssm"] = ssm.NewFromConfig(cfg).DescribeInstanceInformation(ctx, nil)
	_, all["ec2"] = ec2.NewFromConfig(cfg).DescribeVpcs(ctx, nil)
	_, all["rds"] = rds.NewFromConfig(cfg).DescribeDBInstances(ctx, nil)
	return all
}

func TestSignatureFaults(t *testing.T) {
	clock := time.Now()
	r := newRig(t, Options{Now: func() time.Time { return clock }})
	mika, err := r.as(t, "mika", "eu-west-1").Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	role := r.assume(t, r.as(t, "mika", "eu-west-1"), &sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), RoleSessionName: ptr("mika"), DurationSeconds: ptr(int32(900))})
	temporary, err := role.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	of := func(key, secret, token string) sdk.Config {
		return r.config("eu-west-1", credentials.NewStaticCredentialsProvider(key, secret, token))
	}
	for name, c := range map[string]struct {
		cfg   sdk.Config
		codes map[string]string
	}{
		"right key":        {of(mika.AccessKeyID, mika.SecretAccessKey, ""), map[string]string{"sts": "", "ssm": "", "ec2": "", "rds": ""}},
		"unknown key":      {of("AKIANOBODY0000000000", "x", ""), map[string]string{"sts": "InvalidClientTokenId", "ssm": "UnrecognizedClientException", "ec2": "AuthFailure", "rds": "InvalidClientTokenId"}},
		"wrong secret":     {of(mika.AccessKeyID, "x", ""), map[string]string{"sts": "SignatureDoesNotMatch", "ssm": "InvalidSignatureException", "ec2": "AuthFailure", "rds": "SignatureDoesNotMatch"}},
		"token missing":    {of(temporary.AccessKeyID, temporary.SecretAccessKey, ""), map[string]string{"sts": "InvalidClientTokenId", "ssm": "UnrecognizedClientException", "ec2": "AuthFailure", "rds": "InvalidClientTokenId"}},
		"token of another": {of(temporary.AccessKeyID, temporary.SecretAccessKey, "x"), map[string]string{"sts": "InvalidClientTokenId", "ssm": "UnrecognizedClientException", "ec2": "AuthFailure", "rds": "InvalidClientTokenId"}},
		"not opted in":     {r.config("me-south-1", r.as(t, "mika", "eu-west-1").Credentials), map[string]string{"sts": "RegionDisabledException", "ssm": "UnrecognizedClientException", "ec2": "AuthFailure", "rds": "InvalidClientTokenId"}},
	} {
		for service, err := range everyService(t.Context(), c.cfg) {
			if want := c.codes[service]; want == "" && err != nil {
				t.Errorf("%s, %s: %v", name, service, err)
			} else if want != "" {
				wantCode(t, err, want, "")
			}
		}
	}
}

func TestExpiredToken(t *testing.T) {
	clock := time.Now()
	r := newRig(t, Options{Now: func() time.Time { return clock }})
	role := r.assume(t, r.as(t, "mika", "eu-west-1"), &sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), RoleSessionName: ptr("mika"), DurationSeconds: ptr(int32(900))})
	clock = clock.Add(15 * time.Minute)
	// The client's clock is set right first, as the SDK would do after the first refusal; only then the token's age shows.
	k, err := role.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]string{"sts": "ExpiredToken", "rds": "ExpiredToken", "ssm": "ExpiredTokenException", "ec2": "RequestExpired"} {
		status, body := r.raw(t, service, k, clock)
		if status/100 != 4 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", service, status, body, want)
		}
	}
}

// raw sends the plainest request of a service, signed at the given time; no signature without a key.
func (r *rig) raw(t *testing.T, service string, k sdk.Credentials, at time.Time) (int, string) {
	t.Helper()
	body := url.Values{
		"Action":  {map[string]string{"sts": "GetCallerIdentity", "ec2": "DescribeVpcs", "rds": "DescribeDBInstances"}[service]},
		"Version": {map[string]string{"sts": stsVersion, "ec2": ec2Version, "rds": rdsVersion}[service]},
	}.Encode()
	kind := "application/x-www-form-urlencoded; charset=utf-8"
	if service == "ssm" {
		body, kind = "{}", "application/x-amz-json-1.1"
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if service == "ssm" {
		req.Header.Set("X-Amz-Target", "AmazonSSM.DescribeInstanceInformation")
	}
	if k.AccessKeyID != "" {
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(t.Context(), k, req, hex.EncodeToString(sum[:]), service, "eu-west-1", at); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestUnsignedAndSkewed(t *testing.T) {
	r := newRig(t, Options{})
	k, err := r.as(t, "mika", "eu-west-1").Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]string{"sts": "MissingAuthenticationToken", "rds": "MissingAuthenticationToken", "ssm": "MissingAuthenticationTokenException", "ec2": "MissingAuthenticationToken"} {
		if status, body := r.raw(t, service, sdk.Credentials{}, time.Time{}); status/100 != 4 || !strings.Contains(body, want) {
			t.Errorf("unsigned %s: %d %s", service, status, body)
		}
	}
	for service, want := range map[string]string{"sts": "SignatureDoesNotMatch", "rds": "SignatureDoesNotMatch", "ssm": "InvalidSignatureException", "ec2": "AuthFailure"} {
		for _, off := range []time.Duration{-6 * time.Minute, 6 * time.Minute} {
			status, body := r.raw(t, service, k, time.Now().Add(off))
			if status/100 != 4 || !strings.Contains(body, want) {
				t.Errorf("%s %s off: %d %s", service, off, status, body)
			}
			if service != "ec2" && !strings.Contains(body, map[bool]string{true: "Signature expired", false: "Signature not yet current"}[off < 0]) {
				t.Errorf("%s %s off: %s does not say which way", service, off, body)
			}
		}
		if status, body := r.raw(t, service, k, time.Now().Add(-4*time.Minute)); status != http.StatusOK {
			t.Errorf("%s 4 min off: %d %s", service, status, body)
		}
	}
}

// TestSkewIsCorrected: the SDK reads the Date header of the refusal and signs again with the right time.
func TestSkewIsCorrected(t *testing.T) {
	ahead := func() time.Time { return time.Now().Add(30 * time.Minute) }
	r := newRig(t, Options{Now: ahead})
	cfg := r.as(t, "mika", "eu-west-1")
	cfg.RetryMaxAttempts = 2
	for service, err := range everyService(t.Context(), cfg) {
		if err != nil {
			t.Errorf("%s with a skewed clock: %v", service, err)
		}
	}
}

// upgrade signs a websocket upgrade for a service, changes it on its way, and verifies it as the gateway does.
func (r *rig) upgrade(t *testing.T, service string, presigned bool, mangle func(*http.Request)) error {
	t.Helper()
	k, err := r.as(t, "mika", "eu-west-1").Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://gw.example/v1/data-channel/mika-0123456789abcdef0?role=publish_subscribe&X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(nil)
	if presigned {
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), k, req, hex.EncodeToString(sum[:]), service, "eu-west-1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if req.URL, err = url.Parse(signed); err != nil {
			t.Fatal(err)
		}
	} else if err := v4.NewSigner().SignHTTP(t.Context(), k, req, hex.EncodeToString(sum[:]), service, "eu-west-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	req.Host = req.URL.Host
	mangle(req)
	p, err := r.api.Keys().Verify(req, "ssmmessages", nil)
	if err == nil && p.ARN != "arn:aws:iam::111122223333:user/mika" {
		t.Errorf("signed by %+v", p)
	}
	return err
}

func TestVerifyUpgrade(t *testing.T) {
	r := newRig(t, Options{})
	same := func(*http.Request) {}
	for name, c := range map[string]struct {
		service   string
		presigned bool
		mangle    func(*http.Request)
		want      Fault
	}{
		"header":         {"ssmmessages", false, same, ""},
		"query":          {"ssmmessages", true, same, ""},
		"other service":  {"ssm", false, same, Scope},
		"other host":     {"ssmmessages", false, func(r *http.Request) { r.Host = "elsewhere" }, Mismatch},
		"other session":  {"ssmmessages", true, func(r *http.Request) { r.URL.Path += "1" }, Mismatch},
		"no signature":   {"ssmmessages", false, func(r *http.Request) { r.Header.Del("Authorization") }, Unsigned},
		"torn signature": {"ssmmessages", false, func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }, Malformed},
		"broken hex": {"ssmmessages", true, func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Signature=", "X-Amz-Signature=x", 1)
		}, Mismatch},
		"longer validity": {"ssmmessages", true, func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Expires=60", "Expires=600", 1)
		}, Mismatch},
	} {
		err := r.upgrade(t, c.service, c.presigned, c.mangle)
		var bad *SignatureError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &bad) || bad.Fault != c.want):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestThrottles(t *testing.T) {
	clock := time.Now()
	r := newRig(t, Options{Throttle: EveryNth(1)})
	cfg := r.as(t, "mika", "eu-west-1")
	for service, err := range everyService(t.Context(), cfg) {
		wantCode(t, err, map[string]string{"sts": "Throttling", "ssm": "ThrottlingException", "ec2": "RequestLimitExceeded", "rds": "Throttling"}[service], "")
	}
	r.api.SetThrottle(Only(EveryNth(1), "ec2:DescribeVpcs"))
	for service, err := range everyService(t.Context(), cfg) {
		if (err != nil) != (service == "ec2") {
			t.Errorf("only EC2 throttled, %s: %v", service, err)
		}
	}
	at := world.Place{Account: "1", Region: "eu-west-1"}
	bucket := Bucket(2, 1, func() time.Time { return clock })
	var refused []bool
	for range 3 {
		refused = append(refused, bucket(at, "op"))
	}
	clock = clock.Add(time.Second)
	refused = append(refused, bucket(at, "op"), bucket(at, "op"), bucket(at, "other"))
	for i, want := range []bool{false, false, true, false, true, false} {
		if refused[i] != want {
			t.Errorf("bucket: call %d refused = %v", i, refused[i])
		}
	}
	if Chance(0, 1)(at, "op") || !Chance(1, 1)(at, "op") {
		t.Error("chance of 0 refuses or of 1 lets pass")
	}
}

// TestRetriesGetThrough: with every second call refused, the SDK's own retry reaches an answer.
func TestRetriesGetThrough(t *testing.T) {
	r := newRig(t, Options{Throttle: EveryNth(2)})
	cfg := r.as(t, "mika", "eu-west-1")
	cfg.RetryMaxAttempts = 4
	for range 2 {
		for service, err := range everyService(t.Context(), cfg) {
			if err != nil {
				t.Errorf("%s: %v", service, err)
			}
		}
	}
}

func TestUnknownOperations(t *testing.T) {
	r := newRig(t, Options{})
	cfg := r.as(t, "mika", "eu-west-1")
	_, err := ssm.NewFromConfig(cfg).DescribeActivations(t.Context(), nil)
	wantCode(t, err, "UnknownOperationException", "")
	_, err = rds.NewFromConfig(cfg).DescribeDBSnapshots(t.Context(), nil)
	wantCode(t, err, "InvalidAction", "Could not find operation DescribeDBSnapshots for version 2014-10-31")
	_, err = ec2.NewFromConfig(cfg).DescribeImages(t.Context(), nil)
	wantCode(t, err, "InvalidAction", "DescribeImages")
	_, err = sts.NewFromConfig(cfg).GetAccessKeyInfo(t.Context(), &sts.GetAccessKeyInfoInput{AccessKeyId: ptr("AKIASIMDEV0000000001")})
	wantCode(t, err, "InvalidAction", "GetAccessKeyInfo")
}

// TestLatency: the answer waits for it, and a caller that leaves does not.
func TestLatency(t *testing.T) {
	r := newRig(t, Options{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := sts.NewFromConfig(r.as(t, "mika", "eu-west-1")).GetCallerIdentity(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("answered before its latency: %v", err)
	}
	r.api.SetLatency(0)
	if _, err := sts.NewFromConfig(r.as(t, "mika", "eu-west-1")).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	r := newRig(t, Options{})
	mika := r.as(t, "mika", "eu-west-1")
	role := r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(prodOperator), RoleSessionName: ptr("mika"), SerialNumber: ptr(mikasDevice), TokenCode: ptr("123456")})
	started, err := ssm.NewFromConfig(role).StartSession(t.Context(), remoteHost("i-0a000000000000001", "db.example", "5432"))
	if err != nil {
		t.Fatal(err)
	}
	everyService(t.Context(), role)
	text := r.log.String()
	if !strings.Contains(text, "operation=StartSession code=ok") {
		t.Errorf("log does not name the call:\n%s", text)
	}
	for _, cfg := range []sdk.Config{mika, role} {
		k, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{k.AccessKeyID, k.SecretAccessKey, k.SessionToken, "123456", *started.TokenValue} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("a secret is in the log:\n%s", text)
			}
		}
	}
}
