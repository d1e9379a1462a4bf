package cli

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/targets"
)

// fill gives every field of v a value of its own, so that one that is not kept is missed.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{fmt.Sprint("key ", *n): "value", "other": fmt.Sprint(*n)}))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 5).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic("a kind that the cache may not know: " + v.Kind().String())
	}
}

// TestCacheKeepsAll writes rows in which every field says something of its own, and rows in which none does, and reads the same.
func TestCacheKeepsAll(t *testing.T) {
	a, _ := homeApp(t)
	var full, node targets.Row
	n := 0
	fill(reflect.ValueOf(&full).Elem(), &n)
	full.Instance = nil
	fill(reflect.ValueOf(&node).Elem(), &n)
	node.Database = nil
	again := full
	again.Why, again.Via, again.Account = "another", *node.Instance, aws.Account{Profile: "x"}
	rows := []targets.Row{full, again, full, {}, node, node}
	of := aws.Account{ID: "1", ARN: "arn", Partition: "aws", Profile: "prod", Region: "eu-west-1"}
	a.cache().keep(of, []string{"es:ListDomainNames"}, rows)
	l, ok := a.cache().read(of)
	if !ok || l.Account != of || len(l.Denied) != 1 || time.Since(l.At).Abs() > time.Hour || !reflect.DeepEqual(l.Rows, rows) {
		t.Errorf("%v: wrote\n%+v\nread\n%+v", ok, rows, l)
	}
	for _, other := range []aws.Account{{Profile: "prod", Region: "eu-west-2"}, {Profile: "dev", Region: "eu-west-1"}} {
		if _, ok := a.cache().read(other); ok {
			t.Errorf("%v has another's list", other)
		}
	}
}

