package discover

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Unfit says in a few words why the instance cannot carry a tunnel to another host, or "".
func Unfit(i aws.Instance) string { return i.Unfit() }

// Choose picks the instance that carries a tunnel to the endpoint, and says why in a few words. db is nil for a free
// HOST:PORT, which is carried only when the choice is plain: one instance that can, or all of them in one VPC.
// Errors are *aws.Hint and name what was found with the reason why it is unfit.
func Choose(inv Inventory, db *aws.Database, to aws.Endpoint) (aws.Instance, string, error) {
	var fit []aws.Instance
	var unfit []string
	for _, i := range inv.Instances {
		if why := Unfit(i); why != "" {
			unfit = append(unfit, fmt.Sprintf("%s (%s)", Label(i), why))
			continue
		}
		fit = append(fit, i)
	}
	if len(fit) == 0 {
		return aws.Instance{}, "", noneFit(inv, db, to, unfit)
	}
	if db == nil || db.VPC == "" {
		return chooseFree(fit, db, to)
	}
	var same, unknown []aws.Instance
	for _, i := range fit {
		switch i.VPC {
		case db.VPC:
			same = append(same, i)
		case "":
			unknown = append(unknown, i)
		default:
			unfit = append(unfit, fmt.Sprintf("%s (in %s)", Label(i), i.VPC))
		}
	}
	switch {
	case len(same) > 0:
		i := best(same, db)
		return i, nearness(i, db), nil
	case len(unknown) == 1:
		return unknown[0], "the only online instance whose VPC is not known", nil
	case len(unknown) > 1:
		return aws.Instance{}, "", askVia(fmt.Errorf("%d online instances might reach %s, and the VPC of none is known", len(unknown), db.ID), unknown)
	}
	return aws.Instance{}, "", noneFit(inv, db, to, unfit)
}

func chooseFree(fit []aws.Instance, db *aws.Database, to aws.Endpoint) (aws.Instance, string, error) {
	if len(fit) == 1 {
		return fit[0], "the only online instance", nil
	}
	vpc := fit[0].VPC
	for _, i := range fit {
		if i.VPC != vpc || i.VPC == "" {
			return aws.Instance{}, "", askVia(fmt.Errorf("%d online instances in different networks might reach %s", len(fit), to), fit)
		}
	}
	return best(fit, cmp.Or(db, &aws.Database{})), "all online instances are in " + vpc, nil
}

// best puts nearness first, because traffic between zones costs money and time, then the newest agent.
func best(fit []aws.Instance, db *aws.Database) aws.Instance {
	return slices.MinFunc(fit, func(a, b aws.Instance) int {
		return cmp.Or(
			distance(a, db)-distance(b, db),
			aws.CompareVersions(b.AgentVersion, a.AgentVersion),
			strings.Compare(a.Name, b.Name),
			strings.Compare(a.ID, b.ID),
		)
	})
}

// distance is 0 in the database's zone, 1 in one of its subnets, 2 elsewhere in the VPC. A subnet of the database's group
// counts less than the zone: the group spans several.
func distance(i aws.Instance, db *aws.Database) int {
	switch {
	case db.AZ != "" && i.AZ == db.AZ:
		return 0
	case i.Subnet != "" && slices.Contains(db.Subnets, i.Subnet):
		return 1
	}
	return 2
}

func nearness(i aws.Instance, db *aws.Database) string {
	switch distance(i, db) {
	case 0:
		return "online in the same VPC and zone"
	case 1:
		return "online in the same VPC and one of the database's subnets"
	}
	return "online in the same VPC"
}

// Label is how a sentence names an instance: its Name and id.
func Label(i aws.Instance) string {
	if i.Name == "" {
		return i.ID
	}
	return i.Name + " " + i.ID
}

// shown is how many instances an error names.
const shown = 5

func list(items []string) string {
	if len(items) > shown {
		items = append(slices.Clone(items[:shown]), fmt.Sprintf("and %d more", len(items)-shown))
	}
	return strings.Join(items, ", ")
}

func askVia(err error, from []aws.Instance) error {
	var labels []string
	for _, i := range from {
		labels = append(labels, Label(i))
	}
	return aws.Advise(fmt.Errorf("%w: %s", err, list(labels)), aws.ErrUsage, "choose one: --via "+from[0].ID)
}

func noneFit(inv Inventory, db *aws.Database, to aws.Endpoint, unfit []string) error {
	name, where := to.String(), ""
	if db != nil {
		name = db.ID
	}
	if db != nil && db.VPC != "" {
		where = " in " + db.VPC
	}
	if len(inv.Instances) == 0 {
		if err := inv.failure(nodesAPI); err != nil {
			return aws.Advise(fmt.Errorf("no instance to carry the tunnel to %s: %w", name, err), aws.ErrUnreachable,
				"name one with --via INSTANCE-ID, or "+cmp.Or(aws.NextOf(err), "let it be listed"))
		}
		return aws.Advise(fmt.Errorf("no instance to carry the tunnel to %s: Systems Manager knows none in this account and region", name),
			aws.ErrUnreachable, "start an instance with the SSM agent"+where+", or name one with --via")
	}
	return aws.Advise(fmt.Errorf("no online instance%s can carry the tunnel to %s: %s", where, name, list(unfit)), aws.ErrUnreachable,
		"start or repair one of them, or choose one that can reach it with --via")
}

// Via finds the instance of --via by id or Name tag. It may be unfit: the user asked for it. When the instances could not
// be listed, an id is believed, and nothing but the id is known. Errors are *aws.Hint.
func Via(inv Inventory, nameOrID string) (aws.Instance, error) {
	var named []aws.Instance
	var names []string
	for _, i := range inv.Instances {
		if i.ID == nameOrID {
			return i, nil
		}
		if strings.EqualFold(i.Name, nameOrID) {
			named = append(named, i)
		}
		names = append(names, i.Name, i.ID)
	}
	// Several of one name are an auto-scaling group: the one that works is meant.
	if fit := slices.DeleteFunc(slices.Clone(named), func(i aws.Instance) bool { return Unfit(i) != "" }); len(fit) > 0 {
		named = fit
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return aws.Instance{}, askVia(fmt.Errorf("%d instances are called %q", len(named), nameOrID), named)
	}
	if err := inv.failure(nodesAPI); err != nil {
		if strings.HasPrefix(nameOrID, "i-") || strings.HasPrefix(nameOrID, "mi-") {
			return aws.Instance{ID: nameOrID, Account: inv.Account.ID, Region: inv.Account.Region}, nil
		}
		return aws.Instance{}, aws.Advise(fmt.Errorf("look for the instance %q: %w", nameOrID, err), aws.ErrNotFound, "name it by its id: --via i-…")
	}
	next := "rdsx ls shows the instances; another --region or --profile may have it"
	if near := account.Near(nameOrID, slices.DeleteFunc(names, func(n string) bool { return n == "" }), 3); len(near) > 0 {
		next = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return aws.Instance{}, aws.Advise(fmt.Errorf("systems manager knows no instance %q here", nameOrID), aws.ErrNotFound, next)
}

// Unusable says in a few words why the database cannot be opened from what inv holds, or "".
func Unusable(db aws.Database, inv Inventory) string {
	switch {
	case !db.Available() && db.Status != "" && db.Status != "available":
		return db.Status
	case !db.Available():
		return "no endpoint"
	}
	_, _, err := Choose(inv, &db, db.Endpoint)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, aws.ErrUsage):
		return "needs --via"
	case len(inv.Instances) == 0:
		return "no managed instance"
	case db.VPC != "":
		return "no online instance in " + db.VPC
	}
	return "no online instance"
}
