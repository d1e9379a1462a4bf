package cli

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
)

// textReporter talks to a person: the address and the client command on stdout once the tunnel is open, a line for each
// change on stderr, and below them, on a terminal, one line of live counters.
type textReporter struct {
	out, err  io.Writer
	r         route
	live      bool // stderr can redraw a line
	announced bool
	state     aws.TunnelState
	line      string // the counters now on the terminal's last line
	last      aws.Tunnel
	at        time.Time
	waiting   []func() // events that came while a question stood on the terminal
}

func newTextReporter(a *app, r route) *textReporter {
	t := &textReporter{out: a.Stdout, err: a.Stderr, r: r, live: a.isTerminal(a.Stderr)}
	via := r.target.Instance
	name := via.ID
	if via.Name != "" {
		name = via.Name + " (" + via.ID + ")"
	}
	what := r.target.Endpoint.String()
	if r.target.Name() != what {
		what = r.target.Name() + " " + what
	}
	fmt.Fprintf(t.err, "%s through %s: %s\n", what, name, r.why)
	return t
}

func (t *textReporter) event(ev aws.Event, now aws.Tunnel) {
	if t.asking() {
		t.waiting = append(t.waiting, func() { t.print(ev, now) })
		return
	}
	t.flush()
	t.print(ev, now)
}

// asking says whether a question stands on the terminal, which a line of ours would hide.
func (t *textReporter) asking() bool { return t.live && t.r.asking != nil && t.r.asking.Load() > 0 }

// flush prints the events that a question has kept back.
func (t *textReporter) flush() {
	for _, print := range t.waiting {
		print()
	}
	t.waiting = nil
}

func (t *textReporter) print(ev aws.Event, now aws.Tunnel) {
	t.clear()
	defer t.draw()
	ready := ev.State == aws.StateOpen || ev.State == aws.StateIdle
	if ready && !t.announced {
		t.announced = true
		fmt.Fprintln(t.out, now.Local)
		if cmd := clientCommand(t.r.target, now.Local); len(cmd) > 0 {
			fmt.Fprintln(t.out, engine.Quote(cmd))
		}
		if t.live {
			fmt.Fprintln(t.err, "Ctrl-C ends it.")
		}
	}
	if ev.Kind == aws.EventState && ev.State == t.state && ev.Text == "" {
		return
	}
	t.state = ev.State
	fmt.Fprintf(t.err, "%s %-8s %s\n", ev.At.Format("15:04:05"), ev.State, ev.Text)
	if ev.Next != "" {
		fmt.Fprintf(t.err, "         hint: %s\n", ev.Next)
	}
}

// counters redraws the live line; off a terminal nothing is printed, so that a log does not fill with it.
func (t *textReporter) counters(now aws.Tunnel) {
	if t.asking() {
		t.line = "" // the question stands where it was
		return
	}
	t.flush()
	if !t.live || !t.announced {
		return
	}
	seconds := time.Since(t.at).Seconds()
	up, down := float64(now.Up-t.last.Up)/seconds, float64(now.Down-t.last.Down)/seconds
	if t.at.IsZero() {
		up, down = 0, 0
	}
	t.last, t.at = now, time.Now()
	if now.State == aws.StateResuming {
		t.redraw("waiting for the connection to Session Manager: " + resuming(now))
		return
	}
	line := fmt.Sprintf("↑ %s (%s/s)  ↓ %s (%s/s)  %s", size(now.Up), size(uint64(up)), size(now.Down), size(uint64(down)), count(len(now.Conns), "connection"))
	if len(now.Sessions) > 0 && now.Sessions[0].RTT > 0 {
		line += fmt.Sprintf("  %.1f ms", float64(now.Sessions[0].RTT.Microseconds())/1000)
	}
	if n := len(now.Sessions); n > 1 {
		line += "  " + count(n, "session")
	}
	t.redraw(line)
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

func (t *textReporter) redraw(line string) {
	if line != t.line {
		t.clear()
		t.line = line
		t.draw()
	}
}

func (t *textReporter) clear() {
	if t.live && t.line != "" {
		fmt.Fprint(t.err, "\r\x1b[K")
	}
}

func (t *textReporter) draw() {
	if t.live && t.line != "" {
		fmt.Fprint(t.err, t.line)
	}
}

func (t *textReporter) end(now aws.Tunnel) {
	t.flush()
	t.clear()
	t.line = ""
	if !t.announced {
		return
	}
	fmt.Fprintf(t.err, "%s: ↑ %s ↓ %s in %s, %s\n", t.r.target.Name(), size(now.Up), size(now.Down),
		time.Since(now.Started).Round(time.Second), count(int(now.Connections), "connection"))
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
