package tunnels

import (
	"fmt"
	"math"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

var (
	prod = aws.Account{ID: "123456789012", Partition: "aws", Profile: "prod-admin", Region: "eu-west-1"}
	dev  = aws.Account{ID: "210987654321", Partition: "aws", Profile: "dev", Region: "ap-northeast-1"}
	hop  = aws.Instance{ID: "i-0a1b2c3d4e5f60718", Name: "bastion-a", PingStatus: "Online", AgentVersion: "3.3.1142.0"}
	jump = aws.Instance{ID: "i-0ffeeddccbbaa9988", Name: "踏み台サーバー", PingStatus: "Online"}
)

func database(a aws.Account, id, engine string, port int) *aws.Database {
	return &aws.Database{ID: id, Engine: engine, Account: a.ID, Region: a.Region, Endpoint: aws.Endpoint{
		Host: fmt.Sprintf("%x", id[:min(len(id), 6)]) + ".c9akciq32rgw." + a.Region + ".rds.amazonaws.com", Port: port,
	}}
}

func tunnel(a aws.Account, via aws.Instance, db *aws.Database, local int, state aws.TunnelState, reason string) aws.Tunnel {
	at := fmt.Sprintf("127.0.0.1:%d", local)
	return aws.Tunnel{
		State: state, Reason: reason, Since: now().Add(-90 * time.Second), Started: now().Add(-7 * time.Minute),
		Target: aws.Target{Account: a, Instance: via, Database: db, Endpoint: db.Endpoint, Engine: db.Engine},
		Local:  at, Listening: []string{at, fmt.Sprintf("[::1]:%d", local)},
	}
}

func session(id string, rtt time.Duration) aws.SessionStats {
	return aws.SessionStats{ID: id, AgentVersion: "3.3.1142.0", Mux: true, Started: now().Add(-7 * time.Minute), RTT: rtt, Window: 262144, InFlight: 2048, Sent: 9133, Received: 80211, Retransmits: 3, Duplicates: 1, Streams: 3}
}

// readings are 75 seconds of six tunnels: one at the agent's pace, one idle, one degraded, one failed, one starting, one with waves.
func readings() []tea.Msg {
	busy := tunnel(prod, hop, database(prod, "prod-aurora", "aurora-postgresql", 5432), 5432, aws.StateOpen, "")
	idle := tunnel(dev, jump, database(dev, "注文データベース-開発用-とても長い名前のもの", "mysql", 3306), 3306, aws.StateIdle, "")
	degraded := tunnel(prod, hop, database(prod, "prod-warehouse", "sqlserver-se", 1433), 1433, aws.StateDegraded, "the database's host refused the connection: nothing listens on port 1433 there")
	failed := tunnel(prod, hop, database(prod, "prod-billing-legacy", "mysql", 3306), 3307, aws.StateClosed, "start a session on bastion-a: TargetNotConnected: i-0a1b2c3d4e5f60718 is not connected")
	starting := tunnel(dev, jump, database(dev, "launch-🚀-metrics", "postgres", 5432), 15432, aws.StateStarting, "")
	busy.Sessions, idle.Sessions = []aws.SessionStats{session("dev-user-0a1b2c3d4e5f60718", 21400*time.Microsecond)}, []aws.SessionStats{session("dev-user-0ffeeddccbbaa9988", 4200*time.Microsecond)}
	wave := tunnel(prod, hop, database(prod, "prod-analytics-reader", "aurora-postgresql", 5432), 5433, aws.StateOpen, "")
	wave.Sessions, wave.Conns, wave.Connections = []aws.SessionStats{session("dev-user-0b2c3d4e5f607182", 22*time.Millisecond)}, []aws.Conn{{ID: 1, Peer: "127.0.0.1:50310", Opened: now()}}, 1
	idle.Up, idle.Down, idle.Connections = 18_211, 240_118, 4
	degraded.Connections = 2
	var out []tea.Msg
	for i := 300; i >= 0; i-- {
		at := now().Add(-time.Duration(i) * 250 * time.Millisecond)
		busy.Up += uint64(900 + 300*(i%4))
		if i < 220 {
			busy.Down += 201_000
		} else if i%9 == 0 {
			busy.Down += 160_000
		}
		wave.Up += uint64(120 + 40*(i%3))
		wave.Down += uint64(40_000 * (1.1 + math.Sin(float64(i)/23) + 0.4*math.Sin(float64(i)/5)))
		busy.Connections = 12
		busy.Conns = []aws.Conn{
			{ID: 3, Peer: "127.0.0.1:50412", Opened: now().Add(-5 * time.Minute), Up: 12_004, Down: 1_204_221},
			{ID: 11, Peer: "127.0.0.1:50977", Opened: now().Add(-70 * time.Second), Up: busy.Up - 12_004, Down: busy.Down},
			{ID: 12, Peer: "[::1]:51002", Opened: now().Add(-4 * time.Second), Up: 310, Down: 911},
		}
		out = append(out, Sampled{At: at, Rows: []Row{
			{ID: 1, Tunnel: busy, Copies: copies(), Client: "psql", Limits: Limits{Idle: 20 * time.Minute, Max: time.Hour}},
			{ID: 2, Tunnel: idle, Copies: copies()[:2], Client: "mysql"},
			{ID: 3, Tunnel: degraded, Copies: copies()[:1]},
			{ID: 4, Tunnel: failed, Next: "start the instance or its SSM agent, or choose another with --via"},
			{ID: 5, Tunnel: starting},
			{ID: 6, Tunnel: wave, Copies: copies(), Client: "psql"},
		}})
	}
	return append(out, happened()...)
}

func copies() []Copy {
	return []Copy{
		{"address", "127.0.0.1:5432"},
		{"client command", `psql "host=prod-aurora.cluster-c9akciq32rgw.eu-west-1.rds.amazonaws.com hostaddr=127.0.0.1 port=5432 sslmode=verify-full"`},
		{"URL", "postgresql://prod-aurora.cluster-c9akciq32rgw.eu-west-1.rds.amazonaws.com:5432/postgres?hostaddr=127.0.0.1&sslmode=verify-full"},
		{"JDBC", "jdbc:postgresql://127.0.0.1:5432/postgres?sslmode=verify-ca"},
	}
}

func happened() []tea.Msg {
	at := func(ago time.Duration) time.Time { return now().Add(-ago) }
	return []tea.Msg{
		Happened{ID: 1, Events: []aws.Event{
			{Seq: 1, At: at(7 * time.Minute), Kind: aws.EventState, State: aws.StateBinding, Text: "listening on 127.0.0.1:5432 and [::1]:5432"},
			{Seq: 2, At: at(7 * time.Minute), Kind: aws.EventState, State: aws.StateStarting, Text: "starting a session on bastion-a"},
			{Seq: 3, At: at(418 * time.Second), Kind: aws.EventSession, State: aws.StateIdle, Text: "session dev-user-0a1b2c3d4e5f60718 open"},
			{Seq: 4, At: at(418 * time.Second), Kind: aws.EventState, State: aws.StateIdle},
			{Seq: 5, At: at(5 * time.Minute), Kind: aws.EventConnOpened, State: aws.StateOpen, Conn: 3, Text: "127.0.0.1:50412 connected"},
			{Seq: 6, At: at(4 * time.Minute), Kind: aws.EventConnReset, State: aws.StateOpen, Conn: 4, Text: "127.0.0.1:50500 reset: the session was lost and started anew"},
			{Seq: 7, At: at(2 * time.Minute), Kind: aws.EventConnClosed, State: aws.StateOpen, Conn: 9, Up: 12_311, Down: 92_113_400, Text: "127.0.0.1:50811 closed"},
			{Seq: 8, At: at(4 * time.Second), Kind: aws.EventConnOpened, State: aws.StateOpen, Conn: 12, Text: "[::1]:51002 connected"},
		}},
		Happened{ID: 3, Events: []aws.Event{
			{Seq: 1, At: at(2 * time.Minute), Kind: aws.EventConnRefused, State: aws.StateDegraded, Text: "10.0.3.9:1433 refused the connection", Next: "open port 1433 in the security group of prod-warehouse"},
		}},
	}
}

// screen is a model that has been told messages.
func screen(w, h int, th theme.Theme, msgs ...tea.Msg) Model {
	m := New(th)
	m.SetSize(w, h)
	for _, msg := range msgs {
		m, _ = m.Update(msg)
	}
	return m
}

// keysOf presses keys one after the other. Intents are collected; grace periods pass at once.
func keysOf(m Model, keys string) (Model, []tea.Msg) {
	var out []tea.Msg
	for k := range strings.FieldsSeq(keys) {
		var cmd tea.Cmd
		m, cmd = m.Update(golden.Press(k))
		if cmd == nil {
			continue
		}
		msg := cmd()
		if gate, ok := msg.(chrome.GateOpened); ok {
			m, _ = m.Update(gate)
			continue
		}
		out = append(out, msg)
	}
	return m, out
}
