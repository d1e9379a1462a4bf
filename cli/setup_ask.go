package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/setup"
)

// setupChoice is a set-up that is being made up.
type setupChoice struct {
	app *app
	ask *asker
	setup.Options
	cfg   sdk.Config
	acct  aws.Account
	found []aws.Database // the databases that were looked up
}

// completeSetup adds to the flags what only the account knows, and asks for what it leaves open. What the flags say whole is
// taken without a look at AWS.
func (a *app) completeSetup(ctx context.Context, flags setupFlags, format setup.Format) (setup.Options, sdk.Config, error) {
	c := &setupChoice{app: a, ask: newAsker(a), Options: flags.options}
	c.Region = a.flags.region
	var names []string
	for _, text := range flags.databases {
		d, whole, err := setup.ParseDatabase(text)
		if err != nil {
			return c.Options, c.cfg, err
		}
		if whole {
			c.Databases = append(c.Databases, d)
		} else {
			names = append(names, text)
		}
	}
	needsDatabase := c.Shape == setup.Recommended || c.Part != setup.PartIAM
	looksUp := len(names) > 0 || needsDatabase && len(c.Databases) == 0
	place := c.Part != setup.PartIAM && (c.VPC == "" || c.Subnet == "" || c.Shape == setup.Classic && c.VPCCIDR == "")
	whole := c.Account == "" && (format == setup.CLI || format == setup.JSON) || c.Region == "" && format != setup.Terraform && format != setup.CloudFormation
	asks := c.ask.can && c.Part != setup.PartBastion && len(c.Operators) == 0
	if !looksUp && !place && !whole && !asks && flags.apply == "" {
		return c.Options, c.cfg, nil
	}
	if err := c.identify(ctx); err != nil {
		return c.Options, c.cfg, err
	}
	if looksUp {
		if err := c.lookUp(ctx, names); err != nil {
			return c.Options, c.cfg, err
		}
	}
	if place {
		if err := c.place(ctx); err != nil {
			return c.Options, c.cfg, err
		}
	}
	return c.Options, c.cfg, c.askOperator(ctx)
}

// identify loads the profile and takes account, region and partition from it unless flags say them.
func (c *setupChoice) identify(ctx context.Context) error {
	cfg, acct, err := c.app.load(ctx)
	if err != nil {
		return err
	}
	who, err := account.Identify(ctx, cfg)
	if err != nil {
		return err
	}
	if c.Account != "" && c.Account != who.ID {
		return usage("rdsx setup "+string(c.Part)+" --profile NAME", "--account %s is not the account of these credentials, %s", c.Account, who.ID)
	}
	acct.ID, acct.ARN = who.ID, who.ARN
	c.cfg, c.acct, c.Account, c.Region, c.Partition = cfg, acct, who.ID, cfg.Region, who.Partition
	return nil
}

// fillPlace takes account and region from the credentials where flags do not say them.
func (a *app) fillPlace(ctx context.Context, o *setup.Options) error {
	o.Region = a.flags.region
	if o.Account != "" && o.Region != "" {
		return nil
	}
	c := &setupChoice{app: a, Options: *o}
	err := c.identify(ctx)
	*o = c.Options
	return err
}

