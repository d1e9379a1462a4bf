package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
	"github.com/rdsx/rdsx/sim/world"
)

// The first words of the servers in front of their TLS.
const (
	mysqlHello = "\x27\x00\x00\x00\x0a8.0.39\x00" + "\x01\x00\x00\x00abcdefgh\x00\x00\x8a\x2d\x02\x00\x08\x00\x15" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	mysqlSSL   = 36 // bytes of the client's request for TLS
	pgSSL      = 8
)

// cluster is the two members of an Aurora cluster of the staging account, each with a server whose certificate names it.
type cluster struct {
	b        *box
	t        *testing.T
	endpoint string            // of the writer, host:port
	addr     map[string]string // of the members' servers
}

// newCluster puts servers that speak like those of the engine, as far as the login, behind the cluster's members.
func newCluster(t *testing.T, b *box, engine string) *cluster {
	t.Helper()
	c := &cluster{b: b, t: t, addr: map[string]string{}}
	c.change(func(r *world.Region) {
		r.DBClusters[0].Engine, r.DBClusters[0].EngineVersion = engine, ""
		for i := range r.DBInstances {
			if r.DBInstances[i].Cluster == r.DBClusters[0].ID {
				r.DBInstances[i].Engine, r.DBInstances[i].EngineVersion = engine, ""
			}
		}
	})
	writer, _ := b.World().Find("orders-staging")
	c.endpoint = net.JoinHostPort(writer.Host, strconv.Itoa(writer.Port))
	ca, err := databases.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"orders-staging-1", "orders-staging-2"} {
		member, _ := b.World().Find(id)
		cert, err := ca.Certificate(member.Host, writer.Host, strings.Replace(writer.Host, ".cluster-", ".cluster-ro-", 1), member.Host)
		if err != nil {
			t.Fatal(err)
		}
		c.addr[id] = memberServer(t, engine, cert)
		if err := b.World().Serve(id, c.addr[id]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *cluster) change(with func(*world.Region)) {
	c.t.Helper()
	if err := c.b.World().Update(stagingPlace(), with); err != nil {
		c.t.Fatal(err)
	}
}

// resolves makes the name of the writer lead to a member whatever RDS says, as while DNS lags behind; "" follows RDS again.
func (c *cluster) resolves(id string) { c.b.reaches(c.t, c.endpoint, c.addr[id]) }

// memberServer speaks up to the end of the TLS handshake, and holds the connection.
func memberServer(t *testing.T, engine string, cert tls.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	talk := func(conn net.Conn) {
		defer conn.Close() //nolint:errcheck // a test's connection
		says, hears := "", pgSSL
		if engine == "aurora-mysql" {
			_, _ = io.WriteString(conn, mysqlHello)
			hears = mysqlSSL
		} else {
			says = "S"
		}
		if _, err := io.ReadFull(conn, make([]byte, hears)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, says)
		secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		_, _ = io.Copy(io.Discard, secure)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go talk(conn)
		}
	}()
	return l.Addr().String()
}

