package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Options say what to examine. The zero value examines this machine and finds no profile.
type Options struct {
	Config  sdk.Config  // of the profile; see LoadError
	Account aws.Account // as account.Load gave it
	// LoadError says why there is no Config. Everything that asks AWS is then skipped.
	LoadError error
	// Assumes is the role that the profile assumes, nil for a profile that assumes none.
	Assumes *Assumed
	// Target finds what the tunnel would lead to. Its instance may be unfit; without one, ID is "". nil examines the account
	// alone. It is called once. An *UnlistedError says that it may not be looked for.
	Target func(ctx context.Context) (aws.Target, error)

	Document   string // Session document; "" is AWS's own for a remote host
	Parameters map[string][]string
	Reason     string

	Local Local
	Now   func() time.Time // time.Now when nil
	// Patience is how long the database's first words are waited for; engine.Patience when 0.
	Patience time.Duration
}

// Assumed is a role that a profile assumes.
type Assumed struct {
	Profile    string     // that assumes it
	ARN        string     // of the role
	MFASerial  string     // "" for none
	ExternalID string     // "" for none
	Source     sdk.Config // of whoever assumes it
	SourceErr  error      // why there is no Source
}

// Local is what the examination has to know of this machine.
type Local struct {
	Env      []string                     // the process environment as NAME=value
	Port     int                          // local port that was asked for; 0 takes the engine's own or the next free one
	Bind     string                       // local address; "" is 127.0.0.1
	LookPath func(string) (string, error) // where a program is; nil finds none
	CAFile   string                       // AWS_CA_BUNDLE or the profile's ca_bundle; "" is the system's own
	CAOrigin string                       // where CAFile comes from, for people
	Lint     func() ([]Fault, error)      // of the config file; nil for none
}

// Fault is one thing wrong with the config file.
type Fault struct {
	Where   string // file:line
	Text    string
	Serious bool // something does not work, for one reader at least
	Profile string
	// Edit mends it, nil when only a person can.
	Edit *ProfileEdit
}

// exam is one examination: the options, and what was learnt so far, each thing once.
type exam struct {
	Options
	target     fact[aws.Target]
	who        fact[aws.Account]
	source     fact[aws.Account]
	machine    fact[ec2types.Instance]
	node       fact[ssmtypes.InstanceInformation]
	groups     fact[[]ec2types.SecurityGroup]
	tables     fact[[]ec2types.RouteTable]
	endpoints  fact[[]ec2types.VpcEndpoint]
	hostRole   fact[string]
	principal  fact[principal]
	documented fact[document]
}

func newExam(o Options) *exam {
	x := &exam{Options: o}
	if o.Target == nil {
		x.Target = func(context.Context) (aws.Target, error) { return aws.Target{}, nil }
	}
	x.target = once(x.Target)
	x.who = once(func(ctx context.Context) (aws.Account, error) { return account.Identify(ctx, x.Config) })
	x.source = once(func(ctx context.Context) (aws.Account, error) { return account.Identify(ctx, x.Assumes.Source) })
	x.machine = once(x.findMachine)
	x.node = once(x.findNode)
	x.groups = once(x.findGroups)
	x.tables = once(x.findTables)
	x.endpoints = once(x.findEndpoints)
	x.hostRole = once(x.findHostRole)
	x.principal = once(x.findPrincipal)
	x.documented = once(x.findDocument)
	return x
}

func (x *exam) now() time.Time {
	if x.Now != nil {
		return x.Now()
	}
	return time.Now()
}

// identity is who the profile is, an error where there is no profile at all.
func (x *exam) identity(ctx context.Context) (aws.Account, error) {
	if x.LoadError != nil {
		return aws.Account{}, x.LoadError
	}
	return x.who(ctx)
}

func (x *exam) ssm() *ssm.Client { return ssm.NewFromConfig(x.Config) }
func (x *exam) ec2() *ec2.Client { return ec2.NewFromConfig(x.Config) }
func (x *exam) iam() *iam.Client { return iam.NewFromConfig(x.Config) }

// fact is something that is found out once, for all checks that want it.
type fact[T any] func(context.Context) (T, error)

// once makes a fact. Whoever comes first asks; a cancelled asker leaves its error to the others, whose contexts end with it.
func once[T any](find func(context.Context) (T, error)) fact[T] {
	var mu sync.Mutex
	var known bool
	var value T
	var err error
	return func(ctx context.Context) (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if !known {
			value, err = find(ctx)
			known = true
		}
		return value, err
	}
}

// notThere says that AWS has answered, and the answer is nothing.
var errNotThere = errors.New("not there")

// instance is the id of the target's instance, "" when there is none.
func (x *exam) instance(ctx context.Context) string {
	t, _ := x.target(ctx)
	return t.Instance.ID
}

func hybrid(id string) bool { return strings.HasPrefix(id, "mi-") }

func (x *exam) findMachine(ctx context.Context) (ec2types.Instance, error) {
	id := x.instance(ctx)
	out, err := x.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if codeOf(err) == "InvalidInstanceID.NotFound" {
		return ec2types.Instance{}, errNotThere
	}
	if err != nil {
		return ec2types.Instance{}, err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			return i, nil
		}
	}
	return ec2types.Instance{}, errNotThere
}

func (x *exam) findNode(ctx context.Context) (ssmtypes.InstanceInformation, error) {
	out, err := x.ssm().DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{
		Filters: []ssmtypes.InstanceInformationStringFilter{{Key: sdk.String("InstanceIds"), Values: []string{x.instance(ctx)}}},
	})
	if err != nil {
		return ssmtypes.InstanceInformation{}, err
	}
	if len(out.InstanceInformationList) == 0 {
		return ssmtypes.InstanceInformation{}, errNotThere
	}
	return out.InstanceInformationList[0], nil
}

// online says whether Systems Manager hears from the instance now: proof that its role and its network let the agent work.
func (x *exam) online(ctx context.Context) bool {
	n, err := x.node(ctx)
	return err == nil && n.PingStatus == ssmtypes.PingStatusOnline
}

// partition is that of the account, as it stands in ARNs.
func (x *exam) partition() string { return cmp.Or(x.Account.Partition, "aws") }

// couldNot is the result of a check whose question AWS did not answer.
func couldNot(err error, action, why string) Result {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return unknown("could not check: no answer to "+action+" in time", "")
	}
	explained := account.Explain(err)
	if deniedCode(codeOf(err)) || errors.Is(explained, aws.ErrDenied) {
		return unknown("could not check, because "+action+" is not allowed", fmt.Sprintf("ask for %s%s", action, why))
	}
	return unknown(fmt.Sprintf("could not check: %v", explained), aws.NextOf(explained))
}
