package doctor

import (
	"context"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/reach"
)

// reachability asks what the network's rules say of the way from the instance to the database.
func reachability(ctx context.Context, x *exam) Result {
	t, err := x.target(ctx)
	switch {
	case err != nil || t.Instance.ID == "":
		return skippedFor(err, "no instance to start from")
	case t.Database == nil:
		return skipped("RDS does not know %s, so nothing is known of its network", t.Endpoint)
	}
	verdict, err := x.verdict(ctx, t)
	if err != nil {
		return couldNot(err, "ec2:Describe*", "")
	}
	switch verdict.Answer {
	case aws.Yes:
		return ok("every layer from %s to %s is open", t.Instance.ID, t.Endpoint)
	case aws.No:
		r := failed(aws.ErrUnreachable, verdict.Why())
		if fix := verdict.Fix(); fix != nil {
			r.Fixes = []aws.Fix{*fix}
		}
		return r
	}
	return unknown("could not be decided: "+verdict.Why(), "")
}

// verdict is reach's answer for the target.
func (x *exam) verdict(ctx context.Context, t aws.Target) (aws.Verdict, error) {
	snapshot, err := reach.Fetch(ctx, x.Config, reach.Need{Instances: []aws.Instance{t.Instance}, Databases: []aws.Database{*t.Database}})
	if err != nil {
		return aws.Verdict{}, err
	}
	return reach.Check(snapshot, snapshot.Source(t.Instance), snapshot.Dest(*t.Database)), nil
}
