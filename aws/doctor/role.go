package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/rdsx/rdsx/aws"
)

const (
	corePolicy    = "AmazonSSMManagedInstanceCore"
	defaultPolicy = "AmazonSSMManagedEC2InstanceDefaultPolicy"
	hostSetting   = "/ssm/managed-instance/default-ec2-instance-management-role"
	// leastHosted is the first agent that Default Host Management gives credentials to.
	leastHosted = "3.2.582.0"
)

// agentActions are what an agent cannot do without: to register, and to take part in sessions.
func agentActions() []string {
	return []string{"ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:OpenDataChannel"}
}

func (x *exam) attachFix(role, name string) aws.Fix {
	arn := "arn:" + x.partition() + ":iam::aws:policy/" + name
	return aws.Fix{
		Text:      "attach " + name + " to the role " + role,
		Command:   "aws iam attach-role-policy --role-name " + role + " --policy-arn " + arn,
		Terraform: "resource \"aws_iam_role_policy_attachment\" \"ssm\" {\n  role       = \"" + role + "\"\n  policy_arn = \"" + arn + "\"\n}",
		Console:   "IAM › Roles › " + role + " › Add permissions › Attach policies › " + name,
	}
}

// instanceProfile follows the instance's profile to its role and asks whether the agent may do its work with it.
func instanceProfile(ctx context.Context, x *exam) Result {
	m, r := x.machineOr(ctx)
	if r != nil {
		return *r
	}
	id := sdk.ToString(m.InstanceId)
	if m.IamInstanceProfile == nil {
		return x.noProfile(ctx, id)
	}
	profile := nameOfARN(sdk.ToString(m.IamInstanceProfile.Arn))
	out, err := x.iam().GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &profile})
	switch {
	case codeOf(err) == "NoSuchEntity":
		return x.unlessOnline(ctx, failed(aws.ErrRefusedByAWS, "there is no instance profile "+profile+" any more", profileFix(id)))
	case err != nil:
		return couldNot(err, "iam:GetInstanceProfile", " on "+profile)
	case len(out.InstanceProfile.Roles) == 0:
		return x.unlessOnline(ctx, failed(aws.ErrRefusedByAWS, "the instance profile "+profile+" holds no role", aws.Fix{
			Text:    "put a role with " + corePolicy + " into it",
			Command: "aws iam add-role-to-instance-profile --instance-profile-name " + profile + " --role-name ROLE",
			Console: "IAM › Roles › Create role › AWS service › EC2 › " + corePolicy,
		}))
	}
	return x.unlessOnline(ctx, x.agentRole(ctx, profile, sdk.ToString(out.InstanceProfile.Roles[0].RoleName), sdk.ToString(out.InstanceProfile.Roles[0].AssumeRolePolicyDocument)))
}

// agentRole says whether EC2 gives the role to its instances and whether the role lets an agent work.
func (x *exam) agentRole(ctx context.Context, profile, role, trustText string) Result {
	if text, err := url.QueryUnescape(trustText); err == nil && text != "" {
		if trust, err := parseTrust(text); err == nil && !trust.service("ec2.amazonaws.com") {
			return failed(aws.ErrRefusedByAWS, "the role "+role+" does not trust EC2, so the instance has no credentials", serviceTrust(role, "ec2.amazonaws.com", text))
		}
	}
	attached, err := x.attached(ctx, role)
	if err != nil {
		return couldNot(err, "iam:ListAttachedRolePolicies", " on "+role)
	}
	for _, name := range attached {
		if name == corePolicy || name == defaultPolicy || name == "AdministratorAccess" {
			return ok("%s, role %s with %s", profile, role, name)
		}
	}
	// Another policy may do as well. Where that cannot be asked, nothing is known.
	out, err := x.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
	if err != nil {
		return couldNot(err, "iam:GetRole", " on "+role)
	}
	missing, err := x.deniedOf(ctx, sdk.ToString(out.Role.Arn), agentActions())
	switch {
	case err != nil:
		return couldNot(err, "iam:SimulatePrincipalPolicy", " on "+role)
	case len(missing) == 0:
		return ok("%s, role %s with a policy of its own", profile, role)
	}
	return failed(aws.ErrRefusedByAWS, fmt.Sprintf("the role %s lacks %s: no policy gives it %s", role, corePolicy, strings.Join(missing, ", ")), x.attachFix(role, corePolicy))
}

func (x *exam) deniedOf(ctx context.Context, arn string, actions []string) ([]string, error) {
	var missing []string
	for _, action := range actions {
		yes, _, err := x.simulate(ctx, arn, action, "*", nil)
		if err != nil {
			return nil, err
		}
		if !yes {
			missing = append(missing, action)
		}
	}
	return missing, nil
}

func (x *exam) attached(ctx context.Context, role string) ([]string, error) {
	var names []string
	pages := iam.NewListAttachedRolePoliciesPaginator(x.iam(), &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.AttachedPolicies {
			names = append(names, sdk.ToString(p.PolicyName))
		}
	}
	return names, nil
}

