package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/rdsx/rdsx/aws"
)

// leastAgent is the first agent that takes port forwarding to a remote host (docs/aws.md §5).
const leastAgent = "3.1.1374.0"

// leastEndpoints is the first agent that does without the endpoint ec2messages (docs/aws.md §5).
const leastEndpoints = "3.3.40.0"

// targetFound says what will be examined.
func targetFound(ctx context.Context, x *exam) Result {
	t, err := x.target(ctx)
	var unlisted *UnlistedError
	switch {
	case errors.As(err, &unlisted):
		return unknown("could not check, because "+unlisted.Error(), unlisted.ask())
	case err != nil:
		kind := aws.ErrNotFound
		for _, k := range []error{aws.ErrUsage, aws.ErrUnreachable, aws.ErrSignIn} {
			if errors.Is(err, k) {
				kind = k
			}
		}
		return failed(kind, err.Error(), aws.Fix{Text: aws.NextOf(err)})
	case t.Endpoint.Host == "" && t.Instance.ID == "":
		return skipped("no target was named: the account and this machine are checked")
	case t.Instance.ID == "":
		return failed(aws.ErrUnreachable, "no instance to carry a tunnel to "+t.Name(), aws.Fix{
			Text: "make one: rdsx setup bastion prints it", Command: "rdsx setup bastion", Console: "EC2 › Instances › Launch instances, in " + vpcOf(t),
		})
	}
	return ok("%s %s through %s", t.Name(), t.Endpoint, labelOf(t.Instance))
}

func vpcOf(t aws.Target) string {
	if t.Database != nil && t.Database.VPC != "" {
		return t.Database.VPC
	}
	return "the database's VPC"
}

func labelOf(i aws.Instance) string {
	if i.Name == "" {
		return i.ID
	}
	return i.Name + " (" + i.ID + ")"
}

// database says whether RDS serves it at all.
func database(ctx context.Context, x *exam) Result {
	t, err := x.target(ctx)
	if err != nil || t.Database == nil {
		return skippedFor(err, "not a database that RDS knows")
	}
	d := *t.Database
	if d.Available() {
		return ok("%s is %s", d.ID, d.Status)
	}
	text := fmt.Sprintf("%s is %s", d.ID, d.Status)
	console := "RDS › Databases › " + d.ID
	switch {
	case d.Status != "stopped":
		return failed(aws.ErrUnreachable, text, aws.Fix{Text: "wait until it is available, or look at its events", Console: console + " › Logs & events"})
	case d.Cluster != "":
		return failed(aws.ErrUnreachable, text, aws.Fix{Text: "start the cluster", Command: "aws rds start-db-cluster --db-cluster-identifier " + d.Cluster, Console: console + " › Actions › Start"})
	}
	return failed(aws.ErrUnreachable, text, aws.Fix{Text: "start the database", Command: "aws rds start-db-instance --db-instance-identifier " + d.ID, Console: console + " › Actions › Start"})
}

// machineOr is the EC2 instance, or what came of the check without it.
func (x *exam) machineOr(ctx context.Context) (ec2types.Instance, *Result) {
	id := x.instance(ctx)
	var r Result
	switch {
	case id == "":
		_, err := x.target(ctx)
		r = skippedFor(err, "no instance to look at")
	case hybrid(id):
		r = skipped("%s is outside EC2", id)
	default:
		m, err := x.machine(ctx)
		if err == nil {
			return m, nil
		}
		r = couldNot(err, "ec2:DescribeInstances", "")
		if errors.Is(err, errNotThere) {
			r = failed(aws.ErrNotFound, "EC2 knows no instance "+id+" in "+x.Account.Region, aws.Fix{Text: "name another with --via: rdsx ls shows them", Command: "rdsx ls"})
		}
	}
	return ec2types.Instance{}, &r
}

