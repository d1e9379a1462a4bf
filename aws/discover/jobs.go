package discover

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

// Page sizes are the most that each API allows (docs/aws.md §3). EC2 throttles calls without MaxResults harder.
const (
	propertiesPage = 1000
	nodesPage      = 50
	machinesPage   = 1000
	rdsPage        = 100
)

// nodesAPI is the one list without which no instance can be chosen. ssm:DescribeInstanceProperties takes its place where it is
// allowed: one call instead of ten.
const nodesAPI = "ssm:DescribeInstanceInformation"

type nodeLister interface {
	DescribeInstanceInformation(context.Context, *ssm.DescribeInstanceInformationInput, ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error)
	DescribeInstanceProperties(context.Context, *ssm.DescribeInstancePropertiesInput, ...func(*ssm.Options)) (*ssm.DescribeInstancePropertiesOutput, error)
}

type machineLister interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
}

type databaseLister interface {
	DescribeDBInstances(context.Context, *rds.DescribeDBInstancesInput, ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error)
	DescribeDBClusters(context.Context, *rds.DescribeDBClustersInput, ...func(*rds.Options)) (*rds.DescribeDBClustersOutput, error)
}

type endpointLister interface {
	DescribeDBClusterEndpoints(context.Context, *rds.DescribeDBClusterEndpointsInput, ...func(*rds.Options)) (*rds.DescribeDBClusterEndpointsOutput, error)
	DescribeDBClusterParameters(context.Context, *rds.DescribeDBClusterParametersInput, ...func(*rds.Options)) (*rds.DescribeDBClusterParametersOutput, error)
}

type proxyLister interface {
	DescribeDBProxies(context.Context, *rds.DescribeDBProxiesInput, ...func(*rds.Options)) (*rds.DescribeDBProxiesOutput, error)
	DescribeDBProxyEndpoints(context.Context, *rds.DescribeDBProxyEndpointsInput, ...func(*rds.Options)) (*rds.DescribeDBProxyEndpointsOutput, error)
}

// clients are the services that a search asks.
type clients struct {
	nodes     nodeLister
	machines  machineLister
	databases databaseLister
	endpoints endpointLister
	proxies   proxyLister
	stores    *stores // nil asks none of them
}

// page is one page of one API, as the SDK gives it. One field is set.
type page struct {
	nodes          []ssmtypes.InstanceInformation
	properties     []ssmtypes.InstanceProperty
	machines       []ec2types.Reservation
	instances      []rdstypes.DBInstance
	clusters       []rdstypes.DBCluster
	endpoints      []rdstypes.DBClusterEndpoint
	proxies        []rdstypes.DBProxy
	proxyEndpoints []rdstypes.DBProxyEndpoint
	babelfish      map[string]int // the port, by cluster
	stores         storePage
}

// job is one list and how to read all of it. The loops are ours, not the SDK's paginators: those hold their client in an
// interface, which costs the linker's pruning of unused methods.
type job struct {
	api   string
	what  string
	extra bool // a service that most profiles need not see: a denied or absent one is a badge and no failure
	list  func(ctx context.Context, add func(page)) error
}

func (c clients) jobs() []job {
	all := []job{
		{api: nodesAPI, what: "managed instances", list: c.listNodes},
		paged("ec2:DescribeInstances", "EC2 instances", c.machinePage),
		paged("rds:DescribeDBInstances", "databases", c.instancePage),
		{api: "rds:DescribeDBClusters", what: "clusters", list: c.listClusters},
		paged("rds:DescribeDBClusterEndpoints", "cluster endpoints", c.endpointPage),
		paged("rds:DescribeDBProxies", "proxies", c.proxyPage),
		paged("rds:DescribeDBProxyEndpoints", "proxy endpoints", c.proxyEndpointPage),
	}
	if c.stores != nil {
		all = append(all, c.stores.jobs()...)
	}
	return all
}