// unlessOnline makes a doubt of a failure that the agent's own sign of life contradicts.
func (x *exam) unlessOnline(ctx context.Context, r Result) Result {
	if r.Status == Failed && x.online(ctx) {
		r.Status, r.Text, r.kind = Warned, r.Text+"; the agent is online all the same, with credentials that it still has", nil
	}
	return r
}

func profileFix(id string) aws.Fix {
	return aws.Fix{
		Text:      "give it an instance profile whose role has " + corePolicy + "; rdsx setup bastion prints one",
		Command:   "aws ec2 associate-iam-instance-profile --instance-id " + id + " --iam-instance-profile Name=PROFILE",
		Terraform: "resource \"aws_instance\" \"this\" {\n  iam_instance_profile = \"PROFILE\"\n}",
		Console:   "EC2 › Instances › " + id + " › Actions › Security › Modify IAM role",
	}
}

// noProfile is no failure where Default Host Management gives the agent its credentials.
func (x *exam) noProfile(ctx context.Context, id string) Result {
	role, err := x.hostRole(ctx)
	switch {
	case err != nil && !x.online(ctx):
		r := couldNot(err, "ssm:GetServiceSetting", " on "+hostSetting)
		r.Text = "it has none, and whether Default Host Management stands in " + r.Text
		return r
	case err == nil && role == "":
		return x.unlessOnline(ctx, failed(aws.ErrRefusedByAWS, id+" has no instance profile, and Default Host Management is off", profileFix(id)))
	}
	n, err := x.node(ctx)
	if err == nil && aws.CompareVersions(sdk.ToString(n.AgentVersion), leastHosted) < 0 {
		return x.unlessOnline(ctx, failed(aws.ErrRefusedByAWS, fmt.Sprintf("%s has no instance profile, and its agent %s is too old for Default Host Management, which needs %s", id, sdk.ToString(n.AgentVersion), leastHosted), profileFix(id)))
	}
	return ok("none; Default Host Management gives the agent the role %s", role)
}

// findHostRole reads which role Default Host Management gives to instances, "" while it is off.
func (x *exam) findHostRole(ctx context.Context) (string, error) {
	out, err := x.ssm().GetServiceSetting(ctx, &ssm.GetServiceSettingInput{SettingId: sdk.String(hostSetting)})
	if err != nil {
		return "", err
	}
	value := ""
	if out.ServiceSetting != nil {
		value = sdk.ToString(out.ServiceSetting.SettingValue)
	}
	if value == "$None" || value == "None" {
		return "", nil
	}
	return nameOfARN(value), nil
}

func hostManagement(ctx context.Context, x *exam) Result {
	role, err := x.hostRole(ctx)
	if err != nil {
		return couldNot(err, "ssm:GetServiceSetting", " on "+hostSetting)
	}
	if role == "" {
		return ok("off: instances need a profile of their own")
	}
	off := aws.Fix{
		Text:    "or switch it off, where every instance has a profile of its own",
		Command: "aws ssm reset-service-setting --setting-id " + hostSetting,
		Console: "Systems Manager › Fleet Manager › Account management › Default Host Management Configuration",
	}
	attached, err := x.attached(ctx, role)
	switch {
	case codeOf(err) == "NoSuchEntity":
		return failed(aws.ErrRefusedByAWS, "it names the role "+role+", which does not exist", off)
	case err != nil:
		return couldNot(err, "iam:ListAttachedRolePolicies", " on "+role)
	}
	for _, name := range attached {
		if name == defaultPolicy || name == corePolicy {
			return ok("on, with the role %s", role)
		}
	}
	return failed(aws.ErrRefusedByAWS, "its role "+role+" lacks "+defaultPolicy, x.attachFix(role, defaultPolicy), off)
}

// quickSetup looks at the associations with which Quick Setup keeps instances managed. None is fine.
func quickSetup(ctx context.Context, x *exam) Result {
	var ours []ssmtypes.Association
	pages := ssm.NewListAssociationsPaginator(x.ssm(), &ssm.ListAssociationsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return couldNot(err, "ssm:ListAssociations", "")
		}
		for _, a := range page.Associations {
			if strings.HasPrefix(sdk.ToString(a.AssociationName), "AWS-QuickSetup-") {
				ours = append(ours, a)
			}
		}
	}
	for _, a := range ours {
		if a.Overview != nil && sdk.ToString(a.Overview.Status) == "Failed" {
			id := sdk.ToString(a.AssociationId)
			return warned(fmt.Sprintf("the association %s has failed: instances may stay without profile or agent updates", sdk.ToString(a.AssociationName)), aws.Fix{
				Text: "run it again", Command: "aws ssm start-associations-once --association-ids " + id, Console: "Systems Manager › State Manager › " + id + " › Apply association now",
			})
		}
	}
	if len(ours) == 0 {
		return ok("not used, and not needed")
	}
	return ok("%s", sdk.ToString(ours[0].AssociationName))
}

// serviceTrust adds a service to a role's trust policy.
func serviceTrust(role, service, document string) aws.Fix {
	add := statement{Effect: "Allow", Principal: map[string]string{"Service": service}, Action: "sts:AssumeRole"}
	return addTrust(role, "let "+service+" assume "+role, document, add)
}
