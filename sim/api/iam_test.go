package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/sim/world"
)

const (
	devAccount = "111122223333"
	coreARN    = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
	ec2Trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	mikaTrust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/mika"},"Action":"sts:AssumeRole"}]}`
	lookPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeInstances"],"Resource":"*"}]}`
)

// administrator lets mika do everything.
func (r *rig) administrator(t *testing.T) {
	t.Helper()
	err := r.world.UpdateAccount(devAccount, func(a *world.Account) error {
		for i := range a.Users {
			if a.Users[i].Name == "mika" {
				a.Users[i].Attached = append(a.Users[i].Attached, "arn:aws:iam::aws:policy/AdministratorAccess")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIAMRoleLife: a role is made, given rights, used, read and removed, and each step is in force at once.
func TestIAMRoleLife(t *testing.T) {
	r := newRig(t, Options{})
	r.administrator(t)
	mika := r.as(t, "mika", "eu-west-1")
	c := iam.NewFromConfig(mika)
	name, arn := ptr("rdsx-operator"), "arn:aws:iam::111122223333:role/rdsx-operator"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: ptr(strings.ReplaceAll(mikaTrust, "mika", "nobody"))})
	wantCode(t, err, "MalformedPolicyDocument", "Invalid principal")
	_, err = c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: ptr(mikaTrust), MaxSessionDuration: ptr(int32(7200))})
	must(err)
	_, err = c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: ptr(mikaTrust)})
	wantCode(t, err, "EntityAlreadyExists", "rdsx-operator")
	operator := r.assume(t, mika, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: ptr("mika")})
	_, err = ec2.NewFromConfig(operator).DescribeInstances(t.Context(), nil)
	wantCode(t, err, "UnauthorizedOperation", "ec2:DescribeInstances")
	_, err = c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: name, PolicyName: ptr("look"), PolicyDocument: ptr(lookPolicy)})
	must(err)
	_, err = ec2.NewFromConfig(operator).DescribeInstances(t.Context(), nil)
	must(err)
	got, err := c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: name})
	must(err)
	if text, err := url.QueryUnescape(*got.Role.AssumeRolePolicyDocument); err != nil || text != mikaTrust || *got.Role.Arn != arn || *got.Role.MaxSessionDuration != 7200 {
		t.Errorf("role %+v", got.Role)
	}
	inline, err := c.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: name})
	must(err)
	one, err := c.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: name, PolicyName: ptr("look")})
	must(err)
	if text, _ := url.QueryUnescape(*one.PolicyDocument); !slices.Equal(inline.PolicyNames, []string{"look"}) || text != lookPolicy {
		t.Errorf("policies %v, %s", inline.PolicyNames, text)
	}
	_, err = c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: ptr(coreARN)})
	must(err)
	attached, err := c.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: name})
	must(err)
	if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyArn != coreARN {
		t.Errorf("attached %+v", attached.AttachedPolicies)
	}
	simulated, err := c.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &arn, ActionNames: []string{"ssm:GetParameter", "ssm:StartSession"}})
	must(err)
	if res := simulated.EvaluationResults; len(res) != 2 || res[0].EvalDecision != iamtypes.PolicyEvaluationDecisionTypeAllowed || res[1].EvalDecision != iamtypes.PolicyEvaluationDecisionTypeImplicitDeny {
		t.Errorf("simulated %+v", res)
	}
	_, err = c.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: name})
	wantCode(t, err, "DeleteConflict", "detach")
	_, err = c.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: ptr(coreARN)})
	must(err)
	_, err = c.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: ptr("look")})
	must(err)
	_, err = c.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: name})
	must(err)
	_, err = c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: name})
	wantCode(t, err, "NoSuchEntity", "rdsx-operator")
}

func TestIAMAsksTheCaller(t *testing.T) {
	r := newRig(t, Options{})
	c := iam.NewFromConfig(r.as(t, "reader", "eu-west-1"))
	_, err := c.GetRole(t.Context(), &iam.GetRoleInput{RoleName: ptr("operator")})
	wantCode(t, err, "AccessDenied", "iam:GetRole on resource: arn:aws:iam::111122223333:role/operator")
	_, err = c.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: ptr("p"), PolicyDocument: ptr(lookPolicy)})
	wantCode(t, err, "AccessDenied", "iam:CreatePolicy")
	_, err = c.GetInstanceProfile(t.Context(), &iam.GetInstanceProfileInput{InstanceProfileName: ptr("ssm-core")})
	wantCode(t, err, "AccessDenied", "instance-profile/ssm-core")
	asked := r.api.Asked()
	if len(asked) != 3 || !asked[0].Denied || asked[0].Operation != "iam:GetRole" || asked[2].Request.Resource != "arn:aws:iam::111122223333:instance-profile/ssm-core" {
		t.Errorf("asked %+v", asked)
	}
	if again := r.api.Asked(); len(again) != 0 {
		t.Errorf("asked twice: %+v", again)
	}
}

