package world

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world/iam"
)

// ManagedPolicy is a policy with an ARN of its own that users and roles can have attached.
type ManagedPolicy struct {
	Name   string     `yaml:"name"`
	Path   string     `yaml:"path"` // "/" when empty
	Policy iam.Policy `yaml:"policy"`
}

// InstanceProfile is what gives an instance its role.
type InstanceProfile struct {
	Name string `yaml:"name"`
	Path string `yaml:"path"` // "/" when empty
	ID   string `yaml:"id"`   // AIPA…; made from the name when empty
	Role string `yaml:"role"` // its name; "" while the profile is empty
}

// Association keeps a document running on instances, on a schedule.
type Association struct {
	ID        string              `yaml:"id"`       // made from the name when empty
	Name      string              `yaml:"name"`     // AssociationName
	Document  string              `yaml:"document"` // AWS-UpdateSSMAgent…
	Schedule  string              `yaml:"schedule"` // rate(14 days)
	Instances []string            `yaml:"instances"`
	Targets   map[string][]string `yaml:"targets"` // by key: InstanceIds, tag:K
	Status    string              `yaml:"status"`  // of its last run: Success, Failed, Pending; Success when empty
}

// associationID makes up a UUID.
func associationID(seed ...string) string {
	d := digits(32, seed...)
	return d[:8] + "-" + d[8:12] + "-4" + d[13:16] + "-8" + d[17:20] + "-" + d[20:]
}

// ErrNoAccount is an account that the world has not.
var ErrNoAccount = errors.New("no such account")

// UpdateAccount changes what does not belong to a region: users, roles, policies, instance profiles. change gets a copy whose
// slices may be written to. An error of change or of the check leaves the world as it was.
func (w *World) UpdateAccount(id string, change func(*Account) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.spec.Load().clone()
	for i := range next.Accounts {
		a := &next.Accounts[i]
		if a.ID != id {
			continue
		}
		regions := a.Regions
		a.Regions = nil
		*a = deep(reflect.ValueOf(*a)).Interface().(Account)
		a.Regions = regions
		if err := change(a); err != nil {
			return err
		}
		return w.store(next)
	}
	return ErrNoAccount
}

// Role finds a role by its name.
func (a Account) Role(name string) (Role, bool) {
	i := slices.IndexFunc(a.Roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return a.Roles[i], true
}

// User finds a user by its name.
func (a Account) User(name string) (User, bool) {
	i := slices.IndexFunc(a.Users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}, false
	}
	return a.Users[i], true
}

// Profile finds an instance profile by its name.
func (a Account) Profile(name string) (InstanceProfile, bool) {
	i := slices.IndexFunc(a.InstanceProfiles, func(p InstanceProfile) bool { return p.Name == name })
	if i < 0 {
		return InstanceProfile{}, false
	}
	return a.InstanceProfiles[i], true
}

// InForce are the policies that decide for a user or role: its own and the attached ones.
func (a Account) InForce(own []iam.Policy, attached []string) []iam.Policy {
	if len(attached) == 0 {
		return own
	}
	all := slices.Clone(own)
	for _, arn := range attached {
		if p, ok := a.Managed(arn); ok {
			all = append(all, p.Policy)
		}
	}
	return all
}

// Managed finds a managed policy by its ARN: AWS's own or the account's.
func (a Account) Managed(arn string) (ManagedPolicy, bool) {
	for _, p := range amazonPolicies() {
		if arn == "arn:aws:iam::aws:policy"+p.Path+p.Name {
			return p, true
		}
	}
	for _, p := range a.ManagedPolicies {
		if arn == "arn:aws:iam::"+a.ID+":policy"+p.Path+p.Name {
			return p, true
		}
	}
	return ManagedPolicy{}, false
}

// amazonPolicies are the few of AWS's managed policies that set-ups for Session Manager use, with the actions that they have
// (docs/aws.md §6: the instance policies hold no ssm:StartSession and no Describe of EC2 or RDS).
func amazonPolicies() []ManagedPolicy {
	allow := func(name string, actions ...string) ManagedPolicy {
		text, _ := json.Marshal(map[string]any{ // strings always marshal
			"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}},
		})
		p, _ := iam.Parse(text) // the text above is a policy
		return ManagedPolicy{Name: name, Path: "/", Policy: p}
	}
	core := []string{
		"ssm:DescribeAssociation", "ssm:GetDeployablePatchSnapshotForInstance", "ssm:GetDocument", "ssm:DescribeDocument", "ssm:GetManifest",
		"ssm:GetParameter", "ssm:GetParameters", "ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutInventory",
		"ssm:PutComplianceItems", "ssm:PutConfigurePackageResult", "ssm:UpdateAssociationStatus", "ssm:UpdateInstanceAssociationStatus",
		"ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
		"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel", "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage",
		"ec2messages:FailMessage", "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply",
	}
	return []ManagedPolicy{
		allow("AdministratorAccess", "*"),
		allow("AmazonSSMManagedInstanceCore", core...),
		allow("AmazonSSMManagedEC2InstanceDefaultPolicy", core...),
		allow("AmazonSSMPatchAssociation", "ssm:DescribeEffectivePatchesForPatchBaseline", "ssm:GetPatchBaseline", "tag:GetResources", "ssm:DescribePatchBaselines"),
	}
}

