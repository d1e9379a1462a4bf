package discover

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

func db(id string, role aws.Role, cluster, vpc string) aws.Database {
	return aws.Database{
		ID: id, Role: role, Cluster: cluster, Engine: "postgres", Status: "available", VPC: vpc, AZ: "eu-west-1a",
		Endpoint: aws.Endpoint{Host: string(role) + "." + id + ".example", Port: 5432}, Subnets: []string{"subnet-a", "subnet-b"},
	}
}

func inventory() Inventory {
	stopped := db("old", aws.RoleInstance, "", "vpc-1")
	stopped.Status = "stopped"
	starting := db("new", aws.RoleInstance, "", "vpc-1")
	starting.Status, starting.Endpoint = "creating", aws.Endpoint{}
	return Inventory{
		Account: aws.Account{Region: "eu-west-1", Profile: "dev"},
		Databases: []aws.Database{
			db("orders", aws.RoleWriter, "orders", "vpc-1"),
			db("orders", aws.RoleReader, "orders", "vpc-1"),
			db("orders-reports", aws.RoleCustom, "orders", "vpc-1"),
			db("orders-1", aws.RoleInstance, "orders", "vpc-1"),
			db("users", aws.RoleInstance, "", "vpc-1"),
			db("users-proxy", aws.RoleProxy, "", "vpc-1"),
			db("solo", aws.RoleWriter, "solo", "vpc-1"),
			db("solo", aws.RoleInstance, "solo", "vpc-1"),
			db("twice", aws.RoleInstance, "", "vpc-1"),
			db("twice", aws.RoleProxy, "", "vpc-1"),
			stopped, starting,
		},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"orders":                         "writer orders writer.orders.example:5432",
		"ORDERS":                         "writer orders writer.orders.example:5432",
		" orders ":                       "writer orders writer.orders.example:5432",
		"orders:reader":                  "reader orders reader.orders.example:5432",
		"orders:ro":                      "reader orders reader.orders.example:5432",
		"orders:writer":                  "writer orders writer.orders.example:5432",
		"orders-reports":                 "custom orders-reports custom.orders-reports.example:5432",
		"orders-1":                       "instance orders-1 instance.orders-1.example:5432",
		"users":                          "instance users instance.users.example:5432",
		"users-proxy":                    "proxy users-proxy proxy.users-proxy.example:5432",
		"solo":                           "writer solo writer.solo.example:5432",
		"instance.users.example":         "instance users instance.users.example:5432",
		"INSTANCE.users.example.":        "instance users instance.users.example:5432",
		"instance.users.example:5432":    "instance users instance.users.example:5432",
		"instance.users.example:6432":    "instance users instance.users.example:6432",
		"reader.orders.example":          "reader orders reader.orders.example:5432",
		"db.corp.example:1521":           "free db.corp.example:1521",
		"10.0.0.7:6379":                  "free 10.0.0.7:6379",
		"[fd00::1]:5432":                 "free [fd00::1]:5432",
		"users:5432":                     "free users:5432",
		"db.corp.example":                "not found: add the port: db.corp.example:5432",
		"db.corp.example:0":              "not found:",
		"db.corp.example:70000":          "not found:",
		"order":                          "not found: did you mean orders, orders-1, orders-reports?",
		"usres":                          "not found: did you mean users?",
		"orders:sideways":                "not found: did you mean orders",
		"users:reader":                   "not found: did you mean users",
		"nothing-like-it":                "not found: rdsx ls",
		"twice":                          "usage: name it by its endpoint",
		"":                               "usage:",
		"old":                            "unreachable: aws rds start-db-instance --db-instance-identifier old",
		"new":                            "unreachable: wait until",
		"arn:aws:rds:eu-west-1:1:db:old": "not found:",
	} {
		found, to, err := Resolve(inventory(), name)
		got := "free " + to.String()
		switch {
		case err != nil:
			got = kind(err) + ": " + aws.NextOf(err)
		case found != nil:
			got = string(found.Role) + " " + found.ID + " " + to.String()
		}
		if got != want && (err == nil || !strings.HasPrefix(want, kind(err)+":") || !strings.Contains(got, strings.TrimPrefix(want, kind(err)+": "))) {
			t.Errorf("%q: got %s, want %s (%v)", name, got, want, err)
		}
	}
}

