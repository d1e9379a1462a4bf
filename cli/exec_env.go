package cli

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// withoutSocket is what to do where a socket does not do.
const withoutSocket = "the same without --unix: the program is then given a port"

// socketHas refuses placeholders that a socket has nothing for.
func socketHas(flags connectFlags, argv []string) error {
	if flags.unix == "" {
		return nil
	}
	for _, what := range []string{"{port}", "{url}"} {
		if mentions(argv, what) {
			return usage(withoutSocket, "%s stands for a port, and --unix listens on none", what)
		}
	}
	return nil
}

// socketSuffices refuses a program that would not find the socket. The variables of these engines name a host and a port: where
// they are left out its client takes the server of this machine itself, without a word, and what was meant for one database
// happens to another. A program that is told the socket in its arguments needs none.
func socketSuffices(flags connectFlags, t aws.Target, argv []string) error {
	if flags.unix == "" || mentions(argv, "{address}") || mentions(argv, "{host}") {
		return nil
	}
	names := ""
	switch engine.Of(t.Engine).Family {
	case engine.Postgres, engine.Redshift:
		names = "PGHOST, PGHOSTADDR and PGPORT"
	case engine.MySQL:
		names = "MYSQL_HOST and MYSQL_TCP_PORT"
	default:
		return nil
	}
	return usage(withoutSocket+", or {address}, which is the socket, in its arguments",
		"with --unix there is no port for %s: %s would look for a server of this machine", names, argv[0])
}

func mentions(argv []string, what string) bool {
	return slices.ContainsFunc(argv, func(arg string) bool { return strings.Contains(arg, what) })
}

// execOnPort is the command line as it was typed, for another port. Of the program there is its name alone: what it is told may
// hold a password, and a hint ends in the log of a job.
func (a *app) execOnPort(port int, argv []string) string {
	typed, told := slices.Clone(a.Args), argv[1:]
	for i := len(typed) - 1; i >= 0 && len(told) > 0; i-- {
		if typed[i] == told[len(told)-1] {
			typed, told = slices.Delete(typed, i, i+1), told[:len(told)-1]
		}
	}
	short := *a
	short.Args = typed
	if len(argv) > 1 {
		return short.onPort(port) + " …"
	}
	return short.onPort(port)
}

// hostPort are the parts of a tunnel's address. A socket is its own host, with port 0.
func hostPort(local string) (host string, port int) {
	host, _, err := net.SplitHostPort(local)
	if err != nil || net.ParseIP(host) == nil {
		return local, 0
	}
	return host, portOf(local)
}

// inPlace is the program's command line with what its placeholders stand for.
func inPlace(t aws.Tunnel, argv []string) []string {
	host, port := hostPort(t.Local)
	end := t.Target.Endpoint
	url := engine.Of(t.Target.Engine).URL(engine.Conn{Host: end.Host, Port: end.Port, LocalHost: host, LocalPort: port})
	in := strings.NewReplacer("{host}", host, "{port}", strconv.Itoa(port), "{address}", t.Local, "{endpoint}", end.String(), "{url}", url)
	args := make([]string, len(argv))
	for i, arg := range argv {
		args[i] = in.Replace(arg)
	}
	return args
}

// tunnelEnv is where the tunnel is, for programs in general and for those that read an engine's own variables.
func tunnelEnv(t aws.Tunnel) []string {
	host, port := hostPort(t.Local)
	local := strconv.Itoa(port)
	env := []string{"RDSX_LOCAL_ADDRESS=" + t.Local, "RDSX_LOCAL_HOST=" + host, "RDSX_LOCAL_PORT=" + local, "RDSX_ENDPOINT=" + t.Target.Endpoint.String()}
	if port == 0 {
		return env
	}
	switch engine.Of(t.Target.Engine).Family {
	case engine.Postgres, engine.Redshift:
		// libpq connects to the address and checks the certificate for the name (docs/aws.md §7).
		env = append(env, "PGHOST="+t.Target.Endpoint.Host, "PGHOSTADDR="+host, "PGPORT="+local)
	case engine.MySQL:
		env = append(env, "MYSQL_HOST="+host, "MYSQL_TCP_PORT="+local)
	}
	return env
}
