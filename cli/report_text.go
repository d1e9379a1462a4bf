package cli

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// textReporter talks to a person: the address and the client command on stdout once the tunnel is open, a line for each
// change on stderr, and on a terminal its counters in the console's line.
type textReporter struct {
	c         *console
	r         route
	label     string // in front of each line, where several tunnels share the console
	quiet     bool   // nothing is said of single connections that end well
	announced bool
	state     aws.TunnelState
	last      aws.Tunnel
	at        time.Time // of last
	up, down  float64   // bytes per second before it
}

func newTextReporter(c *console, r route) *textReporter { return newNamedReporter(c, r, "") }

// newNamedReporter is one of several on a console.
func newNamedReporter(c *console, r route, label string) *textReporter {
	t := &textReporter{c: c, r: r, label: label}
	via := r.target.Instance
	name := via.ID
	if via.Name != "" {
		name = via.Name + " (" + via.ID + ")"
	}
	what := r.target.Endpoint.String()
	if r.target.Name() != what {
		what = r.target.Name() + " " + what
	}
	c.say(func() { fmt.Fprintf(c.err, "%s through %s: %s\n", what, name, r.why) })
	return t
}

func (t *textReporter) event(ev aws.Event, now aws.Tunnel) {
	t.c.say(func() { t.print(ev, now) })
}

// print is called by the console.
func (t *textReporter) print(ev aws.Event, now aws.Tunnel) {
	if usable(ev.State) && !t.announced {
		t.announced = true
		t.announce(now)
	}
	was := t.state
	t.state = ev.State
	switch {
	case ev.Kind == aws.EventState && ev.State == was && ev.Text == "":
		return
	case t.quiet && (ev.Kind == aws.EventConnOpened || ev.Kind == aws.EventConnClosed):
		return
	case t.quiet && ev.Kind == aws.EventState && usable(ev.State) && usable(was):
		return
	}
	fmt.Fprintf(t.c.err, "%s %s%-8s %s\n", ev.At.Format("15:04:05"), t.c.padded(t.label), ev.State, ev.Text)
	if ev.Next != "" {
		fmt.Fprintf(t.c.err, "         hint: %s\n", ev.Next)
	}
}

// usable says whether connections can be carried.
func usable(s aws.TunnelState) bool { return s == aws.StateOpen || s == aws.StateIdle }

// announce prints where the tunnel is: its address and its client's command, a line each where it is the only one.
func (t *textReporter) announce(now aws.Tunnel) {
	command := clientCommand(t.r.target, now.Local)
	if cmd := engine.Quote(command); t.label != "" {
		fmt.Fprintln(t.c.out, t.c.address(t.label, now.Local, command))
	} else {
		fmt.Fprintln(t.c.out, now.Local)
		if cmd != "" {
			fmt.Fprintln(t.c.out, cmd)
		}
	}
	t.c.readied(t)
}

// counters redraws the console's line; off a terminal nothing is printed, so that a log does not fill with it.
func (t *textReporter) counters(now aws.Tunnel) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if !t.c.live {
		return
	}
	if seconds := time.Since(t.at).Seconds(); !t.at.IsZero() && seconds > 0 {
		t.up, t.down = float64(now.Up-t.last.Up)/seconds, float64(now.Down-t.last.Down)/seconds
	}
	t.last, t.at = now, time.Now()
	t.c.count()
}

// line is the tunnel's counters.
func (t *textReporter) line() string {
	now := t.last
	if now.State == aws.StateResuming {
		return "waiting for the connection to Session Manager: " + resuming(now)
	}
	line := traffic(now.Up, now.Down, t.up, t.down, len(now.Conns))
	if len(now.Sessions) > 0 && now.Sessions[0].RTT > 0 {
		line += fmt.Sprintf("  %.1f ms", float64(now.Sessions[0].RTT.Microseconds())/1000)
	}
	if n := len(now.Sessions); n > 1 {
		line += "  " + count(n, "session")
	}
	return line
}

func traffic(up, down uint64, upRate, downRate float64, conns int) string {
	return fmt.Sprintf("↑ %s (%s/s)  ↓ %s (%s/s)  %s", size(up), size(uint64(upRate)), size(down), size(uint64(downRate)), count(conns, "connection"))
}

// resuming is how far the sessions are in getting their websockets back.
func resuming(now aws.Tunnel) string {
	var worst aws.SessionStats
	for _, s := range now.Sessions {
		if s.Link == aws.LinkResuming && s.Attempt >= worst.Attempt {
			worst = s
		}
	}
	switch wait := time.Until(worst.NextTry); {
	case worst.SignIn:
		return "sign in to go on"
	case wait > 0:
		return fmt.Sprintf("try %d, next in %.1f s", max(worst.Attempt, 1), wait.Seconds())
	}
	return fmt.Sprintf("try %d", max(worst.Attempt, 1))
}

func (t *textReporter) end(now aws.Tunnel) {
	t.c.left(t, func() {
		if !t.announced {
			return
		}
		name := t.r.target.Name()
		if t.label != "" {
			name = t.label
		}
		fmt.Fprintf(t.c.err, "%s: ↑ %s ↓ %s in %s, %s\n", name, size(now.Up), size(now.Down),
			time.Since(now.Started).Round(time.Second), count(int(now.Connections), "connection"))
	})
}

func size(bytes uint64) string { return humanize.Bytes(bytes) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// clientCommand is the command that opens the engine's own client on the local address, or nil when the engine is unknown.
func clientCommand(t aws.Target, local string) []string {
	host, port, err := net.SplitHostPort(local)
	if err != nil || strings.HasPrefix(local, "/") {
		return nil
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil
	}
	e := engine.Of(t.Engine)
	return e.Command(engine.Conn{Host: t.Endpoint.Host, Port: t.Endpoint.Port, LocalHost: host, LocalPort: n, Program: installedClient(e)})
}
