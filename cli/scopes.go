package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/profiles"
)

// manyFlags are those of the commands that can look at many accounts and regions at once, and at what was found last time.
type manyFlags struct {
	profiles, regions, group string
	all, refresh, noCache    bool
}

func (m *manyFlags) register(f *pflag.FlagSet) {
	m.registerScopes(f)
	f.BoolVar(&m.refresh, "refresh", false, "show nothing of the last run's list: ask AWS first")
	f.BoolVar(&m.noCache, "no-cache", false, "neither read nor keep lists on this machine")
}

// registerScopes registers those that say which accounts and regions are meant.
func (m *manyFlags) registerScopes(f *pflag.FlagSet) {
	f.StringVar(&m.profiles, "profiles", "", "several profiles, with commas between them: one list of all")
	f.BoolVar(&m.all, "all-profiles", false, "every profile in ~/.aws/config that leads to an account")
	f.StringVar(&m.group, "group", "", "the profiles of a group in config.yaml or .rdsx.yaml")
	f.StringVar(&m.regions, "regions", "", "several regions, with commas between them (default: each profile's own)")
}

// choice is which profiles and regions are meant, as it is remembered from one run of the screens to the next.
type choice struct {
	Profiles []string `json:"profiles,omitempty"`
	Group    string   `json:"group,omitempty"`
	All      bool     `json:"all,omitempty"`
	Regions  []string `json:"regions,omitempty"`
}

func (c choice) empty() bool {
	return len(c.Profiles) == 0 && len(c.Regions) == 0 && c.Group == "" && !c.All
}

// chosen is what the flags say. --profile and --region may name several as well.
func (a *app) chosen() (choice, error) {
	m := a.flags.many
	c := choice{Profiles: named(cmp.Or(m.profiles, a.flags.profile)), Group: m.group, All: m.all, Regions: named(cmp.Or(m.regions, a.flags.region))}
	ways := 0
	for _, given := range []bool{a.flags.profile != "", m.profiles != "", m.group != "", m.all} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return c, usage("rdsx ls --profiles a,b", "--profile, --profiles, --group and --all-profiles each say which profiles are meant: give one of them")
	case m.regions != "" && a.flags.region != "":
		return c, usage("rdsx ls --regions "+m.regions, "--region and --regions each say which regions are meant: give one of them")
	}
	return c, nil
}

// named cuts a list at its commas.
func named(list string) []string {
	var all []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// scopes are the profiles and regions of a choice: every one with every one.
func (a *app) scopes(ctx context.Context, c choice) ([]scope, error) {
	names, regions := c.Profiles, c.Regions
	switch {
	case c.Group != "":
		s, err := a.settings()
		if err != nil {
			return nil, err
		}
		if names = s.groups[c.Group]; len(names) == 0 {
			return nil, aws.Advise(fmt.Errorf("no group %q in the configuration", c.Group), aws.ErrUsage, "write it under groups: in "+cmp.Or(a.settingsPath(), teamFile))
		}
	case c.All:
		f, err := profiles.Open(ctx, a.profileFiles())
		if err != nil {
			return nil, fmt.Errorf("read the profiles: %w", err)
		}
		for _, p := range f.Profiles() {
			if p.Kind != profiles.KindNone {
				names = append(names, p.Name)
			}
		}
		if len(names) == 0 {
			return nil, aws.Advise(errors.New("no profile leads to an account"), aws.ErrUsage, "rdsx profiles add")
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	if len(regions) == 0 {
		regions = []string{""}
	}
	var out []scope
	for _, name := range names {
		for _, region := range regions {
			out = append(out, scope{name, region})
		}
	}
	return out, nil
}

// places reads the profiles of the scopes, each once: its regions share credentials. Where several are asked, one that cannot
// be read is a failure among the others; the error is of the only one, or of the first when there is none left.
func (a *app) places(ctx context.Context, scopes []scope, mfa account.AskMFA) (all []place, failed []error, err error) {
	loaded := map[string]place{}
	broken := map[string]bool{}
	for _, sc := range scopes {
		if broken[sc.profile] {
			continue
		}
		first, ok := loaded[sc.profile]
		if ok && sc.region != "" {
			first.scope = sc
			if first.cfg, first.account, err = account.InRegion(first.cfg, first.account, sc.region); err != nil {
				return nil, nil, err
			}
			all = append(all, first)
			continue
		}
		one := *a
		one.flags.profile, one.flags.region = sc.profile, sc.region
		p := place{scope: sc}
		if p.cfg, p.account, err = one.loadAsking(ctx, mfa); err != nil {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			broken[sc.profile] = true
			failed = append(failed, err)
			continue
		}
		loaded[sc.profile] = p
		all = append(all, p)
	}
	if len(all) == 0 && len(failed) > 0 {
		return nil, nil, failed[0]
	}
	return all, failed, nil
}

// searched are places as the discovery takes them.
func searched(places []place) []discover.Place {
	out := make([]discover.Place, 0, len(places))
	for _, p := range places {
		out = append(out, discover.Place{Config: p.cfg, Account: p.account})
	}
	return out
}

// placeFor is the place of a profile and region among those that are asked.
func placeFor(places []place, profile, region string) (place, bool) {
	i := slices.IndexFunc(places, func(p place) bool { return p.account.Profile == profile && p.account.Region == region })
	if i < 0 {
		return place{}, false
	}
	return places[i], true
}

// ownerOf is the account of a thing as the first of the profiles that see it has it: that one opens it.
func ownerOf(site aws.Account, seenBy []string) aws.Account {
	if len(seenBy) > 0 {
		site.Profile = seenBy[0]
	}
	return site
}
