package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// offers are what can be typed next, without what has been typed already.
type offers struct {
	typed string // of the next word
	seen  map[string]bool
	out   []string
}

func offer(args []string, typed string) *offers {
	o := &offers{typed: typed, seen: map[string]bool{"": true}}
	for _, name := range args {
		o.seen[name] = true
	}
	return o
}

func (o *offers) add(name, what string) {
	if !o.seen[name] && strings.HasPrefix(name, o.typed) {
		o.seen[name] = true
		o.out = append(o.out, cobra.CompletionWithDesc(name, what))
	}
}

// completeUp offers the sets and targets of the configuration, then databases.
func (a *app) completeUp(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	o := offer(args, typed)
	if s, err := a.settings(); err == nil {
		for _, name := range slices.Sorted(maps.Keys(s.tunnels)) {
			o.add(name, strings.Join(s.tunnels[name], " "))
		}
		for _, name := range slices.Sorted(maps.Keys(s.targets)) {
			o.add(name, "in the configuration")
		}
	}
	for _, inv := range a.inventories(cmd.Context()) {
		for _, db := range inv.Databases {
			o.add(db.ID, db.Engine+" "+db.Endpoint.String())
		}
	}
	return o.out, cobra.ShellCompDirectiveNoFileComp
}

// completeDown offers the names, sets and ports of the tunnels that are open on this machine.
func (a *app) completeDown(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	ctx, stop := context.WithTimeout(cmd.Context(), completeWithin)
	defer stop()
	all, _ := a.peers(ctx)
	o := offer(args, typed)
	for _, t := range openTunnels(all) {
		o.add(t.Name, t.Local)
		o.add(t.Set, "all of the set")
		if port := portOf(t.Local); port > 0 {
			o.add(t.Local[strings.LastIndex(t.Local, ":"):], t.Name)
		}
	}
	return o.out, cobra.ShellCompDirectiveNoFileComp
}
