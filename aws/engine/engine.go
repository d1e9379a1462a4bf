// Package engine knows what each database engine needs: its port, the words its server greets with, and the commands and
// URLs of its clients. It knows facts and strings; it opens nothing and starts nothing.
package engine

import (
	"context"
	"net"
)

// Family groups the engines that speak one protocol.
type Family string

// The families.
const (
	Postgres   Family = "postgres"
	MySQL      Family = "mysql"
	Redis      Family = "redis"
	SQLServer  Family = "sqlserver"
	Oracle     Family = "oracle"
	Db2        Family = "db2"
	DocumentDB Family = "docdb"
	Neptune    Family = "neptune"
	Redshift   Family = "redshift"
	Memcached  Family = "memcached"
	OpenSearch Family = "opensearch"
	Unknown    Family = ""
)

// Engine is what one engine needs.
type Engine struct {
	Family   Family
	Name     string   // for people: Aurora PostgreSQL
	Port     int      // the engine's own; 0 when unknown
	Programs []string // client programs, the preferred one first
}

// Of gives the engine for RDS's spelling (postgres, aurora-mysql, sqlserver-se…). An unknown one has Family Unknown and
// rdsEngine as its name.
func Of(rdsEngine string) Engine { return Engine{Name: rdsEngine} }

// ByPort guesses the engine of a free HOST:PORT from its port. Unknown ports give Family Unknown.
func ByPort(port int) Engine { return Engine{} }

// Conn is a tunnel as a client sees it.
type Conn struct {
	Host      string // the endpoint's name: TLS and IAM tokens are made for it
	Port      int    // the endpoint's own port
	LocalHost string // 127.0.0.1 when empty; never localhost, which is a socket to some clients
	LocalPort int
	User      string // "" leaves it to the client or a placeholder
	Database  string
	CAFile    string // PEM bundle; "" when the user has none
	Program   string // one of Programs; "" for the first
}

// Command is the command to type, as arguments; no secret is ever among them. nil when the engine has no client.
func (e Engine) Command(c Conn) []string { return nil }

// URL is the address for a client that takes URLs, or "".
func (e Engine) URL(c Conn) string { return "" }

// JDBC is the address for a Java client, or "".
func (e Engine) JDBC(c Conn) string { return "" }

// Quote renders arguments as a line to paste in a POSIX shell.
func Quote(args []string) string { return "" }

// Info is what a server said of itself.
type Info struct {
	Version string // "" when the greeting does not tell
	TLS     bool   // the server offers or demands TLS
}

// Greeting speaks the first bytes of the engine's protocol on conn and reads the answer. It stops at ctx's end by setting
// conn's deadline; it never closes conn, and leaves it unusable for anything else. An error means that whatever listens
// does not speak the protocol, or nothing listens.
func (e Engine) Greeting(ctx context.Context, conn net.Conn) (Info, error) { return Info{}, nil }
