// Package engine knows what each database engine needs: its port, the words its server greets with, and the commands and
// URLs of its clients. It speaks on connections that it is given, and starts nothing.
package engine

import "strings"

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

// Engine is what one engine needs. The zero value is an unknown engine.
type Engine struct {
	Family   Family
	Name     string   // for people: Aurora PostgreSQL
	Port     int      // the engine's own; 0 when unknown. An endpoint's port may be another
	Programs []string // client programs, the preferred one first
}

// Of gives the engine for RDS's spelling (postgres, aurora-mysql, sqlserver-se…) or a family's name. An unknown one has
// Family Unknown and rdsEngine as its name.
func Of(rdsEngine string) Engine {
	spelling := strings.ToLower(strings.TrimSpace(rdsEngine))
	base := strings.TrimPrefix(spelling, "custom-")
	name := func(n string) string {
		if base != spelling {
			return "RDS Custom for " + n
		}
		return n
	}
	switch prefix, _, _ := strings.Cut(base, "-"); prefix {
	case "postgres", "postgresql":
		return Engine{Postgres, "PostgreSQL", 5432, []string{"psql", "pgcli"}}
	case "aurora":
		if base == "aurora-postgresql" {
			return Engine{Postgres, "Aurora PostgreSQL", 5432, []string{"psql", "pgcli"}}
		}
		return Engine{MySQL, "Aurora MySQL", 3306, []string{"mysql", "mariadb"}} // plain aurora was MySQL 5.6
	case "mysql":
		return Engine{MySQL, "MySQL", 3306, []string{"mysql", "mariadb"}}
	case "mariadb":
		return Engine{MySQL, "MariaDB", 3306, []string{"mariadb", "mysql"}}
	case "redis":
		return Engine{Redis, "Redis", 6379, []string{"redis-cli", "valkey-cli"}}
	case "valkey":
		return Engine{Redis, "Valkey", 6379, []string{"valkey-cli", "redis-cli"}}
	case "sqlserver":
		return Engine{SQLServer, name("SQL Server"), 1433, []string{"sqlcmd"}}
	case "oracle":
		return Engine{Oracle, name("Oracle"), 1521, []string{"sqlplus", "sql"}}
	case "db2":
		return Engine{Db2, "Db2", 50000, []string{"clpplus"}}
	case "docdb", "mongodb":
		return Engine{DocumentDB, "DocumentDB", 27017, []string{"mongosh", "mongo"}}
	case "neptune":
		return Engine{Neptune, "Neptune", 8182, []string{"curl"}}
	case "redshift":
		return Engine{Redshift, "Redshift", 5439, []string{"psql"}}
	case "memcached":
		return Engine{Memcached, "Memcached", 11211, []string{"nc", "telnet"}}
	case "opensearch", "elasticsearch":
		return Engine{OpenSearch, "OpenSearch", 443, []string{"curl"}}
	}
	return Engine{Name: rdsEngine}
}

// ByPort guesses the engine of a free HOST:PORT from its port. Ports that say nothing give Family Unknown; 443 is one,
// because it is every web server's.
func ByPort(port int) Engine {
	switch port {
	case 5432, 5433, 6432: // 6432 is PgBouncer's
		return Of("postgres")
	case 3306, 3307:
		return Of("mysql")
	case 6379, 6380:
		return Of("redis")
	case 1433:
		return Of("sqlserver")
	case 1521, 2484:
		return Of("oracle")
	case 50000:
		return Of("db2")
	case 27017:
		return Of("docdb")
	case 8182:
		return Of("neptune")
	case 5439:
		return Of("redshift")
	case 11211:
		return Of("memcached")
	case 9200:
		return Of("opensearch")
	}
	return Engine{}
}
