package discover_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// fleet is the size of a world of many accounts.
type fleet struct{ accounts, regions, instances, databases int }

var fleetRegions = []string{"eu-west-1", "us-east-1", "ap-northeast-1", "eu-central-1"}

func fleetAccount(n int) string { return fmt.Sprintf("9%011d", n) }

// world builds it: every account has a role for the one user of the first. A tenth of the databases are members of clusters.
func (f fleet) world(tb testing.TB) *world.World {
	tb.Helper()
	look, err := iam.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	if err != nil {
		tb.Fatal(err)
	}
	trust, err := iam.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + fleetAccount(0) + `:root"},"Action":"sts:AssumeRole"}]}`))
	if err != nil {
		tb.Fatal(err)
	}
	var spec world.Spec
	for n := range f.accounts {
		a := world.Account{ID: fleetAccount(n), Name: fmt.Sprintf("team%02d", n), Roles: []world.Role{{Name: "reader", Trust: trust, Policies: []iam.Policy{look}}}}
		if n == 0 {
			a.Users = []world.User{{Name: "base", AccessKey: "AKIASIMFLT0000000001", SecretKey: "sim/fleet/base/this-key-works-nowhere-else", Policies: []iam.Policy{look}}}
		}
		for m := range f.regions {
			a.Regions = append(a.Regions, f.region(n, m))
		}
		spec.Accounts = append(spec.Accounts, a)
	}
	w, err := world.New(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func (f fleet) region(n, m int) world.Region {
	code := fmt.Sprintf("%03x%02x", n, m)
	id := func(prefix string, i int) string { return fmt.Sprintf("%s%s%012x", prefix, code, i) }
	tags := map[string]string{"env": "prod", "team": fmt.Sprintf("team%02d", n), "cost": "1234"}
	r := world.Region{
		Name: fleetRegions[m], VPCs: []world.VPC{{ID: id("vpc-", 1), CIDR: "10.0.0.0/8"}},
		Subnets:        []world.Subnet{{ID: id("subnet-", 1), VPC: id("vpc-", 1), CIDR: "10.0.0.0/16", AZ: fleetRegions[m] + "a"}, {ID: id("subnet-", 2), VPC: id("vpc-", 1), CIDR: "10.1.0.0/16", AZ: fleetRegions[m] + "b"}},
		SecurityGroups: []world.SecurityGroup{{ID: id("sg-", 1), VPC: id("vpc-", 1)}},
	}
	subnets, groups := []string{id("subnet-", 1), id("subnet-", 2)}, []string{id("sg-", 1)}
	for i := range f.instances {
		r.Instances = append(r.Instances, world.Instance{ID: id("i-", i), Name: fmt.Sprintf("node-%s-%03d", code, i), Subnet: subnets[i%2], Groups: groups, AgentVersion: "3.3.4851.0", IP: fmt.Sprintf("10.%d.%d.%d", i%2, i/250+1, i%250+1), Tags: tags})
	}
	for i := range f.databases {
		d := world.DBInstance{ID: fmt.Sprintf("db-%s-%03d", code, i), Engine: "postgres", Subnets: subnets, Groups: groups, Tags: tags}
		if i%20 < 2 {
			cluster := fmt.Sprintf("cluster-%s-%03d", code, i/20)
			if i%20 == 0 {
				r.DBClusters = append(r.DBClusters, world.DBCluster{ID: cluster, Engine: "aurora-postgresql", Subnets: subnets, Groups: groups, Tags: tags})
			}
			d.Cluster, d.Engine = cluster, ""
		}
		r.DBInstances = append(r.DBInstances, d)
	}
	r.Caches = []world.Cache{{ID: "cache-" + code, Subnets: subnets, Groups: groups}}
	return r
}

// endpoints is how many endpoints one region of the fleet has.
func (f fleet) endpoints() int { return f.databases + 2*((f.databases+19)/20) + 2 }

// counter counts the calls that reach the simulator, and throttles by service, account and region.
type counter struct {
	mu       sync.Mutex
	calls    map[string]int
	refused  int
	throttle api.Throttle
}

func newCounter(t api.Throttle) *counter { return &counter{calls: map[string]int{}, throttle: t} }

func (c *counter) count(at world.Place, op string) bool {
	service, _, _ := strings.Cut(op, ":")
	refuse := service != "sts" && c.throttle(at, service)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[op]++
	if refuse {
		c.refused++
	}
	return refuse
}

// places signs in to every account of the fleet, each role once for all its regions.
func (f fleet) places(tb testing.TB, s *sim.Sim) []discover.Place {
	tb.Helper()
	config, credentials, err := s.WriteConfig(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	var out []discover.Place
	for n := range f.accounts {
		cfg, acct, _, err := account.Load(context.Background(), account.Options{Profile: fmt.Sprintf("team%02d-reader", n), Region: fleetRegions[0], Env: s.Env(config, credentials)})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if c, ok := cfg.HTTPClient.(interface{ CloseIdleConnections() }); ok {
				c.CloseIdleConnections()
			}
		})
		for m := range f.regions {
			at := discover.Place{Config: cfg.Copy(), Account: acct}
			at.Config.Region, at.Account.Region = fleetRegions[m], fleetRegions[m]
			out = append(out, at)
		}
	}
	return out
}

