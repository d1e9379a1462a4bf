// Package world is the simulated AWS as a value: who may do what, which networks, instances and databases exist, and where
// each database's address really leads. The APIs, the gateway and the agent read it; tests change it while they run.
package world

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// World is a Spec that is checked, completed and safe for concurrent use. Readers get values that no later change touches.
type World struct {
	spec atomic.Pointer[Spec]
	mu   sync.Mutex // one writer at a time; readers never wait
}

// New checks spec, fills in what it leaves out (endpoint names, resource ids, main route tables…) and makes a world of it.
// The spec belongs to the world afterwards. Errors name the field: accounts[0].regions[1].instances[3].id.
func New(spec Spec) (*World, error) {
	if problems := spec.complete(); len(problems) > 0 {
		return nil, joined(problems)
	}
	return newWorld(spec), nil
}

func newWorld(spec Spec) *World {
	w := &World{}
	w.spec.Store(&spec)
	return w
}

func joined(problems []problem) error {
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}

// Accounts returns all accounts.
func (w *World) Accounts() []Account { return slices.Clone(w.spec.Load().Accounts) }

// MFACode is the six-digit code that every MFA device of the world shows.
func (w *World) MFACode() string { return w.spec.Load().MFACode }

// Account returns the account with that id.
func (w *World) Account(id string) (Account, bool) {
	for _, a := range w.spec.Load().Accounts {
		if a.ID == id {
			return a, true
		}
	}
	return Account{}, false
}

// Region returns what an account has in a region: an empty Region when it has nothing there. The slices are not to be
// written to; use Update.
func (w *World) Region(account, name string) Region {
	a, _ := w.Account(account)
	for _, r := range a.Regions {
		if r.Name == name {
			return r
		}
	}
	return Region{Name: name}
}

// Regions returns the names of all regions in which some account has something, sorted, and of those that are not opted in.
func (w *World) Regions() (enabled, notOptedIn []string) {
	spec := w.spec.Load()
	for _, a := range spec.Accounts {
		for _, r := range a.Regions {
			if !slices.Contains(enabled, r.Name) {
				enabled = append(enabled, r.Name)
			}
		}
	}
	slices.Sort(enabled)
	return enabled, slices.Clone(spec.NotOptedIn)
}

// Generation is equal for two moments between which the world has not changed.
func (w *World) Generation() any { return w.spec.Load() }

// Place is where a thing is.
type Place struct{ Account, Region string }

// Instance finds an instance by its id (i-… or mi-…) in any account and region, or a task of ECS by its target (ecs:…).
func (w *World) Instance(id string) (Instance, Place, bool) {
	for _, a := range w.spec.Load().Accounts {
		for _, r := range a.Regions {
			for _, i := range r.Instances {
				if i.ID == id {
					return i, Place{a.ID, r.Name}, true
				}
			}
			if t, ok := r.task(id); ok {
				return t, Place{a.ID, r.Name}, true
			}
		}
	}
	return Instance{}, Place{}, false
}

// Update changes what an account has in a region. change gets a copy whose slices and tag maps may be written to; readers see
// the old region until it returns. An error of the check leaves the world as it was.
func (w *World) Update(at Place, change func(*Region)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.spec.Load().clone()
	for i := range next.Accounts {
		if next.Accounts[i].ID != at.Account {
			continue
		}
		for j := range next.Accounts[i].Regions {
			if next.Accounts[i].Regions[j].Name == at.Region {
				change(&next.Accounts[i].Regions[j])
				return w.store(next)
			}
		}
	}
	return fmt.Errorf("account %s has nothing in region %q", at.Account, at.Region)
}

// UpdateInstance changes one instance: its ping status, agent version, state.
func (w *World) UpdateInstance(id string, change func(*Instance)) error {
	_, at, ok := w.Instance(id)
	if !ok {
		return fmt.Errorf("no instance %s", id)
	}
	return w.Update(at, func(r *Region) {
		for i := range r.Instances {
			if r.Instances[i].ID == id {
				change(&r.Instances[i])
			}
		}
	})
}

// SetDial says where host:port leads from now on: the address of a real server (127.0.0.1:PORT) or Silent, Refused or
// Unresolvable. The empty string takes the entry away, so that the default of Dial holds again.
func (w *World) SetDial(hostPort, to string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.spec.Load().clone()
	if to == "" {
		delete(next.Dials, hostPort)
	} else {
		next.Dials[hostPort] = to
	}
	return w.store(next)
}

func (w *World) store(next *Spec) error {
	if problems := next.complete(); len(problems) > 0 {
		return joined(problems)
	}
	w.spec.Store(next)
	return nil
}
