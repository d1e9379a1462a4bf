package discover

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// Inventory is all that one search found, sorted by name.
type Inventory struct {
	Account   aws.Account    `json:"account"`
	Instances []aws.Instance `json:"instances"`
	Databases []aws.Database `json:"databases"`
	Errors    []error        `json:"-"` // an *APIError each, in the order of the APIs
}

// failure is the error of one API, or nil.
func (inv Inventory) failure(api string) error {
	for _, err := range inv.Errors {
		var e *APIError
		if errors.As(err, &e) && e.API == api {
			return err
		}
	}
	return nil
}

// All collects a stream. The error is ctx's, or, when every API failed, the first failure.
func (f *Finder) All(ctx context.Context) (Inventory, error) {
	instances, databases := map[string]aws.Instance{}, map[string]aws.Database{}
	failed := map[string]error{}
	err := f.Stream(ctx, func(r Result) {
		for _, i := range r.Instances {
			instances[i.ID] = i
		}
		for _, d := range r.Databases {
			databases[Key(d)] = d
		}
		if r.Err != nil {
			failed[r.API] = r.Err
		}
	})
	inv := Inventory{Account: f.account}
	if err != nil {
		return inv, err
	}
	for _, j := range f.jobs {
		if e := failed[j.api]; e != nil {
			inv.Errors = append(inv.Errors, e)
		}
	}
	for _, i := range instances {
		inv.Instances = append(inv.Instances, i)
	}
	for _, d := range databases {
		inv.Databases = append(inv.Databases, d)
	}
	inv.sort()
	if len(failed) == len(f.jobs) {
		return inv, inv.Errors[0]
	}
	return inv, nil
}

func (inv *Inventory) sort() {
	slices.SortFunc(inv.Instances, func(a, b aws.Instance) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(inv.Databases, func(a, b aws.Database) int {
		return cmp.Or(strings.Compare(family(a), family(b)), rank(a.Role)-rank(b.Role), strings.Compare(a.ID, b.ID))
	})
}

// family keeps a cluster and what belongs to it together.
func family(d aws.Database) string { return cmp.Or(d.Cluster, d.ID) }

func rank(r aws.Role) int {
	return slices.Index([]aws.Role{aws.RoleWriter, aws.RoleReader, aws.RoleCustom, aws.RoleInstance, aws.RoleProxy}, r)
}
