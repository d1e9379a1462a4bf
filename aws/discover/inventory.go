package discover

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
)

// Inventory is all that a search found in one account and region, sorted by name.
type Inventory struct {
	Account   aws.Account    `json:"account"`
	Instances []aws.Instance `json:"instances"`
	Databases []aws.Database `json:"databases"`
	Errors    []error        `json:"-"`                // an *APIError each, in the order of the APIs
	Denied    []string       `json:"denied,omitempty"` // IAM actions that a profile may not call: those of Errors, and those nobody needs
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

// Empty says whether nothing was found.
func (inv Inventory) Empty() bool { return len(inv.Instances) == 0 && len(inv.Databases) == 0 }

// Failure is the first reason for an inventory in which nothing could be listed, nil when something could.
func (inv Inventory) Failure() error { return inv.failedAll(len(apis())) }

// failedAll is the first failure when there are as many as lists.
func (inv Inventory) failedAll(lists int) error {
	failed := len(inv.Denied)
	for _, err := range inv.Errors {
		if !errors.Is(err, aws.ErrDenied) {
			failed++
		}
	}
	if len(inv.Errors) > 0 && failed == lists {
		return inv.Errors[0]
	}
	return nil
}

// All collects a stream of one place. The error is ctx's, or, when every API failed, the first failure.
func (f *Finder) All(ctx context.Context) (Inventory, error) {
	found, err := f.Each(ctx)
	if err != nil || len(found) == 0 {
		return Inventory{Account: f.places[0].account}, err
	}
	return found[0], found[0].failedAll(len(f.places[0].jobs()))
}

// Each collects a stream: one inventory for each account and region, in the order of the places. The error is ctx's alone.
func (f *Finder) Each(ctx context.Context) ([]Inventory, error) {
	g := NewGathering()
	if err := f.Stream(ctx, g.Add); err != nil {
		return nil, err
	}
	return g.Inventories(), nil
}

// Gathering puts the results of a stream together. It is not safe for concurrent use; Stream does not call it so.
type Gathering struct {
	sites map[aws.Account]*gathered // by id and region, or by profile where the id is not known
}

type gathered struct {
	first     int // index of the first of its places
	account   aws.Account
	instances map[string]aws.Instance
	databases map[string]aws.Database
	failed    map[string]*APIError // by API; the first place's
	listed    map[string]bool      // APIs that some profile could read
}

// NewGathering is an empty one.
func NewGathering() *Gathering { return &Gathering{sites: map[aws.Account]*gathered{}} }

// Add takes a result in.
func (g *Gathering) Add(r Result) {
	key := aws.Account{ID: r.Account.ID, Region: r.Account.Region}
	if key.ID == "" {
		key = r.Account
	}
	s := g.sites[key]
	if s == nil {
		s = &gathered{r.Place, r.Account, map[string]aws.Instance{}, map[string]aws.Database{}, map[string]*APIError{}, map[string]bool{}}
		g.sites[key] = s
	}
	if r.Place < s.first {
		s.first, s.account = r.Place, r.Account
	}
	for _, i := range r.Instances {
		s.instances[i.ID] = i
	}
	for _, d := range r.Databases {
		s.databases[Key(d)] = d
	}
	if r.Done && r.Err == nil {
		s.listed[r.API] = true
	}
	var e *APIError
	if errors.As(r.Err, &e) && s.failed[e.API] == nil {
		s.failed[e.API] = e
	}
}

// Inventories are what was found, sorted.
func (g *Gathering) Inventories() []Inventory {
	sites := make([]*gathered, 0, len(g.sites))
	for _, s := range g.sites {
		sites = append(sites, s)
	}
	slices.SortFunc(sites, func(a, b *gathered) int { return a.first - b.first })
	out := make([]Inventory, 0, len(sites))
	for _, s := range sites {
		inv := Inventory{Account: s.account}
		for _, i := range s.instances {
			inv.Instances = append(inv.Instances, i)
		}
		for _, d := range s.databases {
			inv.Databases = append(inv.Databases, d)
		}
		for _, api := range apis() {
			e := s.failed[api]
			if e == nil || e.Denied && s.listed[api] {
				continue // another profile may
			}
			if e.Denied {
				inv.Denied = append(inv.Denied, api)
			}
			if !e.Denied || !e.extra {
				inv.Errors = append(inv.Errors, e)
			}
		}
		inv.Sort()
		out = append(out, inv)
	}
	return out
}

// apis are all that a search asks, in the order in which failures are told.
func apis() []string {
	var all []string
	for _, j := range (clients{stores: &stores{}}).jobs() {
		all = append(all, j.api)
	}
	return all
}

// Sort puts what belongs together together, by name.
func (inv *Inventory) Sort() {
	slices.SortFunc(inv.Instances, func(a, b aws.Instance) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(inv.Databases, func(a, b aws.Database) int {
		return cmp.Or(strings.Compare(family(a), family(b)), strings.Compare(a.Service, b.Service), rank(a.Role)-rank(b.Role), strings.Compare(a.ID, b.ID))
	})
}

// family keeps a cluster and what belongs to it together.
func family(d aws.Database) string { return cmp.Or(d.Cluster, d.ID) }

func rank(r aws.Role) int {
	return slices.Index([]aws.Role{aws.RoleWriter, aws.RoleConfig, aws.RoleReader, aws.RoleCustom, aws.RoleInstance, aws.RoleProxy}, r)
}