// TestNameLagsBehindTheMove: the cluster fails over, and the name leads to the former writer for a while. The open connection, which
// stays there, is marked; so is the tunnel, until a new session finds the writer.
func TestNameLagsBehindTheMove(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	c := newCluster(t, b, "aurora-postgresql")
	p, before := b.ready(t, "orders-staging", "--profile", staging)
	for _, ev := range before {
		if ev.Tunnel.Serving != "" {
			t.Errorf("a badge before anything has happened: %+v", ev)
		}
	}
	open, err := net.Dial("tcp", before[len(before)-1].Local) //nolint:noctx // to rdsx on this machine
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close() //nolint:errcheck // a test's connection
	p.await(func(ev event) bool { return ev.Event == "conn_opened" })
	c.resolves("orders-staging-1")
	c.change(func(r *world.Region) { r.DBClusters[0].Writer = "orders-staging-2" })
	moved := p.await(func(ev event) bool { return ev.Event == "moved" })
	if !strings.Contains(moved.Text, "writer moved from orders-staging-1 to orders-staging-2") || !strings.Contains(moved.Text, "1 open connection stays with orders-staging-1, a reader now") {
		t.Errorf("the move is told as %q", moved.Text)
	}
	if pool := moved.Tunnel.Pool; len(pool) == 0 || pool[0].Member != "orders-staging-1" || pool[0].Serving != "reader" {
		t.Errorf("the session that stays with the former writer: %+v", pool)
	}
	badge := p.await(func(ev event) bool { return ev.Event == "server" && strings.Contains(ev.Text, "answers as a reader") })
	if badge.Tunnel.Serving != "reader" || !strings.Contains(badge.Text, "the certificate names orders-staging-1, which is a reader since ") || !strings.Contains(badge.Text, "the writer is orders-staging-2") {
		t.Errorf("the badge is %q, with %q", badge.Tunnel.Serving, badge.Text)
	}
	c.resolves("")
	right := p.await(func(ev event) bool {
		return ev.Event == "server" && strings.Contains(ev.Text, "answers as a writer again")
	})
	if right.Tunnel.Serving != "" {
		t.Errorf("the badge stays: %q", right.Tunnel.Serving)
	}
	pool := right.Tunnel.Pool
	if len(pool) < 2 || pool[0].Serving != "reader" || pool[len(pool)-1].Member != "orders-staging-2" || pool[len(pool)-1].Serving != "" {
		t.Errorf("the old session must be marked and the new one not: %+v", pool)
	}
	p.stop(syscall.SIGINT)
}

// TestReaderBehindTheWriterEndpoint: a tunnel that is opened while the name leads to a reader says so, and mends it by itself.
func TestReaderBehindTheWriterEndpoint(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	c := newCluster(t, b, "aurora-mysql")
	c.resolves("orders-staging-2")
	p, before := b.ready(t, "orders-staging", "--profile", staging)
	isBadge := func(ev event) bool {
		return ev.Event == "server" && strings.Contains(ev.Text, "answers as a reader, and is the endpoint of the writer: the certificate names orders-staging-2, which is a reader; the writer is orders-staging-1")
	}
	for _, ev := range before {
		if isBadge(ev) {
			t.Error("called a reader before RDS was asked")
		}
	}
	if ev := p.await(isBadge); ev.Tunnel.Serving != "reader" || !strings.Contains(ev.Hint, "rdsx ls") {
		t.Errorf("the badge is %q, the hint %q", ev.Tunnel.Serving, ev.Hint)
	}
	c.resolves("")
	if ev := p.await(func(ev event) bool { return ev.Event == "server" && strings.Contains(ev.Text, "as a writer again") }); ev.Tunnel.Serving != "" {
		t.Errorf("the badge stays: %q", ev.Tunnel.Serving)
	}
	p.stop(syscall.SIGINT)
}

// TestCertificatesOfMembers: real servers of a cluster's members tell which one they are, before a login.
func TestCertificatesOfMembers(t *testing.T) {
	t.Parallel()
	const member, writer = "orders-1.cxyz.eu-west-1.rds.amazonaws.com", "orders.cluster-cxyz.eu-west-1.rds.amazonaws.com"
	for kind, name := range map[databases.Kind]string{databases.Postgres: "aurora-postgresql", databases.MySQL: "aurora-mysql"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := databases.Start(t.Context(), databases.Options{Kind: kind, Subject: member, Names: []string{writer, member}})
			if errors.Is(err, databases.ErrNotInstalled) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close() //nolint:errcheck // proved elsewhere
			dial := func(ctx context.Context) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "tcp", db.Addr)
			}
			info, err := engine.Of(name).Probe(t.Context(), dial, writer, nil)
			if err != nil || len(info.Names) < 2 || info.Names[0] != member || !slices.Contains(info.Names, writer) {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}
