package doctor

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
)

// principal is whoever the policies are asked about, as IAM wants them named.
type principal struct {
	caller string // as sts:GetCallerIdentity says: the session of a role
	source string // the user's or the role's own ARN, with its path
}

// findPrincipal gives a role's ARN its path back, which the ARN of its session lacks (docs/aws.md §6).
func (x *exam) findPrincipal(ctx context.Context) (principal, error) {
	who, err := x.identity(ctx)
	if err != nil {
		return principal{}, err
	}
	kind, name := holderOf(who.ARN)
	if kind == "user" {
		return principal{who.ARN, who.ARN}, nil
	}
	out, err := x.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return principal{caller: who.ARN}, fmt.Errorf("iam:GetRole: %w", err)
	}
	return principal{who.ARN, sdk.ToString(out.Role.Arn)}, nil
}

const startSession = "ssm:StartSession"

// allowed asks the identity policies of the caller. It does not see what a resource's own policy or a session policy says.
func (x *exam) allowed(ctx context.Context, action, resource string, keys map[string]string) (bool, string, error) {
	p, err := x.principal(ctx)
	if err != nil {
		return false, "", err
	}
	return x.simulate(ctx, p.source, action, resource, keys)
}

func (x *exam) simulate(ctx context.Context, source, action, resource string, keys map[string]string) (bool, string, error) {
	in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: []string{action}, ResourceArns: []string{resource}}
	for k, v := range keys {
		in.ContextEntries = append(in.ContextEntries, iamtypes.ContextEntry{
			ContextKeyName: sdk.String(k), ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{v},
		})
	}
	out, err := x.iam().SimulatePrincipalPolicy(ctx, in)
	if err != nil {
		return false, "", err
	}
	for _, r := range out.EvaluationResults {
		switch r.EvalDecision {
		case iamtypes.PolicyEvaluationDecisionTypeAllowed:
			return true, "", nil
		case iamtypes.PolicyEvaluationDecisionTypeExplicitDeny:
			return false, "a policy denies it", nil
		}
	}
	return false, "no policy allows it", nil
}

// conditionKeys are those that AWS sets for StartSession on something with these tags.
func conditionKeys(tags map[string]string) map[string]string {
	keys := map[string]string{"ssm:SessionDocumentAccessCheck": "true"}
	for k, v := range tags {
		keys["ssm:resourceTag/"+k], keys["aws:ResourceTag/"+k] = v, v
	}
	return keys
}

func (x *exam) instanceARN(t aws.Target) string {
	who := x.Account
	partition, id := partitionOf(who.Partition), t.Instance.Account
	if hybrid(t.Instance.ID) {
		return "arn:" + partition + ":ssm:" + who.Region + ":" + id + ":managed-instance/" + t.Instance.ID
	}
	return "arn:" + partition + ":ec2:" + who.Region + ":" + id + ":instance/" + t.Instance.ID
}

func partitionOf(partition string) string {
	if partition == "" {
		return "aws"
	}
	return partition
}

func (x *exam) documentName() string {
	if x.Document != "" {
		return x.Document
	}
	return session.DocumentRemoteHost
}

// documentARN names AWS's own documents with an empty account (docs/aws.md §5).
func (x *exam) documentARN(ctx context.Context) string {
	name := x.documentName()
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	id := ""
	if !strings.HasPrefix(name, "AWS-") {
		who, _ := x.identity(ctx)
		id = who.ID
	}
	return "arn:" + partitionOf(x.Account.Partition) + ":ssm:" + x.Account.Region + ":" + id + ":document/" + name
}

func onInstance(ctx context.Context, x *exam) Result {
	t, err := x.target(ctx)
	if t.Instance.ID == "" {
		return skippedFor(err, "no instance to ask about")
	}
	who, _ := x.identity(ctx)
	if t.Instance.Account == "" {
		t.Instance.Account = who.ID
	}
	arn := x.instanceARN(t)
	yes, why, err := x.allowed(ctx, startSession, arn, conditionKeys(t.Instance.Tags))
	return x.permission(ctx, arn, yes, why, err)
}

func onDocument(ctx context.Context, x *exam) Result {
	arn := x.documentARN(ctx)
	yes, why, err := x.allowed(ctx, startSession, arn, conditionKeys(nil))
	return x.permission(ctx, arn, yes, why, err)
}

func (x *exam) permission(ctx context.Context, arn string, yes bool, why string, err error) Result {
	switch {
	case err != nil:
		return couldNotAsk(err)
	case yes:
		return ok("%s is allowed on %s", startSession, arn)
	}
	p, _ := x.principal(ctx)
	text := fmt.Sprintf("%s is not allowed on %s: %s", startSession, arn, why)
	if strings.Contains(why, "denies") {
		return failed(aws.ErrRefusedByAWS, text, aws.Fix{
			Text:    "take the denial away: no further policy can outweigh it. It may be in a policy of the account's organization",
			Console: "IAM › Policies simulator, with " + startSession,
		})
	}
	name := "rdsx-session-instance"
	if strings.Contains(arn, ":document/") {
		name = "rdsx-session-document"
	}
	allow := statement{Effect: "Allow", Action: startSession, Resource: arn}
	return failed(aws.ErrRefusedByAWS, text, putPolicy(p.caller, name, policy(allow), "allow "+startSession+" on "+arn))
}

// couldNotAsk is for a policy that could not be asked: the session at the end will show.
func couldNotAsk(err error) Result {
	action := "iam:SimulatePrincipalPolicy"
	if strings.HasPrefix(err.Error(), "iam:GetRole") {
		action = "iam:GetRole"
	}
	r := couldNot(err, action, " on yourself; the session at the end shows the same")
	return r
}
