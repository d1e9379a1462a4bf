package engine

import (
	"cmp"
	"net"
	"strconv"
	"strings"
)

// Conn is a tunnel as a client sees it.
type Conn struct {
	Host      string // the endpoint's name: TLS and IAM tokens are made for it
	Port      int    // the endpoint's own port
	LocalHost string // 127.0.0.1 when empty; never localhost, which is a socket to some clients
	LocalPort int
	User      string // "" leaves it to the client
	Database  string // "" takes one that always exists, where the engine has one
	CAFile    string // PEM bundle that the server's certificate is checked against; "" encrypts without checking
	Plaintext bool   // the server speaks no TLS (Info.TLS is false)

	// Program is the client that is installed; "" for the first of Programs. Debian's mysql is a link to mariadb and
	// understands mariadb's options only: resolve links before naming it.
	Program string
}

func (c Conn) local() string { return cmp.Or(c.LocalHost, "127.0.0.1") }
func (c Conn) port() string  { return strconv.Itoa(c.LocalPort) }
func (c Conn) addr() string  { return net.JoinHostPort(c.local(), c.port()) }

// Command is the command to type, as arguments; no secret is ever among them. nil when the engine has no client.
func (e Engine) Command(c Conn) []string {
	if c.Program == "" && len(e.Programs) > 0 {
		c.Program = e.Programs[0]
	}
	switch e.Family {
	case Postgres, Redshift:
		return []string{c.Program, e.conninfo(c)}
	case MySQL:
		return mysqlCommand(c)
	case Redis:
		return redisCommand(c)
	case SQLServer:
		return sqlcmdCommand(c)
	case Oracle:
		return []string{c.Program, cmp.Or(c.User, "USER") + "@//" + c.addr() + "/" + cmp.Or(c.Database, "ORCL")}
	case Db2:
		return []string{c.Program, "-nw", cmp.Or(c.User, "USER") + "@" + c.addr() + "/" + cmp.Or(c.Database, "DB2")}
	case DocumentDB:
		return []string{c.Program, e.URL(c)}
	case Neptune, OpenSearch:
		return curlCommand(e, c)
	case Memcached:
		return []string{c.Program, c.local(), c.port()}
	}
	return nil
}

// conninfo keeps the endpoint as host, which TLS is checked against and .pgpass looked up by, and sends the packets to
// hostaddr: so verify-full works through a tunnel (docs/aws.md §7).
func (e Engine) conninfo(c Conn) string {
	parts := []string{
		"host=" + conninfoValue(c.Host),
		"hostaddr=" + c.local(),
		"port=" + c.port(),
		"sslmode=" + sslmode(c, "verify-full"),
	}
	if c.CAFile != "" && !c.Plaintext {
		parts = append(parts, "sslrootcert="+conninfoValue(c.CAFile))
	}
	if c.User != "" {
		parts = append(parts, "user="+conninfoValue(c.User))
	}
	return strings.Join(append(parts, "dbname="+conninfoValue(cmp.Or(c.Database, e.defaultDatabase()))), " ")
}

func (e Engine) defaultDatabase() string {
	switch e.Family {
	case Postgres:
		return "postgres"
	case Redshift:
		return "dev"
	}
	return ""
}

func sslmode(c Conn, verified string) string {
	switch {
	case c.Plaintext:
		return "disable"
	case c.CAFile != "":
		return verified
	}
	return "require"
}

// conninfoValue quotes as libpq reads it: single quotes round blanks, a backslash before quote and backslash.
func conninfoValue(v string) string {
	if v != "" && !strings.ContainsAny(v, " \t\n'\\") {
		return v
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// mysqlCommand checks the certificate's chain, not its name: the MySQL clients have nothing like hostaddr, and the name
// cannot match 127.0.0.1 (docs/aws.md §7).
func mysqlCommand(c Conn) []string {
	args := []string{c.Program, "--host", c.local(), "--port", c.port()}
	mariadb := strings.Contains(c.Program, "mariadb")
	switch {
	case mariadb && c.Plaintext:
		args = append(args, "--skip-ssl")
	case mariadb && c.CAFile != "":
		args = append(args, "--ssl", "--ssl-ca="+c.CAFile)
	case mariadb:
		args = append(args, "--ssl")
	case c.Plaintext:
		args = append(args, "--ssl-mode=DISABLED")
	case c.CAFile != "":
		args = append(args, "--ssl-mode=VERIFY_CA", "--ssl-ca="+c.CAFile)
	default:
		args = append(args, "--ssl-mode=REQUIRED")
	}
	if c.User != "" {
		args = append(args, "-u", c.User)
	}
	args = append(args, "-p")
	if c.Database != "" {
		args = append(args, c.Database)
	}
	return args
}

// redisCommand leaves -c out: in cluster mode a redirection would lead out of the tunnel.
func redisCommand(c Conn) []string {
	args := []string{c.Program, "-h", c.local(), "-p", c.port()}
	if !c.Plaintext {
		args = append(args, "--tls", "--sni", c.Host)
		if c.CAFile != "" {
			args = append(args, "--cacert", c.CAFile)
		}
	}
	if c.User != "" {
		args = append(args, "--user", c.User, "--askpass")
	}
	if c.Database != "" {
		args = append(args, "-n", c.Database)
	}
	return args
}

func sqlcmdCommand(c Conn) []string {
	args := []string{c.Program, "-S", "tcp:" + c.local() + "," + c.port()}
	if !c.Plaintext {
		args = append(args, "-Nm", "-F", c.Host)
	}
	if c.User != "" {
		args = append(args, "-U", c.User)
	}
	if c.Database != "" {
		args = append(args, "-d", c.Database)
	}
	return args
}

// curlCommand keeps the endpoint in URL, Host header and SNI: the service signs and routes by them.
func curlCommand(e Engine, c Conn) []string {
	port := strconv.Itoa(cmp.Or(c.Port, e.Port))
	scheme, path := "https", "/"
	if c.Plaintext {
		scheme = "http"
	}
	if e.Family == Neptune {
		path = "/status"
	}
	args := []string{c.Program, "--connect-to", c.Host + ":" + port + ":" + bracket(c.local()) + ":" + c.port()}
	if c.CAFile != "" && !c.Plaintext {
		args = append(args, "--cacert", c.CAFile)
	}
	url := scheme + "://" + c.Host
	if port != "443" {
		url += ":" + port
	}
	return append(args, url+path)
}

func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// Quote renders arguments as a line to paste in a POSIX shell.
func Quote(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quote(arg)
	}
	return strings.Join(quoted, " ")
}

func quote(arg string) string {
	plain := arg != "" && strings.IndexFunc(arg, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("@%_+=:,./-", r)
	}) < 0
	switch {
	case plain:
		return arg
	case !strings.ContainsAny(arg, "\"$`\\!\n"):
		return `"` + arg + `"` // easier to edit than single quotes where a value has some
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