// lookUp finds the named databases in the account; without names it asks which.
func (c *setupChoice) lookUp(ctx context.Context, names []string) error {
	inv, err := discover.New(c.cfg, c.acct, discover.Options{}).All(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 && len(c.Databases) == 0 {
		if names, err = c.askDatabases(ctx, inv); err != nil {
			return err
		}
	}
	for _, name := range names {
		db, endpoint, err := discover.Resolve(inv, name)
		if err != nil {
			return withListErrors(err, inv)
		}
		if db == nil {
			return usage("rdsx setup "+string(c.Part)+" --database NAME="+endpoint.String()+"@sg-…", "%s is no database of the account: its name and its security group have to be said", name)
		}
		c.found = append(c.found, *db)
		c.Databases = append(c.Databases, setup.Database{Name: strings.ReplaceAll(name, ":", "-"), Host: endpoint.Host, Port: endpoint.Port, Groups: db.Groups})
	}
	return nil
}

func (c *setupChoice) askDatabases(ctx context.Context, inv discover.Inventory) ([]string, error) {
	var names, rows []string
	for _, d := range inv.Databases {
		if !d.Available() {
			continue
		}
		name := d.ID
		if d.Role == aws.RoleReader {
			name += ":reader"
		}
		names = append(names, name)
		rows = append(rows, fmt.Sprintf("%s  %s  %s", name, d.Engine, d.VPC))
	}
	if len(names) == 0 {
		return nil, withListErrors(aws.Advise(fmt.Errorf("no database in %s", c.Region), aws.ErrNotFound, "rdsx ls --region REGION"), inv)
	}
	if !c.ask.can {
		return nil, usage("rdsx setup "+string(c.Part)+" --database "+names[0], "which databases is not said; there are %s", strings.Join(names, ", "))
	}
	picked, err := c.ask.choose(ctx, "Databases that tunnels may lead to", rows, 0, true)
	if err != nil {
		return nil, err
	}
	var chosen []string
	for _, i := range picked {
		chosen = append(chosen, names[i])
	}
	return chosen, nil
}

// place chooses the VPC of the databases and a subnet in it.
func (c *setupChoice) place(ctx context.Context) error {
	for _, d := range c.found {
		if c.VPC == "" {
			c.VPC = d.VPC
		}
		if d.VPC != "" && d.VPC != c.VPC {
			return usage("rdsx setup "+string(c.Part)+" once for each VPC, with another --name", "%s is in %s, not in %s: one instance stands in one VPC", d.ID, d.VPC, c.VPC)
		}
	}
	if c.VPC == "" {
		return usage("rdsx setup "+string(c.Part)+" --vpc vpc-…", "the VPC is not said, and no database that was looked up tells it")
	}
	site, err := setup.Look(ctx, c.cfg, c.VPC)
	if err != nil {
		return err
	}
	if c.VPCCIDR == "" {
		c.VPCCIDR = site.CIDR
	}
	if c.Subnet != "" {
		return nil
	}
	if len(site.Subnets) == 0 {
		return aws.Advise(fmt.Errorf("the VPC %s has no subnet", c.VPC), aws.ErrNotFound, "rdsx setup "+string(c.Part)+" --vpc vpc-…")
	}
	at := 0
	if c.ask.can && len(site.Subnets) > 1 {
		rows := make([]string, len(site.Subnets))
		for i, s := range site.Subnets {
			rows[i] = describeSubnet(s)
		}
		picked, err := c.ask.choose(ctx, "Subnet of the instance", rows, 0, false)
		if err != nil {
			return err
		}
		at = picked[0]
	}
	s := site.Subnets[at]
	c.Subnet = s.ID
	fmt.Fprintf(c.app.Stderr, "subnet: %s\n", describeSubnet(s))
	if s.Way == setup.Nowhere || s.Way == setup.ByInternet {
		fmt.Fprintf(c.app.Stderr, "warning: %s has %s: the instance will not register unless the VPC has endpoints for ssm and ssmmessages\n", s.ID, s.Way)
	}
	return nil
}

func describeSubnet(s setup.Subnet) string {
	return strings.Join(slices.DeleteFunc([]string{s.ID, printable(s.Name), s.AZ, s.CIDR, string(s.Way)}, func(f string) bool { return f == "" }), "  ")
}

// askOperator proposes the caller when it is a user; a role cannot assume by its session's name.
func (c *setupChoice) askOperator(ctx context.Context) error {
	if !c.ask.can || c.Part == setup.PartBastion || len(c.Operators) > 0 {
		return nil
	}
	proposal := ""
	if _, user, ok := strings.Cut(c.acct.ARN, ":user/"); ok {
		proposal = user[strings.LastIndex(user, "/")+1:]
	}
	answer, err := c.ask.or(ctx, "Who may open tunnels: IAM user, or ARN", proposal)
	if err == nil && answer != "" {
		c.Operators = strings.Fields(strings.ReplaceAll(answer, ",", " "))
	}
	return err
}

// choose shows numbered rows and returns the places of those that were picked: at least one, and one only unless many may be.
func (q *asker) choose(ctx context.Context, what string, rows []string, proposal int, many bool) ([]int, error) {
	fmt.Fprintf(q.out, "%s:\n", what)
	for i, r := range rows {
		fmt.Fprintf(q.out, "  %2d  %s\n", i+1, printable(r))
	}
	prompt := "Number"
	if many {
		prompt = "Numbers, with blanks between them"
	}
	for {
		answer, err := q.or(ctx, prompt, strconv.Itoa(proposal+1))
		if err != nil {
			return nil, err
		}
		picked, ok := numbers(answer, len(rows))
		if ok && (many || len(picked) == 1) {
			return picked, nil
		}
		fmt.Fprintf(q.out, "1 to %d, please.\n", len(rows))
	}
}

// numbers reads 1-based numbers up to most and gives 0-based ones, each once.
func numbers(text string, most int) ([]int, bool) {
	var all []int
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > most {
			return nil, false
		}
		if !slices.Contains(all, n-1) {
			all = append(all, n-1)
		}
	}
	return all, len(all) > 0
}
