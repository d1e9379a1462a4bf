package discover

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

func member(id, cluster, az string) rdstypes.DBInstance {
	return rdstypes.DBInstance{
		DBInstanceIdentifier: sdk.String(id), DBClusterIdentifier: sdk.String(cluster), Engine: sdk.String("docdb"),
		DBInstanceStatus: sdk.String("available"), AvailabilityZone: sdk.String(az),
		Endpoint:          &rdstypes.Endpoint{Address: sdk.String(id + ".example"), Port: sdk.Int32(27017)},
		VpcSecurityGroups: []rdstypes.VpcSecurityGroupMembership{{VpcSecurityGroupId: sdk.String("sg-1"), Status: sdk.String("active")}, {VpcSecurityGroupId: sdk.String("sg-going"), Status: sdk.String("removing")}},
		DBSubnetGroup:     &rdstypes.DBSubnetGroup{VpcId: sdk.String("vpc-1"), Subnets: []rdstypes.Subnet{{SubnetIdentifier: sdk.String("subnet-1")}}},
	}
}

// pages are one of each API, with what the others must complete.
func pages() []page {
	return []page{
		{nodes: []ssmtypes.InstanceInformation{{InstanceId: sdk.String("i-1"), PingStatus: "Online", ComputerName: sdk.String("ip-10-0-0-1")}, {InstanceId: sdk.String("mi-2"), PingStatus: "Online", Name: sdk.String("rack")}}},
		{machines: []ec2types.Reservation{{Instances: []ec2types.Instance{
			{
				InstanceId: sdk.String("i-1"), VpcId: sdk.String("vpc-1"), State: &ec2types.InstanceState{Name: "running"},
				SecurityGroups:    []ec2types.GroupIdentifier{{GroupId: sdk.String("sg-a")}},
				NetworkInterfaces: []ec2types.InstanceNetworkInterface{{Groups: []ec2types.GroupIdentifier{{GroupId: sdk.String("sg-a")}, {GroupId: sdk.String("sg-b")}}}},
				Tags:              []ec2types.Tag{{Key: sdk.String("Name"), Value: sdk.String("bastion")}},
			},
			{InstanceId: sdk.String("i-unmanaged")},
		}}}},
		{instances: []rdstypes.DBInstance{member("shop-1", "shop", "eu-west-1a"), member("shop-2", "shop", "eu-west-1b")}},
		{clusters: []rdstypes.DBCluster{
			{
				DBClusterIdentifier: sdk.String("shop"), Engine: sdk.String("docdb"), Status: sdk.String("available"), Port: sdk.Int32(27017),
				Endpoint: sdk.String("w.example"), ReaderEndpoint: sdk.String("r.example"), CustomEndpoints: []string{"reports.cluster-custom-x.example"},
				DBClusterMembers: []rdstypes.DBClusterMember{{DBInstanceIdentifier: sdk.String("shop-1")}, {DBInstanceIdentifier: sdk.String("shop-2"), IsClusterWriter: sdk.Bool(true)}},
			},
			{DBClusterIdentifier: sdk.String("v1"), Engine: sdk.String("aurora-mysql"), Status: sdk.String("creating")},
		}},
		{endpoints: []rdstypes.DBClusterEndpoint{
			{DBClusterIdentifier: sdk.String("shop"), EndpointType: sdk.String("WRITER"), Endpoint: sdk.String("w.example")},
			{DBClusterIdentifier: sdk.String("shop"), DBClusterEndpointIdentifier: sdk.String("reports"), EndpointType: sdk.String("CUSTOM"), Endpoint: sdk.String("reports.cluster-custom-x.example"), Status: sdk.String("available")},
		}},
		{proxies: []rdstypes.DBProxy{{DBProxyName: sdk.String("p"), EngineFamily: sdk.String("MYSQL"), Endpoint: sdk.String("p.example"), Status: "available", VpcId: sdk.String("vpc-1"), Auth: []rdstypes.UserAuthConfigInfo{{IAMAuth: "REQUIRED"}}}}},
		{proxyEndpoints: []rdstypes.DBProxyEndpoint{
			{DBProxyName: sdk.String("p"), DBProxyEndpointName: sdk.String("default"), IsDefault: sdk.Bool(true), Endpoint: sdk.String("p.example")},
			{DBProxyName: sdk.String("p"), DBProxyEndpointName: sdk.String("p-ro"), Endpoint: sdk.String("ro.example"), Status: "available", VpcId: sdk.String("vpc-2")},
		}},
	}
}

