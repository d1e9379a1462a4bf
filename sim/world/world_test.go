package world

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bastion = "i-0a000000000000001" // prod, online
	app     = "i-0a000000000000003" // prod, the application's group
	tokyo   = "mi-0a000000000000006"
	devBox  = "i-0d000000000000001"
	staging = "i-05000000000000001"
)

func defaultWorld(t *testing.T) *World {
	t.Helper()
	w, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestDefaultWorld holds the world to what the documentation promises of it.
func TestDefaultWorld(t *testing.T) {
	w := defaultWorld(t)
	enabled, _ := w.Regions()
	databases, engines := map[string]bool{}, map[string]bool{}
	for _, e := range w.Endpoints() {
		databases[e.Database] = true
		engines[e.Engine] = true
	}
	if len(w.Accounts()) != 3 || len(enabled) != 2 || len(databases) < 20 {
		t.Errorf("%d accounts, %d regions, %d databases", len(w.Accounts()), len(enabled), len(databases))
	}
	for _, engine := range []string{"postgres", "aurora-postgresql", "mysql", "aurora-mysql", "mariadb", "sqlserver-se", "POSTGRESQL"} {
		if !engines[engine] {
			t.Errorf("no %s", engine)
		}
	}
	hosts, ips := map[string]bool{}, map[string]string{}
	for _, e := range w.Endpoints() {
		if hosts[e.Host] {
			t.Errorf("two endpoints are called %s", e.Host)
		}
		hosts[e.Host] = true
		if len(w.Lookup(bastion, e.Host)) == 0 {
			t.Errorf("%s does not resolve", e.Host)
		}
		if e.Role == "instance" {
			ip := w.Lookup(bastion, e.Host)[0].String()
			if other := ips[ip]; other != "" {
				t.Errorf("%s and %s are both at %s", e.ID, other, ip)
			}
			ips[ip] = e.ID
		}
	}
}

// TestDial: what the network, the state of the database and Dials decide, each for its own reason.
func TestDial(t *testing.T) {
	w := defaultWorld(t)
	const server = "127.0.0.1:15432"
	for _, id := range []string{"orders-prod", "fraud-prod", "ledger-prod", "kokyaku-prod", "billing-prod", "hr-dev", "events-dev", "search-staging", "billing-staging"} {
		if err := w.Serve(id, server); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		from, id string
		want     Dial
	}{
		"served":                        {bastion, "orders-prod", Dial{"", server, "dials entry"}},
		"through its proxy":             {bastion, "orders-proxy", Dial{"", server, "dials entry"}},
		"custom endpoint":               {bastion, "orders-reporting", Dial{"", server, "dials entry"}},
		"no server":                     {bastion, "catalog-prod", Dial{Refused, "", "no dials entry"}},
		"silent by its entry":           {bastion, "metrics-prod", Dial{Silent, "", "dials entry"}},
		"security group":                {bastion, "fraud-prod", Dial{Silent, "", "no ingress rule of sg-0a0000000000000d1"}},
		"the group that is let in":      {app, "fraud-prod", Dial{"", server, "dials entry"}},
		"stopped":                       {bastion, "ledger-prod", Dial{Silent, "", "it is stopped"}},
		"hybrid node let in by CIDR":    {tokyo, "kokyaku-prod", Dial{"", server, "dials entry"}},
		"hybrid node, other port":       {tokyo, "billing-prod", Dial{Silent, "", "no ingress rule"}},
		"another VPC":                   {devBox, "hr-dev", Dial{Silent, "", "no route"}},
		"peered VPC":                    {devBox, "events-dev", Dial{"", server, "dials entry"}},
		"another account":               {devBox, "billing-prod", Dial{Silent, "", "no route"}},
		"network ACL":                   {staging, "search-staging", Dial{Silent, "", "acl-05000000000000fe1 stops it on the way in"}},
		"same VPC without such a fence": {staging, "billing-staging", Dial{"", server, "dials entry"}},
	} {
		e, ok := w.Find(c.id)
		if !ok {
			t.Fatalf("no database %s", c.id)
		}
		got := w.Dial(c.from, e.Host, e.Port)
		if got.Kind != c.want.Kind || got.Addr != c.want.Addr || !strings.HasPrefix(got.Why, c.want.Why) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestDialOfOtherHosts(t *testing.T) {
	w := defaultWorld(t)
	orders, _ := w.Find("billing-prod")
	ip := w.Lookup(bastion, orders.Host)[0].String()
	set := func(at, to string) {
		t.Helper()
		if err := w.SetDial(at, to); err != nil {
			t.Fatal(err)
		}
	}
	set(bastion+":8080", "127.0.0.1:8080")
	set(net.JoinHostPort(orders.Host, "5432"), "127.0.0.1:5555")
	for name, c := range map[string]struct {
		host string
		port int
		want string
	}{
		"the instance itself":          {"localhost", 8080, "127.0.0.1:8080"},
		"by loopback address":          {"127.0.0.1", 8080, "127.0.0.1:8080"},
		"by IPv6 loopback":             {"::1", 8080, "127.0.0.1:8080"},
		"itself, closed port":          {"localhost", 22, Refused},
		"plain host":                   {"cache-prod.q7xk2m.0001.euw1.cache.amazonaws.com", 6379, Refused},
		"plain host, other port":       {"wiki.corp.example", 80, Refused},
		"name without address":         {"old-orders.corp.example", 5432, Unresolvable},
		"unknown name":                 {"nowhere.example", 5432, Unresolvable},
		"unknown address":              {"10.20.99.99", 5432, Silent},
		"database by its address":      {ip, 5432, "127.0.0.1:5555"},
		"database, other case and dot": {strings.ToUpper(orders.Host) + ".", 5432, "127.0.0.1:5555"},
		"database, port not let in":    {orders.Host, 5433, Silent},
	} {
		got := w.Dial(bastion, c.host, c.port)
		if got.Kind != c.want && got.Addr != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	if got := w.Dial("i-0123456789abcdef0", "localhost", 1); got.Kind != Unresolvable {
		t.Errorf("from an instance that does not exist: %+v", got)
	}
}

func TestLookup(t *testing.T) {
	w := defaultWorld(t)
	cluster, _ := w.Find("orders-prod")
	reader := strings.Replace(cluster.Host, ".cluster-", ".cluster-ro-", 1)
	for host, want := range map[string]int{
		cluster.Host: 1, reader: 2, "localhost": 1, "192.0.2.7": 1, "nowhere.example": 0, "old-orders.corp.example": 0,
		"cache-prod.q7xk2m.0001.euw1.cache.amazonaws.com": 1,
	} {
		if got := w.Lookup(bastion, host); len(got) != want {
			t.Errorf("%s: %v, want %d addresses", host, got, want)
		}
	}
	if got := fmt.Sprint(w.CIDRs(bastion), w.CIDRs(tokyo)); got != "[10.20.0.0/16] []" {
		t.Errorf("CIDRs %s", got)
	}
}

// TestFailover: the writer's name leads to another member afterwards, and to that member's server.
func TestFailover(t *testing.T) {
	w := defaultWorld(t)
	leads := func(host string, want string) {
		t.Helper()
		if got := w.Dial(bastion, host, 5432); got.Addr != want {
			t.Errorf("%s leads to %+v, want %s", host, got, want)
		}
	}
	for id, addr := range map[string]string{"orders-prod-1": "127.0.0.1:5001", "orders-prod-2": "127.0.0.1:5002"} {
		if err := w.Serve(id, addr); err != nil {
			t.Fatal(err)
		}
	}
	writer, _ := w.Find("orders-prod")
	leads(writer.Host, "127.0.0.1:5001")
	before := w.Lookup(bastion, writer.Host)
	if err := w.Update(writer.Place, func(r *Region) { r.DBClusters[0].Writer = "orders-prod-2" }); err != nil {
		t.Fatal(err)
	}
	if after := w.Lookup(bastion, writer.Host); after[0] == before[0] {
		t.Errorf("%s still resolves to %v", writer.Host, after)
	}
	leads(writer.Host, "127.0.0.1:5002")
	if err := w.SetDial(net.JoinHostPort(writer.Host, "5432"), "127.0.0.1:5003"); err != nil {
		t.Fatal(err)
	}
	leads(writer.Host, "127.0.0.1:5003") // an entry of its own decides
}

func TestUpdate(t *testing.T) {
	w := defaultWorld(t)
	at := Place{"777788889999", "eu-west-1"}
	before := w.Region(at.Account, at.Region)
	err := w.Update(at, func(r *Region) {
		r.SecurityGroups[3].Ingress[0].Group = "sg-0a0000000000000b0"
		r.Instances[0].Tags["rdsx"] = "none"
	})
	if err != nil {
		t.Fatal(err)
	}
	if before.SecurityGroups[3].Ingress[0].Group != "sg-0a0000000000000c0" || before.Instances[0].Tags["rdsx"] != "bastion" {
		t.Error("a reader's value has changed under it")
	}
	fraud, _ := w.Find("fraud-prod")
	if got := w.Dial(bastion, fraud.Host, 5432); got.Kind != Refused {
		t.Errorf("the opened group still blocks: %+v", got)
	}
	if err := w.UpdateInstance(bastion, func(i *Instance) { i.PingStatus = "Asleep" }); err == nil || !strings.Contains(err.Error(), "ping_status") {
		t.Errorf("a bad change passed: %v", err)
	}
	if i, _, _ := w.Instance(bastion); i.PingStatus != "Online" {
		t.Errorf("a refused change stayed: %s", i.PingStatus)
	}
	for _, err := range []error{w.UpdateInstance("i-0", nil), w.Update(Place{"1", "x"}, nil), w.SetDial("no-port", Silent), w.SetDial("h:1", "loud"), w.Serve("nobody", Silent)} {
		if err == nil {
			t.Error("a change of nothing, or to nonsense, passed")
		}
	}
	if err := w.SetDial("wiki.corp.example:443", ""); err != nil || w.Dial(bastion, "wiki.corp.example", 443).Kind != Unresolvable {
		t.Errorf("an entry that was taken away still decides: %v", err)
	}
}

func TestConcurrentChanges(t *testing.T) {
	w := defaultWorld(t)
	orders, _ := w.Find("orders-prod")
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 20 {
				if err := w.SetDial(fmt.Sprintf("host-%d.example:1", n), Silent); err != nil {
					t.Error(err)
				}
				if err := w.UpdateInstance(bastion, func(i *Instance) { i.LastPing += time.Second }); err != nil {
					t.Error(err)
				}
				w.Dial(bastion, orders.Host, 5432)
			}
		})
	}
	wg.Wait()
	if i, _, _ := w.Instance(bastion); i.LastPing != 100*time.Second {
		t.Errorf("80 changes of a second each left %s", i.LastPing)
	}
}

func TestParseErrors(t *testing.T) {
	good := string(defaultYAML)
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":       {"mfa_code:", "mfa_kode:", "field mfa_kode not found"},
		"account":           {`id: "111122223333"`, `id: "1111"`, `accounts[0].id: "1111" is not an account id`},
		"duplicate key":     {"AKIASIMDEV0000000002", "AKIASIMDEV0000000001", "is taken by accounts[0].users[0].access_key"},
		"subnet outside":    {"cidr: 10.10.0.0/24", "cidr: 10.99.0.0/24", "accounts[0].regions[0].subnets[0].cidr: 10.99.0.0/24 is not inside"},
		"unknown group":     {"groups: [sg-0d0000000000000d1]", "groups: [sg-0d0000000000000ff]", `groups[0]: no security group "sg-0d0000000000000ff"`},
		"unknown engine":    {"engine: sqlserver-se", "engine: dbase", `"dbase" is no engine of RDS`},
		"writer":            {"writer: orders-prod-1", "writer: orders-us", `writer: "orders-us" is no member of the cluster`},
		"unknown cluster":   {"cluster: inventory-prod, class", "cluster: nothing, class", `no cluster "nothing"`},
		"dial":              {"wiki.corp.example:443: refused", "wiki.corp.example:443: maybe", `"maybe" is neither ADDRESS:PORT`},
		"dial without port": {"wiki.corp.example:443: refused", "wiki.corp.example: refused", "is not host:port"},
		"policy":            {"Effect: Allow\n                Action: ssm:StartSession", "Effect: Sometimes\n                Action: ssm:StartSession", "Sometimes"},
		"role duration":     {"max_session: 4h", "max_session: 30m", "max_session: 30m0s is not within 1h…12h"},
		"ping":              {"ping_status: ConnectionLost, last_ping: 75h", "ping_status: Lost, last_ping: 75h", `"Lost" is not one of Online`},
		"hybrid, no agent":  {"agent_version: 3.3.2746.0, ", "", "a hybrid node is known by its agent"},
		"ports":             {"from: 1024, to: 65535", "from: 1024, to: 66000", "ports 1024…66000"},
		"not YAML":          {"dials:", "dials: [", "yaml"},
		"pattern":           {`'^[0-9]{1,5}$'`, `'['`, "missing closing ]"},
		"proxy target":      {"target: orders-prod", "target: nobody", `no DB instance or cluster "nobody"`},
		"idle too long":     {"idle: 20m, max: 12h", "idle: 2h, max: 12h", "idle is within 1m"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Fatalf("%s: nothing replaced", name)
		}
		_, err := Parse("w.yaml", []byte(bad))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "w.yaml:") {
			t.Errorf("%s: error %v does not say %q", name, err, c.want)
		}
	}
}

