package api

import (
	"slices"
	"strings"

	"github.com/rdsx/rdsx/sim/world"
)

// moreServices are those of the caches, the warehouses, the search domains and the containers, by the name in a signature.
func moreServices() map[string]*service {
	return map[string]*service{
		"elasticache": elasticacheService(), "memorydb": memorydbService(), "redshift": redshiftService(),
		"redshift-serverless": serverlessService(), "es": searchService(), "ecs": ecsService(),
	}
}

func elasticacheService() *service {
	const arn = "arn:aws:elasticache:{region}:{account}:"
	return &service{name: "elasticache", wire: queryWire{xmlns: "http://elasticache.amazonaws.com/doc/2015-02-02/"}, operations: map[string]operation{
		"DescribeReplicationGroups": {arn + "replicationgroup:*", describeReplicationGroups},
		"DescribeCacheClusters":     {arn + "cluster:*", describeCacheClusters},
		"DescribeCacheSubnetGroups": {arn + "subnetgroup:*", describeCacheSubnetGroups},
		"DescribeServerlessCaches":  {arn + "serverlesscache:*", describeServerlessCaches},
	}}
}

type address struct {
	Address string
	Port    int
}

func addressOf(host string, port int) *address {
	if host == "" {
		return nil
	}
	return &address{host, port}
}

type nodeGroupView struct {
	ID      string   `xml:"NodeGroupId"`
	Status  string   `xml:"Status"`
	Primary *address `xml:"PrimaryEndpoint"`
	Reader  *address `xml:"ReaderEndpoint"`
}

type replicationGroupView struct {
	ID      string `xml:"ReplicationGroupId"`
	Text    string `xml:"Description"`
	Status  string `xml:"Status"`
	Members struct {
		IDs []string `xml:"ClusterId"`
	} `xml:"MemberClusters"`
	Shards struct {
		Items []nodeGroupView `xml:"NodeGroup"`
	} `xml:"NodeGroups"`
	Config  *address `xml:"ConfigurationEndpoint"`
	Cluster bool     `xml:"ClusterEnabled"`
	Auth    bool     `xml:"AuthTokenEnabled"`
	TLS     bool     `xml:"TransitEncryptionEnabled"`
	Mode    string   `xml:"TransitEncryptionMode,omitempty"`
	ARN     string   `xml:"ARN"`
	Engine  string   `xml:"Engine"`
}

// member is the cache cluster that is the first node of a replication group.
func member(x world.Cache) string { return x.ID + "-001" }

func replicated(x world.Cache) bool { return !x.Serverless && x.Engine != "memcached" }

func describeReplicationGroups(c *call) (any, error) {
	var all []replicationGroupView
	for _, x := range c.region().Caches {
		if !replicated(x) {
			continue
		}
		v := replicationGroupView{
			ID: x.ID, Text: x.ID, Status: x.Status, Cluster: x.ClusterMode(), Auth: x.AuthToken, TLS: x.TLS != "off", ARN: c.fill("arn:aws:elasticache:{region}:{account}:replicationgroup:" + x.ID), Engine: x.Engine,
		}
		v.Members.IDs = []string{member(x)}
		if v.TLS {
			v.Mode = x.TLS
		}
		if x.ClusterMode() {
			v.Config = addressOf(x.Endpoint, x.Port)
		}
		for n := range x.Shards {
			g := nodeGroupView{ID: "000" + string(rune('1'+n%9)), Status: "available"}
			if !x.ClusterMode() {
				g.Primary, g.Reader = addressOf(x.Endpoint, x.Port), addressOf(x.ReaderEndpoint, x.Port)
			}
			v.Shards.Items = append(v.Shards.Items, g)
		}
		all = append(all, v)
	}
	return listed(c, "ReplicationGroups", "ReplicationGroup", all)
}

type cacheGroup struct {
	ID     string `xml:"SecurityGroupId"`
	Status string
}

type cacheNodeView struct {
	ID       string   `xml:"CacheNodeId"`
	Status   string   `xml:"CacheNodeStatus"`
	Endpoint *address `xml:"Endpoint"`
	AZ       string   `xml:"CustomerAvailabilityZone,omitempty"`
}

type cacheClusterView struct {
	ID      string `xml:"CacheClusterId"`
	Engine  string
	Version string   `xml:"EngineVersion"`
	Status  string   `xml:"CacheClusterStatus"`
	Nodes   int      `xml:"NumCacheNodes"`
	AZ      string   `xml:"PreferredAvailabilityZone,omitempty"`
	Config  *address `xml:"ConfigurationEndpoint"`
	Subnets string   `xml:"CacheSubnetGroupName"`
	Group   string   `xml:"ReplicationGroupId,omitempty"`
	TLS     bool     `xml:"TransitEncryptionEnabled"`
	ARN     string   `xml:"ARN"`
	Shown   *struct {
		Items []cacheNodeView `xml:"CacheNode"`
	} `xml:"CacheNodes"`
	Groups members[cacheGroup] `xml:"SecurityGroups"`
}

