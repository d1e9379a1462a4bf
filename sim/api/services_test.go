package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/rdsx/rdsx/sim/world"
)

// TestCaches reads ElastiCache and MemoryDB through the SDK.
func TestCaches(t *testing.T) {
	r := newRig(t, Options{})
	ec := elasticache.NewFromConfig(r.as(t, "ci", "eu-west-1"))
	groups, err := ec.DescribeReplicationGroups(t.Context(), nil)
	if err != nil || len(groups.ReplicationGroups) != 2 {
		t.Fatalf("%+v %v", groups, err)
	}
	one, many := groups.ReplicationGroups[0], groups.ReplicationGroups[1]
	if *one.NodeGroups[0].PrimaryEndpoint.Port != 6379 || !strings.HasPrefix(*one.NodeGroups[0].ReaderEndpoint.Address, "replica.sessions-staging.") || !*one.AuthTokenEnabled ||
		!*one.TransitEncryptionEnabled || one.MemberClusters[0] != "sessions-staging-001" || *one.Engine != "valkey" {
		t.Errorf("one shard reads %+v", one)
	}
	if !*many.ClusterEnabled || many.ConfigurationEndpoint == nil || len(many.NodeGroups) != 2 || many.NodeGroups[0].PrimaryEndpoint != nil || many.TransitEncryptionMode != "preferred" {
		t.Errorf("two shards read %+v", many)
	}
	nodes, err := ec.DescribeCacheClusters(t.Context(), &elasticache.DescribeCacheClustersInput{ShowCacheNodeInfo: ptr(true)})
	if err != nil || len(nodes.CacheClusters) != 2 || *nodes.CacheClusters[0].SecurityGroups[0].SecurityGroupId != "sg-050000000000000d1" || len(nodes.CacheClusters[0].CacheNodes) != 1 {
		t.Fatalf("%+v %v", nodes, err)
	}
	subnets, err := ec.DescribeCacheSubnetGroups(t.Context(), nil)
	if err != nil || len(subnets.CacheSubnetGroups) != 2 || *subnets.CacheSubnetGroups[0].CacheSubnetGroupName != *nodes.CacheClusters[0].CacheSubnetGroupName || *subnets.CacheSubnetGroups[0].VpcId != "vpc-0500000000000000a" {
		t.Errorf("%+v %v", subnets, err)
	}
	less, err := ec.DescribeServerlessCaches(t.Context(), nil)
	if err != nil || len(less.ServerlessCaches) != 1 || len(less.ServerlessCaches[0].SubnetIds) != 2 || less.ServerlessCaches[0].SecurityGroupIds[0] != "sg-050000000000000d1" {
		t.Errorf("%+v %v", less, err)
	}
	md := memorydb.NewFromConfig(r.as(t, "ci", "eu-west-1"))
	clusters, err := md.DescribeClusters(t.Context(), nil)
	if err != nil || len(clusters.Clusters) != 1 || clusters.Clusters[0].ClusterEndpoint.Port != 6379 || !*clusters.Clusters[0].TLSEnabled {
		t.Errorf("%+v %v", clusters, err)
	}
	if g, err := md.DescribeSubnetGroups(t.Context(), nil); err != nil || len(g.SubnetGroups) != 1 || *g.SubnetGroups[0].VpcId != "vpc-0500000000000000a" || len(g.SubnetGroups[0].Subnets) != 2 {
		t.Errorf("%+v %v", g, err)
	}
}

