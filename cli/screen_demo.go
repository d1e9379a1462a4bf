package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/forward"
	"github.com/rdsx/rdsx/sim/databases"
	"github.com/rdsx/rdsx/tui"
)

// wantsScreen says whether the demo is for somebody in front of a terminal.
func (d *demo) wantsScreen(target string) bool {
	f := d.flags
	return target == "" && !f.headless && !f.prompt && !f.printEnv && f.port == 0 && !d.app.flags.json && !d.app.flags.noInput &&
		(d.app.onTerminal() || d.app.getenv("RDSX_PLAIN") != "")
}

// demoScopes are three accounts in two regions, as a team has them.
func demoScopes() []scope {
	var out []scope
	for _, profile := range []string{"default", "acme-staging-developer", "acme-prod-oncall"} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			out = append(out, scope{profile, region})
		}
	}
	return out
}

// demoHints say what to try first. They fit a terminal of 80 columns.
func demoHints() tui.Hints {
	return tui.Hints{
		Targets: "A simulated AWS. Type ord, Enter, Enter; Esc shows the tunnel already open.",
		Tunnels: "o opens a client, c copies the address, n opens another, x closes, q leaves",
	}
}

// screen shows the screens on the simulated AWS. A tunnel is open from the start, with something going on in it.
func (d *demo) screen(ctx context.Context) error {
	inner := d.inside()
	inner.Env = append(inner.Env, "RDSX_PLAIN="+d.app.getenv("RDSX_PLAIN"), "COLORTERM="+d.app.getenv("COLORTERM"))
	o := screenOptions{
		gone: true, scopes: demoScopes(), client: d.clientArgs, command: d.clientCommand, conn: d.clientConn,
		hints: demoHints(),
	}
	busy, err := d.busyRoute(ctx, inner)
	if err != nil {
		return err
	}
	port := forward.FreePort(busy.preferredPort() + 10000)
	o.open = []tui.Opening{{Target: busy.target, Port: port}}
	within, stop := context.WithCancel(ctx)
	var traffic sync.WaitGroup
	traffic.Go(func() { d.traffic(within, d.client(busy), net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) })
	defer traffic.Wait()
	defer stop()
	return inner.screenWith(ctx, o)
}

// busyRoute is the target with the background traffic: the cache, whose protocol needs no driver, else any database.
func (d *demo) busyRoute(ctx context.Context, inner *app) (route, error) {
	if d.clients[databases.Redis] != nil {
		return inner.plan(ctx, cacheHosts()[0], connectFlags{})
	}
	name, err := d.choose(false)
	if err != nil {
		return route{}, err
	}
	return inner.plan(ctx, name, connectFlags{})
}

// clientArgs is the client of the server behind the tunnel, with its password in the environment.
func (d *demo) clientArgs(t aws.Tunnel) (args, env []string) {
	c := d.client(route{target: t.Target})
	if c == nil {
		return nil, nil
	}
	e := engine.Of(t.Target.Engine)
	if c.kind == databases.MySQL && installedClient(e) == "" {
		return c.promptArgs(t)
	}
	for _, arg := range e.Command(c.conn(t.Target, t.Local, installedClient(e))) {
		if arg != "-p" || c.kind != databases.MySQL { // it would ask for the password
			args = append(args, arg)
		}
	}
	return args, []string{c.passwordVariable() + "=" + c.password}
}

func (d *demo) clientCommand(t aws.Tunnel) string {
	if c := d.client(route{target: t.Target}); c != nil {
		return c.command(t.Target, t.Local)
	}
	return ""
}

// clientConn has the user and the database of the server behind the tunnel.
func (d *demo) clientConn(t aws.Tunnel, program string) (engine.Conn, bool) {
	c := d.client(route{target: t.Target})
	if c == nil {
		return engine.Conn{}, false
	}
	return c.conn(t.Target, t.Local, program), true
}

// traffic keeps the counters of a tunnel alive until ctx ends: a client that reads more and less, like people do. What fails
// is tried again.
func (d *demo) traffic(ctx context.Context, c *demoClient, addr string) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		if c != nil && c.kind == databases.Redis {
			_ = readCache(ctx, tick.C, addr, c.password)
		} else {
			_ = knock(ctx, addr)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// readCache writes a value and reads it again and again, in waves of half a minute.
func readCache(ctx context.Context, tick <-chan time.Time, addr, password string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	r := bufio.NewReader(conn)
	if password != "" {
		if err := redis(conn, r, "AUTH", password); err != nil {
			return err
		}
	}
	const most = 40 << 10
	if err := redis(conn, r, "SET", "wave", strings.Repeat("~", most)); err != nil {
		return err
	}
	started := time.Now()
	for {
		wave := (1 + math.Sin(time.Since(started).Seconds()/30*2*math.Pi)) / 2
		if err := redis(conn, r, "GETRANGE", "wave", "0", strconv.Itoa(int(wave*wave*most))); err != nil {
			return err
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// redis sends a command and reads its answer to the end.
func redis(w io.Writer, r *bufio.Reader, args ...string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(line, "-"):
		return fmt.Errorf("redis says %s", strings.TrimSpace(line[1:]))
	case strings.HasPrefix(line, "$") && !strings.HasPrefix(line, "$-"):
		n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
		if err != nil {
			return err
		}
		_, err = io.CopyN(io.Discard, r, int64(n)+2)
		return err
	}
	return nil
}

// knock asks whatever PostgreSQL answers for TLS and hangs up; other servers greet or wait for more. Either way bytes move.
func knock(ctx context.Context, addr string) error {
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()                                                                //nolint:errcheck // nothing is lost with it
	if _, err := conn.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil { // PostgreSQL's SSLRequest
		return err
	}
	_, err = conn.Read(make([]byte, 256))
	return err
}
