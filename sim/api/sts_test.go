package api

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	stagingDeveloper = "arn:aws:iam::444455556666:role/developer"
	stagingVendor    = "arn:aws:iam::444455556666:role/vendor"
	prodOperator     = "arn:aws:iam::777788889999:role/operator"
	prodReadonly     = "arn:aws:iam::777788889999:role/audit/readonly"
	prodBreakGlass   = "arn:aws:iam::777788889999:role/break-glass"
	mikasDevice      = "arn:aws:iam::111122223333:mfa/mika"
)

func TestGetCallerIdentity(t *testing.T) {
	r := newRig(t, Options{})
	out, err := sts.NewFromConfig(r.as(t, "mika", "eu-west-1")).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != "111122223333" || *out.Arn != "arn:aws:iam::111122223333:user/mika" || !strings.HasPrefix(*out.UserId, "AIDA") {
		t.Errorf("identity %s %s %s", *out.Account, *out.Arn, *out.UserId)
	}
}

func TestAssumeRole(t *testing.T) {
	r := newRig(t, Options{})
	mika := r.as(t, "mika", "eu-west-1")
	out, err := sts.NewFromConfig(mika).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: ptr(prodReadonly), RoleSessionName: ptr("mika@laptop"), DurationSeconds: ptr(int32(43200))})
	if err != nil {
		t.Fatal(err)
	}
	if *out.AssumedRoleUser.Arn != "arn:aws:sts::777788889999:assumed-role/readonly/mika@laptop" {
		t.Errorf("assumed %s: the session's ARN has no path", *out.AssumedRoleUser.Arn)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 11*time.Hour || left > 12*time.Hour {
		t.Errorf("expires in %s", left)
	}
	prod := r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(prodReadonly), RoleSessionName: ptr("mika")})
	who, err := sts.NewFromConfig(prod).GetCallerIdentity(t.Context(), nil)
	if err != nil || *who.Account != "777788889999" || !strings.HasSuffix(*who.UserId, ":mika") {
		t.Fatalf("identity of the role session: %+v %v", who, err)
	}
	dbs, err := rds.NewFromConfig(prod).DescribeDBInstances(t.Context(), nil)
	if err != nil || len(dbs.DBInstances) == 0 || !strings.Contains(*dbs.DBInstances[0].DBInstanceArn, ":777788889999:") {
		t.Errorf("the role does not see its account's databases: %v", err)
	}
}