// cacheSubnets is the name of a cache's subnet group: caches of the world have one each.
func cacheSubnets(x world.Cache) string { return x.SubnetGroup + "-" + x.ID }

func describeCacheClusters(c *call) (any, error) {
	r := c.region()
	var all []cacheClusterView
	for _, x := range r.Caches {
		if x.Serverless || replicated(x) && c.form.Get("ShowCacheClustersNotInReplicationGroups") == "true" {
			continue
		}
		v := cacheClusterView{
			ID: x.ID, Engine: x.Engine, Version: x.EngineVersion, Status: x.Status, Nodes: 1, Subnets: cacheSubnets(x), TLS: x.TLS != "off",
			ARN: c.fill("arn:aws:elasticache:{region}:{account}:cluster:" + x.ID), AZ: zone(r, x.Subnets),
		}
		node := cacheNodeView{ID: "0001", Status: "available", Endpoint: addressOf(x.Endpoint, x.Port), AZ: v.AZ}
		if replicated(x) {
			v.ID, v.Group = member(x), x.ID
		} else {
			v.Config = addressOf(x.Endpoint, x.Port)
			node.Endpoint = addressOf(strings.Replace(x.Endpoint, ".cfg.", ".0001.", 1), x.Port)
		}
		if c.form.Get("ShowCacheNodeInfo") == "true" {
			v.Shown = &struct {
				Items []cacheNodeView `xml:"CacheNode"`
			}{[]cacheNodeView{node}}
		}
		for _, id := range x.Groups {
			v.Groups.Items = append(v.Groups.Items, cacheGroup{id, "active"})
		}
		all = append(all, v)
	}
	return listed(c, "CacheClusters", "CacheCluster", all)
}

// zone is that of the first subnet.
func zone(r world.Region, subnets []string) string {
	i := slices.IndexFunc(r.Subnets, func(s world.Subnet) bool { return len(subnets) > 0 && s.ID == subnets[0] })
	if i < 0 {
		return ""
	}
	return r.Subnets[i].AZ
}

type cacheSubnetGroupView struct {
	Name    string      `xml:"CacheSubnetGroupName"`
	Text    string      `xml:"CacheSubnetGroupDescription"`
	VPC     string      `xml:"VpcId"`
	Subnets []rdsSubnet `xml:"Subnets>Subnet"`
}

func describeCacheSubnetGroups(c *call) (any, error) {
	r := c.region()
	var all []cacheSubnetGroupView
	for _, x := range r.Caches {
		if !x.Serverless {
			g := c.subnetGroup(r, cacheSubnets(x), x.Subnets)
			all = append(all, cacheSubnetGroupView{g.Name, g.Description, g.VPC, g.Subnets})
		}
	}
	return listed(c, "CacheSubnetGroups", "CacheSubnetGroup", all)
}

type serverlessCacheView struct {
	Name    string   `xml:"ServerlessCacheName"`
	Status  string   `xml:"Status"`
	Engine  string   `xml:"Engine"`
	Version string   `xml:"FullEngineVersion"`
	End     *address `xml:"Endpoint"`
	Reader  *address `xml:"ReaderEndpoint"`
	ARN     string   `xml:"ARN"`
	Groups  struct {
		IDs []string `xml:"SecurityGroupId"`
	} `xml:"SecurityGroupIds"`
	Subnets struct {
		IDs []string `xml:"SubnetId"`
	} `xml:"SubnetIds"`
}

func describeServerlessCaches(c *call) (any, error) {
	var all []serverlessCacheView
	for _, x := range c.region().Caches {
		if !x.Serverless {
			continue
		}
		v := serverlessCacheView{
			Name: x.ID, Status: x.Status, Engine: x.Engine, Version: x.EngineVersion, End: addressOf(x.Endpoint, x.Port), Reader: addressOf(x.ReaderEndpoint, x.Port+1),
			ARN: c.fill("arn:aws:elasticache:{region}:{account}:serverlesscache:" + x.ID),
		}
		v.Groups.IDs, v.Subnets.IDs = x.Groups, x.Subnets
		all = append(all, v)
	}
	part, next, ok := page(all, c.name, c.form.Get("NextToken"), c.atMost(50))
	if !ok {
		return nil, failf("InvalidParameterValue", "The next token is not valid.")
	}
	return struct {
		NextToken string                       `xml:",omitempty"`
		List      members[serverlessCacheView] `xml:"ServerlessCaches"`
	}{next, members[serverlessCacheView]{part}}, nil
}
