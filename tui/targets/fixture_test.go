package targets

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

var (
	prod = aws.Account{ID: "123456789012", Partition: "aws", Profile: "prod-admin", Region: "eu-west-1"}
	dev  = aws.Account{ID: "210987654321", Partition: "aws", Profile: "dev", Region: "ap-northeast-1"}
	hop  = aws.Instance{ID: "i-0a1b2c3d4e5f60718", Name: "bastion-a", PingStatus: "Online", AgentVersion: "3.3.1142.0", Platform: "Linux", State: "running", IP: "10.0.3.17", VPC: "vpc-0f00d1", AZ: "eu-west-1a"}
	jump = aws.Instance{ID: "i-0ffeeddccbbaa9988", Name: "踏み台サーバー", PingStatus: "Online", AgentVersion: "3.2.582.0", Platform: "Linux", VPC: "vpc-0beef2", AZ: "ap-northeast-1c"}
	off  = aws.Instance{ID: "i-00000000000000abc", Name: "old-bastion", PingStatus: "ConnectionLost", AgentVersion: "3.0.196.0", Platform: "Windows", VPC: "vpc-0f00d1"}
)

// database makes one endpoint. host is completed to a name as RDS gives them.
func database(a aws.Account, id string, role aws.Role, engine string, port int, tags ...string) *aws.Database {
	d := &aws.Database{
		ID: id, Role: role, Engine: engine, EngineVersion: "15.4", Status: "available", VPC: "vpc-0f00d1", AZ: a.Region + "a", Account: a.ID, Region: a.Region,
		Endpoint: aws.Endpoint{Host: fmt.Sprintf("%06x", id)[:6] + ".c9akciq32rgw." + a.Region + ".rds.amazonaws.com", Port: port}, Tags: map[string]string{},
	}
	if ansi.StringWidth(id) == len(id) {
		d.Endpoint.Host = id + ".cluster-c9akciq32rgw." + a.Region + ".rds.amazonaws.com"
	}
	for _, t := range tags {
		k, v, _ := strings.Cut(t, "=")
		d.Tags[k] = v
	}
	return d
}

func rows() []Row {
	via := func(a aws.Account, alias string, d *aws.Database, i aws.Instance, why string, r Reach) Row {
		return Row{Account: a, Alias: alias, Database: d, Via: i, Why: why, Reach: r}
	}
	aurora := database(prod, "prod-aurora", aws.RoleWriter, "aurora-postgresql", 5432, "team=orders", "env=prod")
	aurora.Cluster, aurora.MultiAZ, aurora.IAMAuth = "prod-aurora", true, true
	reader := database(prod, "prod-aurora", aws.RoleReader, "aurora-postgresql", 5432, "team=orders", "env=prod")
	reader.Cluster, reader.Endpoint.Host = "prod-aurora", "prod-aurora.cluster-ro-c9akciq32rgw.eu-west-1.rds.amazonaws.com"
	stopped := database(prod, "prod-billing-legacy", aws.RoleInstance, "mysql", 3306)
	stopped.Status = "stopped"
	out := []Row{
		via(prod, "本番環境", aurora, hop, "its group is let in on 5432", ReachYes),
		via(prod, "本番環境", reader, hop, "its group is let in on 5432", ReachYes),
		via(prod, "本番環境", database(prod, "prod-orders-proxy", aws.RoleProxy, "postgres", 5432, "team=orders"), hop, "same VPC", ReachMaybe),
		via(prod, "本番環境", database(prod, "prod-warehouse", aws.RoleInstance, "sqlserver-se", 1433, "team=data"), hop, "same VPC", ReachYes),
		via(prod, "本番環境", stopped, hop, "same VPC", ReachUnknown),
		via(dev, "開発", database(dev, "注文データベース-開発用-とても長い名前のもの", aws.RoleInstance, "mysql", 3306, "チーム=注文"), jump, "同じVPC", ReachYes),
		via(dev, "開発", database(dev, "launch-🚀-metrics", aws.RoleInstance, "postgres", 5432), jump, "same VPC", ReachYes),
		via(dev, "開発", database(dev, "مستودع-البيانات", aws.RoleWriter, "aurora-mysql", 3306), jump, "same VPC", ReachMaybe),
		via(dev, "開発", database(dev, "evil\x1b[2J\x1b]0;owned\x07-name", aws.RoleInstance, "mariadb", 3306), jump, "same VPC", ReachUnknown),
		via(dev, "開発", database(dev, "dev-orders", aws.RoleInstance, "postgres", 5432, "team=orders"), aws.Instance{}, "", ReachUnknown),
		{Account: prod, Alias: "本番環境", Instance: &hop},
		{Account: dev, Alias: "開発", Instance: &jump},
		{Account: prod, Alias: "本番環境", Instance: &off, Unusable: "the agent was last heard of 3 days ago", Next: "start the instance or its SSM agent"},
		{Account: prod, Alias: "本番環境", Endpoint: aws.Endpoint{Host: "redis.internal", Port: 6379}, Via: hop, Why: "used last time", LastUsed: now().Add(-26 * time.Hour)},
	}
	out[4].Unusable, out[4].Next = "the database is stopped", "aws rds start-db-instance --db-instance-identifier prod-billing-legacy --profile prod-admin"
	out[0].LastUsed = now().Add(-2 * time.Hour)
	out[5].LastUsed = now().Add(-4 * time.Minute)
	return out
}