func TestAssumeRoleRefusals(t *testing.T) {
	r := newRig(t, Options{})
	mika := r.as(t, "mika", "eu-west-1")
	reader := r.as(t, "reader", "eu-west-1")
	chained := r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), RoleSessionName: ptr("mika"), DurationSeconds: ptr(int32(14400))})
	name := ptr("mika")
	for label, c := range map[string]struct {
		from       *sts.Client
		in         sts.AssumeRoleInput
		code, text string
	}{
		"no such role":              {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr("arn:aws:iam::777788889999:role/nobody")}, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::777788889999:role/nobody"},
		"MFA needed":                {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(prodOperator)}, "AccessDenied", "not authorized to perform: sts:AssumeRole"},
		"wrong code":                {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(prodOperator), SerialNumber: ptr(mikasDevice), TokenCode: ptr("000000")}, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code"},
		"device of another":         {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(prodOperator), SerialNumber: ptr("arn:aws:iam::111122223333:mfa/other"), TokenCode: ptr("123456")}, "AccessDenied", "verify your MFA serial number"},
		"code of five digits":       {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(prodOperator), SerialNumber: ptr(mikasDevice), TokenCode: ptr("12345")}, "ValidationError", "tokenCode"},
		"no external id":            {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(stagingVendor)}, "AccessDenied", "sts:AssumeRole"},
		"wrong external id":         {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(stagingVendor), ExternalId: ptr("other")}, "AccessDenied", "sts:AssumeRole"},
		"identity policy lacks it":  {sts.NewFromConfig(reader), sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper)}, "AccessDenied", "no identity-based policy allows the sts:AssumeRole action"},
		"trusts another role":       {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(prodBreakGlass)}, "AccessDenied", "sts:AssumeRole"},
		"trusts a service":          {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr("arn:aws:iam::777788889999:role/ssm-core")}, "AccessDenied", "sts:AssumeRole"},
		"longer than the role's":    {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), DurationSeconds: ptr(int32(14401))}, "ValidationError", "exceeds the MaxSessionDuration"},
		"shorter than 15 minutes":   {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), DurationSeconds: ptr(int32(899))}, "ValidationError", "greater than or equal to 900"},
		"longer than 12 hours":      {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(prodReadonly), DurationSeconds: ptr(int32(43201))}, "ValidationError", "less than or equal to 43200"},
		"chain of more than 1 hour": {sts.NewFromConfig(chained), sts.AssumeRoleInput{RoleArn: ptr(prodBreakGlass), DurationSeconds: ptr(int32(3601))}, "ValidationError", "1 hour session limit for roles assumed by role chaining"},
		"bad session name":          {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), RoleSessionName: ptr("a b")}, "ValidationError", "roleSessionName"},
		"not an ARN":                {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr("developer-of-staging-account")}, "ValidationError", "is invalid"},
		"MFA of a role session":     {sts.NewFromConfig(chained), sts.AssumeRoleInput{RoleArn: ptr(prodBreakGlass), SerialNumber: ptr(mikasDevice), TokenCode: ptr("123456")}, "AccessDenied", "MultiFactorAuthentication failed"},
		"session policy unreadable": {sts.NewFromConfig(mika), sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), Policy: ptr("{}")}, "MalformedPolicyDocument", "JSON"},
	} {
		t.Run(label, func(t *testing.T) {
			if c.in.RoleSessionName == nil {
				c.in.RoleSessionName = name
			}
			_, err := c.from.AssumeRole(t.Context(), &c.in)
			wantCode(t, err, c.code, c.text)
		})
	}
}

func TestAssumeRoleConditions(t *testing.T) {
	r := newRig(t, Options{})
	mika := r.as(t, "mika", "eu-west-1")
	r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(prodOperator), RoleSessionName: ptr("mika"), SerialNumber: ptr(mikasDevice), TokenCode: ptr("123456")})
	r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(stagingVendor), RoleSessionName: ptr("mika"), ExternalId: ptr("acme-7f3a")})
	developer := r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(stagingDeveloper), RoleSessionName: ptr("mika")})
	r.assume(t, developer, &sts.AssumeRoleInput{RoleArn: ptr(prodBreakGlass), RoleSessionName: ptr("mika"), DurationSeconds: ptr(int32(3600))})

	token, err := sts.NewFromConfig(mika).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{SerialNumber: ptr(mikasDevice), TokenCode: ptr("123456")})
	if err != nil {
		t.Fatal(err)
	}
	withMFA := r.config("eu-west-1", staticOf(token.Credentials))
	r.assume(t, withMFA, &sts.AssumeRoleInput{RoleArn: ptr(prodOperator), RoleSessionName: ptr("mika")})
	_, err = sts.NewFromConfig(withMFA).GetSessionToken(t.Context(), nil)
	wantCode(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")

	narrow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds:DescribeDBClusters","Resource":"*"}]}`
	session := r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: ptr(prodReadonly), RoleSessionName: ptr("mika"), Policy: &narrow})
	if _, err := rds.NewFromConfig(session).DescribeDBClusters(t.Context(), nil); err != nil {
		t.Error(err)
	}
	_, err = rds.NewFromConfig(session).DescribeDBInstances(t.Context(), nil)
	wantCode(t, err, "AccessDenied", "because no session policy allows the rds:DescribeDBInstances action")
}
