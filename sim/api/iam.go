package api

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

const iamVersion = "2010-05-08"

// iamService: every operation asks for the role, user, profile or policy that it names.
func iamService() *service {
	return &service{name: "iam", wire: queryWire{xmlns: "https://iam.amazonaws.com/doc/" + iamVersion + "/"}, operations: map[string]operation{
		"CreateRole":                    onRole(createRole),
		"GetRole":                       onRole(getRole),
		"DeleteRole":                    onRole(deleteRole),
		"UpdateAssumeRolePolicy":        onRole(updateTrust),
		"PutRolePolicy":                 onRole(putPolicy),
		"GetRolePolicy":                 onRole(getPolicyOf),
		"DeleteRolePolicy":              onRole(deletePolicyOf),
		"ListRolePolicies":              onRole(listPoliciesOf),
		"AttachRolePolicy":              onRole(attach),
		"DetachRolePolicy":              onRole(detach),
		"ListAttachedRolePolicies":      onRole(listAttached),
		"GetUser":                       onUser(getUser),
		"PutUserPolicy":                 onUser(putPolicy),
		"GetUserPolicy":                 onUser(getPolicyOf),
		"DeleteUserPolicy":              onUser(deletePolicyOf),
		"ListUserPolicies":              onUser(listPoliciesOf),
		"AttachUserPolicy":              onUser(attach),
		"DetachUserPolicy":              onUser(detach),
		"ListAttachedUserPolicies":      onUser(listAttached),
		"CreateInstanceProfile":         {"", createProfile},
		"GetInstanceProfile":            {"", getProfile},
		"DeleteInstanceProfile":         {"", deleteProfile},
		"AddRoleToInstanceProfile":      {"", addRoleToProfile},
		"RemoveRoleFromInstanceProfile": {"", removeRoleFromProfile},
		"CreatePolicy":                  {"", createPolicy},
		"GetPolicy":                     {"", getPolicy},
		"GetPolicyVersion":              {"", getPolicyVersion},
		"DeletePolicy":                  {"", deletePolicy},
		"SimulatePrincipalPolicy":       {"", simulatePrincipal},
	}}
}

var iamNames = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// holder is the user or role whose policies an operation is about. Its pointers lead into a copy of the account.
type holder struct {
	kind     string // role or user
	name     string
	path     string
	policies *[]iam.Policy
	attached *[]string
	role     *world.Role // nil for a user, and for a role that is still to be made
	user     *world.User
}

func (h holder) arn(account string) string {
	return "arn:aws:iam::" + account + ":" + h.kind + h.path + h.name
}

// onRole makes an operation on the role that RoleName names: the caller is asked about first, then whether it exists.
func onRole(run func(c *call, a *world.Account, h holder) (any, error)) operation {
	return operation{"", func(c *call) (any, error) {
		return c.change("role", c.form.Get("RoleName"), run, func(a *world.Account, h *holder) bool {
			for i := range a.Roles {
				if r := &a.Roles[i]; r.Name == h.name {
					h.role, h.path, h.policies, h.attached = r, r.Path, &r.Policies, &r.Attached
				}
			}
			return h.role != nil || c.name == "CreateRole"
		})
	}}
}

// onUser does the same for UserName. Without one it is the caller.
func onUser(run func(c *call, a *world.Account, h holder) (any, error)) operation {
	return operation{"", func(c *call) (any, error) {
		name := c.form.Get("UserName")
		if name == "" && c.name == "GetUser" {
			name = c.id.User
		}
		return c.change("user", name, run, func(a *world.Account, h *holder) bool {
			for i := range a.Users {
				if u := &a.Users[i]; u.Name == h.name {
					h.user, h.path, h.policies, h.attached = u, "/", &u.Policies, &u.Attached
				}
			}
			return h.user != nil
		})
	}}
}

// errUnchanged ends an update of the world that wanted to read only.
var errUnchanged = errors.New("unchanged")

// change finds the holder in a copy of the account, asks the caller's policies and runs the operation on it.
func (c *call) change(kind, name string, run func(*call, *world.Account, holder) (any, error), find func(*world.Account, *holder) bool) (any, error) {
	if !iamNames.MatchString(name) {
		return nil, stsInvalid(kind+"Name", name, `satisfy regular expression pattern: [\w+=,.@-]+`)
	}
	var out any
	err := c.updateAccount(func(a *world.Account) error {
		h := holder{kind: kind, name: name, path: pathOr(c.form.Get("Path"))}
		found := find(a, &h)
		if err := c.permit("iam:"+c.name, h.arn(a.ID), nil); err != nil {
			return err
		}
		if !found {
			return noSuchEntity("The %s with name %s cannot be found.", kind, name)
		}
		var err error
		out, err = run(c, a, h)
		if err == nil && reads(c.name) {
			return errUnchanged
		}
		return err
	})
	return out, err
}