// screen is a model that has been told messages.
func screen(w, h int, th theme.Theme, msgs ...tea.Msg) Model {
	m := New(th)
	m.SetSize(w, h)
	m, _ = m.Update(Clock{Now: now()})
	for _, msg := range msgs {
		var cmd tea.Cmd
		for m, cmd = m.Update(msg); cmd != nil; { // the index fills
			m, cmd = m.Update(cmd())
		}
	}
	return m
}

// scanned is a scan that is nearly over, with one part that failed.
func scanned() []tea.Msg {
	return []tea.Msg{
		Started{Scan: 1, Parts: 4, Unit: "region"},
		Found{Scan: 1, Rows: rows()},
		Progress{Scan: 1, Done: 3},
		Failed{Scan: 1, Account: aws.Account{ID: "123456789012", Profile: "prod-admin", Region: "us-east-1"}, Err: aws.Advise(
			errors.New("list databases in us-east-1: AccessDenied: not authorized to perform rds:DescribeDBInstances"), aws.ErrRefusedByAWS, "rdsx setup iam --profile prod-admin")},
	}
}

// keysOf presses keys one after the other; what stands behind = is typed letter by letter, _ for a space. Intents are
// collected; grace periods pass at once.
func keysOf(t *testing.T, m Model, keys string) (Model, []tea.Msg) {
	t.Helper()
	var out []tea.Msg
	for k := range strings.FieldsSeq(keys) {
		presses := []tea.KeyPressMsg{golden.Press(k)}
		if typed, ok := strings.CutPrefix(k, "="); ok {
			presses = nil
			for _, r := range strings.ReplaceAll(typed, "_", " ") {
				presses = append(presses, golden.Press(string(r)))
			}
		}
		for _, p := range presses {
			var cmd tea.Cmd
			m, cmd = m.Update(p)
			for _, msg := range run(cmd) {
				if gate, ok := msg.(chrome.GateOpened); ok {
					m, _ = m.Update(gate)
					continue
				}
				out = append(out, msg)
			}
		}
	}
	return m, out
}

// run runs a command and those it is a batch of.
func run(cmd tea.Cmd) []tea.Msg {
	if cmd == nil {
		return nil
	}
	msg := cmd()
	batch, ok := msg.(tea.BatchMsg)
	if !ok {
		return []tea.Msg{msg}
	}
	var out []tea.Msg
	for _, c := range batch {
		out = append(out, run(c)...)
	}
	return out
}
