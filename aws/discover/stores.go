package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	cachetypes "github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	memorytypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
	searchtypes "github.com/aws/aws-sdk-go-v2/service/opensearch/types"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	redshifttypes "github.com/aws/aws-sdk-go-v2/service/redshift/types"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	serverlesstypes "github.com/aws/aws-sdk-go-v2/service/redshiftserverless/types"
)

// stores are the services beside RDS whose endpoints are databases to a person, and ECS, whose tasks can carry a tunnel.
type stores struct {
	caches     *elasticache.Client
	memory     *memorydb.Client
	warehouses *redshift.Client
	workgroups *redshiftserverless.Client
	search     *opensearch.Client
	tasks      *ecs.Client
}

func newStores(cfg sdk.Config) *stores {
	return &stores{
		elasticache.NewFromConfig(cfg), memorydb.NewFromConfig(cfg), redshift.NewFromConfig(cfg), redshiftserverless.NewFromConfig(cfg),
		opensearch.NewFromConfig(cfg), ecs.NewFromConfig(cfg),
	}
}

// storePage is one page of one of them. One field is set.
type storePage struct {
	groups        []cachetypes.ReplicationGroup
	nodes         []cachetypes.CacheCluster
	cacheSubnets  []subnetGroup
	serverless    []cachetypes.ServerlessCache
	memory        []memorytypes.Cluster
	memorySubnets []subnetGroup
	warehouses    []redshifttypes.Cluster
	workgroups    []serverlesstypes.Workgroup
	domains       []searchtypes.DomainStatus
	tasks         []ecstypes.Task
}

// subnetGroup is what a cache's subnet group leads to.
type subnetGroup struct {
	name, vpc string
	subnets   []string
}

// storePages are those of services that spell size and token alike.
const storePages = 100

// extra marks a job as one whose denial is a badge.
func extra(j job) job {
	j.extra = true
	return j
}

func (s *stores) jobs() []job {
	return []job{
		extra(paged("elasticache:DescribeReplicationGroups", "caches", s.groupPage)),
		extra(paged("elasticache:DescribeCacheClusters", "cache nodes", s.nodePage)),
		extra(paged("elasticache:DescribeCacheSubnetGroups", "subnets of caches", s.cacheSubnetPage)),
		extra(paged("elasticache:DescribeServerlessCaches", "serverless caches", s.serverlessPage)),
		extra(job{api: "memorydb:DescribeClusters", what: "MemoryDB clusters", list: s.listMemory}),
		extra(paged("redshift:DescribeClusters", "Redshift clusters", s.warehousePage)),
		extra(paged("redshift-serverless:ListWorkgroups", "Redshift workgroups", s.workgroupPage)),
		extra(job{api: "es:ListDomainNames", what: "OpenSearch domains", list: s.listDomains}),
		extra(job{api: "ecs:ListClusters", what: "ECS tasks", list: s.listTasks}),
	}
}

func (s *stores) groupPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := s.caches.DescribeReplicationGroups(ctx, &elasticache.DescribeReplicationGroupsInput{MaxRecords: sdk.Int32(storePages), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{stores: storePage{groups: out.ReplicationGroups}}, out.Marker, nil
}

func (s *stores) nodePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := s.caches.DescribeCacheClusters(ctx, &elasticache.DescribeCacheClustersInput{MaxRecords: sdk.Int32(storePages), Marker: token, ShowCacheNodeInfo: sdk.Bool(true)})
	if err != nil {
		return page{}, nil, err
	}
	return page{stores: storePage{nodes: out.CacheClusters}}, out.Marker, nil
}

