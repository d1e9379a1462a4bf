package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
)

// located is a name in one of the places that were asked.
type located struct {
	place  place
	inv    discover.Inventory
	target aws.Target
}

// locate finds what a name means in any of the places. Where a list of the last run knows it in one place alone, that place is
// asked first, and the others only when it is not there any more.
func (a *app) locate(ctx context.Context, places []place, name string) (located, error) {
	if len(places) > 1 {
		if p, ok := a.keptPlace(places, name); ok {
			if found, err := a.locateAmong(ctx, []place{p}, name); err == nil {
				return found, nil
			}
		}
	}
	return a.locateAmong(ctx, places, name)
}

// keptPlace is the only place whose list of the last run knows the name.
func (a *app) keptPlace(places []place, name string) (place, bool) {
	var found []place
	store := a.cache()
	if a.flags.many.refresh {
		return place{}, false
	}
	keys := map[string]bool{}
	for _, p := range places {
		kept, ok := store.read(p.account)
		if !ok {
			return place{}, false // it may be there as well
		}
		db, _, err := discover.Resolve(kept.inventory(), name)
		if err != nil || db == nil {
			continue
		}
		if key := kept.Account.ID + " " + kept.Account.Region + " " + discover.Key(*db); !keys[key] {
			keys[key] = true
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return place{}, false
	}
	return found[0], true
}

func (a *app) locateAmong(ctx context.Context, places []place, name string) (located, error) {
	var all []discover.Inventory
	if len(places) == 1 {
		// Whose account it is does not matter for one: the session is the profile's.
		inv, err := discover.New(places[0].cfg, places[0].account, discover.Options{}).All(ctx)
		if err != nil {
			return located{}, err
		}
		all = append(all, inv)
	} else {
		found, err := discover.NewFleet(searched(places), discover.Options{}).Each(ctx)
		if err != nil {
			return located{}, err
		}
		all = found
	}
	var hits []located
	var missed error
	for _, inv := range all {
		target, err := resolve(inv, inv.Account, name)
		switch {
		case err != nil && (missed == nil || !errors.Is(err, aws.ErrNotFound)):
			missed = withListErrors(err, inv)
		case err != nil:
		case target.Database == nil && len(all) > 1:
			return located{}, usage("rdsx connect "+name+" --profile NAME", "%s is no database of any of the %d accounts and regions: say through which of them it is reached", name, len(all))
		default:
			if target.Database != nil {
				target.Account = ownerOf(target.Account, target.Database.Profiles)
			}
			if p, ok := placeFor(places, target.Account.Profile, target.Account.Region); ok {
				hits = append(hits, located{p, inv, target})
			}
		}
	}
	switch len(hits) {
	case 0:
		if len(all) > 1 && errors.Is(missed, aws.ErrNotFound) {
			return located{}, aws.Advise(fmt.Errorf("no database, cluster, proxy or endpoint %q in %s", name, fmt.Sprintf("%d accounts and regions", len(all))), aws.ErrNotFound, "rdsx ls, with the same flags, shows what there is")
		}
		return located{}, missed
	case 1:
		return hits[0], nil
	}
	var where []string
	for _, h := range hits {
		where = append(where, h.target.Account.Profile+" in "+h.target.Account.Region)
	}
	slices.Sort(where)
	first := hits[0].target.Account
	return located{}, usage(fmt.Sprintf("rdsx connect %s --profile %s --region %s", name, first.Profile, first.Region), "%q is there %d times: %s", name, len(hits), strings.Join(where, ", "))
}

// keptInventories are the lists of the last run, false when one is missing or not young.
func (a *app) keptInventories(places []place) ([]discover.Inventory, bool) {
	var all []discover.Inventory
	store := a.cache()
	for _, p := range places {
		kept, ok := store.read(p.account)
		if !ok || time.Since(kept.At) > young || a.flags.many.refresh {
			return nil, false
		}
		all = append(all, kept.inventory())
	}
	return all, true
}