// TestCacheBreaksOff cuts a list at every byte, and turns every byte round: what is left is read or not, and no row is made up of
// what is missing.
func TestCacheBreaksOff(t *testing.T) {
	a, _ := homeApp(t)
	var row, node targets.Row
	n := 0
	fill(reflect.ValueOf(&row).Elem(), &n)
	row.Instance = nil
	fill(reflect.ValueOf(&node).Elem(), &n)
	node.Database = nil
	of := testPlaces()[0].account
	a.cache().keep(of, nil, []targets.Row{row, node})
	path := a.cache().path(of)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) ([]targets.Row, bool) {
		l, nodes, ok := openList(text, of)
		if ok {
			l.Rows = append(l.Rows, nodes()...)
		}
		return l.Rows, ok
	}
	for n := range whole {
		if rows, ok := read(string(whole[:n])); ok && (len(rows) != 1 || !reflect.DeepEqual(rows[0], row)) {
			t.Fatalf("%d of %d bytes: %+v", n, len(whole), rows)
		}
		turned := bytes.Clone(whole)
		turned[n] ^= 0xff
		read(string(turned)) // does not fall over
	}
	if err := os.WriteFile(path, []byte(`{"version":2,"rows":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.cache().read(of); ok {
		t.Error("a list of another version was believed")
	}
}

// TestCachedInOrder proves that the screens get what the last run kept, databases first, each thing once and as its first profile
// sees it, the nodes too, and what was opened by hand.
func TestCachedInOrder(t *testing.T) {
	a, _ := homeApp(t)
	s := &screenRun{app: a, files: a.screenFiles(), before: map[string]way{}, cacheRead: make(chan struct{})}
	for _, profile := range []string{"one", "two", "none"} {
		of := aws.Account{ID: "1", Profile: profile, Region: "eu-west-1"}
		s.places = append(s.places, place{account: aws.Account{Profile: profile, Region: "eu-west-1"}})
		if profile == "none" {
			continue
		}
		shared, own := rowOf(testTarget("shared")), rowOf(testTarget(profile+"-own"))
		node := targets.Row{Account: of, Instance: &aws.Instance{ID: "i-" + profile, PingStatus: "Online"}}
		shared.Account, own.Account = of, of
		s.files.cache.keep(of, nil, []targets.Row{node, shared, own})
	}
	free := aws.Target{Account: aws.Account{Profile: "two", Region: "eu-west-1"}, Instance: aws.Instance{ID: "i-1"}, Endpoint: aws.Endpoint{Host: "cache.internal", Port: 6379}}
	for _, used := range []aws.Target{free, {Account: aws.Account{ID: "1", Profile: "two", Region: "eu-west-1"}, Database: testTarget("two-own").Database}} {
		if err := s.files.Remember(used, 1, false); err != nil {
			t.Fatal(err)
		}
	}
	rows, at := s.Cached()
	s.rest(t.Context(), func(f tui.Finding) { rows = append(rows, f.Rows...) }) // what a slow machine has not read yet
	var got, hosts []string
	for _, r := range rows {
		name := r.Account.Profile + " " + r.Target().Name()
		if r.Instance != nil {
			name = r.Account.Profile + " " + r.Instance.ID
		}
		if !r.LastUsed.IsZero() {
			name += " used"
		}
		if r.Instance == nil && r.Database == nil {
			hosts = append(hosts, name)
			continue
		}
		got = append(got, name)
	}
	want := "one shared, one one-own, two two-own used, one i-one, two i-two"
	if strings.Join(got, ", ") != want || strings.Join(hosts, ", ") != "two cache.internal:6379 used" || at.IsZero() || s.before[rows[0].Key()].via != "i-1" {
		t.Errorf("%v and %v\nwant %s", strings.Join(got, ", "), hosts, want)
	}
	if s.kept != nil {
		t.Error("the list of the last run is shown again by the next scan")
	}
}

// BenchmarkCached is the second start that docs/discovery.md tells of: the lists of 40 accounts × 4 regions with 500 instances and
// 200 databases in each are on the disk. It reports when the screens have the first rows, all databases, and all rows.
func BenchmarkCached(b *testing.B) {
	home := b.TempDir()
	a := &app{Process: Process{Env: []string{"HOME=" + home, "LocalAppData=" + home}, Stderr: os.Stderr}}
	var places []place
	for n := range 160 {
		of := aws.Account{ID: fmt.Sprintf("9%011d", n/4), ARN: fmt.Sprintf("arn:aws:sts::9%011d:assumed-role/reader/rdsx", n/4), Partition: "aws", Profile: fmt.Sprintf("team%02d-reader", n/4), Region: []string{"eu-west-1", "us-east-1", "ap-northeast-1", "eu-central-1"}[n%4]}
		places = append(places, place{account: aws.Account{Profile: of.Profile, Region: of.Region}})
		a.cache().keep(of, nil, keptRows(of, n, 500, 200))
	}
	b.ReportAllocs()
	var shown, all time.Duration
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		s := &screenRun{app: a, places: places, files: a.screenFiles(), before: map[string]way{}, cacheRead: make(chan struct{})}
		b.StartTimer()
		began := time.Now()
		rows, _ := s.Cached()
		shown += time.Since(began)
		databases, nodes := kindsOf(rows)
		b.ReportMetric(float64(databases), "databases-at-first")
		b.ReportMetric(float64(nodes), "nodes-at-first")
		s.rest(b.Context(), func(f tui.Finding) {
			d, i := kindsOf(f.Rows)
			databases, nodes = databases+d, nodes+i
		})
		all += time.Since(began)
		if databases != 160*200 || nodes != 160*500 {
			b.Fatalf("%d databases and %d nodes", databases, nodes)
		}
	}
	b.ReportMetric(float64(shown.Microseconds())/1000/float64(b.N), "ms-first-rows")
	b.ReportMetric(float64(all.Microseconds())/1000/float64(b.N), "ms-all")
}

func kindsOf(rows []targets.Row) (databases, nodes int) {
	for i := range rows {
		if rows[i].Instance != nil {
			nodes++
		} else {
			databases++
		}
	}
	return databases, nodes
}

// keptRows is what the list of one account and region holds after a scan.
func keptRows(of aws.Account, n, instances, databases int) []targets.Row {
	tags := func(name string) map[string]string {
		return map[string]string{"Name": name, "env": "prod", "team": of.Profile, "cost": "1234"}
	}
	vpc, groups := fmt.Sprintf("vpc-%017x", n), []string{fmt.Sprintf("sg-%017x", n)}
	var nodes, rows []targets.Row
	for i := range instances {
		name := fmt.Sprintf("node-%03x-%03d", n, i)
		nodes = append(nodes, targets.Row{Account: of, Instance: &aws.Instance{
			ID: fmt.Sprintf("i-%05x%012x", n, i), Name: name, PingStatus: "Online", LastPing: time.Unix(1.8e9+int64(i), 0), AgentVersion: "3.3.4851.0", Platform: "Linux", State: "running", IP: fmt.Sprintf("10.%d.%d.%d", i%2, i/250, i%250),
			VPC: vpc, Subnet: fmt.Sprintf("subnet-%05x%012x", n, i%2), AZ: of.Region + "a", Groups: groups, Account: of.ID, Region: of.Region, Tags: tags(name), Profiles: []string{of.Profile},
		}})
	}
	path := aws.Verdict{Answer: aws.Yes, Layers: []aws.Layer{}}
	for _, layer := range []string{"state", "address", "dns", "route", "return route", "egress", "ingress", "acl", "return acl"} {
		path.Layers = append(path.Layers, aws.Layer{Name: layer, Answer: aws.Yes, Rule: groups[0] + " 10.0.0.0/8 → " + vpc, Why: "the rule lets it through to the port of the database"})
	}
	for i := range databases {
		id := fmt.Sprintf("db-%03x-%03d", n, i)
		rows = append(rows, targets.Row{Account: of, Via: *nodes[0].Instance, Why: "same VPC and zone", Path: path, Reach: targets.ReachYes, Database: &aws.Database{
			ID: id, Role: aws.RoleInstance, Engine: "postgres", EngineVersion: "16.4", Endpoint: aws.Endpoint{Host: id + ".c9akciq32rgw." + of.Region + ".rds.amazonaws.com", Port: 5432}, Status: "available",
			VPC: vpc, AZ: of.Region + "a", Subnets: []string{"subnet-1", "subnet-2"}, Groups: groups, IAMAuth: true, Account: of.ID, Region: of.Region, Tags: tags(id),
			Service: "rds", ARN: "arn:aws:rds:" + of.Region + ":" + of.ID + ":db:" + id, ResourceID: fmt.Sprintf("db-%026X", i), CA: "rds-ca-rsa2048-g1", TLS: aws.TLSRequired, Profiles: []string{of.Profile},
		}})
	}
	return append(rows, nodes...)
}