// TestFleet lists many accounts and regions through small pages and a throttle: nothing is lost, nothing is there twice, and
// every role is assumed once.
func TestFleet(t *testing.T) {
	f := fleet{accounts: 4, regions: 3, instances: 12, databases: 25}
	c := newCounter(api.EveryNth(5))
	s := start(t, sim.Options{World: f.world(t), Throttle: c.count, Pages: 7})
	places := f.places(t, s)
	finder := discover.NewFleet(places, discover.Options{Parallel: 8})
	ended := map[int]bool{}
	g := discover.NewGathering()
	err := finder.Stream(t.Context(), func(r discover.Result) {
		if ended[r.Place] {
			t.Errorf("place %d goes on after its end", r.Place)
		}
		ended[r.Place] = r.Last
		g.Add(r)
	})
	found := g.Inventories()
	if err != nil || len(found) != len(places) || len(ended) != len(places) {
		t.Fatalf("%v: %d inventories of %d places", err, len(found), len(places))
	}
	seen := map[string]bool{}
	for n, inv := range found {
		if inv.Account.ID != fleetAccount(n/3) || inv.Account.Region != fleetRegions[n%3] || len(inv.Errors) > 0 || len(inv.Denied) > 0 {
			t.Errorf("place %d: %+v %v %v", n, inv.Account, inv.Errors, inv.Denied)
		}
		if len(inv.Instances) != f.instances || len(inv.Databases) != f.endpoints() {
			t.Errorf("place %d: %d instances, %d databases", n, len(inv.Instances), len(inv.Databases))
		}
		for _, d := range inv.Databases {
			if key := d.Account + d.Region + discover.Key(d); seen[key] || d.VPC == "" || len(d.Profiles) != 1 {
				t.Errorf("twice or incomplete: %+v", d)
			} else {
				seen[key] = true
			}
		}
	}
	if c.calls["sts:AssumeRole"] != f.accounts || c.calls["sts:GetCallerIdentity"] != f.accounts {
		t.Errorf("calls of STS: %v", c.calls)
	}
	if c.refused == 0 || c.calls["rds:DescribeDBInstances"] < len(places)*4 || c.calls["ssm:DescribeInstanceInformation"] != 0 {
		t.Errorf("%d calls were throttled of %v", c.refused, c.calls)
	}
	for op, n := range finder.Calls() {
		if c.calls[op] != n {
			t.Errorf("%s: %d calls were counted, %d came", op, n, c.calls[op])
		}
	}
}