// Complete fills in what New fills in: ids, paths and durations of what was added.
func (a *Account) Complete() {
	for j := range a.Users {
		fill(&a.Users[j].ID, "AIDA"+letters(17, a.ID, a.Users[j].Name))
	}
	for j := range a.Roles {
		fill(&a.Roles[j].ID, "AROA"+letters(17, a.ID, a.Roles[j].Name))
		fill(&a.Roles[j].Path, "/")
		fill(&a.Roles[j].MaxSession, time.Hour)
	}
	a.completePrincipals()
}

// completePrincipals fills in what an account's IAM part leaves out.
func (a *Account) completePrincipals() {
	for i := range a.ManagedPolicies {
		fill(&a.ManagedPolicies[i].Path, "/")
	}
	for _, r := range a.Regions {
		for _, i := range r.Instances {
			_, role := a.Role(i.Profile)
			if _, known := a.Profile(i.Profile); role && !known {
				a.InstanceProfiles = append(a.InstanceProfiles, InstanceProfile{Name: i.Profile, Role: i.Profile})
			}
		}
	}
	for i := range a.InstanceProfiles {
		fill(&a.InstanceProfiles[i].Path, "/")
		fill(&a.InstanceProfiles[i].ID, "AIPA"+letters(17, a.ID, a.InstanceProfiles[i].Name))
	}
}

// principals checks what completePrincipals completes.
func (c *checker) principals(path string, a *Account) {
	attached := func(at string, arns []string) {
		for j, arn := range arns {
			if _, ok := a.Managed(arn); !ok {
				c.bad(at+".attached["+strconv.Itoa(j)+"]", "no managed policy %q", arn)
			}
		}
	}
	for i, u := range a.Users {
		attached(path+".users["+strconv.Itoa(i)+"]", u.Attached)
	}
	for i, r := range a.Roles {
		attached(path+".roles["+strconv.Itoa(i)+"]", r.Attached)
	}
	for i, p := range a.ManagedPolicies {
		at := path + ".managed_policies[" + strconv.Itoa(i) + "]"
		c.match(at+".name", p.Name, policyName, "a policy's name")
		c.once(at+".name", "policy", a.ID+"/"+p.Name)
	}
	for i, p := range a.InstanceProfiles {
		at := path + ".instance_profiles[" + strconv.Itoa(i) + "]"
		c.match(at+".name", p.Name, policyName, "an instance profile's name")
		c.once(at+".name", "instance profile", a.ID+"/"+p.Name)
		if _, ok := a.Role(p.Role); p.Role != "" && !ok {
			c.bad(at+".role", "no role %q", p.Role)
		}
	}
}

// serves says whether the instance profile lets an agent register with Systems Manager: a role that EC2 may assume, with the
// rights of AmazonSSMManagedInstanceCore (docs/aws.md §6).
func (a Account) serves(profile string) bool {
	p, _ := a.Profile(profile)
	r, ok := a.Role(p.Role)
	if !ok {
		return false
	}
	ec2 := iam.Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + a.ID + ":role" + r.Path + r.Name, Principals: []string{"ec2.amazonaws.com"}}
	if d, _ := iam.Trust(r.Trust, ec2); d != iam.Allow {
		return false
	}
	for _, action := range strings.Fields("ssm:UpdateInstanceInformation ssmmessages:CreateControlChannel ssmmessages:OpenDataChannel") {
		if iam.Decide(a.InForce(r.Policies, r.Attached), iam.Request{Action: action, Resource: "*"}) != iam.Allow {
			return false
		}
	}
	return true
}

// Serves says whether an instance with that profile and those groups registers with Systems Manager when it starts: its role
// lets the agent, and a group lets it reach 443.
func (w *World) Serves(at Place, profile string, groups []string) bool {
	a, _ := w.Account(at.Account)
	if !a.serves(profile) {
		return false
	}
	for _, g := range w.Region(at.Account, at.Region).SecurityGroups {
		for _, rule := range g.Egress {
			wide := rule.Protocol == "-1" || rule.Protocol == "tcp" && rule.From <= 443 && rule.To >= 443
			if slices.Contains(groups, g.ID) && wide && rule.CIDR != "" {
				return true
			}
		}
	}
	return false
}
