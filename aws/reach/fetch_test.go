package reach

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// everything allows all calls but those named.
func everything(t *testing.T, but ...string) iam.Policy {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}`
	for _, action := range but {
		text += fmt.Sprintf(`,{"Effect":"Deny","Action":%q,"Resource":"*"}`, action)
	}
	p, err := iam.Parse([]byte(text + "]}"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// counting counts requests by their action.
type counting struct {
	next  http.RoundTripper
	calls atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return c.next.RoundTrip(r)
}

// served runs a world and signs in to its first account, whose user may do all but what is named.
func served(t *testing.T, spec world.Spec, but ...string) (*world.World, sdk.Config, *counting) {
	t.Helper()
	spec.Accounts[0].Users = []world.User{{Name: "u", AccessKey: "AKIAREACH00000000000", SecretKey: "this-key-works-nowhere-else", Policies: []iam.Policy{everything(t, but...)}}}
	w, err := world.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.Start(t.Context(), sim.Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	count := &counting{next: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, sdk.Config{
		Region: "eu-west-1", BaseEndpoint: sdk.String(s.URL()), HTTPClient: &http.Client{Transport: count},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAREACH00000000000", "this-key-works-nowhere-else", ""),
	}, count
}

func needOf(r world.Region) Need {
	var need Need
	for _, i := range r.Instances {
		need.Instances = append(need.Instances, nounOf(i, r))
	}
	for _, d := range r.DBInstances {
		need.Databases = append(need.Databases, databaseOf(d, r))
	}
	return need
}

// TestFetchedVerdicts: what is read through EC2's API gives the verdicts that full knowledge gives, as far as one account and
// region can see; what lies in another one is unknown.
func TestFetchedVerdicts(t *testing.T) {
	count := map[aws.Answer]int{}
	for seed := range uint64(40) {
		spec, hidden := randomSpec(seed)
		w, cfg, _ := served(t, spec)
		r := w.Region("111111111111", "eu-west-1")
		need := needOf(r)
		if len(need.Instances) == 0 || len(need.Databases) == 0 {
			continue
		}
		s, err := Fetch(t.Context(), cfg, need)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Missing) > 0 {
			t.Errorf("world %d: not read: %v", seed, s.Missing)
		}
		whole := snapshotOf(w)
		for n, i := range r.Instances {
			for m, d := range r.DBInstances {
				want, got := truth(w, i, d), Check(s, s.Source(need.Instances[n]), s.Dest(need.Databases[m]))
				full := Check(whole, whole.Source(need.Instances[n]), destOf(whole, d, r))
				away := s.VPCs[need.Instances[n].VPC].Account != s.VPCs[need.Databases[m].VPC].Account
				if got.Answer != want && got.Answer != aws.Unknown || got.Answer == aws.Unknown && full.Answer != aws.Unknown && !hidden && !away {
					t.Errorf("world %d: %s → %s is %s, reach says %s\n%s", seed, i.ID, d.ID, want, got.Answer, show(got))
				}
				count[got.Answer]++
			}
		}
	}
	if count[aws.Yes] < 5 || count[aws.No] < 5 {
		t.Errorf("the worlds are one-sided: %v", count)
	}
}

// TestDeniedIsUnknown: each right that is missing leaves a verdict that names it and is not No.
func TestDeniedIsUnknown(t *testing.T) {
	for action, layer := range map[string]string{
		"ec2:DescribeSecurityGroups": "egress", "ec2:DescribeRouteTables": "route", "ec2:DescribeNetworkAcls": "acl", "ec2:DescribeSubnets": "address",
		"ec2:DescribeVpcs": "dns", "ec2:DescribeVpcAttribute": "dns",
	} {
		w, cfg, _ := served(t, plainSpec(), action)
		r := w.Region("111111111111", "eu-west-1")
		need := needOf(r)
		s, err := Fetch(t.Context(), cfg, need)
		if err != nil {
			t.Fatal(err)
		}
		to := s.Dest(need.Databases[0])
		to.At = nil // so that every right counts
		v := Check(s, s.Source(need.Instances[0]), to)
		if l, _ := v.First(); v.Answer != aws.Unknown || l.Name != layer || !strings.Contains(l.Why, action+" is not allowed") {
			t.Errorf("without %s: %s\n%s", action, v.Answer, show(v))
		}
	}
	_, cfg, _ := served(t, plainSpec(), "ec2:DescribeNetworkInterfaces", "ssm:DescribeSessions")
	w, _ := world.New(plainSpec())
	need := needOf(w.Region("111111111111", "eu-west-1"))
	need.Load = true
	s, err := Fetch(t.Context(), cfg, need)
	if err != nil {
		t.Fatal(err)
	}
	if v := Check(s, s.Source(need.Instances[0]), s.Dest(need.Databases[0])); v.Answer != aws.Yes {
		t.Errorf("without interfaces the instance's own word is taken: %s\n%s", v.Answer, show(v))
	}
}

// TestPrefixListsWithoutTheirRight: AWS's own lists can be read by another call.
func TestPrefixListsWithoutTheirRight(t *testing.T) {
	spec := plainSpec()
	r := &spec.Accounts[0].Regions[0]
	r.PrefixLists = []world.PrefixList{{ID: "pl-0000000a", Name: "com.amazonaws.eu-west-1.s3", Entries: []string{"52.92.0.0/17"}}}
	r.RouteTables = []world.RouteTable{{ID: "rtb-0000000a", VPC: "vpc-0000000a", Main: true, Routes: []world.Route{{PrefixList: "pl-0000000a", Target: "vpce-0000000a"}}}}
	w, cfg, _ := served(t, spec, "ec2:GetManagedPrefixListEntries")
	need := needOf(w.Region("111111111111", "eu-west-1"))
	s, err := Fetch(t.Context(), cfg, need)
	if err != nil {
		t.Fatal(err)
	}
	if v := Check(s, s.Source(need.Instances[0]), s.Dest(need.Databases[0])); v.Answer != aws.Yes {
		t.Errorf("%s\n%s", v.Answer, show(v))
	}
}

// TestFetcherKeepsWhatItRead: the same need again costs no call, however many ask at once; a new database costs only what is
// new.
func TestFetcherKeepsWhatItRead(t *testing.T) {
	w, cfg, count := served(t, plainSpec())
	need := needOf(w.Region("111111111111", "eu-west-1"))
	f := New(cfg)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := f.Snapshot(t.Context(), need); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	first := count.calls.Load()
	if first > 9 {
		t.Errorf("%d calls for one VPC", first)
	}
	further := need.Databases[0]
	further.ID, further.Groups = "other", append(slices.Clone(further.Groups), "sg-0000000c")
	if _, err := f.Snapshot(t.Context(), Need{Databases: []aws.Database{further}}); err != nil {
		t.Fatal(err)
	}
	if n := count.calls.Load() - first; n != 1 {
		t.Errorf("%d calls for a database with one more group", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Snapshot(ctx, need); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// plainSpec is a world of one VPC in which the instance reaches the database.
func plainSpec() world.Spec {
	return world.Spec{Accounts: []world.Account{{ID: "111111111111", Regions: []world.Region{{
		Name: "eu-west-1",
		VPCs: []world.VPC{{ID: "vpc-0000000a", CIDR: "10.0.0.0/16"}},
		Subnets: []world.Subnet{
			{ID: "subnet-0000000a", VPC: "vpc-0000000a", CIDR: "10.0.0.0/24", AZ: "eu-west-1a"}, {ID: "subnet-0000000b", VPC: "vpc-0000000a", CIDR: "10.0.1.0/24", AZ: "eu-west-1b"},
		},
		SecurityGroups: []world.SecurityGroup{
			{ID: "sg-0000000a", VPC: "vpc-0000000a"},
			{ID: "sg-0000000b", VPC: "vpc-0000000a", Ingress: []world.Rule{{From: 5432, Group: "sg-0000000a"}}},
			{ID: "sg-0000000c", VPC: "vpc-0000000a"},
		},
		Instances:   []world.Instance{{ID: "i-0000000a", Name: "box", Subnet: "subnet-0000000a", Groups: []string{"sg-0000000a"}, IP: "10.0.0.10", AgentVersion: "3.3.1.0"}},
		DBInstances: []world.DBInstance{{ID: "db", Engine: "postgres", Subnets: []string{"subnet-0000000b"}, Groups: []string{"sg-0000000b"}, IP: "10.0.1.12"}},
	}}}}}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
