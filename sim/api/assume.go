package api

import (
	"regexp"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

type assumedRole struct {
	Credentials     stsCredentials
	AssumedRoleUser struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	PackedPolicySize int `xml:",omitempty"`
}

var (
	rolePattern        = regexp.MustCompile(`^arn:[\w-]+:iam::\d{12}:role/[\x21-\x7e]+$`)
	sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDPattern  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// assumption is an AssumeRole that is well formed.
type assumption struct {
	account  world.Account
	role     world.Role
	arn      string
	session  string
	external string
	lasts    time.Duration
	mfaAt    time.Time
	policy   *iam.Policy
}

func assumeRole(c *call) (any, error) {
	in, err := c.assumption()
	if err != nil {
		return nil, err
	}
	if err := c.mayAssume(in); err != nil {
		return nil, err
	}
	if in.lasts > in.role.MaxSession {
		return nil, failf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if c.id.Role != "" && in.lasts > time.Hour {
		return nil, failf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	owner := world.Principal{
		Account: in.account.ID, Role: in.role.Name, SessionName: in.session, UserID: in.role.ID + ":" + in.session,
		ARN: "arn:aws:sts::" + in.account.ID + ":assumed-role/" + in.role.Name + "/" + in.session,
	}
	k := c.api.keys.issue(owner, in.lasts, in.policy, in.mfaAt)
	out := assumedRole{Credentials: k.answer()}
	out.AssumedRoleUser.Arn, out.AssumedRoleUser.AssumedRoleID = owner.ARN, owner.UserID
	if in.policy != nil {
		out.PackedPolicySize = 6
	}
	return out, nil
}

// assumption reads and validates the parameters. A role that does not exist is denied like one that is forbidden.
func (c *call) assumption() (assumption, error) {
	in := assumption{arn: c.form.Get("RoleArn"), session: c.form.Get("RoleSessionName"), external: c.form.Get("ExternalId")}
	switch {
	case !rolePattern.MatchString(in.arn):
		return in, failf("ValidationError", "%s is invalid", in.arn)
	case !sessionNamePattern.MatchString(in.session):
		return in, stsInvalid("roleSessionName", in.session, "satisfy regular expression pattern: [\\w+=,.@-]*")
	case c.form.Has("ExternalId") && (len(in.external) < 2 || len(in.external) > 1224 || !externalIDPattern.MatchString(in.external)):
		return in, stsInvalid("externalId", in.external, "satisfy regular expression pattern: [\\w+=,.@:\\/-]*")
	}
	var err error
	if in.lasts, err = duration(c, time.Hour, 15*time.Minute, 12*time.Hour); err != nil {
		return in, err
	}
	if text := c.form.Get("Policy"); text != "" {
		p, err := iam.Parse([]byte(text))
		if err != nil {
			return in, failf("MalformedPolicyDocument", "The policy is not in the valid JSON format.")
		}
		in.policy = &p
	}
	var ok bool
	if in.account, in.role, ok = roleByARN(c.api.world, in.arn); !ok {
		return in, c.cannotAssume(in.arn)
	}
	in.mfaAt, err = c.mfa()
	return in, err
}

func (c *call) cannotAssume(arn string) error {
	return &denial{"User: " + c.id.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + arn}
}

// mayAssume asks the trust policy and, unless that names the caller itself in its own account, the caller's own policies too.
func (c *call) mayAssume(in assumption) error {
	const action = "sts:AssumeRole"
	more := map[string][]string{}
	if in.external != "" {
		more["sts:ExternalId"] = []string{in.external}
	}
	more["sts:RoleSessionName"] = []string{in.session}
	r := c.request(action, in.arn, more)
	if !in.mfaAt.IsZero() {
		r = r.With("aws:MultiFactorAuthPresent", "true")
		if c.form.Get("TokenCode") != "" {
			r = r.With("aws:MultiFactorAuthAge", "0")
		}
	}
	r.Principals = c.trustNames()
	err := c.judgeAssume(in, r)
	c.api.asked.add(Asked{c.id.ARN, action, r, err != nil})
	return err
}

// trustNames are the names that the caller goes by in a trust policy.
func (c *call) trustNames() []string {
	names := []string{c.id.ARN, "arn:aws:iam::" + c.id.Account + ":root"}
	if c.id.Role != "" {
		names = append(names, c.roleARN())
	}
	return names
}

func (c *call) judgeAssume(in assumption, r iam.Request) error {
	trust, named := iam.Trust(in.role.Trust, r)
	own := iam.Decide(c.id.policies, r)
	if own == iam.Allow && c.id.session != nil {
		own = iam.Decide([]iam.Policy{*c.id.session}, r)
	}
	switch {
	case trust == iam.Deny:
		return &denial{c.cannotAssume(in.arn).Error() + " with an explicit deny in a resource-based policy"}
	case own == iam.Deny:
		return &denial{c.cannotAssume(in.arn).Error() + " with an explicit deny in an identity-based policy"}
	case trust != iam.Allow:
		return c.cannotAssume(in.arn)
	case own == iam.Allow, named && in.account.ID == c.id.Account:
		return nil
	}
	return &denial{c.cannotAssume(in.arn).Error() + " because no identity-based policy allows the sts:AssumeRole action"}
}

// roleARN is the ARN of the caller's role with its path, as trust policies write it.
func (c *call) roleARN() string {
	a, _ := c.api.world.Account(c.id.Account)
	for _, r := range a.Roles {
		if r.Name == c.id.Role {
			return "arn:aws:iam::" + c.id.Account + ":role" + r.Path + r.Name
		}
	}
	return strings.Replace(c.id.ARN, ":sts:", ":iam:", 1)
}
