package cli

import (
	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/profiles"
)

const editLong = `edit changes keys of a profile. An empty value takes a key away, as --unset does. A profile that rdsx has not written needs
--force, or its name typed on the terminal.`

func (a *app) newProfilesEdit() *cobra.Command {
	var flags writeFlags
	var keys keyFlags
	var unset []string
	cmd := &cobra.Command{
		Use:               "edit NAME",
		Short:             "Change a profile",
		Long:              editLong,
		Example:           "  rdsx profiles edit orders --region eu-central-1\n  rdsx profiles edit orders --unset mfa_serial",
		ValidArgsFunction: a.completeProfiles,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("rdsx profiles ls", "edit needs one NAME, got %d", len(args))
			}
			return nil
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			keys.remember(cmd.Flags())
			return a.fromEnv(cmd.Flags())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			edit := profiles.Edit{Op: profiles.Set, Name: args[0], Unset: unset}
			for _, n := range keyFlagNames() {
				switch {
				case !keys.typed[n[0]]:
				case *keys.values[n[1]] == "":
					edit.Unset = append(edit.Unset, n[1])
				default:
					edit.Keys = append(edit.Keys, profiles.Key{Name: n[1], Value: *keys.values[n[1]]})
				}
			}
			if len(edit.Keys)+len(edit.Unset) == 0 {
				return usage("rdsx profiles edit --help", "edit needs something to change")
			}
			return a.write(cmd.Context(), change{
				flags: flags,
				plan: func(f *profiles.File, foreign bool) (*profiles.Plan, error) {
					edit.Foreign = foreign
					return f.Plan(edit)
				},
				done: "changed profile " + args[0],
			})
		},
	}
	keys.register(cmd)
	cmd.Flags().StringArrayVar(&unset, "unset", nil, "key to take away (repeatable)")
	flags.register(cmd, "also change a profile that rdsx has not written")
	return cmd
}
