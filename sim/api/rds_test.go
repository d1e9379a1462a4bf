package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rdsx/rdsx/sim/world"
)

func TestDescribeDBInstances(t *testing.T) {
	r := newRig(t, Options{})
	c := rds.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	out, err := c.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: ptr("Billing-Prod")})
	if err != nil || len(out.DBInstances) != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	d := out.DBInstances[0]
	named, _ := r.world.Find("billing-prod")
	if *d.Engine != "postgres" || *d.Endpoint.Address != named.Host || *d.Endpoint.Port != 5432 || *d.DBInstanceStatus != "available" || !*d.MultiAZ || !*d.IAMDatabaseAuthenticationEnabled ||
		*d.VpcSecurityGroups[0].VpcSecurityGroupId != "sg-0a0000000000000d0" || *d.DBSubnetGroup.VpcId != "vpc-0a00000000000000a" || len(d.DBSubnetGroup.Subnets) != 3 ||
		*d.DBSubnetGroup.Subnets[0].SubnetAvailabilityZone.Name != "eu-west-1a" || !strings.HasPrefix(*d.DbiResourceId, "db-") || d.MasterUserSecret == nil || len(d.TagList) != 2 {
		t.Errorf("database reads %+v", d)
	}
	byID := map[string]types.DBInstance{}
	all, err := c.DescribeDBInstances(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all.DBInstances {
		byID[*d.DBInstanceIdentifier] = d
	}
	if d := byID["orders-prod-2"]; *d.DBClusterIdentifier != "orders-prod" || *d.Engine != "aurora-postgresql" || *d.PromotionTier != 1 {
		t.Errorf("member reads %+v", d)
	}
	if d := byID["ledger-prod"]; *d.DBInstanceStatus != "stopped" || d.Endpoint == nil {
		t.Errorf("stopped database reads %+v", d)
	}
	tags := map[string]string{}
	for _, tag := range byID["kokyaku-prod"].TagList {
		tags[*tag.Key] = *tag.Value
	}
	if tags["Name"] != "顧客データベース" || tags["環境"] != "本番" {
		t.Errorf("tags %v", tags)
	}
	members, err := c.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{Filters: []types.Filter{{Name: ptr("db-cluster-id"), Values: []string{"orders-prod"}}}})
	if err != nil || len(members.DBInstances) != 3 {
		t.Errorf("members %v", err)
	}
	dev, err := rds.NewFromConfig(r.as(t, "mika", "eu-west-1")).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: ptr("scratch-dev")})
	if err != nil || dev.DBInstances[0].Endpoint != nil {
		t.Errorf("a database that is being created has an endpoint: %v", err)
	}
}

func TestRDSRefusals(t *testing.T) {
	r := newRig(t, Options{})
	c := rds.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	nobody := ptr("nobody")
	_, err := c.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: nobody})
	var notFound *types.DBInstanceNotFoundFault
	if !errors.As(err, &notFound) {
		t.Errorf("%v is not the SDK's own type", err)
	}
	_, err = c.DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{DBClusterIdentifier: nobody})
	wantCode(t, err, "DBClusterNotFoundFault", "nobody")
	_, err = c.DescribeDBClusterEndpoints(t.Context(), &rds.DescribeDBClusterEndpointsInput{DBClusterIdentifier: nobody})
	wantCode(t, err, "DBClusterNotFoundFault", "nobody")
	_, err = c.DescribeDBProxies(t.Context(), &rds.DescribeDBProxiesInput{DBProxyName: nobody})
	wantCode(t, err, "DBProxyNotFoundFault", "nobody")
	_, err = c.DescribeDBProxyEndpoints(t.Context(), &rds.DescribeDBProxyEndpointsInput{DBProxyName: nobody})
	wantCode(t, err, "DBProxyNotFoundFault", "nobody")
	_, err = c.DescribeDBProxyEndpoints(t.Context(), &rds.DescribeDBProxyEndpointsInput{DBProxyEndpointName: nobody})
	wantCode(t, err, "DBProxyEndpointNotFoundFault", "nobody")
	_, err = c.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{MaxRecords: ptr(int32(19))})
	wantCode(t, err, "InvalidParameterValue", "Must be between 20 and 100")
	_, err = c.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{Marker: ptr("x")})
	wantCode(t, err, "InvalidParameterValue", "marker")
	_, err = c.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{Filters: []types.Filter{{Name: ptr("colour"), Values: []string{"red"}}}})
	wantCode(t, err, "InvalidParameterValue", "colour")

	one := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds:*","Resource":"arn:aws:rds:*:*:db:orders-*"}]}`
	narrow := rds.NewFromConfig(r.assume(t, r.as(t, "mika", "eu-west-1"), &sts.AssumeRoleInput{RoleArn: ptr(prodReadonly), RoleSessionName: ptr("mika"), Policy: &one}))
	if _, err := narrow.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: ptr("orders-prod-1")}); err != nil {
		t.Error(err)
	}
	_, err = narrow.DescribeDBInstances(t.Context(), nil)
	wantCode(t, err, "AccessDenied", "is not authorized to perform: rds:DescribeDBInstances on resource: arn:aws:rds:eu-west-1:777788889999:db:* because no session policy allows")
}

