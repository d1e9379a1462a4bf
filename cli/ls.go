package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
	"github.com/rdsx/rdsx/tui/targets"
)

const lsLong = `ls lists the databases and the instances of an account and region, or of many.

It asks AWS each time and keeps what it found; --cached prints what was found last time instead, at once and without asking,
with its age. A list that the profile may not read is named at the end and is no failure.`

func (a *app) newLs() *cobra.Command {
	cached := false
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List databases and instances, with the reason when one cannot be used",
		Long:    lsLong,
		Example: "  rdsx ls\n  rdsx ls --profiles dev,prod --regions eu-west-1,us-east-1\n  rdsx ls --all-profiles --json\n  rdsx ls --group payments --cached",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cached && (a.flags.many.refresh || a.flags.many.noCache) {
				return usage("rdsx ls --cached", "--cached is the opposite of --refresh and --no-cache")
			}
			return a.ls(cmd.Context(), cached)
		},
	}
	a.flags.many.register(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("group", a.completeGroups)
	cmd.Flags().BoolVar(&cached, "cached", false, "print the list of the last run, without asking AWS")
	return cmd
}

// listing is the JSON of rdsx ls. Fields are only ever added.
type listing struct {
	Account   aws.Account      `json:"account"`
	Databases []listedDatabase `json:"databases"`
	Instances []listedInstance `json:"instances"`
	Errors    []string         `json:"errors,omitempty"`
	Denied    []string         `json:"denied,omitempty"`   // IAM actions without which something may be missing
	Accounts  []aws.Account    `json:"accounts,omitempty"` // all that were listed, when they are several
	At        *time.Time       `json:"at,omitempty"`       // when it was found, for a list of an earlier run
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

func (a *app) ls(ctx context.Context, cached bool) error {
	c, err := a.chosen()
	if err != nil {
		return err
	}
	scopes, err := a.scopes(ctx, c)
	if err != nil {
		return err
	}
	places, failed, err := a.places(ctx, scopes, a.askMFA)
	if err != nil {
		return err
	}
	var l listing
	if cached {
		l, err = a.listCached(places)
	} else {
		l, err = a.listNow(ctx, places)
	}
	if err != nil {
		return err
	}
	for _, e := range failed {
		l.Errors = append(l.Errors, e.Error())
	}
	if a.flags.json {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(l)
	} else {
		err = l.print(a.Stdout)
		a.lsNotes(l)
	}
	if err == nil && len(l.Databases) == 0 && len(l.Instances) == 0 {
		err = aws.Advise(fmt.Errorf("no database and no managed instance in %s", whereOf(places)), aws.ErrNotFound, "rdsx ls --region REGION")
	}
	return err
}

// lsNotes are what a person has to know of a table.
func (a *app) lsNotes(l listing) {
	if l.At != nil {
		fmt.Fprintf(a.Stderr, "rdsx: as of %s, %s ago: rdsx ls asks again\n", l.At.Local().Format("2006-01-02 15:04"), time.Since(*l.At).Round(time.Second))
	}
	for _, e := range l.Errors {
		fmt.Fprintf(a.Stderr, "rdsx: not listed: %s\n", e)
	}
	told := strings.Join(l.Errors, "\n")
	rest := slices.DeleteFunc(slices.Clone(l.Denied), func(action string) bool { return strings.Contains(told, action) })
	if len(rest) > 0 {
		fmt.Fprintf(a.Stderr, "rdsx: no permission for %s\n", strings.Join(rest, ", "))
	}
}

func whereOf(places []place) string {
	if len(places) == 1 {
		return places[0].account.Region
	}
	return fmt.Sprintf("%d accounts and regions", len(places))
}

// listNow asks AWS, and keeps what it says.
func (a *app) listNow(ctx context.Context, places []place) (listing, error) {
	found, err := discover.NewFleet(searched(places), discover.Options{}).Each(ctx)
	if err != nil {
		return listing{}, err
	}
	l := listing{}
	var whole []error
	// The networks are read at the same time, a few at once.
	snapshots := make([]*reach.Snapshot, len(found))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for n, inv := range found {
		if p, ok := placeFor(places, inv.Account.Profile, inv.Account.Region); ok {
			group.Go(func() error {
				snapshots[n] = networks(ctx, reach.New(p.cfg), inv)
				return nil
			})
		}
	}
	_ = group.Wait()
	for n, inv := range found {
		if err := inv.Failure(); err != nil {
			whole = append(whole, err)
			l.Errors = append(l.Errors, err.Error())
			continue
		}
		l.add(inv, snapshots[n])
		a.keep(places, inv, snapshots[n])
	}
	if len(whole) == len(found) && len(whole) > 0 {
		return listing{}, whole[0]
	}
	l.finish()
	return l, ctx.Err()
}

// keep writes an inventory to the cache, for each profile what it sees. One with a hole in it is not kept.
func (a *app) keep(places []place, inv discover.Inventory, s *reach.Snapshot) {
	for _, e := range inv.Errors {
		if !errors.Is(e, aws.ErrDenied) {
			return
		}
	}
	look := &lookout{acct: inv.Account, instances: map[string]aws.Instance{}, databases: map[string]aws.Database{}, rules: s}
	look.add(discover.Result{Instances: inv.Instances, Databases: inv.Databases})
	rows := look.all()
	seen := map[string]bool{inv.Account.Profile: true}
	for _, d := range inv.Databases {
		for _, profile := range d.Profiles {
			seen[profile] = true
		}
	}
	for profile := range seen {
		if p, ok := placeFor(places, profile, inv.Account.Region); ok {
			of := inv.Account
			of.Profile = p.account.Profile
			a.cache().keep(of, inv.Denied, seenBy(rows, of))
		}
	}
}

// listCached is what was found last time. The error is for when there is nothing of any place.
func (a *app) listCached(places []place) (listing, error) {
	l := listing{}
	seen := map[string]bool{}
	store := a.cache()
	for _, p := range places {
		kept, ok := store.read(p.account)
		if !ok {
			l.Errors = append(l.Errors, fmt.Sprintf("nothing is kept of profile %q in %s", p.account.Profile, p.account.Region))
			continue
		}
		if l.At == nil || kept.At.Before(*l.At) {
			l.At = &kept.At
		}
		l.Accounts = append(l.Accounts, kept.Account)
		for _, r := range kept.Rows {
			if !seen[r.Key()] {
				seen[r.Key()] = true
				l.row(r)
			}
		}
	}
	if l.At == nil {
		return l, aws.Advise(errors.New("no list of an earlier run is kept on this machine"), aws.ErrNotFound, "rdsx ls")
	}
	l.finish()
	return l, nil
}

// row adds a row of the screens.
func (l *listing) row(r targets.Row) {
	switch {
	case r.Database != nil:
		d := listedDatabase{Database: *r.Database, Unusable: r.Unusable}
		if r.Unusable == "" {
			d.Via, d.Reachable, d.Why = r.Via.ID, cmp.Or(r.Path.Answer, aws.Unknown), r.Why
			d.Path, d.Notes = r.Path.Layers, r.Path.Notes
		}
		l.Databases = append(l.Databases, d)
	case r.Instance != nil:
		l.Instances = append(l.Instances, listedInstance{Instance: *r.Instance, Unfit: r.Instance.Unfit()})
	}
}

// add takes the inventory of an account and region in.
func (l *listing) add(inv discover.Inventory, s *reach.Snapshot) {
	l.Accounts = append(l.Accounts, inv.Account)
	for _, db := range inv.Databases {
		l.Databases = append(l.Databases, listed(db, inv, s))
	}
	for _, i := range inv.Instances {
		l.Instances = append(l.Instances, listedInstance{Instance: i, Unfit: discover.Unfit(i)})
	}
	for _, e := range inv.Errors {
		if api := discover.APIOf(e); !errors.Is(e, aws.ErrDenied) || !slices.Contains(l.Denied, api) {
			l.Errors = append(l.Errors, e.Error())
		}
	}
	for _, action := range inv.Denied {
		if !slices.Contains(l.Denied, action) {
			l.Denied = append(l.Denied, action)
		}
	}
}

// single says whether one account and region was listed.
func (l *listing) single() bool { return len(l.Accounts) < 2 }

// finish leaves no list of the JSON null, and names the account where it is one.
func (l *listing) finish() {
	if l.Databases == nil {
		l.Databases = []listedDatabase{}
	}
	if l.Instances == nil {
		l.Instances = []listedInstance{}
	}
	if l.single() && len(l.Accounts) == 1 {
		l.Account, l.Accounts = l.Accounts[0], nil
	}
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
	several := len(l.Accounts) > 1
	// where is the account's profile and the region, for lists of several.
	where := func(row []string, profiles []string, id, region string) []string {
		if !several {
			return row
		}
		return append(row[:len(row)-1:len(row)-1], cmp.Or(strings.Join(profiles, ","), id), region, row[len(row)-1])
	}
	rows := [][]string{where([]string{"DATABASE", "ENGINE", "ROLE", "ENDPOINT", "STATUS", "THROUGH"}, []string{"PROFILE"}, "", "REGION")}
	for _, d := range l.Databases {
		endpoint := "–" // a database that is being created has none yet
		if d.Endpoint.Host != "" {
			endpoint = d.Endpoint.String()
		}
		row := []string{d.ID, strings.TrimSpace(d.Engine + " " + d.EngineVersion), string(d.Role), endpoint, d.Status, d.through()}
		rows = append(rows, where(row, d.Profiles, d.Account, d.Region))
	}
	if err := printTable(w, rows); err != nil {
		return err
	}
	rows = [][]string{where([]string{"INSTANCE", "NAME", "AGENT", "PING", "VPC", "NOTE"}, []string{"PROFILE"}, "", "REGION")}
	for _, i := range l.Instances {
		rows = append(rows, where([]string{i.ID, i.Name, i.AgentVersion, i.PingStatus, i.VPC, i.Unfit}, i.Profiles, i.Account, i.Region))
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
