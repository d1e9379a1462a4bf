package databases

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"
)

const endpoint = "orders-prod.abc123.eu-west-1.rds.amazonaws.com"

// start starts a server in a folder of its own, or skips, and proves at the end that nothing of it is left.
func start(t *testing.T, kind Kind) *Server {
	t.Helper()
	if _, err := find(kind); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { goleak.VerifyNone(t) })
	dir := enterable(t)
	s, err := Start(t.Context(), Options{Kind: kind, Names: []string{"other.example", endpoint}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error("a second Close: ", err)
		}
		empty(t, dir)
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			conn.Close()
			t.Errorf("something still listens on %s", s.Addr)
		}
	})
	return s
}

// enterable is a temporary folder that the servers' user may enter when the tests run as root, unlike t.TempDir.
func enterable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdsx-databases-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// client runs a client program with a secret in its environment and returns what it printed.
func client(t *testing.T, env string, program string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s: %v", program, err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), env, "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestPostgresServesTheShopOverVerifiedTLS(t *testing.T) {
	s := start(t, Postgres)
	host, port, _ := net.SplitHostPort(s.Addr)
	psql := func(password, name, query string) (string, error) {
		return client(t, "PGPASSWORD="+password, "psql", "-XAtc", query, "host="+name+" hostaddr="+host+" port="+port+
			" sslmode=verify-full sslrootcert="+s.CAFile+" user="+s.User+" dbname="+s.Database)
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM orders":                                                "4000",
		"SELECT name FROM customers WHERE id = 1":                                    "山田 太郎",
		"SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()":                   "t",
		"SELECT count(*) FROM orders JOIN products ON product_id=products.id":        "4000",
		"CREATE TABLE mine (x int); INSERT INTO mine VALUES (7); SELECT * FROM mine": "CREATE TABLE\nINSERT 0 1\n7",
		"SELECT rolsuper FROM pg_roles WHERE rolname = current_user":                 "f",
	} {
		if out, err := psql(s.Password, endpoint, query); err != nil || out != want {
			t.Errorf("%s: %q %v, want %q", query, out, err, want)
		}
	}
	if out, err := psql("wrong", endpoint, "SELECT 1"); err == nil || !strings.Contains(out, "authentication failed") {
		t.Errorf("a wrong password: %q %v", out, err)
	}
	if out, err := psql(s.Password, "stranger.example", "SELECT 1"); err == nil || !strings.Contains(out, "does not match host name") {
		t.Errorf("a name that the certificate is not for: %q %v", out, err)
	}
	if !strings.HasPrefix(s.Version, "1") {
		t.Errorf("version %q", s.Version)
	}
}

func TestMySQLServesTheShopOverVerifiedTLS(t *testing.T) {
	s := start(t, MySQL)
	pool := x509Pool(t, s.CAFile)
	ask := func(password, name, query string) (string, error) {
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr = s.User, password, s.Database, "tcp", s.Addr
		cfg.TLS = pool(name)
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		var out string
		err = db.QueryRowContext(t.Context(), query).Scan(&out)
		return out, err
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM orders":                  "4000",
		"SELECT name FROM customers WHERE id = 10":     "田中 🍣 健",
		"SELECT SUBSTRING_INDEX(CURRENT_USER(),'@',1)": s.User,
		"SELECT IF(LENGTH(VARIABLE_VALUE)>0,'tls','plain') FROM information_schema.session_status WHERE VARIABLE_NAME='Ssl_cipher'": "tls",
	} {
		if out, err := ask(s.Password, endpoint, query); err != nil || out != want {
			t.Errorf("%s: %q %v, want %q", query, out, err, want)
		}
	}
	var denied *mysql.MySQLError
	if _, err := ask("wrong", endpoint, "SELECT 1"); !errors.As(err, &denied) || denied.Number != 1045 {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := ask(s.Password, "stranger.example", "SELECT 1"); err == nil || !strings.Contains(err.Error(), "not stranger.example") {
		t.Errorf("a name that the certificate is not for: %v", err)
	}
	for _, user := range []string{"root", ""} {
		s.User = user
		if _, err := ask("", endpoint, "SELECT 1"); !errors.As(err, &denied) {
			t.Errorf("user %q without a password: %v", user, err)
		}
	}
}

func TestRedisServesTheShop(t *testing.T) {
	s := start(t, Redis)
	host, port, _ := net.SplitHostPort(s.Addr)
	cli := func(password string, args ...string) string {
		out, _ := client(t, "REDISCLI_AUTH="+password, "redis-cli", args...)
		return out
	}
	if out := cli(s.Password, "-h", host, "-p", port, "GET", "shop:name"); out != "茶の店" {
		t.Errorf("GET shop:name = %q", out)
	}
	if out := cli("wrong", "-h", host, "-p", port, "GET", "shop:name"); !strings.Contains(out, "NOAUTH") {
		t.Errorf("a wrong password: %q", out)
	}
	if s.TLSAddr == "" {
		t.Skip("redis-server: built without TLS")
	}
	host, port, _ = net.SplitHostPort(s.TLSAddr)
	if out := cli(s.Password, "-h", host, "-p", port, "--tls", "--cacert", s.CAFile, "--sni", endpoint, "GET", "shop:name"); out != "茶の店" {
		t.Errorf("GET over TLS = %q", out)
	}
}

func TestSecretsStayInFilesOfTheServersUser(t *testing.T) {
	for _, kind := range []Kind{Postgres, MySQL, Redis} {
		t.Run(string(kind), func(t *testing.T) {
			s := start(t, kind)
			err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				switch filepath.Base(path) {
				case "server.key", "ca.pem", "server.pem", "redis.conf", "server.log", filepath.Base(s.dir):
					if info.Mode().Perm()&0o077 != 0 {
						t.Errorf("%s has mode %o", path, info.Mode().Perm())
					}
				case "first.sql", "admin.password":
					t.Errorf("%s is still there", path)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	for kind := range Installed() {
		for _, moment := range []string{"", "*/server.pem", "*/data", "*/server.log"} {
			t.Run(string(kind)+" cancelled at "+moment, func(t *testing.T) {
				dir := enterable(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				watched := make(chan struct{})
				go func() {
					defer close(watched)
					tick := time.NewTicker(2 * time.Millisecond)
					defer tick.Stop()
					for ctx.Err() == nil {
						<-tick.C
						if found, _ := filepath.Glob(filepath.Join(dir, moment)); len(found) > 0 {
							cancel()
						}
					}
				}()
				s, err := Start(ctx, Options{Kind: kind, Dir: dir})
				cancel()
				<-watched
				switch {
				case err == nil && moment == "":
					t.Error("it started although it was cancelled before")
				case err == nil: // the server was faster than the cancellation
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				case !errors.Is(err, context.Canceled):
					t.Errorf("the error does not say that it was cancelled: %v", err)
				}
				empty(t, dir)
			})
		}
	}
}

func TestUnknownAndMissingKinds(t *testing.T) {
	if _, err := Start(t.Context(), Options{Kind: "oracle"}); err == nil {
		t.Error("an unknown kind was started")
	}
	t.Setenv("PATH", t.TempDir())
	for kind, program := range Installed() {
		if !filepath.IsAbs(program) {
			t.Errorf("%s: %q is not an absolute path", kind, program)
		}
	}
}

func TestOf(t *testing.T) {
	for engine, want := range map[string]Kind{
		"aurora-postgresql": Postgres, "postgres": Postgres, "mariadb": MySQL, "aurora-mysql": MySQL, "Valkey": Redis, "POSTGRESQL": Postgres, "MYSQL": MySQL, "oracle-ee": "", "": "",
	} {
		if got := Of(engine); got != want {
			t.Errorf("Of(%q) = %q, want %q", engine, got, want)
		}
	}
}

func TestStatements(t *testing.T) {
	got := statements("-- a; comment\nA\n  B (';x',\n 'y');\n\nC;\n")
	if want := []string{"A B (';x', 'y')", "C"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", got, want)
	}
	if n := len(statements(shopSQL)); n < 8 {
		t.Errorf("the shop has only %d statements", n)
	}
	if n := len(commands(shopRedis)); n < 8 {
		t.Errorf("the shop has only %d commands", n)
	}
}