func TestRDSPages(t *testing.T) {
	r := newRig(t, Options{})
	err := r.world.Update(world.Place{Account: "777788889999", Region: "eu-west-1"}, func(reg *world.Region) {
		for i := range 45 {
			reg.DBInstances = append(reg.DBInstances, world.DBInstance{ID: fmt.Sprintf("many-%d", i), Engine: "postgres", Subnets: []string{reg.Subnets[0].ID}})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	c := rds.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	seen := map[string]bool{}
	var sizes []int
	for p := rds.NewDescribeDBInstancesPaginator(c, &rds.DescribeDBInstancesInput{MaxRecords: ptr(int32(20))}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(out.DBInstances))
		for _, d := range out.DBInstances {
			seen[*d.DBInstanceIdentifier] = true
		}
	}
	if fmt.Sprint(sizes) != "[20 20 17]" || len(seen) != 57 {
		t.Errorf("pages of %v, %d databases", sizes, len(seen))
	}
}

func TestClustersAndProxies(t *testing.T) {
	r := newRig(t, Options{})
	c := rds.NewFromConfig(r.as(t, "oncall", "eu-west-1"))
	clusters, err := c.DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{DBClusterIdentifier: ptr("orders-prod")})
	if err != nil || len(clusters.DBClusters) != 1 {
		t.Fatalf("%+v %v", clusters, err)
	}
	d := clusters.DBClusters[0]
	var writer string
	for _, m := range d.DBClusterMembers {
		if *m.IsClusterWriter {
			writer = *m.DBInstanceIdentifier
		}
	}
	if writer != "orders-prod-1" || len(d.DBClusterMembers) != 3 || *d.Port != 5432 || !strings.Contains(*d.ReaderEndpoint, ".cluster-ro-") || len(d.CustomEndpoints) != 1 ||
		*d.VpcSecurityGroups[0].VpcSecurityGroupId != "sg-0a0000000000000d0" || len(d.AvailabilityZones) != 3 || !*d.IAMDatabaseAuthenticationEnabled {
		t.Errorf("cluster reads %+v", d)
	}
	ends, err := c.DescribeDBClusterEndpoints(t.Context(), &rds.DescribeDBClusterEndpointsInput{DBClusterIdentifier: ptr("orders-prod")})
	if err != nil || len(ends.DBClusterEndpoints) != 3 {
		t.Fatalf("%+v %v", ends, err)
	}
	if e := ends.DBClusterEndpoints[2]; *e.EndpointType != "CUSTOM" || *e.CustomEndpointType != "READER" || *e.DBClusterEndpointIdentifier != "orders-reporting" || e.StaticMembers[0] != "orders-prod-3" {
		t.Errorf("custom endpoint reads %+v", e)
	}
	custom, err := c.DescribeDBClusterEndpoints(t.Context(), &rds.DescribeDBClusterEndpointsInput{Filters: []types.Filter{{Name: ptr("db-cluster-endpoint-type"), Values: []string{"custom"}}}})
	if err != nil || len(custom.DBClusterEndpoints) != 1 {
		t.Errorf("custom endpoints %+v %v", custom, err)
	}
	proxies, err := c.DescribeDBProxies(t.Context(), nil)
	if err != nil || len(proxies.DBProxies) != 1 {
		t.Fatalf("%+v %v", proxies, err)
	}
	if p := proxies.DBProxies[0]; *p.DBProxyName != "orders-proxy" || *p.EngineFamily != "POSTGRESQL" || !*p.RequireTLS || *p.VpcId != "vpc-0a00000000000000a" || len(p.VpcSubnetIds) != 3 || p.Auth[0].IAMAuth != types.IAMAuthModeRequired {
		t.Errorf("proxy reads %+v", p)
	}
	points, err := c.DescribeDBProxyEndpoints(t.Context(), &rds.DescribeDBProxyEndpointsInput{DBProxyName: ptr("orders-proxy")})
	if err != nil || len(points.DBProxyEndpoints) != 2 {
		t.Fatalf("%+v %v", points, err)
	}
	if e := points.DBProxyEndpoints; !*e[0].IsDefault || *e[0].Endpoint != *proxies.DBProxies[0].Endpoint || e[1].TargetRole != types.DBProxyEndpointTargetRoleReadOnly || e[1].VpcSecurityGroupIds[0] != "sg-0a0000000000000d0" {
		t.Errorf("proxy endpoints read %+v", e)
	}
}