func kind(err error) string {
	for k, name := range map[error]string{aws.ErrUsage: "usage", aws.ErrNotFound: "not found", aws.ErrUnreachable: "unreachable"} {
		if errors.Is(err, k) {
			return name
		}
	}
	return "failed"
}

// TestResolveGivesACopy proves that the caller may change what it gets.
func TestResolveGivesACopy(t *testing.T) {
	t.Parallel()
	inv := inventory()
	found, _, err := Resolve(inv, "users")
	if err != nil {
		t.Fatal(err)
	}
	found.ID = "changed"
	if again, _, err := Resolve(inv, "users"); err != nil || again.ID != "users" {
		t.Errorf("%+v %v", again, err)
	}
}

func node(name, vpc, az, agent string) aws.Instance {
	return aws.Instance{ID: "i-" + name, Name: name, PingStatus: "Online", State: "running", AgentVersion: agent, VPC: vpc, AZ: az, Subnet: "subnet-x"}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	users := db("users", aws.RoleInstance, "", "vpc-1")
	noVPC := db("users", aws.RoleInstance, "", "")
	offline := node("off", "vpc-1", "eu-west-1a", "3.3.0.0")
	offline.PingStatus, offline.LastPing = "ConnectionLost", time.Date(2026, 11, 20, 7, 30, 0, 0, time.UTC)
	stopped := node("stopped", "vpc-1", "eu-west-1a", "3.3.0.0")
	stopped.State = "stopped"
	old := node("old", "vpc-1", "eu-west-1a", "3.1.998.0")
	near := node("near", "vpc-1", "eu-west-1b", "3.3.0.0")
	near.Subnet = "subnet-b"
	hybrid := node("hybrid", "", "", "3.3.0.0")
	a, b := node("a", "vpc-1", "eu-west-1a", "3.2.0.0"), node("b", "vpc-1", "eu-west-1b", "3.3.9.0")
	elsewhere := node("else", "vpc-2", "eu-west-1a", "3.3.9.0")
	for name, c := range map[string]struct {
		nodes []aws.Instance
		db    *aws.Database
		want  string // the instance, or the kind of the error
		says  []string
	}{
		"same zone beats a newer agent": {[]aws.Instance{b, a}, &users, "i-a", []string{"same VPC and zone"}},
		"a subnet beats a newer agent":  {[]aws.Instance{b, near}, &users, "i-near", []string{"subnets"}},
		"the newest agent by number":    {[]aws.Instance{node("x", "vpc-1", "c", "3.3.999.0"), node("y", "vpc-1", "c", "3.3.1000.0")}, &users, "i-y", []string{"same VPC"}},
		"the name decides a tie":        {[]aws.Instance{node("n2", "vpc-1", "c", "3.3.1.0"), node("n1", "vpc-1", "c", "3.3.1.0")}, &users, "i-n1", nil},
		"another VPC is no choice":      {[]aws.Instance{elsewhere}, &users, "unreachable", []string{"else i-else (in vpc-2)", "vpc-1", "--via"}},
		"none fits": {
			[]aws.Instance{offline, stopped, old},
			&users, "unreachable",
			[]string{"off i-off (agent ConnectionLost, last seen 2026-11-20 07:30 UTC)", "(stopped)", "agent 3.1.998.0 is older than 3.1.1374.0"},
		},
		"unfit ones are left out":   {[]aws.Instance{offline, stopped, old, b}, &users, "i-b", nil},
		"one of unknown VPC":        {[]aws.Instance{hybrid, elsewhere}, &users, "i-hybrid", []string{"not known"}},
		"several of unknown VPC":    {[]aws.Instance{hybrid, node("h2", "", "", "3.3.0.0")}, &users, "usage", []string{"--via i-hybrid"}},
		"no instance at all":        {nil, &users, "unreachable", []string{"knows none"}},
		"a free host, one instance": {[]aws.Instance{a, offline}, nil, "i-a", []string{"only online"}},
		"a free host, one VPC":      {[]aws.Instance{a, b}, nil, "i-b", []string{"vpc-1"}},
		"a free host, two VPCs":     {[]aws.Instance{a, elsewhere}, nil, "usage", []string{"db.example:1", "--via"}},
		"a database without a VPC":  {[]aws.Instance{a, elsewhere}, &noVPC, "usage", []string{"--via"}},
		"the exact oldest agent":    {[]aws.Instance{node("min", "vpc-1", "c", "3.1.1374.0")}, &users, "i-min", nil},
		"many unfit ones are cut":   {[]aws.Instance{old, old, old, old, old, old, old}, &users, "unreachable", []string{"and 2 more"}},
	} {
		got, why, err := Choose(Inventory{Instances: c.nodes}, c.db, aws.Endpoint{Host: "db.example", Port: 1})
		text := why
		if err != nil {
			got.ID, text = kind(err), err.Error()+" / "+aws.NextOf(err)
		}
		if got.ID != c.want {
			t.Errorf("%s: %s, want %s (%s)", name, got.ID, c.want, text)
		}
		for _, part := range c.says {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q does not say %q", name, text, part)
			}
		}
	}
}

