package cli

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws/discover"
)

// completeWithin bounds how long Tab may take: a completion that comes late is worse than none.
const completeWithin = 5 * time.Second

// completeTargets offers database identifiers. Failures complete to nothing: a prompt is no place for an error.
func (a *app) completeTargets(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, inv := range a.inventories(cmd.Context()) {
		for _, db := range inv.Databases {
			out = append(out, cobra.CompletionWithDesc(db.ID, db.Engine+" "+db.Endpoint.String()))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeInstances offers the instances that a session can go through.
func (a *app) completeInstances(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, inv := range a.inventories(cmd.Context()) {
		for _, i := range inv.Instances {
			if i.Unfit() == "" {
				out = append(out, cobra.CompletionWithDesc(i.ID, i.Name))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// inventories are what there is to complete: the lists of the last run while they are young, else what AWS says in time.
func (a *app) inventories(ctx context.Context) []discover.Inventory {
	ctx, stop := context.WithTimeout(ctx, completeWithin)
	defer stop()
	a.flags.noInput = true
	chosen, err := a.chosen()
	if err != nil {
		return nil
	}
	scopes, err := a.scopes(ctx, chosen)
	if err != nil {
		return nil
	}
	places, _, err := a.places(ctx, scopes, a.askMFA)
	if err != nil {
		return nil
	}
	if kept, ok := a.keptInventories(places); ok {
		return kept
	}
	gathered := discover.NewGathering()
	_ = discover.NewFleet(searched(places), discover.Options{}).Stream(ctx, gathered.Add) // what has come in time will do
	return gathered.Inventories()
}

// completeGroups offers the groups of the configuration.
func (a *app) completeGroups(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	s, err := a.settings()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(s.groups)), cobra.ShellCompDirectiveNoFileComp
}
