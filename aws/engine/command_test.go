package engine

import (
	"strings"
	"testing"
)

const endpoint = "orders.c1a2.eu-west-1.rds.amazonaws.com"

func TestCommand(t *testing.T) {
	t.Parallel()
	full := Conn{Host: endpoint, Port: 5432, LocalPort: 15432, User: "ada", Database: "shop", CAFile: "/ca/global bundle.pem"}
	bare := Conn{Host: endpoint, Port: 5432, LocalPort: 15432}
	plain := Conn{Host: endpoint, Port: 5432, LocalPort: 15432, User: "ada", CAFile: "/ca.pem", Plaintext: true}
	with := func(c Conn, program string) Conn { c.Program = program; return c }
	v6 := bare
	v6.LocalHost = "::1"
	for _, c := range []struct {
		engine string
		conn   Conn
		want   string
	}{
		{"postgres", full, `psql "host=` + endpoint + ` hostaddr=127.0.0.1 port=15432 sslmode=verify-full sslrootcert='/ca/global bundle.pem' user=ada dbname=shop"`},
		{"aurora-postgresql", bare, `psql "host=` + endpoint + ` hostaddr=127.0.0.1 port=15432 sslmode=require dbname=postgres"`},
		{"postgres", plain, `psql "host=` + endpoint + ` hostaddr=127.0.0.1 port=15432 sslmode=disable user=ada dbname=postgres"`},
		{"redshift", bare, `psql "host=` + endpoint + ` hostaddr=127.0.0.1 port=15432 sslmode=require dbname=dev"`},
		{"mysql", full, `mysql --host 127.0.0.1 --port 15432 --ssl-mode=VERIFY_CA "--ssl-ca=/ca/global bundle.pem" -u ada -p shop`},
		{"mysql", bare, `mysql --host 127.0.0.1 --port 15432 --ssl-mode=REQUIRED -p`},
		{"mysql", plain, `mysql --host 127.0.0.1 --port 15432 --ssl-mode=DISABLED -u ada -p`},
		{"mariadb", full, `mariadb --host 127.0.0.1 --port 15432 --ssl "--ssl-ca=/ca/global bundle.pem" -u ada -p shop`},
		{"aurora-mysql", with(bare, "mariadb"), `mariadb --host 127.0.0.1 --port 15432 --ssl -p`},
		{"mariadb", plain, `mariadb --host 127.0.0.1 --port 15432 --skip-ssl -u ada -p`},
		{"redis", full, `redis-cli -h 127.0.0.1 -p 15432 --tls --sni ` + endpoint + ` --cacert "/ca/global bundle.pem" --user ada --askpass -n shop`},
		{"valkey", bare, `valkey-cli -h 127.0.0.1 -p 15432 --tls --sni ` + endpoint},
		{"redis", Conn{LocalPort: 1, Plaintext: true}, `redis-cli -h 127.0.0.1 -p 1`},
		{"sqlserver-se", full, `sqlcmd -S tcp:127.0.0.1,15432 -Nm -F ` + endpoint + ` -U ada -d shop`},
		{"sqlserver-se", plain, `sqlcmd -S tcp:127.0.0.1,15432 -U ada`},
		{"oracle-ee", full, `sqlplus ada@//127.0.0.1:15432/shop`},
		{"oracle-ee", bare, `sqlplus USER@//127.0.0.1:15432/ORCL`},
		{"db2-se", full, `clpplus -nw ada@127.0.0.1:15432/shop`},
		{"docdb", full, `mongosh "mongodb://ada@127.0.0.1:15432/shop?tls=true&tlsCAFile=%2Fca%2Fglobal+bundle.pem&tlsAllowInvalidHostnames=true&directConnection=true&retryWrites=false"`},
		{"docdb", bare, `mongosh "mongodb://127.0.0.1:15432/?tls=true&tlsCAFile=global-bundle.pem&tlsAllowInvalidHostnames=true&directConnection=true&retryWrites=false"`},
		{"neptune", Conn{Host: "g.example", LocalPort: 15432}, `curl --connect-to g.example:8182:127.0.0.1:15432 https://g.example:8182/status`},
		{"opensearch", Conn{Host: "s.example", LocalPort: 15432, LocalHost: "::1"}, `curl --connect-to "s.example:443:[::1]:15432" https://s.example/`},
		{"memcached", bare, `nc 127.0.0.1 15432`},
		{"postgres", v6, `psql "host=` + endpoint + ` hostaddr=::1 port=15432 sslmode=require dbname=postgres"`},
		{"what-is-this", full, ``},
	} {
		got := Quote(Of(c.engine).Command(c.conn))
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.engine, got, c.want)
		}
		if strings.Contains(got, "localhost") {
			t.Errorf("%s: localhost is a unix socket to MySQL clients: %s", c.engine, got)
		}
	}
}