func TestVia(t *testing.T) {
	t.Parallel()
	off := node("group", "vpc-1", "a", "3.3.0.0")
	off.ID, off.PingStatus = "i-off", "ConnectionLost"
	inv := Inventory{Instances: []aws.Instance{node("bastion", "vpc-1", "a", "3.3.0.0"), node("group", "vpc-1", "a", "3.3.0.0"), off, node("two", "v", "a", "3.3.0.0"), node("two", "v", "a", "3.3.0.0")}}
	for name, want := range map[string]string{
		"bastion":   "i-bastion",
		"BASTION":   "i-bastion",
		"i-bastion": "i-bastion",
		"i-off":     "i-off",
		"group":     "i-group",
		"two":       "usage: choose one: --via i-two",
		"bastoin":   "not found: did you mean bastion",
		"i-0123":    "not found: rdsx ls",
	} {
		got, err := Via(inv, name)
		text := got.ID
		if err != nil {
			text = kind(err) + ": " + aws.NextOf(err)
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("--via %s: %s, want %s (%v)", name, text, want, err)
		}
	}
}

func TestUnusable(t *testing.T) {
	t.Parallel()
	inv := inventory()
	inv.Instances = []aws.Instance{node("a", "vpc-1", "eu-west-1a", "3.3.0.0")}
	for _, d := range inv.Databases {
		want := map[string]string{"old": "stopped", "new": "creating"}[d.ID]
		if got := Unusable(d, inv); got != want {
			t.Errorf("%s: %q, want %q", d.ID, got, want)
		}
	}
	other := db("x", aws.RoleInstance, "", "vpc-9")
	none := db("x", aws.RoleInstance, "", "vpc-1")
	none.Endpoint = aws.Endpoint{}
	for want, got := range map[string]string{
		"no online instance in vpc-9": Unusable(other, inv),
		"no endpoint":                 Unusable(none, inv),
		"no managed instance":         Unusable(other, Inventory{}),
		"needs --via":                 Unusable(other, Inventory{Instances: []aws.Instance{node("h", "", "", "3.3.0.0"), node("i", "", "", "3.3.0.0")}}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"3.1.1374.0", "3.1.1374.0", 0},
		{"3.1.1374.0", "3.1.998.0", 1},
		{"3.1.1374", "3.1.1374.0", 0},
		{"2.9.9999.9", "3.0.0.0", -1},
		{"3.10.0.0", "3.9.0.0", 1},
		{"odd", "0.0.0", 0},
		{"", "3.1", -1},
	} {
		if got := aws.CompareVersions(c.a, c.b); got != c.want {
			t.Errorf("%s against %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestStoppedIsStarted: the command that starts a database is for its own account and region.
func TestStoppedIsStarted(t *testing.T) {
	inv := Inventory{Account: aws.Account{Profile: "acme-prod", Region: "eu-west-1"}, Databases: []aws.Database{{ID: "old", Status: "stopped", Region: "eu-west-1"}}}
	_, _, err := Resolve(inv, "old")
	if want := "aws rds start-db-instance --db-instance-identifier old --region eu-west-1 --profile acme-prod"; aws.NextOf(err) != want {
		t.Errorf("it says %q, want %q", aws.NextOf(err), want)
	}
}