// TestJoinInAnyOrder proves that the answers complete each other whatever the order in which they come, and that what is
// sent last of each key is the whole.
func TestJoinInAnyOrder(t *testing.T) {
	t.Parallel()
	collect := func(order []int) (map[string]aws.Instance, map[string]aws.Database) {
		k := newKnown(aws.Account{ID: "1", Region: "eu-west-1"})
		instances, databases := map[string]aws.Instance{}, map[string]aws.Database{}
		all := pages()
		for _, n := range order {
			r := k.add(all[n], 0)
			for _, i := range r.Instances {
				instances[i.ID] = i
			}
			for _, d := range r.Databases {
				databases[Key(d)] = d
			}
		}
		return instances, databases
	}
	instances, databases := collect([]int{0, 1, 2, 3, 4, 5, 6})
	checkJoined(t, instances, databases)
	for seed := range uint64(200) {
		order := rand.New(rand.NewPCG(seed, 1)).Perm(7)
		i, d := collect(order)
		if !reflect.DeepEqual(i, instances) || !reflect.DeepEqual(d, databases) {
			t.Fatalf("order %v gives\n%+v\n%+v\nwant\n%+v\n%+v", order, i, d, instances, databases)
		}
	}
}

func checkJoined(t *testing.T, instances map[string]aws.Instance, databases map[string]aws.Database) {
	t.Helper()
	if i := instances["i-1"]; i.Name != "bastion" || i.VPC != "vpc-1" || strings.Join(i.Groups, " ") != "sg-a sg-b" || i.State != "running" {
		t.Errorf("i-1: %+v", i)
	}
	if i := instances["mi-2"]; i.Name != "rack" || i.VPC != "" || len(instances) != 2 {
		t.Errorf("mi-2: %+v of %d", i, len(instances))
	}
	if d := databases["writer shop"]; d.VPC != "vpc-1" || d.AZ != "eu-west-1b" || d.Engine != "docdb" || strings.Join(d.Groups, " ") != "sg-1" || d.Endpoint.String() != "w.example:27017" {
		t.Errorf("writer: %+v", d)
	}
	if d := databases["reader shop"]; d.AZ != "" || d.Endpoint.Host != "r.example" {
		t.Errorf("reader: %+v", d)
	}
	if d := databases["custom reports"]; d.Cluster != "shop" || d.Endpoint.String() != "reports.cluster-custom-x.example:27017" {
		t.Errorf("custom: %+v", d)
	}
	if d := databases["writer v1"]; d.Status != "creating" || d.Available() {
		t.Errorf("a cluster without an endpoint yet: %+v", d)
	}
	if d := databases["proxy p"]; d.Engine != "mysql" || d.Endpoint.String() != "p.example:3306" || !d.IAMAuth {
		t.Errorf("proxy: %+v", d)
	}
	if d := databases["proxy p-ro"]; d.VPC != "vpc-2" || d.Endpoint.String() != "ro.example:3306" {
		t.Errorf("proxy endpoint: %+v", d)
	}
	if len(databases) != 8 {
		t.Errorf("%d databases: %v", len(databases), databases)
	}
}

func TestJoinSendsNothingTwice(t *testing.T) {
	t.Parallel()
	k := newKnown(aws.Account{})
	for _, p := range pages() {
		k.add(p, 0)
	}
	for n, p := range pages() {
		if r := k.add(p, 0); len(r.Instances)+len(r.Databases) > 0 {
			t.Errorf("page %d again gives %+v", n, r)
		}
	}
}

// TestListenerOnly covers an instance whose only address is the listener of an availability group.
func TestListenerOnly(t *testing.T) {
	t.Parallel()
	k := newKnown(aws.Account{})
	r := k.add(page{instances: []rdstypes.DBInstance{{DBInstanceIdentifier: sdk.String("crm"), ListenerEndpoint: &rdstypes.Endpoint{Address: sdk.String("l.example"), Port: sdk.Int32(1433)}}}}, 0)
	if len(r.Databases) != 1 || r.Databases[0].Endpoint.String() != "l.example:1433" {
		t.Errorf("%+v", r.Databases)
	}
}

// stuck gives one page token for ever.
type stuck struct{ calls int }

func (s *stuck) DescribeInstanceInformation(context.Context, *ssm.DescribeInstanceInformationInput, ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error) {
	s.calls++
	return &ssm.DescribeInstanceInformationOutput{NextToken: sdk.String("again")}, nil
}

func (s *stuck) DescribeInstanceProperties(context.Context, *ssm.DescribeInstancePropertiesInput, ...func(*ssm.Options)) (*ssm.DescribeInstancePropertiesOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
}

type broken struct{}

func (broken) DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	return nil, errors.New("no such wire")
}

// TestStubbornService proves that a service that repeats its token is left, and that errors say what was being listed.
func TestStubbornService(t *testing.T) {
	t.Parallel()
	s := &stuck{}
	c := clients{nodes: s, machines: broken{}}
	f := &Finder{places: []search{{account: aws.Account{Region: "eu-west-1"}, jobs: func() []job { return c.jobs()[:2] }}}, pool: newPool(2, 1)}
	inv, err := f.All(t.Context())
	if err == nil || len(inv.Errors) != 2 || s.calls != 2 {
		t.Fatalf("%v, %d errors, %d calls", err, len(inv.Errors), s.calls)
	}
	for n, want := range []string{"list managed instances in eu-west-1: ssm:DescribeInstanceInformation gives the same page token twice", "list EC2 instances in eu-west-1: no such wire"} {
		if inv.Errors[n].Error() != want {
			t.Errorf("%s, want %s", inv.Errors[n], want)
		}
	}
}