// updateAccount changes the caller's account. What only reads ends with errUnchanged, which is no error to the caller.
func (c *call) updateAccount(change func(*world.Account) error) error {
	err := c.api.world.UpdateAccount(c.place.Account, change)
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

func reads(op string) bool { return strings.HasPrefix(op, "Get") || strings.HasPrefix(op, "List") }

func pathOr(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func noSuchEntity(format string, args ...any) error {
	e := failf("NoSuchEntity", format, args...)
	e.Status = http.StatusNotFound
	return e
}

func conflict(code, format string, args ...any) error {
	e := failf(code, format, args...)
	e.Status = http.StatusConflict
	return e
}

// iamDate is when every user, role and profile was made; the world does not say.
const iamDate = "2024-03-01T09:00:00Z"

type roleView struct {
	Path       string
	Name       string `xml:"RoleName"`
	ID         string `xml:"RoleId"`
	ARN        string `xml:"Arn"`
	CreateDate string
	Trust      string `xml:"AssumeRolePolicyDocument"` // URL-encoded (docs/aws.md §6)
	Max        int    `xml:"MaxSessionDuration"`
}

func viewRole(account string, r world.Role) roleView {
	return roleView{r.Path, r.Name, r.ID, "arn:aws:iam::" + account + ":role" + r.Path + r.Name, iamDate, encoded(r.Trust.Text), int(r.MaxSession / time.Second)}
}

// encoded is a policy's text as IAM's answers hold it (RFC 3986: a blank is %20).
func encoded(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// policyIn reads a policy document of the form.
func (c *call) policyIn(field string) (iam.Policy, error) {
	p, err := iam.Parse([]byte(c.form.Get(field)))
	if err != nil {
		return p, failf("MalformedPolicyDocument", "%v", err)
	}
	return p, nil
}

func createRole(c *call, a *world.Account, h holder) (any, error) {
	if h.role != nil {
		return nil, conflict("EntityAlreadyExists", "Role with name %s already exists.", h.name)
	}
	trust, err := c.policyIn("AssumeRolePolicyDocument")
	if err != nil {
		return nil, err
	}
	if bad := c.unknownPrincipal(trust); bad != "" {
		return nil, failf("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"%s\"", bad)
	}
	for _, st := range trust.Statements {
		if len(st.Principals) == 0 || len(st.Resources) > 0 {
			return nil, failf("MalformedPolicyDocument", "A trust policy names principals and has no resources")
		}
	}
	lasts, err := intervalOf(c.form.Get("MaxSessionDuration"))
	if err != nil {
		return nil, err
	}
	a.Roles = append(a.Roles, world.Role{Name: h.name, Path: h.path, Trust: trust, MaxSession: lasts})
	a.Complete()
	made, _ := a.Role(h.name)
	return struct{ Role roleView }{viewRole(a.ID, made)}, nil
}

// unknownPrincipal is the first user or role of a trust policy that does not exist: IAM refuses those.
func (c *call) unknownPrincipal(trust iam.Policy) string {
	for _, st := range trust.Statements {
		for _, p := range st.Principals {
			parts := strings.Split(p, ":")
			if len(parts) != 6 || parts[5] == "root" {
				continue
			}
			a, ok := c.api.world.Account(parts[4])
			known := slices.ContainsFunc(a.Users, func(u world.User) bool { return parts[5] == "user/"+u.Name }) ||
				slices.ContainsFunc(a.Roles, func(r world.Role) bool { return parts[5] == "role"+r.Path+r.Name })
			if ok && parts[2] == "iam" && !known {
				return p
			}
		}
	}
	return ""
}

func intervalOf(seconds string) (time.Duration, error) {
	if seconds == "" {
		return time.Hour, nil
	}
	d, err := time.ParseDuration(seconds + "s")
	if err != nil || d < time.Hour || d > 12*time.Hour {
		return 0, stsInvalid("maxSessionDuration", seconds, "have value between 3600 and 43200")
	}
	return d, nil
}

func getRole(_ *call, a *world.Account, h holder) (any, error) {
	return struct{ Role roleView }{viewRole(a.ID, *h.role)}, nil
}

func deleteRole(_ *call, a *world.Account, h holder) (any, error) {
	switch {
	case len(*h.attached) > 0:
		return nil, conflict("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	case len(*h.policies) > 0:
		return nil, conflict("DeleteConflict", "Cannot delete entity, must delete policies first.")
	case slices.ContainsFunc(a.InstanceProfiles, func(p world.InstanceProfile) bool { return p.Role == h.name }):
		return nil, conflict("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	}
	a.Roles = slices.DeleteFunc(a.Roles, func(r world.Role) bool { return r.Name == h.name })
	return nothing{}, nil
}

func updateTrust(c *call, _ *world.Account, h holder) (any, error) {
	trust, err := c.policyIn("PolicyDocument")
	if err != nil {
		return nil, err
	}
	h.role.Trust = trust
	return nothing{}, nil
}

// nothing is the answer of an operation that has none.
type nothing struct{}

func getUser(_ *call, a *world.Account, h holder) (any, error) {
	type view struct {
		Path       string
		Name       string `xml:"UserName"`
		ID         string `xml:"UserId"`
		ARN        string `xml:"Arn"`
		CreateDate string
	}
	return struct{ User view }{view{"/", h.name, h.user.ID, h.arn(a.ID), iamDate}}, nil
}
