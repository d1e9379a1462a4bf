package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
)

// These tests run real clients against real servers through the real program. The agent's sleep is off where megabytes are
// moved: its pace is proved elsewhere, and here the bytes are.
const noPace = -1

// served is a real database behind a name of the simulated AWS, with a tunnel to it.
type served struct {
	*proc
	db   *databases.Server
	host string
	port string
	env  []string
}

// serve starts a server of that kind, puts it behind a database of that engine and opens a tunnel.
func serve(t *testing.T, kind databases.Kind, engine string) *served {
	t.Helper()
	b := newBox(t, sim.Options{Pace: noPace})
	id, host, endpoint := b.database(t, engine)
	db, err := databases.Start(t.Context(), databases.Options{Kind: kind, Names: []string{host}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.reaches(t, endpoint, db.Addr)
	p := b.connect(t, id, "--port", "0")
	_, port, err := net.SplitHostPort(p.local)
	if err != nil {
		t.Fatal(err)
	}
	return &served{proc: p, db: db, host: host, port: port, env: append(b.env,
		"PGPASSWORD="+db.Password, "MYSQL_PWD="+db.Password, "REDISCLI_AUTH="+db.Password, "LC_ALL=C.UTF-8")}
}

// client runs a client program to its end and returns its stdout.
func (s *served) client(t *testing.T, stdin io.Reader, name string, args ...string) []byte {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*waitAtMost)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdin = s.env, stdin
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s; rdsx: %s", name, err, said.String(), s.stderr)
	}
	return out.Bytes()
}

// psql runs psql with exactly the connection that rdsx printed, completed by what only the user knows.
func (s *served) psql(t *testing.T, stdin io.Reader, sql string) []byte {
	t.Helper()
	return s.client(t, stdin, tool(t, "psql"), s.conninfo(), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql)
}

func (s *served) conninfo() string {
	return fmt.Sprintf("host=%s hostaddr=127.0.0.1 port=%s sslmode=verify-full sslrootcert=%s user=%s dbname=%s", s.host, s.port, s.db.CAFile, s.db.User, s.db.Database)
}