func instanceState(ctx context.Context, x *exam) Result {
	m, r := x.machineOr(ctx)
	if r != nil {
		return *r
	}
	id, state := sdk.ToString(m.InstanceId), ec2types.InstanceStateName("unknown")
	if m.State != nil {
		state = m.State.Name
	}
	switch state {
	case ec2types.InstanceStateNameRunning:
		return ok("%s is running in %s", id, sdk.ToString(m.SubnetId))
	case ec2types.InstanceStateNameStopped:
		return failed(aws.ErrRefusedByAWS, id+" is stopped", aws.Fix{
			Text: "start it", Command: "aws ec2 start-instances --instance-ids " + id, Console: "EC2 › Instances › " + id + " › Instance state › Start",
		})
	}
	return failed(aws.ErrRefusedByAWS, fmt.Sprintf("%s is %s", id, state), aws.Fix{Text: "wait for it, or name another with --via", Command: "rdsx ls"})
}

// reboot starts the agent anew, with the credentials that it has by now.
func reboot(id string) aws.Fix {
	return aws.Fix{
		Text:    "start the agent again (amazon-ssm-agent; AMIs of Amazon Linux have it): a reboot does, and takes fresh credentials",
		Command: "aws ec2 reboot-instances --instance-ids " + id,
		Console: "EC2 › Instances › " + id + " › Instance state › Reboot",
	}
}

func restart(id string) aws.Fix {
	if hybrid(id) {
		return aws.Fix{Text: "start the agent on the machine itself: sudo systemctl restart amazon-ssm-agent", Console: "Systems Manager › Fleet Manager › " + id}
	}
	return reboot(id)
}

// registered asks whether Systems Manager knows the instance.
func registered(ctx context.Context, x *exam) Result {
	id := x.instance(ctx)
	if id == "" {
		_, err := x.target(ctx)
		return skippedFor(err, "no instance to look at")
	}
	n, err := x.node(ctx)
	switch {
	case err == nil:
		return ok("%s, agent %s on %s", id, sdk.ToString(n.AgentVersion), n.PlatformType)
	case errors.Is(err, errNotThere):
		return failed(aws.ErrRefusedByAWS, "Systems Manager does not know "+id+": its agent is not installed, not running, or never got through", restart(id))
	}
	return couldNot(err, "ssm:DescribeInstanceInformation", "")
}

func online(ctx context.Context, x *exam) Result {
	id := x.instance(ctx)
	if id == "" {
		_, err := x.target(ctx)
		return skippedFor(err, "no instance to look at")
	}
	n, err := x.node(ctx)
	if err != nil {
		return couldNot(err, "ssm:DescribeInstanceInformation", "")
	}
	heard := "at a time unknown"
	if n.LastPingDateTime != nil {
		heard = x.now().Sub(*n.LastPingDateTime).Round(time.Second).String() + " ago"
	}
	if n.PingStatus == ssmtypes.PingStatusOnline {
		return ok("heard %s", heard)
	}
	return failed(aws.ErrRefusedByAWS, fmt.Sprintf("%s, last heard %s", n.PingStatus, heard), restart(id))
}

func agentVersion(ctx context.Context, x *exam) Result {
	id := x.instance(ctx)
	if id == "" {
		_, err := x.target(ctx)
		return skippedFor(err, "no instance to look at")
	}
	n, err := x.node(ctx)
	if err != nil {
		return couldNot(err, "ssm:DescribeInstanceInformation", "")
	}
	have := sdk.ToString(n.AgentVersion)
	if aws.CompareVersions(have, leastAgent) >= 0 {
		return ok("%s, at least %s is needed", have, leastAgent)
	}
	return failed(aws.ErrRefusedByAWS, fmt.Sprintf("%s is too old: forwarding to another host needs %s", have, leastAgent), aws.Fix{
		Text:    "update the agent",
		Command: "aws ssm send-command --document-name AWS-UpdateSSMAgent --instance-ids " + id,
		Console: "Systems Manager › Fleet Manager › Settings › Auto update SSM Agent",
	})
}
