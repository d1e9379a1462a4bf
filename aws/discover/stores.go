package discover

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// stores are the services beside RDS whose endpoints are databases to a person, and ECS, whose tasks can carry a tunnel.
type stores struct {
	caches     *smallAPI
	warehouses *smallAPI
	memory     *smallAPI
	workgroups *smallAPI
	search     *smallAPI
	tasks      *smallAPI
}

func newStores(cfg sdk.Config) *stores {
	return &stores{
		caches:     newQueryAPI(cfg, "ElastiCache", "elasticache", "2015-02-02"),
		warehouses: newQueryAPI(cfg, "Redshift", "redshift", "2012-12-01"),
		memory:     newJSONAPI(cfg, "MemoryDB", "memorydb", "AmazonMemoryDB"),
		workgroups: newJSONAPI(cfg, "Redshift Serverless", "redshift-serverless", "RedshiftServerless"),
		search:     newJSONAPI(cfg, "OpenSearch", "es", ""),
		tasks:      newJSONAPI(cfg, "ECS", "ecs", "AmazonEC2ContainerServiceV20141113"),
	}
}

// storePage is one page of one of them. One field is set.
type storePage struct {
	groups        []cacheGroup
	nodes         []cacheCluster
	cacheSubnets  []subnetGroup
	serverless    []serverlessCache
	memory        []memoryCluster
	memorySubnets []subnetGroup
	warehouses    []warehouse
	workgroups    []workgroup
	domains       []searchDomain
	tasks         []ecsTask
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

// queryPage asks for a page of a list that spells size and token alike.
func queryPage(marker *string) url.Values {
	form := url.Values{"MaxRecords": {strconv.Itoa(storePages)}}
	if marker != nil {
		form.Set("Marker", *marker)
	}
	return form
}

func (s *stores) groupPage(ctx context.Context, token *string) (page, *string, error) {
	var out cacheGroups
	err := s.caches.query(ctx, "DescribeReplicationGroups", queryPage(token), &out)
	return page{stores: storePage{groups: out.Groups}}, out.Marker, err
}

func (s *stores) nodePage(ctx context.Context, token *string) (page, *string, error) {
	var out cacheClusters
	form := queryPage(token)
	form.Set("ShowCacheNodeInfo", "true")
	err := s.caches.query(ctx, "DescribeCacheClusters", form, &out)
	return page{stores: storePage{nodes: out.Clusters}}, out.Marker, err
}

func (s *stores) cacheSubnetPage(ctx context.Context, token *string) (page, *string, error) {
	var out cacheSubnetGroups
	if err := s.caches.query(ctx, "DescribeCacheSubnetGroups", queryPage(token), &out); err != nil {
		return page{}, nil, err
	}
	var groups []subnetGroup
	for _, g := range out.Groups {
		groups = append(groups, subnetGroup{name: g.Name, vpc: g.VpcID, subnets: g.Subnets})
	}
	return page{stores: storePage{cacheSubnets: groups}}, out.Marker, nil
}

func (s *stores) serverlessPage(ctx context.Context, token *string) (page, *string, error) {
	var out serverlessCaches
	form := url.Values{}
	if token != nil {
		form.Set("NextToken", *token)
	}
	err := s.caches.query(ctx, "DescribeServerlessCaches", form, &out)
	return page{stores: storePage{serverless: out.Caches}}, out.NextToken, err
}

// listMemory asks for subnet groups only where there is a cluster.
func (s *stores) listMemory(ctx context.Context, add func(page)) error {
	some := false
	err := eachPage(ctx, "memorydb:DescribeClusters", func(ctx context.Context, token *string) (page, *string, error) {
		var out struct {
			Clusters  []memoryCluster
			NextToken *string
		}
		if err := s.memory.call(ctx, "DescribeClusters", http.MethodPost, "/", jsonPage{storePages, token}, &out); err != nil {
			return page{}, nil, err
		}
		some = some || len(out.Clusters) > 0
		return page{stores: storePage{memory: out.Clusters}}, out.NextToken, nil
	}, add)
	if err != nil || !some {
		return err
	}
	err = eachPage(ctx, "memorydb:DescribeSubnetGroups", func(ctx context.Context, token *string) (page, *string, error) {
		var out struct {
			SubnetGroups []memorySubnets
			NextToken    *string
		}
		if err := s.memory.call(ctx, "DescribeSubnetGroups", http.MethodPost, "/", jsonPage{storePages, token}, &out); err != nil {
			return page{}, nil, err
		}
		var groups []subnetGroup
		for _, g := range out.SubnetGroups {
			one := subnetGroup{name: g.Name, vpc: g.VpcID}
			for _, x := range g.Subnets {
				one.subnets = append(one.subnets, x.Identifier)
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
	var out warehouses
	err := s.warehouses.query(ctx, "DescribeClusters", queryPage(token), &out)
	return page{stores: storePage{warehouses: out.Clusters}}, out.Marker, err
}

func (s *stores) workgroupPage(ctx context.Context, token *string) (page, *string, error) {
	var out struct {
		Workgroups []workgroup
		NextToken  *string
	}
	if err := s.workgroups.call(ctx, "ListWorkgroups", http.MethodPost, "/", smallPage{MaxResults: storePages, NextToken: token}, &out); err != nil {
		return page{}, nil, err
	}
	return page{stores: storePage{workgroups: out.Workgroups}}, out.NextToken, nil
}

// domainsAtOnce is how many names es:DescribeDomains takes (docs/aws.md §3).
const domainsAtOnce = 5

func (s *stores) listDomains(ctx context.Context, add func(page)) error {
	var list struct{ DomainNames []struct{ DomainName string } }
	if err := s.search.call(ctx, "ListDomainNames", http.MethodGet, "/2021-01-01/domain", nil, &list); err != nil {
		return err
	}
	var names []string
	for _, d := range list.DomainNames {
		names = append(names, d.DomainName)
	}
	for some := range slices.Chunk(names, domainsAtOnce) {
		var out struct{ DomainStatusList []searchDomain }
		if err := s.search.call(ctx, "DescribeDomains", http.MethodPost, "/2021-01-01/opensearch/domain-info", struct{ DomainNames []string }{some}, &out); err != nil {
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
		var out struct {
			ClusterARNs []string
			NextToken   *string
		}
		err := s.tasks.call(ctx, "ListClusters", http.MethodPost, "/", smallPage{MaxResults: storePages, NextToken: token}, &out)
		return out.ClusterARNs, out.NextToken, err
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
		var out struct {
			TaskARNs  []string
			NextToken *string
		}
		err := s.tasks.call(ctx, "ListTasks", http.MethodPost, "/", smallPage{MaxResults: storePages, NextToken: token, Cluster: cluster, DesiredStatus: "RUNNING"}, &out)
		return out.TaskARNs, out.NextToken, err
	}, func(tasks []string) error {
		for some := range slices.Chunk(tasks, tasksAtOnce) {
			var out struct{ Tasks []ecsTask }
			in := struct {
				Cluster string   `json:"cluster"`
				Tasks   []string `json:"tasks"`
			}{cluster, some}
			if err := s.tasks.call(ctx, "DescribeTasks", http.MethodPost, "/", in, &out); err != nil {
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
