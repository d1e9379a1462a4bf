package discover

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Page sizes are the most that each API allows (docs/aws.md §3). EC2 throttles calls without MaxResults harder.
const (
	nodesPage    = 50
	machinesPage = 1000
	rdsPage      = 100
)

// nodesAPI is the one list without which no instance can be chosen.
const nodesAPI = "ssm:DescribeInstanceInformation"

type nodeLister interface {
	DescribeInstanceInformation(context.Context, *ssm.DescribeInstanceInformationInput, ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error)
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
}

// page is one page of one API, as the SDK gives it. One field is set.
type page struct {
	nodes          []ssmtypes.InstanceInformation
	machines       []ec2types.Reservation
	instances      []rdstypes.DBInstance
	clusters       []rdstypes.DBCluster
	endpoints      []rdstypes.DBClusterEndpoint
	proxies        []rdstypes.DBProxy
	proxyEndpoints []rdstypes.DBProxyEndpoint
}

// job is one API and how to read its next page. The loops are ours, not the SDK's paginators: those hold their client in
// an interface, which costs the linker's pruning of unused methods.
type job struct {
	api  string
	what string
	page func(ctx context.Context, token *string) (page, *string, error)
}

func (c clients) jobs() []job {
	return []job{
		{nodesAPI, "managed instances", c.nodePage},
		{"ec2:DescribeInstances", "EC2 instances", c.machinePage},
		{"rds:DescribeDBInstances", "databases", c.instancePage},
		{"rds:DescribeDBClusters", "clusters", c.clusterPage},
		{"rds:DescribeDBClusterEndpoints", "cluster endpoints", c.endpointPage},
		{"rds:DescribeDBProxies", "proxies", c.proxyPage},
		{"rds:DescribeDBProxyEndpoints", "proxy endpoints", c.proxyEndpointPage},
	}
}

func (c clients) nodePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.nodes.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{MaxResults: sdk.Int32(nodesPage), NextToken: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{nodes: out.InstanceInformationList}, out.NextToken, nil
}

func (c clients) machinePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.machines.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: sdk.Int32(machinesPage), NextToken: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{machines: out.Reservations}, out.NextToken, nil
}

func (c clients) instancePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := c.databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{MaxRecords: sdk.Int32(rdsPage), Marker: token})
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
