package cli

import (
	"context"
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
	for _, db := range a.inventory(cmd.Context()).Databases {
		out = append(out, cobra.CompletionWithDesc(db.ID, db.Engine+" "+db.Endpoint.String()))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeInstances offers the instances that a session can go through.
func (a *app) completeInstances(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, i := range a.inventory(cmd.Context()).Instances {
		if discover.Unfit(i) == "" {
			out = append(out, cobra.CompletionWithDesc(i.ID, i.Name))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) inventory(ctx context.Context) discover.Inventory {
	ctx, stop := context.WithTimeout(ctx, completeWithin)
	defer stop()
	a.flags.noInput = true
	cfg, acct, err := a.load(ctx)
	if err != nil {
		return discover.Inventory{}
	}
	inv, _ := discover.New(cfg, acct, discover.Options{}).All(ctx)
	return inv
}
