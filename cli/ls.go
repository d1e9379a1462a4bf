package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
)

func (a *app) newLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List databases and instances, with the reason when one cannot be used",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ls(cmd.Context())
		},
	}
}

// listing is the JSON of rdsx ls. Fields are only ever added.
type listing struct {
	Account   aws.Account      `json:"account"`
	Databases []listedDatabase `json:"databases"`
	Instances []listedInstance `json:"instances"`
	Errors    []string         `json:"errors,omitempty"`
}

type listedDatabase struct {
	aws.Database
	Via       string      `json:"via,omitempty"`       // the instance that rdsx connect would choose
	Reachable aws.Answer  `json:"reachable,omitempty"` // from that instance: yes, no or unknown
	Why       string      `json:"why,omitempty"`       // what speaks for the instance, or what is in the way
	Path      []aws.Layer `json:"path,omitempty"`      // the way from that instance, layer by layer
	Notes     []string    `json:"notes,omitempty"`     // what may not hold later, such as after a failover
	Unusable  string      `json:"unusable,omitempty"`  // why it cannot be opened now
}

// through is the instance with a mark: ● every rule lets it through, ◌ not proven, ✗ and the rule that does not.
func (d listedDatabase) through() string {
	switch {
	case d.Unusable != "":
		return "– " + d.Unusable
	case d.Reachable == aws.Yes:
		return "● " + d.Via
	case d.Reachable == aws.No:
		return "✗ " + d.Via + "  " + d.Why
	}
	return "◌ " + d.Via
}

type listedInstance struct {
	aws.Instance
	Unfit string `json:"unfit,omitempty"` // why no session can go through it now
}

func (a *app) ls(ctx context.Context) error {
	cfg, acct, err := a.load(ctx)
	if err != nil {
		return err
	}
	var named sync.WaitGroup
	var who aws.Account
	named.Go(func() {
		// Every identity may ask who it is, but no listing depends on the answer.
		who, _ = account.Identify(ctx, cfg)
	})
	inv, err := discover.New(cfg, acct, discover.Options{}).All(ctx)
	named.Wait()
	if err != nil {
		return err
	}
	acct.ID, acct.ARN = who.ID, who.ARN
	empty := len(inv.Databases) == 0 && len(inv.Instances) == 0
	l := newListing(inv, acct, networks(ctx, reach.New(cfg), inv))
	if a.flags.json {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(l)
	} else {
		err = l.print(a.Stdout)
		for _, e := range l.Errors {
			fmt.Fprintf(a.Stderr, "rdsx: not listed: %s\n", e)
		}
	}
	if err == nil && empty {
		err = aws.Advise(fmt.Errorf("no database and no managed instance in %s", acct.Region), aws.ErrNotFound, "rdsx ls --region REGION")
	}
	return err
}

func newListing(inv discover.Inventory, acct aws.Account, s *reach.Snapshot) listing {
	l := listing{Account: acct, Databases: []listedDatabase{}, Instances: []listedInstance{}}
	for _, db := range inv.Databases {
		l.Databases = append(l.Databases, listed(db, inv, s))
	}
	for _, i := range inv.Instances {
		l.Instances = append(l.Instances, listedInstance{Instance: i, Unfit: discover.Unfit(i)})
	}
	for _, e := range inv.Errors {
		l.Errors = append(l.Errors, e.Error())
	}
	return l
}

// listed is a database with the instance that would carry it.
func listed(db aws.Database, inv discover.Inventory, s *reach.Snapshot) listedDatabase {
	row := listedDatabase{Database: db}
	all, err := carriers(s, inv, db)
	if err != nil || !db.Available() {
		row.Unusable = cmp.Or(discover.Unusable(db, inv), "no instance")
		return row
	}
	best := all[0]
	row.Via, row.Reachable, row.Why = best.Instance.ID, cmp.Or(best.Verdict.Answer, aws.Unknown), best.Why
	row.Path, row.Notes = best.Verdict.Layers, best.Verdict.Notes
	if row.Reachable != aws.Yes {
		row.Why = cmp.Or(best.Verdict.Why(), best.Why)
	}
	return row
}

// print writes both tables as plain text, without colour: the same on a terminal and in a pipe.
func (l listing) print(w io.Writer) error {
	rows := [][]string{{"DATABASE", "ENGINE", "ROLE", "ENDPOINT", "STATUS", "THROUGH"}}
	for _, d := range l.Databases {
		endpoint := "–" // a database that is being created has none yet
		if d.Endpoint.Host != "" {
			endpoint = d.Endpoint.String()
		}
		rows = append(rows, []string{d.ID, strings.TrimSpace(d.Engine + " " + d.EngineVersion), string(d.Role), endpoint, d.Status, d.through()})
	}
	if err := printTable(w, rows); err != nil {
		return err
	}
	rows = [][]string{{"INSTANCE", "NAME", "AGENT", "PING", "VPC", "NOTE"}}
	for _, i := range l.Instances {
		rows = append(rows, []string{i.ID, i.Name, i.AgentVersion, i.PingStatus, i.VPC, i.Unfit})
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return printTable(w, rows)
}

// printTable aligns columns by terminal cells: names may be Japanese. Control characters in names are replaced.
func printTable(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-ansi.StringWidth(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable replaces control characters: a tag must not be able to drive the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '·'
		}
		return r
	}, s)
}
