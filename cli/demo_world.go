package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
	"github.com/rdsx/rdsx/sim/world"
)

// demo is a simulated AWS with servers behind it and a folder for what belongs to them.
type demo struct {
	app   *app
	flags demoFlags

	dir     string
	sim     *sim.Sim
	clients map[databases.Kind]*demoClient
	servers []*databases.Server
	cutting sync.WaitGroup // what --faults cuts
	stop    func()         // ends that
	env     []string       // that points a process at the simulated AWS and nowhere else
	envFile string         // the same, for a shell to read
}

// demoClient is what a client of a server needs to know.
type demoClient struct {
	kind                 databases.Kind
	addr, user, database string
	passwordFile, caFile string // caFile "" when the server speaks no TLS
	password, version    string
}

// demoKinds are the kinds of server, the one to show first first.
func demoKinds() []databases.Kind {
	return []databases.Kind{databases.Postgres, databases.MySQL, databases.Redis}
}

// cacheHosts are names of the default world that RDS does not list.
func cacheHosts() []string {
	return []string{"cache-dev.q7xk2m.0001.euw1.cache.amazonaws.com:6379", "cache-prod.q7xk2m.0001.euw1.cache.amazonaws.com:6379"}
}

// startDemo starts everything; the caller closes it. Servers that do not start are said and done without, unless none is left.
func (a *app) startDemo(ctx context.Context, flags demoFlags) (_ *demo, err error) {
	d := &demo{app: a, flags: flags, clients: map[databases.Kind]*demoClient{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if d.dir, err = os.MkdirTemp(a.tempDir(), "rdsx-demo-"); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	faults, cuts, err := flags.parseFaults()
	if err != nil {
		return nil, err
	}
	if d.sim, err = sim.Start(ctx, sim.Options{Listen: flags.listen, Faults: faults, Log: a.log()}); err != nil {
		return nil, err
	}
	within, stop := context.WithCancel(ctx)
	d.stop = stop
	d.cut(within, cuts)
	if err := d.startServers(ctx); err != nil {
		return nil, err
	}
	if err := d.attach(); err != nil {
		return nil, err
	}
	return d, d.writeFiles()
}

// Close takes everything down.
func (d *demo) Close() error {
	var errs []error
	if d.stop != nil {
		d.stop()
	}
	d.cutting.Wait()
	if d.sim != nil {
		errs = append(errs, d.sim.Close())
	}
	for _, s := range d.servers {
		errs = append(errs, s.Close())
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

// startServers takes the servers that were handed over and starts the installed ones for the other kinds, all at once.
func (d *demo) startServers(ctx context.Context) error {
	addrs, err := d.flags.handedOver()
	if err != nil {
		return err
	}
	for kind, addr := range addrs {
		c := &demoClient{kind: kind, addr: addr, user: "demo", database: "shop", password: d.app.getenv(demoPasswordEnv)}
		if kind == databases.Redis {
			c.user, c.database = "default", ""
		}
		d.clients[kind] = c
	}
	ca, err := databases.NewCA()
	if err != nil {
		return err
	}
	type result struct {
		server *databases.Server
		err    error
	}
	results, started := make(chan result), 0
	names := d.endpoints()
	for kind := range databases.Installed() {
		if d.flags.noServers || d.clients[kind] != nil {
			continue
		}
		if started++; started == 1 {
			fmt.Fprintln(d.app.Stderr, "starting the database servers that are installed here…")
		}
		go func() {
			s, err := databases.Start(ctx, databases.Options{Kind: kind, Names: hosts(names[kind]), Dir: d.app.tempDir(), CA: ca, Log: d.app.log()})
			results <- result{s, err}
		}()
	}
	for range started {
		r := <-results
		if r.err != nil {
			if ctx.Err() == nil {
				fmt.Fprintf(d.app.Stderr, "warning: %v\n", r.err)
			}
			continue
		}
		d.servers = append(d.servers, r.server)
		d.clients[r.server.Kind] = newDemoClient(r.server)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(d.clients) == 0 {
		return aws.Advise(errors.New("no database server to put behind the simulated AWS: none of postgres, mariadbd, mysqld and redis-server is installed"),
			aws.ErrNotFound, "go run ./demo in a clone of the repository, which brings its own")
	}
	return nil
}

func newDemoClient(s *databases.Server) *demoClient {
	c := &demoClient{kind: s.Kind, addr: s.Addr, user: s.User, database: s.Database, password: s.Password, version: s.Version, caFile: s.CAFile}
	if s.Kind == databases.Redis {
		c.caFile = "" // behind its usual port it speaks without TLS, as ElastiCache does by default
	}
	return c
}

// endpoints are the host:port names of the world's databases by the kind of server that can stand behind them.
func (d *demo) endpoints() map[databases.Kind][]string {
	out := map[databases.Kind][]string{databases.Redis: cacheHosts()}
	add := func(engine, host string, port int) {
		if kind := databases.Of(engine); kind != "" && host != "" && port > 0 {
			out[kind] = append(out[kind], net.JoinHostPort(host, strconv.Itoa(port)))
		}
	}
	for _, account := range d.sim.World().Accounts() {
		for _, r := range account.Regions {
			for _, db := range r.DBInstances {
				add(db.Engine, db.Endpoint, db.Port)
			}
			for _, c := range r.DBClusters {
				add(c.Engine, c.Endpoint, c.Port)
				add(c.Engine, c.ReaderEndpoint, c.Port)
				for _, custom := range c.Custom {
					add(c.Engine, custom.Endpoint, c.Port)
				}
			}
			for _, p := range r.DBProxies {
				add(p.Engine, p.Endpoint, p.Port)
				for _, e := range p.Endpoints {
					add(p.Engine, e.Endpoint, p.Port)
				}
			}
		}
	}
	return out
}

// hosts are the names without their ports, each once.
func hosts(endpoints []string) []string {
	var out []string
	for _, at := range endpoints {
		if host, _, err := net.SplitHostPort(at); err == nil && !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}

// attach lets the world's databases lead to the servers. What the world calls silent or refused stays so, caches excepted:
// nothing else says that they exist.
func (d *demo) attach() error {
	w := d.sim.World()
	for kind, names := range d.endpoints() {
		c := d.clients[kind]
		if c == nil {
			continue
		}
		for _, name := range names {
			if kind != databases.Redis && decided(w, name) {
				continue
			}
			if err := w.SetDial(name, c.addr); err != nil {
				return fmt.Errorf("put %s behind %s: %w", c.addr, name, err)
			}
		}
	}
	return nil
}

// decided says whether the world's own dials have an entry for host:port, as some instance that gets that far would see.
func decided(w *world.World, at string) bool {
	host, port, err := net.SplitHostPort(at)
	n, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil {
		return false
	}
	for _, i := range instances(w) {
		if w.Dial(i, host, n).Why == "dials entry" {
			return true
		}
	}
	return false
}

func instances(w *world.World) []string {
	var out []string
	for _, a := range w.Accounts() {
		for _, r := range a.Regions {
			for _, i := range r.Instances {
				out = append(out, i.ID)
			}
		}
	}
	return out
}

// choose picks the database to open: one of the default profile's that an instance reaches and a server stands behind.
func (d *demo) choose(prompt bool) (string, error) {
	w := d.sim.World()
	home := w.Accounts()[0].Regions[0]
	for _, kind := range demoKinds() {
		if d.clients[kind] == nil || prompt && kind != databases.MySQL {
			continue
		}
		if kind == databases.Redis {
			return cacheHosts()[0], nil
		}
		for _, db := range home.DBInstances {
			for _, i := range home.Instances {
				if databases.Of(db.Engine) == kind && i.PingStatus == "Online" && w.Dial(i.ID, db.Endpoint, db.Port).Addr != "" {
					return db.ID, nil
				}
			}
		}
	}
	if prompt {
		return "", aws.Advise(errors.New("the prompt speaks to MySQL, and no MySQL or MariaDB server is behind the simulated AWS"), aws.ErrNotFound, "rdsx demo --headless")
	}
	return "", aws.Advise(errors.New("no database of the simulated AWS can be opened"), aws.ErrNotFound, "rdsx demo TARGET")
}

// wantsPrompt says whether a person without any client sits in front of the demo.
func (d *demo) wantsPrompt() bool {
	if d.flags.headless || d.app.flags.json || d.app.flags.noInput || d.clients[databases.MySQL] == nil {
		return false
	}
	in, ok := d.app.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	for kind := range d.clients {
		if kind != databases.Redis && installedClient(engine.Of(string(kind))) != "" {
			return false
		}
	}
	return true
}

// client is what a client of the route's server needs, nil when no server of ours stands there.
func (d *demo) client(r route) *demoClient {
	kind := databases.Of(r.target.Engine)
	if kind == "" {
		kind = databases.Of(string(engine.ByPort(r.target.Endpoint.Port).Family))
	}
	return d.clients[kind]
}

// writeFiles puts profiles, passwords and a file for shells into the demo's folder.
func (d *demo) writeFiles() error {
	config, credentials, err := d.sim.WriteConfig(d.dir)
	if err != nil {
		return err
	}
	d.env = d.sim.Env(config, credentials)
	for kind, c := range d.clients {
		c.passwordFile = filepath.Join(d.dir, string(kind)+".password")
		if err := os.WriteFile(c.passwordFile, []byte(c.password), 0o600); err != nil {
			return fmt.Errorf("write the password: %w", err)
		}
	}
	d.envFile = filepath.Join(d.dir, "env")
	if err := os.WriteFile(d.envFile, []byte(strings.Join(d.exports(), "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	return nil
}

// exports are the lines that point a shell at the simulated AWS. Keys and profiles of the user's would win over its files, and
// so would what rdsx is told by variables of its own.
func (d *demo) exports() []string {
	lines := []string{
		"unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
		"unset RDSX_PROFILE RDSX_REGION RDSX_ENDPOINT_URL RDSX_PROFILES RDSX_ALL_PROFILES RDSX_GROUP RDSX_REGIONS",
	}
	for _, kv := range d.env {
		name, value, _ := strings.Cut(kv, "=")
		lines = append(lines, "export "+name+"="+engine.Quote([]string{value}))
	}
	return lines
}

// inside is rdsx as it would run with the simulated AWS's environment alone: nothing of the user's is read, and what it
// writes goes to the demo's folder.
func (d *demo) inside() *app {
	inner := *d.app
	inner.ledger, inner.board = nil, nil // these sessions end with the simulated AWS
	inner.Env = append([]string{"HOME=" + d.dir, "USERPROFILE=" + d.dir, "TMPDIR=" + d.dir}, d.env...)
	for _, name := range []string{"PATH", "TERM", "NO_COLOR", "LANG", "LC_ALL"} {
		if value := d.app.getenv(name); value != "" {
			inner.Env = append(inner.Env, name+"="+value)
		}
	}
	inner.flags.endpointURL = ""
	return &inner
}

// name is the server in words.
func (c *demoClient) name() string {
	name := engine.Of(string(c.kind)).Name
	if strings.HasSuffix(c.version, "-MariaDB") {
		name = "MariaDB"
	}
	if c.version == "" {
		return name + " on " + c.addr
	}
	return name + " " + strings.TrimSuffix(c.version, "-MariaDB") + " on " + c.addr
}

// passwordVariable is what the kind's clients read a password from.
func (c *demoClient) passwordVariable() string {
	switch c.kind {
	case databases.Postgres:
		return "PGPASSWORD"
	case databases.MySQL:
		return "MYSQL_PWD"
	}
	return "REDISCLI_AUTH"
}

// conn is the tunnel at addr as the server's client sees it.
func (c *demoClient) conn(t aws.Target, addr, program string) engine.Conn {
	host, port, _ := net.SplitHostPort(addr) // a tunnel on 127.0.0.1 prints host:port
	n, _ := strconv.Atoi(port)
	conn := engine.Conn{
		Host: t.Endpoint.Host, Port: t.Endpoint.Port, LocalHost: host, LocalPort: n, User: c.user, Database: c.database,
		CAFile: c.caFile, Plaintext: c.caFile == "", Program: program,
	}
	if c.kind == databases.Redis {
		conn.User, conn.Database = "", ""
	}
	return conn
}