// TestInstanceRegistersByItsProfile: an agent comes online only with a role that EC2 may assume, that has the agent's rights, and
// with a way out to 443.
func TestInstanceRegistersByItsProfile(t *testing.T) {
	r := newRig(t, Options{})
	r.administrator(t)
	cfg := r.as(t, "mika", "eu-west-1")
	c, e := iam.NewFromConfig(cfg), ec2.NewFromConfig(cfg)
	profile := func(name, trust, policy string) {
		t.Helper()
		if _, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}); err != nil {
			t.Fatal(err)
		}
		if policy != "" {
			if _, err := c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	profile("good", ec2Trust, coreARN)
	profile("poor", ec2Trust, "")
	profile("foreign", mikaTrust, coreARN)
	sg, err := e.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: ptr("closed"), Description: ptr("d"), VpcId: ptr("vpc-0d00000000000000a")})
	if err != nil {
		t.Fatal(err)
	}
	everything := []ec2types.IpPermission{{IpProtocol: ptr("-1"), IpRanges: []ec2types.IpRange{{CidrIp: ptr("0.0.0.0/0")}}}}
	if _, err := e.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: sg.GroupId, IpPermissions: everything}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		profile, group string
		online         bool
	}{
		"good": {"good", "sg-0d0000000000000b0", true}, "without the policy": {"poor", "sg-0d0000000000000b0", false},
		"a role for people": {"foreign", "sg-0d0000000000000b0", false}, "no way out": {"good", *sg.GroupId, false},
	} {
		out, err := e.RunInstances(t.Context(), &ec2.RunInstancesInput{
			ImageId: ptr("resolve:ssm:/x"), InstanceType: "t4g.nano", MinCount: ptr(int32(1)), MaxCount: ptr(int32(1)), SubnetId: ptr("subnet-0d0000000000000a1"),
			SecurityGroupIds: []string{c.group}, IamInstanceProfile: &ec2types.IamInstanceProfileSpecification{Name: ptr(c.profile)},
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		status, err := ssm.NewFromConfig(cfg).GetConnectionStatus(t.Context(), &ssm.GetConnectionStatusInput{Target: out.Instances[0].InstanceId})
		if err != nil || (status.Status == "connected") != c.online {
			t.Errorf("%s: %v %v", name, status, err)
		}
	}
}

func TestCloudFormationRefuses(t *testing.T) {
	r := newRig(t, Options{})
	r.administrator(t)
	c := cloudformation.NewFromConfig(r.as(t, "mika", "eu-west-1"))
	_, err := c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: ptr("none")})
	wantCode(t, err, "ValidationError", "Stack with id none does not exist")
	in := &cloudformation.CreateChangeSetInput{StackName: ptr("s"), ChangeSetName: ptr("c"), ChangeSetType: cfntypes.ChangeSetTypeCreate}
	in.TemplateBody = ptr("Resources:\n  A: {}\n")
	_, err = c.CreateChangeSet(t.Context(), in)
	wantCode(t, err, "ValidationError", "Template format error")
	in.TemplateBody = ptr(`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"r","AssumeRolePolicyDocument":` + ec2Trust + `}}}}`)
	_, err = c.CreateChangeSet(t.Context(), in)
	wantCode(t, err, "InsufficientCapabilitiesException", "CAPABILITY_NAMED_IAM")
	in.ChangeSetType = cfntypes.ChangeSetTypeUpdate
	_, err = c.CreateChangeSet(t.Context(), in)
	wantCode(t, err, "ValidationError", "does not exist")
	_, err = cloudformation.NewFromConfig(r.as(t, "reader", "eu-west-1")).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: ptr("s")})
	wantCode(t, err, "AccessDenied", "cloudformation:DescribeStacks")
}
