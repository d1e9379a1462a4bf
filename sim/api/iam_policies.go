package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// nameOf is an inline policy's name; one that the world's author wrote has none and goes by its place.
func nameOf(i int, p iam.Policy) string {
	if p.Name == "" {
		return fmt.Sprintf("inline-%d", i+1)
	}
	return p.Name
}

func indexOf(policies []iam.Policy, name string) int {
	for i, p := range policies {
		if nameOf(i, p) == name {
			return i
		}
	}
	return -1
}

func putPolicy(c *call, _ *world.Account, h holder) (any, error) {
	name := c.form.Get("PolicyName")
	if !iamNames.MatchString(name) {
		return nil, stsInvalid("policyName", name, `satisfy regular expression pattern: [\w+=,.@-]+`)
	}
	p, err := c.policyIn("PolicyDocument")
	if err != nil {
		return nil, err
	}
	for _, st := range p.Statements {
		if len(st.Principals) > 0 {
			return nil, failf("MalformedPolicyDocument", "Policy document should not specify a principal.")
		}
		if len(st.Resources) == 0 && len(st.NotResources) == 0 {
			return nil, failf("MalformedPolicyDocument", "Policy statement must contain resources.")
		}
	}
	p.Name = name
	if i := indexOf(*h.policies, name); i >= 0 {
		(*h.policies)[i] = p
	} else {
		*h.policies = append(*h.policies, p)
	}
	return nothing{}, nil
}

func noPolicy(h holder, name string) error {
	return noSuchEntity("The %s policy with name %s cannot be found.", h.kind, name)
}

func getPolicyOf(c *call, _ *world.Account, h holder) (any, error) {
	name := c.form.Get("PolicyName")
	i := indexOf(*h.policies, name)
	if i < 0 {
		return nil, noPolicy(h, name)
	}
	return struct {
		RoleName       string `xml:",omitempty"`
		UserName       string `xml:",omitempty"`
		PolicyName     string
		PolicyDocument string
	}{c.form.Get("RoleName"), c.form.Get("UserName"), name, encoded((*h.policies)[i].Text)}, nil
}

func deletePolicyOf(c *call, _ *world.Account, h holder) (any, error) {
	name := c.form.Get("PolicyName")
	i := indexOf(*h.policies, name)
	if i < 0 {
		return nil, noPolicy(h, name)
	}
	*h.policies = slices.Delete(*h.policies, i, i+1)
	return nothing{}, nil
}

// memberList is a list of the query protocol.
type memberList[T any] struct {
	Items []T `xml:"member"`
}

func listPoliciesOf(_ *call, _ *world.Account, h holder) (any, error) {
	var names memberList[string]
	for i, p := range *h.policies {
		names.Items = append(names.Items, nameOf(i, p))
	}
	return struct {
		PolicyNames memberList[string]
		IsTruncated bool
	}{PolicyNames: names}, nil
}

func attach(c *call, a *world.Account, h holder) (any, error) {
	arn := c.form.Get("PolicyArn")
	if _, ok := a.Managed(arn); !ok {
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	}
	if !slices.Contains(*h.attached, arn) {
		*h.attached = append(*h.attached, arn)
	}
	return nothing{}, nil
}

func detach(c *call, _ *world.Account, h holder) (any, error) {
	arn := c.form.Get("PolicyArn")
	i := slices.Index(*h.attached, arn)
	if i < 0 {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	*h.attached = slices.Delete(*h.attached, i, i+1)
	return nothing{}, nil
}

func listAttached(_ *call, _ *world.Account, h holder) (any, error) {
	type row struct{ PolicyName, PolicyArn string }
	var rows memberList[row]
	for _, arn := range *h.attached {
		rows.Items = append(rows.Items, row{arn[strings.LastIndex(arn, "/")+1:], arn})
	}
	return struct {
		AttachedPolicies memberList[row]
		IsTruncated      bool
	}{AttachedPolicies: rows}, nil
}

type policyView struct {
	Name             string `xml:"PolicyName"`
	ID               string `xml:"PolicyId"`
	ARN              string `xml:"Arn"`
	Path             string
	DefaultVersionID string `xml:"DefaultVersionId"`
	AttachmentCount  int
	IsAttachable     bool
	CreateDate       string
	UpdateDate       string
}

func viewPolicy(arn string, p world.ManagedPolicy) struct{ Policy policyView } {
	return struct{ Policy policyView }{policyView{p.Name, "ANPA" + strings.ToUpper(made("", arn)), arn, p.Path, "v1", 0, true, iamDate, iamDate}}
}

func createPolicy(c *call) (any, error) {
	p := world.ManagedPolicy{Name: c.form.Get("PolicyName"), Path: pathOr(c.form.Get("Path"))}
	arn := c.fill("arn:aws:iam::{account}:policy" + p.Path + p.Name)
	if !iamNames.MatchString(p.Name) {
		return nil, stsInvalid("policyName", p.Name, `satisfy regular expression pattern: [\w+=,.@-]+`)
	}
	if err := c.permit("iam:CreatePolicy", arn, nil); err != nil {
		return nil, err
	}
	var err error
	if p.Policy, err = c.policyIn("PolicyDocument"); err != nil {
		return nil, err
	}
	err = c.updateAccount(func(a *world.Account) error {
		if _, ok := a.Managed(arn); ok {
			return conflict("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		a.ManagedPolicies = append(a.ManagedPolicies, p)
		return nil
	})
	return viewPolicy(arn, p), err
}

// managed finds the policy that PolicyArn names, once the caller may do the operation to it.
func (c *call) managed() (string, world.ManagedPolicy, error) {
	arn := c.form.Get("PolicyArn")
	if err := c.permit("iam:"+c.name, arn, nil); err != nil {
		return arn, world.ManagedPolicy{}, err
	}
	a, _ := c.api.world.Account(c.place.Account)
	p, ok := a.Managed(arn)
	if !ok {
		return arn, p, noSuchEntity("Policy %s was not found.", arn)
	}
	return arn, p, nil
}

func getPolicy(c *call) (any, error) {
	arn, p, err := c.managed()
	return viewPolicy(arn, p), err
}

func getPolicyVersion(c *call) (any, error) {
	_, p, err := c.managed()
	if err == nil && c.form.Get("VersionId") != "v1" {
		err = noSuchEntity("Policy version %s does not exist.", c.form.Get("VersionId"))
	}
	type version struct {
		Document         string
		VersionID        string `xml:"VersionId"`
		IsDefaultVersion bool
		CreateDate       string
	}
	return struct{ PolicyVersion version }{version{encoded(p.Policy.Text), "v1", true, iamDate}}, err
}

func deletePolicy(c *call) (any, error) {
	arn, p, err := c.managed()
	if err != nil {
		return nil, err
	}
	return nothing{}, c.updateAccount(func(a *world.Account) error {
		used := slices.ContainsFunc(a.Roles, func(r world.Role) bool { return slices.Contains(r.Attached, arn) }) ||
			slices.ContainsFunc(a.Users, func(u world.User) bool { return slices.Contains(u.Attached, arn) })
		if used {
			return conflict("DeleteConflict", "Cannot delete a policy attached to entities.")
		}
		a.ManagedPolicies = slices.DeleteFunc(a.ManagedPolicies, func(m world.ManagedPolicy) bool { return m.Name == p.Name && m.Path == p.Path })
		return nil
	})
}