func TestConninfoQuoting(t *testing.T) {
	t.Parallel()
	got := Of("postgres").Command(Conn{Host: endpoint, LocalPort: 1, User: `o'br\ien`, Database: "a b"})[1]
	if !strings.HasSuffix(got, `user='o\'br\\ien' dbname='a b'`) {
		t.Errorf("conninfo: %s", got)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	full := Conn{Host: endpoint, LocalPort: 15432, User: "a@b", Database: "shop", CAFile: "/ca.pem"}
	bare := Conn{Host: endpoint, LocalPort: 15432}
	plain := Conn{Host: endpoint, LocalPort: 15432, Plaintext: true, CAFile: "/ca.pem"}
	for _, c := range []struct {
		engine    string
		conn      Conn
		url, jdbc string
	}{
		{
			"postgres", full,
			"postgresql://a%40b@" + endpoint + ":15432/shop?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=%2Fca.pem",
			"jdbc:postgresql://127.0.0.1:15432/shop?sslmode=verify-ca&sslrootcert=%2Fca.pem&user=a%40b",
		},
		{"postgres", bare, "postgresql://" + endpoint + ":15432/postgres?hostaddr=127.0.0.1&sslmode=require", "jdbc:postgresql://127.0.0.1:15432/postgres?sslmode=require"},
		{"postgres", plain, "postgresql://" + endpoint + ":15432/postgres?hostaddr=127.0.0.1&sslmode=disable", "jdbc:postgresql://127.0.0.1:15432/postgres?sslmode=disable"},
		{"redshift", bare, "postgresql://" + endpoint + ":15432/dev?hostaddr=127.0.0.1&sslmode=require", "jdbc:redshift://127.0.0.1:15432/dev?sslmode=require"},
		{"mysql", full, "mysql://a%40b@127.0.0.1:15432/shop?ssl-mode=VERIFY_CA&ssl-ca=%2Fca.pem", "jdbc:mysql://127.0.0.1:15432/shop?sslMode=REQUIRED&user=a%40b"},
		{"mysql", plain, "mysql://127.0.0.1:15432?ssl-mode=DISABLED", "jdbc:mysql://127.0.0.1:15432/?sslMode=DISABLED"},
		{"mariadb", full, "mysql://a%40b@127.0.0.1:15432/shop?ssl-mode=VERIFY_CA&ssl-ca=%2Fca.pem", "jdbc:mariadb://127.0.0.1:15432/shop?sslMode=verify-ca&serverSslCert=%2Fca.pem&user=a%40b"},
		{"mariadb", bare, "mysql://127.0.0.1:15432?ssl-mode=REQUIRED", "jdbc:mariadb://127.0.0.1:15432/?sslMode=trust"},
		{"redis", bare, "rediss://127.0.0.1:15432", ""},
		{"redis", plain, "redis://127.0.0.1:15432", ""},
		{"sqlserver-web", full, "sqlserver://a%40b@127.0.0.1:15432?database=shop&encrypt=true&hostNameInCertificate=" + endpoint, "jdbc:sqlserver://127.0.0.1:15432;databaseName=shop;user=a@b;encrypt=true;hostNameInCertificate=" + endpoint},
		{"sqlserver-web", plain, "sqlserver://127.0.0.1:15432?encrypt=disable", "jdbc:sqlserver://127.0.0.1:15432;encrypt=false"},
		{"oracle-se2", bare, "", "jdbc:oracle:thin:@//127.0.0.1:15432/ORCL"},
		{"db2-se", full, "", "jdbc:db2://127.0.0.1:15432/shop"},
		{"docdb", plain, "mongodb://127.0.0.1:15432/?directConnection=true&retryWrites=false", ""},
		{"opensearch", full, "https://127.0.0.1:15432/", ""},
		{"memcached", full, "", ""},
		{"unheard", full, "", ""},
	} {
		e := Of(c.engine)
		if got := e.URL(c.conn); got != c.url {
			t.Errorf("%s URL\n got %s\nwant %s", c.engine, got, c.url)
		}
		if got := e.JDBC(c.conn); got != c.jdbc {
			t.Errorf("%s JDBC\n got %s\nwant %s", c.engine, got, c.jdbc)
		}
	}
}