func (s *stores) cacheSubnetPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := s.caches.DescribeCacheSubnetGroups(ctx, &elasticache.DescribeCacheSubnetGroupsInput{MaxRecords: sdk.Int32(storePages), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	var groups []subnetGroup
	for _, g := range out.CacheSubnetGroups {
		one := subnetGroup{name: sdk.ToString(g.CacheSubnetGroupName), vpc: sdk.ToString(g.VpcId)}
		for _, x := range g.Subnets {
			one.subnets = append(one.subnets, sdk.ToString(x.SubnetIdentifier))
		}
		groups = append(groups, one)
	}
	return page{stores: storePage{cacheSubnets: groups}}, out.Marker, nil
}

func (s *stores) serverlessPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := s.caches.DescribeServerlessCaches(ctx, &elasticache.DescribeServerlessCachesInput{NextToken: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{stores: storePage{serverless: out.ServerlessCaches}}, out.NextToken, nil
}

// listMemory asks for subnet groups only where there is a cluster.
func (s *stores) listMemory(ctx context.Context, add func(page)) error {
	some := false
	err := eachPage(ctx, "memorydb:DescribeClusters", func(ctx context.Context, token *string) (page, *string, error) {
		out, err := s.memory.DescribeClusters(ctx, &memorydb.DescribeClustersInput{MaxResults: sdk.Int32(storePages), NextToken: token})
		if err != nil {
			return page{}, nil, err
		}
		some = some || len(out.Clusters) > 0
		return page{stores: storePage{memory: out.Clusters}}, out.NextToken, nil
	}, add)
	if err != nil || !some {
		return err
	}
	err = eachPage(ctx, "memorydb:DescribeSubnetGroups", func(ctx context.Context, token *string) (page, *string, error) {
		out, err := s.memory.DescribeSubnetGroups(ctx, &memorydb.DescribeSubnetGroupsInput{MaxResults: sdk.Int32(storePages), NextToken: token})
		if err != nil {
			return page{}, nil, err
		}
		var groups []subnetGroup
		for _, g := range out.SubnetGroups {
			one := subnetGroup{name: sdk.ToString(g.Name), vpc: sdk.ToString(g.VpcId)}
			for _, x := range g.Subnets {
				one.subnets = append(one.subnets, sdk.ToString(x.Identifier))
			}
			groups = append(groups, one)
		}
		return page{stores: storePage{memorySubnets: groups}}, out.NextToken, nil
	}, add)
	if denied(err) {
		return nil // the clusters are listed; their network stays unknown
	}
	return err
}

func (s *stores) warehousePage(ctx context.Context, token *string) (page, *string, error) {
	out, err := s.warehouses.DescribeClusters(ctx, &redshift.DescribeClustersInput{MaxRecords: sdk.Int32(storePages), Marker: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{stores: storePage{warehouses: out.Clusters}}, out.Marker, nil
}

func (s *stores) workgroupPage(ctx context.Context, token *string) (page, *string, error) {
	out, err := s.workgroups.ListWorkgroups(ctx, &redshiftserverless.ListWorkgroupsInput{MaxResults: sdk.Int32(storePages), NextToken: token})
	if err != nil {
		return page{}, nil, err
	}
	return page{stores: storePage{workgroups: out.Workgroups}}, out.NextToken, nil
}

// domainsAtOnce is how many names es:DescribeDomains takes (docs/aws.md §3).
const domainsAtOnce = 5

func (s *stores) listDomains(ctx context.Context, add func(page)) error {
	out, err := s.search.ListDomainNames(ctx, &opensearch.ListDomainNamesInput{})
	if err != nil {
		return err
	}
	var names []string
	for _, d := range out.DomainNames {
		names = append(names, sdk.ToString(d.DomainName))
	}
	for some := range slices.Chunk(names, domainsAtOnce) {
		out, err := s.search.DescribeDomains(ctx, &opensearch.DescribeDomainsInput{DomainNames: some})
		if err != nil {
			return err
		}
		add(page{stores: storePage{domains: out.DomainStatusList}})
	}
	return nil
}

// tasksAtOnce is how many tasks ecs:DescribeTasks takes.
const tasksAtOnce = 100

func (s *stores) listTasks(ctx context.Context, add func(page)) error {
	return s.eachARN(ctx, "ecs:ListClusters", func(token *string) ([]string, *string, error) {
		out, err := s.tasks.ListClusters(ctx, &ecs.ListClustersInput{MaxResults: sdk.Int32(storePages), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.ClusterArns, out.NextToken, nil
	}, func(clusters []string) error {
		for _, cluster := range clusters {
			if err := s.listTasksOf(ctx, cluster, add); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *stores) listTasksOf(ctx context.Context, cluster string, add func(page)) error {
	return s.eachARN(ctx, "ecs:ListTasks", func(token *string) ([]string, *string, error) {
		out, err := s.tasks.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: ecstypes.DesiredStatusRunning, MaxResults: sdk.Int32(storePages), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.TaskArns, out.NextToken, nil
	}, func(tasks []string) error {
		for some := range slices.Chunk(tasks, tasksAtOnce) {
			out, err := s.tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: some})
			if err != nil {
				return err
			}
			add(page{stores: storePage{tasks: out.Tasks}})
		}
		return nil
	})
}

// eachARN hands every page of a list of ARNs to do.
func (s *stores) eachARN(ctx context.Context, api string, read func(token *string) ([]string, *string, error), do func([]string) error) error {
	var token *string
	for range maxPages {
		arns, next, err := read(token)
		if err != nil {
			return err
		}
		if err := do(arns); err != nil {
			return err
		}
		if sdk.ToString(next) == "" {
			return nil
		}
		if sdk.ToString(next) == sdk.ToString(token) {
			return fmt.Errorf("%s gives the same page token twice", api)
		}
		if token = next; ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s gives more than %d pages", api, maxPages)
}

// lastPart is what stands behind the last slash of an ARN.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
