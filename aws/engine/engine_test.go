package engine

import (
	"slices"
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for spelling, want := range map[string]struct {
		family Family
		name   string
		port   int
	}{
		"postgres":                 {Postgres, "PostgreSQL", 5432},
		"aurora-postgresql":        {Postgres, "Aurora PostgreSQL", 5432},
		"mysql":                    {MySQL, "MySQL", 3306},
		"mariadb":                  {MySQL, "MariaDB", 3306},
		"aurora-mysql":             {MySQL, "Aurora MySQL", 3306},
		"aurora":                   {MySQL, "Aurora MySQL", 3306},
		"redis":                    {Redis, "Redis", 6379},
		"valkey":                   {Redis, "Valkey", 6379},
		"sqlserver":                {SQLServer, "SQL Server", 1433},
		"sqlserver-ex":             {SQLServer, "SQL Server", 1433},
		"custom-sqlserver-ee":      {SQLServer, "RDS Custom for SQL Server", 1433},
		"oracle-se2-cdb":           {Oracle, "Oracle", 1521},
		"custom-oracle-ee":         {Oracle, "RDS Custom for Oracle", 1521},
		"db2-ae":                   {Db2, "Db2", 50000},
		"docdb":                    {DocumentDB, "DocumentDB", 27017},
		"neptune":                  {Neptune, "Neptune", 8182},
		"redshift":                 {Redshift, "Redshift", 5439},
		"memcached":                {Memcached, "Memcached", 11211},
		"opensearch":               {OpenSearch, "OpenSearch", 443},
		"PostgreSQL":               {Postgres, "PostgreSQL", 5432},
		"something-new":            {Unknown, "something-new", 0},
		"postgresqlish":            {Unknown, "postgresqlish", 0},
		"":                         {Unknown, "", 0},
		"aurora-something-unheard": {MySQL, "Aurora MySQL", 3306},
	} {
		e := Of(spelling)
		if e.Family != want.family || e.Name != want.name || e.Port != want.port {
			t.Errorf("Of(%q) = %q %q %d, want %q %q %d", spelling, e.Family, e.Name, e.Port, want.family, want.name, want.port)
		}
		if (e.Family == Unknown) != (len(e.Programs) == 0) {
			t.Errorf("Of(%q) has the programs %v", spelling, e.Programs)
		}
	}
}

// TestFamiliesAreSpellings proves that what ByPort gives can be given to Of again: callers keep engines as text.
func TestFamiliesAreSpellings(t *testing.T) {
	t.Parallel()
	for _, port := range []int{5432, 3306, 6379, 1433, 1521, 50000, 27017, 8182, 5439, 11211, 9200} {
		e := ByPort(port)
		if e.Family == Unknown {
			t.Errorf("port %d says nothing", port)
		}
		if again := Of(string(e.Family)); again.Name != e.Name {
			t.Errorf("Of(%q) is %q, ByPort(%d) is %q", e.Family, again.Name, port, e.Name)
		}
	}
	for _, port := range []int{0, 22, 80, 443, 8080, 65535} {
		if e := ByPort(port); e.Family != Unknown {
			t.Errorf("port %d is taken for %s", port, e.Name)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"mysql", "--ssl-ca=/a/b.pem", "-p"}, "mysql --ssl-ca=/a/b.pem -p"},
		{[]string{"psql", "host=db port=1"}, `psql "host=db port=1"`},
		{[]string{"psql", "user='o''brien'"}, `psql "user='o''brien'"`},
		{[]string{"a", ""}, `a ""`},
		{[]string{"a", "$(rm -rf ~)"}, `a '$(rm -rf ~)'`},
		{[]string{"a", "it's `x`"}, `a 'it'\''s ` + "`x`'"},
		{[]string{"a", `back\slash`}, `a 'back\slash'`},
		{[]string{"a", "say \"hi\""}, `a 'say "hi"'`},
		{[]string{"mongosh", "mongodb://u@127.0.0.1:1/?a=b&c=d"}, `mongosh "mongodb://u@127.0.0.1:1/?a=b&c=d"`},
		{nil, ""},
	} {
		if got := Quote(c.args); got != c.want {
			t.Errorf("Quote(%q) = %s, want %s", c.args, got, c.want)
		}
	}
}

func TestProgramsPreferTheEngine(t *testing.T) {
	t.Parallel()
	if got := Of("mariadb").Programs; !slices.Equal(got, []string{"mariadb", "mysql"}) {
		t.Errorf("MariaDB's programs: %v", got)
	}
	if got := Of("aurora-mysql").Programs[0]; got != "mysql" {
		t.Errorf("Aurora MySQL's first program: %s", got)
	}
}
