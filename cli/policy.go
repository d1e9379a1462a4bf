package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws/setup"
)

const policyLong = `policy prints the smallest IAM policy that lets the named commands do what they do: connect when none is named.
"screen" is rdsx without a command. Nothing is asked of AWS.

--document takes the place of AWS's own document, which leads anywhere the instance reaches. --tag allows sessions only to
instances with that value of the tag rdsx. --explain says what each permission is for.`

func (a *app) newPolicy() *cobra.Command {
	var scope setup.Scope
	var accountID string
	var explain bool
	cmd := &cobra.Command{
		Use:     "policy [COMMAND…]",
		Short:   "Print the least IAM policy for commands",
		Long:    policyLong,
		Example: "  rdsx policy connect ls\n  rdsx policy connect --tag bastion --document rdsx-orders-prod --account 111122223333 --region eu-west-1\n  rdsx policy doctor --explain",
		RunE: func(_ *cobra.Command, names []string) error {
			if len(names) == 0 {
				names = []string{"connect"}
			}
			if explain {
				return a.explainCalls(names)
			}
			place := setup.Place{Region: a.flags.region, Account: accountID}
			if err := place.Check(); err != nil {
				return err
			}
			p, err := setup.Least(names, scope)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.Stdout, p.Text(place))
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&scope.Tag, "tag", "", "sessions only to instances with this value of the tag rdsx")
	f.StringArrayVar(&scope.Documents, "document", nil, "name of a Session document of the account, in place of AWS's (repeatable)")
	f.StringArrayVar(&scope.Roles, "role-arn", nil, "role that profiles assume (repeatable; default: every role of the account)")
	f.StringVar(&accountID, "account", "", "account id (default: any)")
	f.BoolVar(&explain, "explain", false, "print a table of permissions and what each is for")
	return cmd
}

// explainCalls prints a line for each permission, or JSON.
func (a *app) explainCalls(names []string) error {
	calls, err := setup.CallsOf(names)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(calls)
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PERMISSION\tON\tFOR")
	for _, c := range calls {
		why := c.Why
		if c.When != "" {
			why += " (when " + c.When + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Action, c.On, why)
	}
	return w.Flush()
}
