package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

type iamProfileView struct {
	Path       string
	Name       string `xml:"InstanceProfileName"`
	ID         string `xml:"InstanceProfileId"`
	ARN        string `xml:"Arn"`
	CreateDate string
	Roles      memberList[roleView]
}

func viewProfile(a world.Account, p world.InstanceProfile) struct{ InstanceProfile iamProfileView } {
	v := iamProfileView{p.Path, p.Name, p.ID, "arn:aws:iam::" + a.ID + ":instance-profile" + p.Path + p.Name, iamDate, memberList[roleView]{}}
	if r, ok := a.Role(p.Role); ok {
		v.Roles.Items = append(v.Roles.Items, viewRole(a.ID, r))
	}
	return struct{ InstanceProfile iamProfileView }{v}
}

// onProfile runs an operation on the instance profile that the form names, in a copy of the account.
func (c *call) onProfile(run func(a *world.Account, p *world.InstanceProfile) error) error {
	name := c.form.Get("InstanceProfileName")
	if !iamNames.MatchString(name) {
		return stsInvalid("instanceProfileName", name, `satisfy regular expression pattern: [\w+=,.@-]+`)
	}
	return c.updateAccount(func(a *world.Account) error {
		at := slices.IndexFunc(a.InstanceProfiles, func(p world.InstanceProfile) bool { return p.Name == name })
		path := pathOr(c.form.Get("Path"))
		if at >= 0 {
			path = a.InstanceProfiles[at].Path
		}
		if err := c.permit("iam:"+c.name, "arn:aws:iam::"+a.ID+":instance-profile"+path+name, nil); err != nil {
			return err
		}
		switch creates := c.name == "CreateInstanceProfile"; {
		case creates && at >= 0:
			return conflict("EntityAlreadyExists", "Instance Profile %s already exists.", name)
		case creates:
			a.InstanceProfiles = append(a.InstanceProfiles, world.InstanceProfile{Name: name, Path: path})
			a.Complete()
			at = len(a.InstanceProfiles) - 1
		case at < 0:
			return noSuchEntity("Instance Profile %s cannot be found.", name)
		}
		return run(a, &a.InstanceProfiles[at])
	})
}

func createProfile(c *call) (any, error) {
	var out any
	err := c.onProfile(func(a *world.Account, p *world.InstanceProfile) error {
		out = viewProfile(*a, *p)
		return nil
	})
	return out, err
}

func getProfile(c *call) (any, error) {
	var out any
	err := c.onProfile(func(a *world.Account, p *world.InstanceProfile) error {
		out = viewProfile(*a, *p)
		return errUnchanged
	})
	return out, err
}

func deleteProfile(c *call) (any, error) {
	return nothing{}, c.onProfile(func(a *world.Account, p *world.InstanceProfile) error {
		if p.Role != "" {
			return conflict("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
		}
		name := p.Name
		a.InstanceProfiles = slices.DeleteFunc(a.InstanceProfiles, func(x world.InstanceProfile) bool { return x.Name == name })
		return nil
	})
}

func addRoleToProfile(c *call) (any, error) {
	return nothing{}, c.onProfile(func(a *world.Account, p *world.InstanceProfile) error {
		r, ok := a.Role(c.form.Get("RoleName"))
		if !ok {
			return noSuchEntity("The role with name %s cannot be found.", c.form.Get("RoleName"))
		}
		if p.Role != "" {
			return conflict("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		if err := c.permit("iam:PassRole", "arn:aws:iam::"+a.ID+":role"+r.Path+r.Name, map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}); err != nil {
			return err
		}
		p.Role = r.Name
		return nil
	})
}

func removeRoleFromProfile(c *call) (any, error) {
	return nothing{}, c.onProfile(func(_ *world.Account, p *world.InstanceProfile) error {
		if p.Role == "" || p.Role != c.form.Get("RoleName") {
			return noSuchEntity("The role with name %s cannot be found.", c.form.Get("RoleName"))
		}
		p.Role = ""
		return nil
	})
}

type evaluation struct {
	EvalActionName    string
	EvalResourceName  string
	EvalDecision      string
	MatchedStatements memberList[struct {
		SourcePolicyID string `xml:"SourcePolicyId"`
	}]
	MissingContextValues memberList[string]
}

// simulatePrincipal evaluates the identity policies of a user or role; trust policies have no part in it (docs/aws.md §6).
func simulatePrincipal(c *call) (any, error) {
	source := c.form.Get("PolicySourceArn")
	if err := c.permit("iam:SimulatePrincipalPolicy", source, nil); err != nil {
		return nil, err
	}
	policies, ok := c.policiesOfARN(source)
	if !ok {
		return nil, noSuchEntity("The entity %s cannot be found.", source)
	}
	context := map[string][]string{}
	for i := 1; ; i++ {
		at := "ContextEntries.member." + strconv.Itoa(i)
		if !c.form.Has(at + ".ContextKeyName") {
			break
		}
		context[strings.ToLower(c.form.Get(at+".ContextKeyName"))] = list(c.form, at+".ContextKeyValues.member")
	}
	resources := list(c.form, "ResourceArns.member")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var out memberList[evaluation]
	for _, action := range list(c.form, "ActionNames.member") {
		for _, resource := range resources {
			e := evaluation{EvalActionName: action, EvalResourceName: resource}
			switch iam.Decide(policies, iam.Request{Action: action, Resource: resource, Context: context}) {
			case iam.Allow:
				e.EvalDecision = "allowed"
			case iam.Deny:
				e.EvalDecision = "explicitDeny"
			default:
				e.EvalDecision = "implicitDeny"
			}
			out.Items = append(out.Items, e)
		}
	}
	return struct {
		EvaluationResults memberList[evaluation]
		IsTruncated       bool
	}{EvaluationResults: out}, nil
}

// policiesOfARN are those of a user or role of the caller's account. A session's ARN is no source (docs/aws.md §6).
func (c *call) policiesOfARN(arn string) ([]iam.Policy, bool) {
	a, _ := c.api.world.Account(c.place.Account)
	for _, u := range a.Users {
		if arn == "arn:aws:iam::"+a.ID+":user/"+u.Name {
			return a.InForce(u.Policies, u.Attached), true
		}
	}
	for _, r := range a.Roles {
		if arn == "arn:aws:iam::"+a.ID+":role"+r.Path+r.Name {
			return a.InForce(r.Policies, r.Attached), true
		}
	}
	return nil, false
}