// TestStores reads Redshift, OpenSearch and the parameters of a cluster with Babelfish through the SDK.
func TestStores(t *testing.T) {
	r := newRig(t, Options{})
	cfg := r.as(t, "ci", "eu-west-1")
	rs, err := redshift.NewFromConfig(cfg).DescribeClusters(t.Context(), nil)
	if err != nil || len(rs.Clusters) != 1 || *rs.Clusters[0].Endpoint.Port != 5439 || *rs.Clusters[0].VpcId != "vpc-0500000000000000a" || *rs.Clusters[0].VpcSecurityGroups[0].VpcSecurityGroupId != "sg-050000000000000d1" || rs.Clusters[0].MasterPasswordSecretArn == nil {
		t.Errorf("%+v %v", rs, err)
	}
	wg, err := redshiftserverless.NewFromConfig(cfg).ListWorkgroups(t.Context(), nil)
	if err != nil || len(wg.Workgroups) != 1 || *wg.Workgroups[0].Endpoint.Port != 5439 || *wg.Workgroups[0].Endpoint.VpcEndpoints[0].VpcId != "vpc-0500000000000000a" || wg.Workgroups[0].Status != "AVAILABLE" {
		t.Errorf("%+v %v", wg, err)
	}
	es := opensearch.NewFromConfig(cfg)
	names, err := es.ListDomainNames(t.Context(), nil)
	if err != nil || len(names.DomainNames) != 1 {
		t.Fatalf("%+v %v", names, err)
	}
	domains, err := es.DescribeDomains(t.Context(), &opensearch.DescribeDomainsInput{DomainNames: []string{"logs-staging", "none"}})
	if err != nil || len(domains.DomainStatusList) != 1 || domains.DomainStatusList[0].Endpoints["vpc"] == "" || *domains.DomainStatusList[0].VPCOptions.VPCId != "vpc-0500000000000000a" {
		t.Errorf("%+v %v", domains, err)
	}
	_, err = es.DescribeDomains(t.Context(), &opensearch.DescribeDomainsInput{DomainNames: strings.Fields("a b c d e f")})
	wantCode(t, err, "ValidationException", "1 to 5")
	db := rds.NewFromConfig(cfg)
	cluster, err := db.DescribeDBClusters(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := db.DescribeDBClusterParameters(t.Context(), &rds.DescribeDBClusterParametersInput{DBClusterParameterGroupName: cluster.DBClusters[0].DBClusterParameterGroup, Source: ptr("user")})
	if err != nil || len(set.Parameters) != 2 || *set.Parameters[1].ParameterValue != "on" {
		t.Errorf("%+v %v", set, err)
	}
	_, err = db.DescribeDBClusterParameters(t.Context(), &rds.DescribeDBClusterParametersInput{DBClusterParameterGroupName: ptr("nobody")})
	wantCode(t, err, "DBParameterGroupNotFound", "nobody")
}

// TestTasks reads the tasks of ECS and starts a session through one.
func TestTasks(t *testing.T) {
	r := newRig(t, Options{})
	cfg := r.as(t, "ci", "eu-west-1")
	c := ecs.NewFromConfig(cfg)
	clusters, err := c.ListClusters(t.Context(), nil)
	if err != nil || len(clusters.ClusterArns) != 1 {
		t.Fatalf("%+v %v", clusters, err)
	}
	list, err := c.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: &clusters.ClusterArns[0], DesiredStatus: "RUNNING"})
	if err != nil || len(list.TaskArns) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	out, err := c.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: &clusters.ClusterArns[0], Tasks: list.TaskArns})
	if err != nil || len(out.Tasks) != 2 {
		t.Fatalf("%+v %v", out, err)
	}
	web, worker := out.Tasks[0], out.Tasks[1]
	if !web.EnableExecuteCommand || *web.Containers[0].ManagedAgents[0].LastStatus != "RUNNING" || *web.Attachments[0].Details[0].Value != "subnet-050000000000000a1" || worker.EnableExecuteCommand {
		t.Errorf("tasks read %+v %+v", web, worker)
	}
	target := func(i int) *string {
		task := out.Tasks[i]
		id := (*task.TaskArn)[strings.LastIndexByte(*task.TaskArn, '/')+1:]
		return ptr(fmt.Sprintf("ecs:shop-staging_%s_%s", id, *task.Containers[0].RuntimeId))
	}
	started, err := ssm.NewFromConfig(cfg).StartSession(t.Context(), &ssm.StartSessionInput{
		Target: target(0), DocumentName: ptr("AWS-StartPortForwardingSessionToRemoteHost"),
		Parameters: map[string][]string{"host": {"orders-staging.example"}, "portNumber": {"5432"}},
	})
	if err != nil || *started.TokenValue == "" {
		t.Errorf("a session through a task: %v", err)
	}
	_, err = ssm.NewFromConfig(cfg).StartSession(t.Context(), &ssm.StartSessionInput{Target: target(1), DocumentName: ptr("AWS-StartPortForwardingSessionToRemoteHost"), Parameters: map[string][]string{"host": {"h.example"}}})
	wantCode(t, err, "TargetNotConnected", "")
	_, err = c.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: ptr("nobody")})
	wantCode(t, err, "ClusterNotFoundException", "")
	reader := r.as(t, "reader", "eu-west-1")
	if _, err := ecs.NewFromConfig(reader).ListClusters(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestSmallPages proves that Options.Pages holds for every kind of list, and that answers made once are the same.
func TestSmallPages(t *testing.T) {
	r := newRig(t, Options{Pages: 3, Remember: true})
	err := r.world.Update(world.Place{Account: "444455556666", Region: "eu-west-1"}, func(reg *world.Region) {
		for i := range 7 {
			reg.DBInstances = append(reg.DBInstances, world.DBInstance{ID: fmt.Sprintf("many-%d", i), Engine: "postgres", Subnets: []string{reg.Subnets[0].ID}})
			reg.Caches = append(reg.Caches, world.Cache{ID: fmt.Sprintf("many-%d", i), Subnets: []string{reg.Subnets[0].ID}})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := r.as(t, "ci", "eu-west-1")
	for range 2 {
		seen, calls := 0, 0
		for p := rds.NewDescribeDBInstancesPaginator(rds.NewFromConfig(cfg), nil); p.HasMorePages(); calls++ {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen += len(out.DBInstances)
		}
		if seen != 12 || calls != 4 {
			t.Errorf("%d databases in %d pages", seen, calls)
		}
		seen = 0
		for p := elasticache.NewDescribeReplicationGroupsPaginator(elasticache.NewFromConfig(cfg), nil); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen += len(out.ReplicationGroups)
		}
		if seen != 9 {
			t.Errorf("%d replication groups", seen)
		}
		nodes, err := ssm.NewFromConfig(cfg).DescribeInstanceProperties(t.Context(), &ssm.DescribeInstancePropertiesInput{MaxResults: ptr(int32(1000))})
		if err != nil || len(nodes.InstanceProperties) != 3 || nodes.NextToken != nil {
			t.Errorf("%+v %v", nodes, err)
		}
	}
	if err := r.world.UpdateInstance("i-05000000000000001", func(i *world.Instance) { i.PingStatus = "ConnectionLost" }); err != nil {
		t.Fatal(err)
	}
	nodes, err := ssm.NewFromConfig(cfg).DescribeInstanceProperties(t.Context(), &ssm.DescribeInstancePropertiesInput{MaxResults: ptr(int32(1000))})
	if err != nil || nodes.InstanceProperties[0].PingStatus != "ConnectionLost" {
		t.Errorf("an answer outlives the world that it tells of: %+v %v", nodes, err)
	}
}

// TestServicesOfCLI reads the services with the aws CLI.
func TestServicesOfCLI(t *testing.T) {
	r := newRig(t, Options{})
	ci := keyOf(t, r, "ci")
	for _, c := range []struct {
		list string
		n    int
		args string
	}{
		{"ReplicationGroups", 2, "elasticache describe-replication-groups"},
		{"ServerlessCaches", 1, "elasticache describe-serverless-caches"},
		{"Clusters", 1, "memorydb describe-clusters"},
		{"Clusters", 1, "redshift describe-clusters"},
		{"workgroups", 1, "redshift-serverless list-workgroups"},
		{"DomainNames", 1, "opensearch list-domain-names"},
		{"DomainStatusList", 1, "opensearch describe-domains --domain-names logs-staging"},
		{"clusterArns", 1, "ecs list-clusters"},
		{"taskArns", 2, "ecs list-tasks --cluster shop-staging"},
		{"InstanceProperties", 3, "ssm describe-instance-properties"},
	} {
		out, stderr, err := r.cli(t, ci, strings.Fields(c.args)...)
		if found, _ := out[c.list].([]any); err != nil || len(found) != c.n {
			t.Errorf("aws %s: %v %s %v", c.args, err, stderr, out)
		}
	}
}
