package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/doctor"
)

// patient is the target with the instance that would carry it, fit or not. The lists are asked for what they may tell; where
// they may not be read, the error is a *doctor.UnlistedError, unless the ids and the address say everything.
func (a *app) patient(ctx context.Context, o doctor.Options, name, via string) (aws.Target, error) {
	inv, listErr := discover.New(o.Config, o.Account, discover.Options{}).All(ctx)
	if ctx.Err() != nil {
		return aws.Target{}, ctx.Err()
	}
	t := aws.Target{Account: o.Account}
	var nameErr error
	if name != "" {
		t, nameErr = a.named(inv, o.Account, name)
	}
	var viaErr error
	switch {
	case via != "":
		t.Instance, viaErr = carrier(inv, o.Account, via)
	case nameErr == nil:
		t.Instance, viaErr = chosenFor(inv, t)
	}
	if nameErr == nil && viaErr == nil {
		return t, nil
	}
	var denied []string
	if nameErr != nil {
		denied = unlisted(inv, false)
	}
	if viaErr != nil || nameErr != nil && via == "" && len(denied) > 0 {
		denied = append(denied, unlisted(inv, true)...)
	}
	switch {
	case len(denied) > 0:
		return t, &doctor.UnlistedError{Actions: denied, Instead: "name both ends: rdsx doctor HOST:PORT --via i-…"}
	case listErr != nil:
		return t, listErr
	case nameErr != nil:
		return t, withListErrors(nameErr, inv)
	}
	return t, withListErrors(viaErr, inv)
}

// carrier is the instance that --via names. An id stands for itself: why Systems Manager does not know it is the question.
func carrier(inv discover.Inventory, acct aws.Account, via string) (aws.Instance, error) {
	i, err := discover.Via(inv, via)
	if err != nil && (strings.HasPrefix(via, "i-") || strings.HasPrefix(via, "mi-")) {
		return aws.Instance{ID: via, Region: acct.Region}, nil
	}
	return i, err
}

// chosenFor is the instance that connect would take, else the likeliest of those that are unfit. None is no error where the lists
// could be read: doctor says that there is none.
func chosenFor(inv discover.Inventory, t aws.Target) (aws.Instance, error) {
	i, _, err := discover.Choose(inv, t.Database, t.Endpoint)
	if err == nil || errors.Is(err, aws.ErrUsage) {
		return i, err
	}
	i = likeliest(inv, t.Database)
	if i.ID == "" && len(inv.Errors) > 0 {
		return i, err
	}
	return i, nil
}

// unlisted are the actions that may not be called of those that list instances, or of those that list databases.
func unlisted(inv discover.Inventory, instances bool) []string {
	var actions []string
	for _, err := range inv.Errors {
		api := discover.APIOf(err)
		service, _, _ := strings.Cut(api, ":")
		if api == "" || !errors.Is(err, aws.ErrDenied) || instances != (service == "ssm" || service == "ec2") {
			continue
		}
		if api == "ssm:DescribeInstanceInformation" {
			api = "ssm:DescribeInstanceProperties" // it takes the other's place, and is what rdsx policy grants
		}
		actions = append(actions, api)
	}
	return actions
}

// named is the database that a name stands for, also one that is not in service.
func (a *app) named(inv discover.Inventory, acct aws.Account, name string) (aws.Target, error) {
	t, err := resolve(inv, acct, name)
	if err == nil || !errors.Is(err, aws.ErrUnreachable) {
		return t, err
	}
	id, _, _ := strings.Cut(name, ":")
	for _, db := range inv.Databases {
		if strings.EqualFold(db.ID, id) {
			return aws.Target{Account: acct, Database: &db, Endpoint: db.Endpoint, Engine: db.Engine}, nil
		}
	}
	return t, err
}

// likeliest is the instance that was probably meant to carry the tunnel: in the database's VPC, and marked as a bastion or
// known to Systems Manager.
func likeliest(inv discover.Inventory, db *aws.Database) aws.Instance {
	score := func(i aws.Instance) int {
		n := 0
		if db != nil && i.VPC == db.VPC && db.VPC != "" {
			n += 8
		}
		if i.Tags["rdsx"] != "" || strings.Contains(strings.ToLower(i.Name), "bastion") {
			n += 4
		}
		if i.AgentVersion != "" {
			n += 2
		}
		if i.State == "running" {
			n++
		}
		return n
	}
	if len(inv.Instances) == 0 {
		return aws.Instance{}
	}
	return slices.MaxFunc(inv.Instances, func(a, b aws.Instance) int { return score(a) - score(b) })
}
