package world

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rdsx/rdsx/sim/world/iam"
)

// Portal is an IAM Identity Center portal with the one person who signs in to it.
type Portal struct {
	StartURL    string          `yaml:"start_url"`
	Region      string          `yaml:"region"`
	User        string          `yaml:"user"` // the name of the role sessions, such as mika@acme.example
	Sets        []PermissionSet `yaml:"permission_sets"`
	Assignments []Assignment    `yaml:"assignments"`
}

// PermissionSet becomes a role in every account that it is assigned in.
type PermissionSet struct {
	Name     string        `yaml:"name"`
	Policies []iam.Policy  `yaml:"policies"`
	Session  time.Duration `yaml:"session"` // 1 h when empty
}

// Assignment lets the person use permission sets in an account.
type Assignment struct {
	Account string   `yaml:"account"`
	Sets    []string `yaml:"permission_sets"`
}

// Organization is what AWS Organizations knows: every account of the world is in it.
type Organization struct {
	ID         string   `yaml:"id"`         // o-…; "" for no organization
	Management string   `yaml:"management"` // the one account that may list the others
	Suspended  []string `yaml:"suspended"`  // accounts that are closed
}

// Portals returns all portals.
func (w *World) Portals() []Portal { return slices.Clone(w.spec.Load().Portals) }

// Organization returns the organization; its ID is "" when there is none.
func (w *World) Organization() Organization { return w.spec.Load().Organization }

// Assign changes what the person of a portal may use in an account; no sets at all end it.
func (w *World) Assign(startURL, account string, sets ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.spec.Load().clone()
	next.Portals = slices.Clone(next.Portals)
	for i := range next.Portals {
		p := &next.Portals[i]
		if p.StartURL != startURL {
			continue
		}
		p.Assignments = slices.DeleteFunc(slices.Clone(p.Assignments), func(a Assignment) bool { return a.Account == account })
		if len(sets) > 0 {
			p.Assignments = append(p.Assignments, Assignment{Account: account, Sets: sets})
		}
		return w.store(next)
	}
	return fmt.Errorf("no portal %s", startURL)
}

// SetRole is the name of the role that a permission set is in an account.
func SetRole(account, set string) string {
	return "AWSReservedSSO_" + set + "_" + digits(16, account, set)
}

// completePortals makes the roles of the permission sets, as Identity Center does.
func (s *Spec) completePortals() {
	for _, p := range s.Portals {
		for _, at := range p.Assignments {
			for _, name := range at.Sets {
				if i := slices.IndexFunc(p.Sets, func(set PermissionSet) bool { return set.Name == name }); i >= 0 {
					s.addSetRole(at.Account, p.Sets[i])
				}
			}
		}
	}
}

func (s *Spec) addSetRole(account string, set PermissionSet) {
	for i := range s.Accounts {
		a := &s.Accounts[i]
		name := SetRole(account, set.Name)
		if a.ID != account || slices.ContainsFunc(a.Roles, func(r Role) bool { return r.Name == name }) {
			continue
		}
		provider := "arn:aws:iam::" + account + ":saml-provider/AWSSSO_DO_NOT_DELETE"
		a.Roles = append(slices.Clip(a.Roles), Role{
			Name: name, Path: "/aws-reserved/sso.amazonaws.com/", MaxSession: cmp.Or(set.Session, time.Hour), Policies: set.Policies,
			Trust: iam.Policy{Statements: []iam.Statement{{Principals: []string{provider}, Actions: []string{"sts:AssumeRoleWithSAML"}}}},
		})
	}
}

var setName = regexp.MustCompile(`^[\w+=,.@-]{1,32}$`)

func (c *checker) portals(s *Spec) {
	known := func(id string) bool {
		return slices.ContainsFunc(s.Accounts, func(a Account) bool { return a.ID == id })
	}
	for i, p := range s.Portals {
		path := fmt.Sprintf("portals[%d]", i)
		c.once(path+".start_url", "portal", p.StartURL)
		if !strings.HasPrefix(p.StartURL, "https://") {
			c.bad(path+".start_url", "%q is no https:// URL", p.StartURL)
		}
		c.match(path+".region", p.Region, regionName, "a region")
		c.match(path+".user", p.User, iamName, "a name for role sessions")
		for j, set := range p.Sets {
			c.match(fmt.Sprintf("%s.permission_sets[%d].name", path, j), set.Name, setName, "a permission set's name")
		}
		for j, at := range p.Assignments {
			here := fmt.Sprintf("%s.assignments[%d]", path, j)
			if !known(at.Account) {
				c.bad(here+".account", "there is no account %q", at.Account)
			}
			for _, name := range at.Sets {
				if !slices.ContainsFunc(p.Sets, func(set PermissionSet) bool { return set.Name == name }) {
					c.bad(here+".permission_sets", "there is no permission set %q", name)
				}
			}
		}
	}
	if o := s.Organization; o.ID != "" && !known(o.Management) {
		c.bad("organization.management", "there is no account %q", o.Management)
	}
}