// TestTwoProfiles proves that what two profiles see of one account is one row, that their answers complete each other, and
// that the first profile of the user's order comes first.
func TestTwoProfiles(t *testing.T) {
	s := start(t, sim.Options{World: small(t)})
	var places []discover.Place
	for _, profile := range []string{"small-some", "small-all"} {
		cfg, acct := open(t, s, profile, "eu-west-1")
		acct.ID = ""
		places = append(places, discover.Place{Config: cfg, Account: acct})
	}
	found, err := discover.NewFleet(places, discover.Options{}).Each(t.Context())
	if err != nil || len(found) != 1 {
		t.Fatalf("%v: %d inventories", err, len(found))
	}
	inv := found[0]
	if len(inv.Errors) > 0 || slices.Contains(inv.Denied, "ec2:DescribeInstances") {
		t.Errorf("what one profile may see is called missing: %v %v", inv.Errors, inv.Denied)
	}
	if inv.Account.Profile != "small-some" || len(inv.Databases) != 5 || len(inv.Instances) != 1 || inv.Instances[0].VPC == "" {
		t.Errorf("%+v", inv)
	}
	for _, d := range inv.Databases {
		want := "small-some small-all"
		if d.Role == aws.RoleProxy {
			want = "small-all"
		}
		if got := strings.Join(d.Profiles, " "); got != want {
			t.Errorf("%s is seen by %q, want %q", d.ID, got, want)
		}
	}
}

// BenchmarkFleet is the measurement of docs/discovery.md: 40 accounts × 4 regions, 500 instances and 200 databases in each,
// 80 ms a call, throttled. Run it with -benchtime 1x -count 5; it reports milliseconds and calls.
func BenchmarkFleet(b *testing.B) {
	f := fleet{accounts: 40, regions: 4, instances: 500, databases: 200}
	if os.Getenv("RDSX_FLEET") == "small" {
		f = fleet{accounts: 10, regions: 2, instances: 100, databases: 50}
	}
	c := newCounter(api.Bucket(5, 10, time.Now))
	s, err := sim.Start(b.Context(), sim.Options{World: f.world(b), Latency: 80 * time.Millisecond, Remember: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	places := f.places(b, s)
	// The simulator makes its answers once, outside the time.
	if _, err := discover.NewFleet(places, discover.Options{}).Each(b.Context()); err != nil {
		b.Fatal(err)
	}
	s.SetThrottle(c.count)
	for b.Loop() {
		b.StopTimer()
		c.mu.Lock()
		c.calls, c.refused = map[string]int{}, 0
		c.mu.Unlock()
		places := f.places(b, s)
		runtime.GC()
		b.StartTimer()
		f.measure(b, c, places)
	}
}

func (f fleet) measure(b *testing.B, c *counter, places []discover.Place) {
	b.Helper()
	began := time.Now()
	var first, firstPlace time.Duration
	finder := discover.NewFleet(places, discover.Options{})
	g := discover.NewGathering()
	err := finder.Stream(b.Context(), func(r discover.Result) {
		if first == 0 && len(r.Databases) > 0 {
			first = time.Since(began)
		}
		if firstPlace == 0 && r.Last {
			firstPlace = time.Since(began)
		}
		g.Add(r)
	})
	all := time.Since(began)
	if err != nil {
		b.Fatal(err)
	}
	instances, databases, failed := 0, 0, 0
	for _, inv := range g.Inventories() {
		instances += len(inv.Instances)
		databases += len(inv.Databases)
		failed += len(inv.Errors) + len(inv.Denied)
	}
	if want := len(places); instances != want*f.instances || databases != want*f.endpoints() || failed > 0 {
		b.Fatalf("%d instances, %d databases, %d failures", instances, databases, failed)
	}
	calls := 0
	for _, n := range finder.Calls() {
		calls += n
	}
	b.ReportMetric(float64(first.Milliseconds()), "ms-first-rows")
	b.ReportMetric(float64(firstPlace.Milliseconds()), "ms-first-region")
	b.ReportMetric(float64(all.Milliseconds()), "ms-all")
	b.ReportMetric(float64(calls), "calls")
	b.ReportMetric(float64(c.refused), "throttled")
	b.Logf("first rows %v, first region %v, all %v; %d calls, %d throttled: %v", first.Round(time.Millisecond), firstPlace.Round(time.Millisecond), all.Round(time.Millisecond), calls, c.refused, finder.Calls())
}