// TestErrorsNameTheLine: the line is that of the wrong value, in a file far from its start.
func TestErrorsNameTheLine(t *testing.T) {
	lines := strings.Split(string(defaultYAML), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "id: legacy-crm") })
	lines[at] = strings.Replace(lines[at], "engine: sqlserver-se", "engine: access", 1)
	path := filepath.Join(t.TempDir(), "w.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	want := fmt.Sprintf("%s:%d: accounts[2].regions[0].db_instances[8].engine:", path, at+1)
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v does not start with %s", err, want)
	}
	if _, err := Load(path + ".missing"); err == nil {
		t.Error("a missing file loads")
	}
	for name, text := range map[string]string{"empty": "", "two documents": "mfa_code: '000000'\n---\nmfa_code: '000000'\n"} {
		if _, err := Parse("w.yaml", []byte(text)); err == nil {
			t.Errorf("%s: loads", name)
		}
	}
}

// TestSmallWorld: a world made in Go needs only what matters to a test.
func TestSmallWorld(t *testing.T) {
	w, err := New(Spec{Accounts: []Account{{ID: "111122223333", Regions: []Region{{
		Name:           "eu-west-1",
		VPCs:           []VPC{{ID: "vpc-00000001", CIDR: "10.0.0.0/16"}},
		Subnets:        []Subnet{{ID: "subnet-00000001", VPC: "vpc-00000001", CIDR: "10.0.0.0/24", AZ: "eu-west-1a"}},
		SecurityGroups: []SecurityGroup{{ID: "sg-00000001", VPC: "vpc-00000001", Ingress: []Rule{{CIDR: "10.0.0.0/16"}}}},
		Instances:      []Instance{{ID: "i-00000001", Subnet: "subnet-00000001", Groups: []string{"sg-00000001"}, AgentVersion: "3.3.0.0"}},
		DBInstances:    []DBInstance{{ID: "db", Engine: "mysql", Subnets: []string{"subnet-00000001"}, Groups: []string{"sg-00000001"}}},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := w.Find("db")
	if err := w.Serve("db", "127.0.0.1:3306"); err != nil || e.Port != 3306 {
		t.Fatalf("%+v %v", e, err)
	}
	if got := w.Dial("i-00000001", e.Host, e.Port); got.Addr != "127.0.0.1:3306" {
		t.Errorf("%+v", got)
	}
	r := w.Region("111122223333", "eu-west-1")
	if len(r.RouteTables) != 1 || !r.RouteTables[0].Main || len(r.NetworkACLs) != 1 || r.Preferences.Idle != 20*time.Minute {
		t.Errorf("what was left out is not filled in: %+v", r)
	}
	if _, err := New(Spec{Accounts: []Account{{ID: "1"}}}); err == nil || !strings.HasPrefix(err.Error(), "accounts[0].id") {
		t.Errorf("a wrong spec: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(defaultYAML)
	f.Add([]byte("accounts: [{id: '111122223333', regions: [{name: eu-west-1, vpcs: [{id: vpc-00000001, cidr: 10.0.0.0/30}]}]}]"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := Parse("w.yaml", text)
		if err != nil {
			return
		}
		for _, e := range w.Endpoints() {
			for _, a := range w.Accounts() {
				for _, r := range a.Regions {
					for _, i := range r.Instances {
						w.Dial(i.ID, e.Host, e.Port)
					}
				}
			}
		}
		if err := w.SetDial("host.example:1", Silent); err != nil {
			t.Fatalf("a world that loads does not change: %v", err)
		}
	})
}
