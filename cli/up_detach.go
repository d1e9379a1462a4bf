package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/rdsx/rdsx/aws"
)

// reportEnd is the end of the name of the socket on which the process that waits listens.
const reportEnd = ".up"

// upLine is what the process that waits reads of a line of the one that carries the tunnels. The last one is "up".
type upLine struct {
	At      time.Time       `json:"at"`
	Event   string          `json:"event"`
	State   aws.TunnelState `json:"state"`
	Target  string          `json:"target"`
	Local   string          `json:"local"`
	Command []string        `json:"command"`
	Text    string          `json:"text"`
	Next    string          `json:"hint"`
	Code    int             `json:"code"`
	PID     int             `json:"pid"` // of a tunnel that is open already: of its process
}

// settledLine ends what a detached process reports.
type settledLine struct {
	At    time.Time `json:"at"`
	Event string    `json:"event"` // up
	PID   int       `json:"pid"`
	Code  int       `json:"code"`
	Log   string    `json:"log,omitempty"`
}

// detach signs in, starts this program anew to carry the tunnels, and waits until each is ready or has failed. Ending this one
// meanwhile ends that one.
func (a *app) detach(ctx context.Context, given *pflag.FlagSet, args []string, wishes []wish) error {
	failed := a.signInFor(ctx, wishes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w := &waiter{a: a, wishes: wishes}
	for _, wish := range wishes {
		if err := failed[wish.name]; err != nil {
			w.failed(wish.name, err)
		}
	}
	if len(failed) == len(wishes) {
		return childExit(w.worst)
	}
	l, err := listenPrivately(a.runFolders(), reportEnd)
	if err != nil {
		return undetached(fmt.Errorf("wait for a process of its own: %w", err))
	}
	defer l.Close() //nolint:errcheck // it has served its purpose
	log, err := a.newLog()
	if err != nil {
		return undetached(fmt.Errorf("make a log for a process of its own: %w", err))
	}
	w.log = log.Name()
	defer func() {
		_ = log.Close() // it is the other process's
		if !w.tells {
			_ = os.Remove(w.log)
		}
	}()
	cmd, err := a.anew(given, args, l.Addr().String(), failed)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return undetached(fmt.Errorf("start a process of its own: %w", err))
	}
	return w.wait(ctx, l, cmd)
}

// undetached advises who cannot have a process in the background.
func undetached(err error) error {
	return aws.Advise(err, nil, "the same without --detach, which stays in the foreground")
}

// anew is the command that does what this one was told, in the foreground of a process of its own that has no terminal. Nothing
// is on its command line that is not on this one's, and no code of an MFA device: it is used up.
func (a *app) anew(given *pflag.FlagSet, args []string, report string, without map[string]error) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program itself: %w", err)
	}
	argv := []string{"up", "--detach=false", "--json=false", "--no-input=true", "--report=" + report}
	given.Visit(func(f *pflag.Flag) {
		if _, env := f.Annotations[envNote]; env {
			return // that process finds it there, too
		}
		if !slices.Contains([]string{"detach", "json", "no-input", "report", "without", "mfa-code"}, f.Name) {
			argv = append(argv, "--"+f.Name+"="+f.Value.String())
		}
	})
	for name := range without {
		argv = append(argv, "--without="+name)
	}
	cmd := exec.Command(program, append(append(argv, "--"), args...)...) //nolint:noctx // it outlives this process
	cmd.Args[0] = a.Name
	cmd.Env = a.Env
	detached(cmd)
	return cmd, nil
}

// waiter is the process that waits for a detached one.
type waiter struct {
	a      *app
	wishes []wish
	log    string // path
	worst  int    // exit code
	shown  []string
	opened int  // of these by that process
	tells  bool // the log has something of interest: that process has opened one, or failed
}

// wait reads what the process reports until all is settled.
func (w *waiter) wait(ctx context.Context, l net.Listener, cmd *exec.Cmd) error {
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // ends with that process, or with this one
	accepted := make(chan net.Conn, 1)
	go func() {
		defer close(accepted)
		if c, err := l.Accept(); err == nil {
			accepted <- c
		}
	}()
	defer func() {
		_ = l.Close()
		if c, ok := <-accepted; ok { // it came as the process ended
			_ = c.Close()
		}
	}()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var conn net.Conn
	select {
	case conn = <-accepted:
	case err := <-exited:
		return w.gone(err)
	}
	if conn == nil { // ctx has ended: the process finds nobody and ends
		<-exited //nolint:errcheck // it was told to end
		return context.Canceled
	}
	_ = l.Close()                                               // its file goes with it: a killed process leaves none
	defer conn.Close()                                          //nolint:errcheck // all has been read
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // which ends the process
	settled, pid := w.read(conn)
	switch {
	case ctx.Err() != nil:
		<-exited //nolint:errcheck // it was told to end
		return context.Canceled
	case !settled:
		return w.gone(<-exited)
	}
	if !w.tells { // it has nothing to carry: it ends, and so does its log
		select {
		case <-exited: //nolint:errcheck // its code has been told
		case <-ctx.Done():
		}
	}
	if w.opened > 0 && !w.a.flags.json {
		name := w.a.calledAs()
		fmt.Fprintf(w.a.Stderr, "%s in process %d: %s ps lists, %s down ends; its log is %s\n", count(w.opened, "tunnel"), pid, name, name, w.log)
	}
	if w.worst != 0 {
		return childExit(w.worst)
	}
	return nil
}