// maxPages stops a service that hands out tokens for ever: 20 a page at least, so 100,000 rows.
const maxPages = 5000

// pageFunc reads the page behind a token; nil is the first. The last page gives no token.
type pageFunc func(ctx context.Context, token *string) (page, *string, error)

// paged is the job of an API whose pages follow each other by tokens.
func paged(api, what string, read pageFunc) job {
	return job{api: api, what: what, list: func(ctx context.Context, add func(page)) error { return eachPage(ctx, api, read, add) }}
}

func eachPage(ctx context.Context, api string, read pageFunc, add func(page)) error {
	var token *string
	for range maxPages {
		p, next, err := read(ctx, token)
		if err != nil {
			return err
		}
		add(p)
		if sdk.ToString(next) == "" {
			return nil
		}
		if sdk.ToString(next) == sdk.ToString(token) {
			return fmt.Errorf("%s gives the same page token twice", api)
		}
		token = next
	}
	return fmt.Errorf("%s gives more than %d pages", api, maxPages)
}

// listNodes asks for instance properties, and for instance information where those may not be seen or do not exist.
func (c clients) listNodes(ctx context.Context, add func(page)) error {
	err := eachPage(ctx, "ssm:DescribeInstanceProperties", c.propertyPage, add)
	if err == nil || ctx.Err() != nil || !denied(err) && !hasCode(err, "UnknownOperationException", "InvalidAction", "NotImplemented", "InternalFailure") {
		return err
	}
	spare := eachPage(ctx, nodesAPI, c.nodePage, add)
	if spare != nil && denied(spare) && denied(err) {
		return err // what to ask for is the first call, which rdsx policy grants
	}
	return spare
}

// hasCode says whether AWS has answered with one of the codes.
func hasCode(err error, codes ...string) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.ErrorCode() == code {
			return true
		}
	}
	return false
}

// denied says whether the identity may not make the call.
func denied(err error) bool {
	return errors.Is(err, aws.ErrDenied) || hasCode(err, "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "AuthorizationError", "NotAuthorized")
}

func (c clients) propertyPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.nodes.DescribeInstanceProperties(ctx, &ssm.DescribeInstancePropertiesInput{MaxResults: sdk.Int32(propertiesPage), NextToken: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{properties: out.InstanceProperties}, out.NextToken, nil
}

func (c clients) nodePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.nodes.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{MaxResults: sdk.Int32(nodesPage), NextToken: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{nodes: out.InstanceInformationList}, out.NextToken, nil
}

func (c clients) machinePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.machines.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: sdk.Int32(machinesPage), NextToken: token}, lightMachines)
	if err != nil {
		return page{}, nil, err
	}
	return page{machines: out.Reservations}, out.NextToken, nil
}

func (c clients) instancePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{MaxRecords: sdk.Int32(rdsPage), Marker: token}, lightDatabases)
	if err != nil {
		return page{}, nil, err
	}
	return page{instances: out.DBInstances}, out.Marker, nil
}

func (c clients) clusterPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.databases.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{MaxRecords: sdk.Int32(rdsPage), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{clusters: out.DBClusters}, out.Marker, nil
}

func (c clients) endpointPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.endpoints.DescribeDBClusterEndpoints(ctx, &rds.DescribeDBClusterEndpointsInput{MaxRecords: sdk.Int32(rdsPage), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{endpoints: out.DBClusterEndpoints}, out.Marker, nil
}

func (c clients) proxyPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.proxies.DescribeDBProxies(ctx, &rds.DescribeDBProxiesInput{MaxRecords: sdk.Int32(rdsPage), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{proxies: out.DBProxies}, out.Marker, nil
}

func (c clients) proxyEndpointPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.proxies.DescribeDBProxyEndpoints(ctx, &rds.DescribeDBProxyEndpointsInput{MaxRecords: sdk.Int32(rdsPage), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{proxyEndpoints: out.DBProxyEndpoints}, out.Marker, nil
}