func TestPostgresClients(t *testing.T) {
	tool(t, "postgres")
	psql, pgbench := tool(t, "psql"), tool(t, "pgbench")
	s := serve(t, databases.Postgres, "postgres")

	t.Run("the printed command verifies the endpoint's name", func(t *testing.T) {
		b := newBox(t, sim.Options{})
		id, host, endpoint := b.database(t, "postgres")
		b.reaches(t, endpoint, s.db.Addr)
		p := b.start(t, id, "--port", "0")
		ready := p.await(func(ev event) bool { return len(ev.Command) > 0 })
		if ready.Command[0] != "psql" || !strings.Contains(ready.Command[1], "host="+host) {
			t.Fatalf("the printed command is %q", ready.Command)
		}
		args := append([]string{ready.Command[1] + " sslrootcert=" + s.db.CAFile + " user=" + s.db.User + " dbname=" + s.db.Database}, "-XAtqc", "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
		if out := s.client(t, nil, psql, args...); string(out) != "t\n" {
			t.Errorf("the server says of TLS: %q", out)
		}
		p.stop(syscall.SIGINT)
	})
	t.Run("a result of 100 MB", func(t *testing.T) {
		const sql = "select repeat(md5(i::text), 32) from generate_series(1, 100000) i"
		out := s.psql(t, nil, sql)
		direct := strings.Replace(s.conninfo(), "port="+s.port, "port="+portOf(s.db.Addr), 1)
		want := s.client(t, nil, psql, direct, "-XAtqc", sql)
		if len(out) < 100_000_000 || sha256.Sum256(out) != sha256.Sum256(want) {
			t.Errorf("%d bytes came through the tunnel, %d directly, and they differ or are too few", len(out), len(want))
		}
	})
	t.Run("an insert of 100 MB", func(t *testing.T) {
		s.psql(t, nil, "create table big (line text)")
		line := strings.Repeat("0123456789abcdef", 64) + "\n"
		s.psql(t, strings.NewReader(strings.Repeat(line, 100_000)), "copy big from stdin")
		if got := string(s.psql(t, nil, "select count(*), count(distinct line), min(length(line)) from big")); got != "100000|1|1024\n" {
			t.Errorf("the table holds %q", got)
		}
	})
	t.Run("pgbench, 10 clients", func(t *testing.T) {
		env := []string{"-h", "127.0.0.1", "-p", s.port, "-U", s.db.User, s.db.Database}
		s.client(t, nil, pgbench, append([]string{"-i", "-q", "-s", "2"}, env...)...)
		out := s.client(t, nil, pgbench, append([]string{"-c", "10", "-j", "2", "-t", "50"}, env...)...)
		if !bytes.Contains(out, []byte("transactions actually processed: 500/500")) {
			t.Errorf("pgbench says %s", out)
		}
	})
	t.Run("200 connections opened and closed", func(t *testing.T) {
		out := s.client(t, nil, pgbench, "-n", "-S", "-C", "-c", "10", "-j", "2", "-t", "20", "-h", "127.0.0.1", "-p", s.port, "-U", s.db.User, s.db.Database)
		if !bytes.Contains(out, []byte("transactions actually processed: 200/200")) {
			t.Errorf("pgbench says %s", out)
		}
	})
}

func TestMariaDBClient(t *testing.T) {
	tool(t, "mariadbd")
	mariadb := tool(t, "mariadb")
	s := serve(t, databases.MySQL, "mysql")
	args := func(more ...string) []string {
		return append([]string{
			"--no-defaults", "--host=127.0.0.1", "--port=" + s.port, "--user=" + s.db.User,
			"--ssl-ca=" + s.db.CAFile, "--ssl-verify-server-cert", "--batch", "--skip-column-names", "--max-allowed-packet=256M",
		}, append(more, s.db.Database)...)
	}
	if out := s.client(t, nil, mariadb, args("-e", "show status like 'Ssl_cipher'")...); !bytes.Contains(out, []byte("TLS")) {
		t.Errorf("the connection is not encrypted: %q", out)
	}
	const rows, width = 64, 1 << 20
	var sql strings.Builder
	sql.WriteString("create table big (i int primary key, body longtext);\n")
	for i := range rows {
		fmt.Fprintf(&sql, "insert into big values (%d, '%s');\n", i, strings.Repeat("é", width/2))
	}
	s.client(t, strings.NewReader(sql.String()), mariadb, args("--default-character-set=utf8mb4")...)
	if got := string(s.client(t, nil, mariadb, args("-e", "select count(*), min(length(body)), count(distinct body) from big")...)); got != fmt.Sprintf("%d\t%d\t1\n", rows, width) {
		t.Errorf("the table holds %q", got)
	}
	out := s.client(t, nil, mariadb, args("--default-character-set=utf8mb4", "-e", "select body from big")...)
	if want := bytes.Repeat([]byte(strings.Repeat("é", width/2)+"\n"), rows); !bytes.Equal(out, want) {
		t.Errorf("%d bytes came back, %d went in, and they differ", len(out), len(want))
	}
}

// TestMariaDBThroughAnOldAgent: an agent without a mux carries one connection a session, and MySQL's greeting comes before the
// client has said a word. Three clients, one after the other, then two at once.
func TestMariaDBThroughAnOldAgent(t *testing.T) {
	tool(t, "mariadbd")
	mariadb := tool(t, "mariadb")
	b := newBox(t, sim.Options{})
	db, err := databases.Start(t.Context(), databases.Options{Kind: databases.MySQL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.reaches(t, "old.internal:3306", db.Addr)
	p := b.connect(t, "old.internal:3306", "--profile", "acme-staging-ci", "--via", "legacy-jump", "--port", "0")
	_, port, _ := net.SplitHostPort(p.local)
	s := &served{proc: p, db: db, port: port, env: append(b.env, "MYSQL_PWD="+db.Password)}
	args := func(sql string) []string {
		return []string{"--no-defaults", "--host=127.0.0.1", "--port=" + port, "--user=" + db.User, "--batch", "--skip-column-names", "-e", sql, db.Database}
	}
	const count = "select count(*) from orders"
	for range 3 {
		if got := string(s.client(t, nil, mariadb, args(count)...)); got != "4000\n" {
			t.Fatalf("the client says %q", got)
		}
	}
	slow := exec.CommandContext(t.Context(), mariadb, args("select sleep(2); "+count)...)
	var said bytes.Buffer
	slow.Env, slow.Stdout, slow.Stderr = s.env, &said, &said
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	if got := string(s.client(t, nil, mariadb, args(count)...)); got != "4000\n" {
		t.Errorf("beside another client: %q", got)
	}
	if err := slow.Wait(); err != nil || said.String() != "0\n4000\n" {
		t.Errorf("the other client: %v, %q", err, said.String())
	}
}

func TestRedisClient(t *testing.T) {
	tool(t, "redis-server")
	cli := tool(t, "redis-cli")
	b := newBox(t, sim.Options{Pace: noPace})
	db, err := databases.Start(t.Context(), databases.Options{Kind: databases.Redis})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.reaches(t, "cache.internal:6379", db.Addr)
	p := b.connect(t, "cache.internal:6379", "--via", b.carrier(t), "--port", "0")
	_, port, _ := net.SplitHostPort(p.local)
	s := &served{proc: p, db: db, port: port, env: append(os.Environ(), "REDISCLI_AUTH="+db.Password)}
	run := func(stdin io.Reader, args ...string) string {
		return string(s.client(t, stdin, cli, append([]string{"-h", "127.0.0.1", "-p", port}, args...)...))
	}
	if got := run(nil, "ping"); got != "PONG\n" {
		t.Fatalf("ping: %q", got)
	}
	value := strings.Repeat("rdsx\x00\r\n\xff", 4<<20/8)
	if got := run(strings.NewReader(value), "-x", "set", "big"); got != "OK\n" {
		t.Fatalf("set: %q", got)
	}
	if got := run(nil, "--raw", "get", "big"); got != value+"\n" {
		t.Errorf("%d bytes came back, %d went in, and they differ", len(got)-1, len(value))
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