// gone is the error of a process that has ended without a word.
func (w *waiter) gone(err error) error {
	w.tells = true
	if err == nil {
		err = errors.New("exit status 0")
	}
	return aws.Advise(fmt.Errorf("the process of its own has ended before the tunnels were ready: %w", err), nil, "read its log: "+w.log)
}

// read shows what the process reports, as it comes.
func (w *waiter) read(conn io.Reader) (settled bool, pid int) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line upLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		if line.Event == "up" {
			w.worst = max(w.worst, line.Code)
			if w.a.flags.json {
				end := settledLine{line.At, line.Event, line.PID, w.worst, w.log}
				if !w.tells {
					end.Log = ""
				}
				_ = json.NewEncoder(w.a.Stdout).Encode(end)
			}
			return true, line.PID
		}
		if w.a.flags.json {
			fmt.Fprintf(w.a.Stdout, "%s\n", lines.Bytes())
		}
		w.show(line)
	}
	return false, 0
}

// show prints what a person has to know of a line.
func (w *waiter) show(line upLine) {
	switch {
	case line.Event == "failed":
		w.tells = true
		if !w.a.flags.json {
			w.a.sayFailed(w.a.Stderr, line.Target, line.Text, line.Next)
		}
	case line.Event == string(aws.EventState) && (usable(line.State) || line.PID != 0) && !slices.Contains(w.shown, line.Target):
		w.shown = append(w.shown, line.Target)
		here := line.PID == 0 // not in another process, since before
		if here {
			w.opened++
			w.tells = true
		}
		if w.a.flags.json {
			return
		}
		fmt.Fprintln(w.a.Stdout, newTextAudience(w.a, w.wishes).c.address(line.Target, line.Local, line.Command))
		if !here {
			w.a.sayFailed(w.a.Stderr, line.Target, line.Text, "")
		}
	}
}

// failed says that a target could not be signed in to.
func (w *waiter) failed(name string, err error) {
	w.worst = max(w.worst, exitCode(context.Background(), err))
	if w.a.flags.json {
		(&jsonAudience{out: w.a.Stdout}).failed(name, err)
		return
	}
	w.a.sayFailed(w.a.Stderr, name, err.Error(), aws.NextOf(err))
}

// upFor carries the tunnels for a process that waits at path until each is ready or has failed. It ends when that one does
// before; after that it is on its own, with its log on stdout and stderr.
func (a *app) upFor(ctx context.Context, wishes []wish, path string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("report to the process that has started this one: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	link := &reportLink{conn: conn}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, conn) // nothing comes but the end
		if !link.done.Load() {
			stop()
		}
	}()
	defer func() {
		stop()
		_ = conn.Close()
		<-read
	}()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // or a reader that has stopped would hold up the end
	a.ownLog()
	talk := newTextAudience(a, wishes)
	talk.quiet = true
	here := *a
	here.Stderr = talk.c
	return here.upHere(ctx, wishes, audiences{talk, link}, link.settled)
}

// reportLink is the process that waits.
type reportLink struct {
	conn net.Conn
	done atomic.Bool // all is settled: nobody waits any more
}

// Write implements io.Writer. What nobody waits for is dropped.
func (l *reportLink) Write(b []byte) (int, error) {
	if l.done.Load() {
		return len(b), nil
	}
	return l.conn.Write(b)
}

func (l *reportLink) reporter(r route) reporter {
	return &awaited{reporter: (&jsonAudience{out: l}).reporter(r), link: l}
}

func (l *reportLink) failed(name string, err error) {
	(&jsonAudience{out: l}).failed(name, err)
}

func (l *reportLink) settled(worst int) {
	l.done.Store(true)
	line, err := json.Marshal(settledLine{At: time.Now(), Event: "up", PID: os.Getpid(), Code: worst})
	if err == nil {
		_, _ = l.conn.Write(append(line, '\n')) // one that has just been ended misses nothing
	}
	_ = l.conn.Close()
}

// awaited reports while somebody waits.
type awaited struct {
	reporter
	link *reportLink
}

func (r *awaited) event(ev aws.Event, t aws.Tunnel) {
	if !r.link.done.Load() {
		r.reporter.event(ev, t)
	}
}

func (r *awaited) counters(t aws.Tunnel) {
	if !r.link.done.Load() {
		r.reporter.counters(t)
	}
}

func (r *awaited) end(t aws.Tunnel) {
	if !r.link.done.Load() {
		r.reporter.end(t)
	}
}
