package discover_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
)

// start runs a simulator for the test's time. Nothing may be left running after it.
func start(t *testing.T, o sim.Options) *sim.Sim {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	s, err := sim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := goleak.Find(ignore); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open signs in to the simulator as the profile, with one connection for each request so that none outlives the test.
func open(t *testing.T, s *sim.Sim, profile, region string) (sdk.Config, aws.Account) {
	t.Helper()
	config, credentials, err := s.WriteConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg, acct, _, err := account.Load(t.Context(), account.Options{
		Profile: profile, Region: region, Env: s.Env(config, credentials),
		MFA: func(context.Context, string, bool) (string, error) { return s.World().MFACode(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c, ok := cfg.HTTPClient.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	})
	who, err := account.Identify(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if who.Profile != acct.Profile {
		t.Errorf("identified as profile %q, loaded as %q", who.Profile, acct.Profile)
	}
	return cfg, who
}

// wanted are the keys of all that a region of the world holds.
func wanted(r world.Region) (instances, databases map[string]bool) {
	instances, databases = map[string]bool{}, map[string]bool{}
	for _, i := range r.Instances {
		if (i.State == "" || i.State == "running") && i.AgentVersion != "" { // the others are none of Systems Manager's
			instances[i.ID] = true
		}
	}
	for _, d := range r.DBInstances {
		databases["instance "+d.ID] = true
	}
	for _, c := range r.DBClusters {
		databases["writer "+c.ID], databases["reader "+c.ID] = true, true
		for _, e := range c.Custom {
			databases["custom "+e.ID] = true
		}
	}
	for _, c := range r.Caches {
		switch {
		case c.ClusterMode():
			databases["config "+c.ID+" elasticache"] = true
		default:
			databases["writer "+c.ID+" elasticache"], databases["reader "+c.ID+" elasticache"] = true, true
		}
	}
	for _, m := range r.MemoryDBs {
		databases["config "+m.ID+" memorydb"] = true
	}
	for _, w := range r.Warehouses {
		databases["instance "+w.ID+map[bool]string{false: " redshift", true: " redshift-serverless"}[w.Serverless]] = true
	}
	for _, d := range r.SearchDomains {
		databases["instance "+d.Name+" es"] = true
	}
	for _, c := range r.ECSClusters {
		for _, task := range c.Tasks {
			if !task.NoExec {
				instances[task.Target(c.Name)] = true
			}
		}
	}
	for _, p := range r.DBProxies {
		databases["proxy "+p.Name] = true
		for _, e := range p.Endpoints {
			databases["proxy "+e.Name] = true
		}
	}
	return instances, databases
}

// TestDefaultWorld lists the simulator's default world, account by account and region by region: all of it, nothing twice,
// and each with what a choice needs.
func TestDefaultWorld(t *testing.T) {
	s := start(t, sim.Options{})
	for _, at := range []struct{ account, profile, region string }{
		{"111122223333", "acme-dev-mika", "eu-west-1"},
		{"111122223333", "acme-dev-mika", "us-east-1"},
		{"444455556666", "acme-staging-developer", "eu-west-1"},
		{"444455556666", "acme-staging-ci", "us-east-1"},
		{"777788889999", "acme-prod-operator", "eu-west-1"},
		{"777788889999", "acme-prod-readonly", "us-east-1"},
	} {
		cfg, acct := open(t, s, at.profile, at.region)
		inv, err := discover.New(cfg, acct, discover.Options{}).All(t.Context())
		if err != nil || len(inv.Errors) > 0 || acct.ID != at.account {
			t.Fatal(acct.ID, err, inv.Errors)
		}
		instances, databases := wanted(s.World().Region(at.account, at.region))
		for _, i := range inv.Instances {
			if !instances[i.ID] {
				t.Errorf("%s: instance %s is not there, or twice", at.profile, i.ID)
			}
			delete(instances, i.ID)
			if i.Name == "" || i.PingStatus == "" || i.AgentVersion == "" && !i.Task() || i.Task() && (i.VPC == "" || i.Subnet == "" || i.IP == "") || i.Region != at.region || strings.HasPrefix(i.ID, "i-") && (i.VPC == "" || i.AZ == "" || len(i.Groups) == 0) {
				t.Errorf("%s: incomplete: %+v", at.profile, i)
			}
		}
		for _, d := range inv.Databases {
			if !databases[discover.Key(d)] {
				t.Errorf("%s: %s is not there, or twice", at.profile, discover.Key(d))
			}
			delete(databases, discover.Key(d))
			if d.Engine == "" || d.Status == "" || d.VPC == "" || len(d.Subnets) == 0 && d.Service != "redshift" || d.Service == "" || d.ARN == "" && d.Role != aws.RoleCustom || strings.Join(d.Profiles, " ") != at.profile || len(d.Groups) == 0 || d.Account != at.account || d.Available() == (d.Endpoint.Port == 0) && d.Status == "available" {
				t.Errorf("%s: incomplete: %+v", at.profile, d)
			}
		}
		if len(instances)+len(databases) > 0 {
			t.Errorf("%s: missing %v %v", at.profile, instances, databases)
		}
	}
}

// TestChoicesInProd holds what rdsx connect would do in the default world to what its author meant.
func TestChoicesInProd(t *testing.T) {
	s := start(t, sim.Options{})
	cfg, acct := open(t, s, "acme-prod-operator", "eu-west-1")
	inv, err := discover.New(cfg, acct, discover.Options{}).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, host := range map[string]string{
		"orders-prod":        "orders-prod.cluster-c",
		"orders-prod:reader": "orders-prod.cluster-ro-",
		"orders-reporting":   "orders-reporting.cluster-custom-",
		"orders-prod-2":      "orders-prod-2.c",
		"orders-proxy":       "orders-proxy.proxy-",
		"orders-proxy-ro":    "orders-proxy-ro.endpoint.proxy-",
		"legacy-crm":         "legacy-crm.",
	} {
		db, to, err := discover.Resolve(inv, name)
		if err != nil || !strings.HasPrefix(to.Host, host) || to.Port == 0 {
			t.Errorf("%s: %v %v", name, to, err)
			continue
		}
		if via, _, err := discover.Choose(inv, db, to); err != nil || via.Name != "bastion-a" {
			t.Errorf("%s goes through %q: %v", name, via.Name, err)
		}
	}
	if _, _, err := discover.Resolve(inv, "ledger-prod"); !errors.Is(err, aws.ErrUnreachable) || !strings.Contains(aws.NextOf(err), "start-db-instance") {
		t.Errorf("a stopped database: %v", err)
	}
}

const smallWorld = `
accounts:
  - id: "111122223333"
    name: small
    users:
      - {name: all, access_key: AKIASIMSML0000000001, secret_key: sim/small/all/this-key-works-nowhere-els, policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["ssm:*", "ec2:*", "rds:*"], Resource: "*"}]}]}
      - {name: some, access_key: AKIASIMSML0000000002, secret_key: sim/small/some/this-key-works-nowhere-el, policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["ssm:*", "rds:DescribeDBInstances", "rds:DescribeDBClusters"], Resource: "*"}]}]}
      - {name: none, access_key: AKIASIMSML0000000003, secret_key: sim/small/none/this-key-works-nowhere-el, policies: []}
    regions:
      - name: eu-west-1
        vpcs: [{id: vpc-0a00000000000000a, cidr: 10.0.0.0/8}]
        subnets: [{id: subnet-0a0000000000000a1, vpc: vpc-0a00000000000000a, cidr: 10.0.0.0/12, az: eu-west-1a}]
        security_groups: [{id: sg-0a0000000000000b0, name: all, vpc: vpc-0a00000000000000a}]
        instances: [{id: i-0a000000000000001, name: bastion, subnet: subnet-0a0000000000000a1, groups: [sg-0a0000000000000b0], agent_version: 3.3.4851.0}]
        db_clusters: [{id: shop, engine: aurora-postgresql, writer: shop-1, subnets: [subnet-0a0000000000000a1], groups: [sg-0a0000000000000b0], custom_endpoints: [{id: shop-reports, type: READER, members: [shop-1]}]}]
        db_instances: [{id: shop-1, cluster: shop}]
        db_proxies: [{name: shop-proxy, engine: POSTGRESQL, target: shop, subnets: [subnet-0a0000000000000a1], groups: [sg-0a0000000000000b0]}]
`

func small(t *testing.T) *world.World {
	t.Helper()
	w, err := world.Parse("small.yaml", []byte(smallWorld))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestDenied proves that an API without permission is one result with its reason, and that the others go on.
func TestDenied(t *testing.T) {
	s := start(t, sim.Options{World: small(t)})
	cfg, acct := open(t, s, "small-some", "eu-west-1")
	inv, err := discover.New(cfg, acct, discover.Options{}).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var apis []string
	for _, err := range inv.Errors {
		var e *discover.APIError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "no permission for "+e.API) || aws.NextOf(err) == "" {
			t.Errorf("%v (%s)", err, aws.NextOf(err))
			continue
		}
		apis = append(apis, e.API)
	}
	if got := strings.Join(apis, " "); got != "ec2:DescribeInstances rds:DescribeDBClusterEndpoints rds:DescribeDBProxies rds:DescribeDBProxyEndpoints" {
		t.Errorf("denied: %s", got)
	}
	db, _, err := discover.Resolve(inv, "shop")
	if err != nil || db.Role != aws.RoleWriter || db.VPC == "" {
		t.Fatalf("%+v %v", db, err)
	}
	// EC2 does not tell the VPC of the one instance; it is still the only one that can be meant.
	via, why, err := discover.Choose(inv, db, db.Endpoint)
	if err != nil || via.ID != "i-0a000000000000001" || !strings.Contains(why, "not known") {
		t.Errorf("%s %q %v", via.ID, why, err)
	}
	if _, _, err := discover.Resolve(inv, "shop-proxy"); !errors.Is(err, aws.ErrNotFound) || !strings.Contains(err.Error(), "could not be read") {
		t.Errorf("a proxy that could not be listed: %v", err)
	}
	if db, _, err := discover.Resolve(inv, "shop-reports"); err != nil || db.Role != aws.RoleCustom {
		t.Errorf("a custom endpoint that the cluster names: %+v %v", db, err)
	}
}

func TestAllDenied(t *testing.T) {
	s := start(t, sim.Options{World: small(t)})
	cfg, acct := open(t, s, "small-none", "eu-west-1")
	inv, err := discover.New(cfg, acct, discover.Options{}).All(t.Context())
	if err == nil || len(inv.Errors) != 7 {
		t.Errorf("%v, %d errors", err, len(inv.Errors))
	}
	if _, err := discover.Via(inv, "i-0a000000000000001"); err != nil {
		t.Errorf("an id is not believed: %v", err)
	}
	if _, err := discover.Via(inv, "bastion"); err == nil {
		t.Error("a name is believed")
	}
}

// TestThrottled proves that a throttled call is repeated, page by page, until the list is whole.
func TestThrottled(t *testing.T) {
	s := start(t, sim.Options{World: small(t), Throttle: api.EveryNth(2)})
	cfg, acct := open(t, s, "small-all", "eu-west-1")
	for range 2 {
		inv, err := discover.New(cfg, acct, discover.Options{}).All(t.Context())
		if err != nil || len(inv.Errors) > 0 || len(inv.Instances) != 1 || len(inv.Databases) != 5 {
			t.Errorf("%v %v %d %d", err, inv.Errors, len(inv.Instances), len(inv.Databases))
		}
	}
}

// TestAlwaysThrottled proves that a call that is refused to the end says so.
func TestAlwaysThrottled(t *testing.T) {
	s := start(t, sim.Options{World: small(t), Throttle: func(_ world.Place, op string) bool { return op == "rds:DescribeDBProxies" }})
	cfg, acct := open(t, s, "small-all", "eu-west-1")
	inv, err := discover.New(cfg, acct, discover.Options{Attempts: 2}).All(t.Context())
	if err != nil || len(inv.Errors) != 1 || !strings.Contains(inv.Errors[0].Error(), "list proxies in eu-west-1: rds:DescribeDBProxies: AWS throttles") {
		t.Errorf("%v %v", err, inv.Errors)
	}
}

// TestPages lists more than one page of instances and databases, and watches them stream.
func TestPages(t *testing.T) {
	const databases, instances = 130, 120
	s := start(t, sim.Options{World: small(t)})
	err := s.World().Update(world.Place{Account: "111122223333", Region: "eu-west-1"}, func(r *world.Region) {
		for n := range databases {
			r.DBInstances = append(r.DBInstances, world.DBInstance{ID: fmt.Sprintf("db-%03d", n), Engine: "postgres", Subnets: []string{"subnet-0a0000000000000a1"}, Groups: []string{"sg-0a0000000000000b0"}})
		}
		for n := range instances {
			r.Instances = append(r.Instances, world.Instance{ID: fmt.Sprintf("i-0b%015d", n), Name: fmt.Sprintf("node-%03d", n), Subnet: "subnet-0a0000000000000a1", Groups: []string{"sg-0a0000000000000b0"}, AgentVersion: "3.3.1.0"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg, acct := open(t, s, "small-all", "eu-west-1")
	finder := discover.New(cfg, acct, discover.Options{Parallel: 2})
	inv, err := finder.All(t.Context())
	if err != nil || len(inv.Errors) > 0 {
		t.Fatal(err, inv.Errors)
	}
	if len(inv.Databases) != databases+5 || len(inv.Instances) != instances+1 {
		t.Errorf("%d databases, %d instances", len(inv.Databases), len(inv.Instances))
	}
	for _, i := range inv.Instances {
		if i.VPC == "" || i.Name == "" {
			t.Fatalf("EC2's part is missing: %+v", i)
		}
	}
	pages, done := map[string]int{}, map[string]bool{}
	if err := finder.Stream(t.Context(), func(r discover.Result) {
		if done[r.API] {
			t.Errorf("%s goes on after its end", r.API)
		}
		if r.Account.ID != "111122223333" {
			t.Errorf("a result of account %q", r.Account.ID)
		}
		pages[r.API]++
		done[r.API] = r.Done
	}); err != nil {
		t.Fatal(err)
	}
	if len(done) != 16+1 || pages["ssm:DescribeInstanceInformation"] < 2 || pages["rds:DescribeDBInstances"] < 3 {
		t.Errorf("pages %v", pages)
	}
}

// TestCancelled proves that a search ends with its context, without an error of an API.
func TestCancelled(t *testing.T) {
	s := start(t, sim.Options{World: small(t)})
	cfg, acct := open(t, s, "small-all", "eu-west-1")
	ctx, cancel := context.WithCancel(t.Context())
	err := discover.New(cfg, acct, discover.Options{Parallel: 1}).Stream(ctx, func(r discover.Result) {
		if r.Err != nil && !errors.Is(r.Err, aws.ErrDenied) {
			t.Errorf("%v", r.Err)
		}
		cancel()
	})
	cancel()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
