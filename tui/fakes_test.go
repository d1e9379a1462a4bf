package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/theme"
	"github.com/rdsx/rdsx/tui/tunnels"
)

func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

var (
	prod = aws.Account{ID: "123456789012", Profile: "prod-admin", Region: "eu-west-1"}
	hop  = aws.Instance{ID: "i-0a1b2c3d4e5f60718", Name: "bastion-a", PingStatus: "Online"}
)

func database(id, engine string, port int) *aws.Database {
	return &aws.Database{ID: id, Role: aws.RoleInstance, Engine: engine, Status: "available", VPC: "vpc-1", Endpoint: aws.Endpoint{Host: id + ".example.rds.amazonaws.com", Port: port}}
}

func target(id string) aws.Target {
	db := database(id, "postgres", 5432)
	return aws.Target{Account: prod, Instance: hop, Database: db, Endpoint: db.Endpoint, Engine: db.Engine}
}

// world is what is outside of the screens in these tests.
type world struct {
	mu         sync.Mutex
	rows       []targets.Row
	cached     []targets.Row
	scans      int
	taken      map[int]string // ports, by holder
	remembered map[string]int
	always     bool
	refuse     error // what Open fails with
	keep       error // what Remember fails with
	tunnels    []*fakeTunnel
	copied     []string
	client     *fakeClient
	questions  chan Question
	profiles   Profiles
	notice     func(context.Context) string
}

func newWorld() *world {
	w := &world{taken: map[int]string{}, remembered: map[string]int{}, questions: make(chan Question)}
	for _, id := range []string{"orders-prod", "billing-prod", "注文データベース"} {
		w.rows = append(w.rows, targets.Row{Account: prod, Database: database(id, "postgres", 5432), Via: hop, Why: "same VPC", Reach: targets.ReachYes})
	}
	return w
}

func (w *world) deps() Deps {
	return Deps{
		Catalogue: w, Opener: w, Memory: w, Desk: w, Questions: w.questions, Profiles: w.profiles, Notice: w.notice,
		Check: func(port int) (string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.taken[port], nil
		},
		Limits: func(context.Context, aws.Account) tunnels.Limits { return tunnels.Limits{Idle: 20 * time.Minute} },
	}
}

func (w *world) Cached() ([]targets.Row, time.Time) { return w.cached, now().Add(-time.Hour) }

func (w *world) Scan(_ context.Context, emit func(Finding)) {
	w.mu.Lock()
	w.scans++
	w.mu.Unlock()
	emit(Finding{Parts: 1, Unit: "region", Account: prod})
	emit(Finding{Account: prod, Rows: slices.Clone(w.rows)})
	emit(Finding{Account: prod, Err: aws.Advise(errors.New("list proxies in eu-west-1: AccessDenied"), nil, "rdsx setup iam")})
	emit(Finding{Done: 1})
}

func (w *world) Choices(context.Context, targets.Row) ([]targets.Choice, error) {
	other := aws.Instance{ID: "i-1", Name: "other-box", PingStatus: "Online"}
	return []targets.Choice{{Instance: hop, Why: "same VPC"}, {Instance: other, Why: "peered"}}, nil
}

func (w *world) Open(_ context.Context, t aws.Target, port int) (Tunnel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return nil, w.refuse
	}
	f := &fakeTunnel{now: aws.Tunnel{State: aws.StateIdle, Target: t, Local: local(port), Started: now(), Since: now()}}
	w.tunnels = append(w.tunnels, f)
	return f, nil
}

func (w *world) Port(of aws.Target) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.remembered[of.Name()], w.always
}

func (w *world) Remember(t aws.Target, port int, always bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remembered[t.Name()], w.always = port, always
	return w.keep
}

func (w *world) Uses(t aws.Tunnel) ([]tunnels.Copy, string) {
	return []tunnels.Copy{{Label: "address", Text: t.Local}, {Label: "client command", Text: "psql -h 127.0.0.1"}}, "psql"
}

func (w *world) Client(context.Context, aws.Tunnel) (tea.ExecCommand, error) {
	w.client = &fakeClient{}
	return w.client, nil
}

func (w *world) Copy(_ context.Context, text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.copied = append(w.copied, text)
	return nil
}

// open are the tunnels that have not been closed.
func (w *world) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, t := range w.tunnels {
		if t.Snapshot().State != aws.StateClosed {
			n++
		}
	}
	return n
}

// fakeTunnel is a tunnel that tests drive.
type fakeTunnel struct {
	mu     sync.Mutex
	now    aws.Tunnel
	events []aws.Event

	retried int
}

func (f *fakeTunnel) Snapshot() aws.Tunnel {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeTunnel) Events(since uint64) []aws.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events[min(int(since), len(f.events)):])
}

func (f *fakeTunnel) Close() {
	f.set(func(t *aws.Tunnel) { t.State, t.Reason, t.Conns = aws.StateClosed, aws.ErrClosed.Error(), nil })
}

func (f *fakeTunnel) Retry() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retried++
}

func (f *fakeTunnel) set(how func(*aws.Tunnel)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(&f.now)
}

// busy gives the tunnel a live connection.
func (f *fakeTunnel) busy() {
	f.set(func(t *aws.Tunnel) {
		t.State, t.Connections, t.Up, t.Down = aws.StateOpen, 1, 1000, 2000
		t.Conns = []aws.Conn{{ID: 1, Peer: "127.0.0.1:50412", Opened: now()}}
	})
}

// waits has lost its websocket, and needs a sign-in to get it back.
func (f *fakeTunnel) waits() {
	f.set(func(t *aws.Tunnel) {
		t.State = aws.StateResuming
		t.Sessions = []aws.SessionStats{{ID: "s-1", Mux: true, Link: aws.LinkResuming, Attempt: 3, SignIn: true, Trouble: "the SSO token of corp has expired"}}
	})
}

// needs has no session any more, and needs a sign-in to have another.
func (f *fakeTunnel) needs() {
	f.set(func(t *aws.Tunnel) {
		t.State, t.Reason = aws.StateDegraded, "the SSO token of corp has expired"
		t.Sessions, t.Conns, t.SignIn = nil, nil, true
	})
}

// goesOn has its websocket back.
func (f *fakeTunnel) goesOn() {
	f.set(func(t *aws.Tunnel) {
		t.State = aws.StateOpen
		t.Sessions = []aws.SessionStats{{ID: "s-1", Mux: true, Link: aws.LinkUp, Resumes: 1}}
	})
}

func (f *fakeTunnel) say(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, aws.Event{Seq: uint64(len(f.events) + 1), At: now(), Kind: aws.EventSession, State: f.now.State, Text: text})
}

type fakeClient struct{ ran bool }

func (f *fakeClient) Run() error          { f.ran = true; return nil }
func (f *fakeClient) SetStdin(io.Reader)  {}
func (f *fakeClient) SetStdout(io.Writer) {}
func (f *fakeClient) SetStderr(io.Writer) {}

// driver runs the root without a program: commands run at once, timers are let go of unless a test asks for them.
type driver struct {
	t     *testing.T
	w     *world
	m     Model
	works *works
	reg   *registry
	quit  bool
	other []tea.Msg // what only a program understands
	asked []asked   // for the terminal
}

func drive(t *testing.T, w *world) *driver {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &driver{t: t, w: w, works: newWorks(), reg: newRegistry()}
	t.Cleanup(func() {
		stop()
		d.works.wait()
		d.reg.seal()
		<-time.After(time.Minute) // of synctest's time: the timers of toasts run out
	})
	d.m = newModel(w.deps(), Options{}, d.works.starter(ctx), d.reg)
	d.m.look.depth = theme.None
	d.m.repaint()
	d.send(tea.WindowSizeMsg{Width: 100, Height: 30})
	d.send(cached{rows: w.cached, at: now().Add(-time.Hour), now: now()})
	d.send(begin{})
	d.settle()
	return d
}

// send hands the root a message and runs what comes of it. Readings and waits do not run by themselves: see settle and read.
func (d *driver) send(msg tea.Msg) {
	next, cmd := d.m.Update(msg)
	d.m = next.(Model)
	d.run(cmd)
}

func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	select {
	case msg := <-done:
		d.got(msg)
	case <-time.After(300 * time.Millisecond): // a timer, or a wait for what may never come; the time is synctest's
	}
}

func (d *driver) got(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c)
		}
	case tea.QuitMsg:
		d.quit = true
	case asked:
		d.asked = append(d.asked, msg)
		d.send(msg)
	case reading: // the next one is asked for by read
		next, cmd := d.m.Update(msg)
		d.m = next.(Model)
		d.atOnce(cmd)
	default:
		if s := fmt.Sprintf("%T", msg); strings.HasPrefix(s, "tea.") {
			d.other = append(d.other, msg)
			return
		}
		d.send(msg)
	}
}

// atOnce runs what of the command needs no time.
func (d *driver) atOnce(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	synctest.Wait()
	select {
	case msg := <-done:
		if batch, ok := msg.(tea.BatchMsg); ok {
			for _, c := range batch {
				d.atOnce(c)
			}
			return
		}
		d.got(msg)
	default:
	}
}

// settle waits until the scan is over.
func (d *driver) settle() {
	if !strings.Contains(d.screen(), "1 region ·") {
		d.t.Fatalf("the scan is not over:\n%s", d.screen())
	}
}

// read takes a reading now.
func (d *driver) read() { d.run(d.m.tickNow()) }

// keys presses keys one after the other; what stands behind = is typed letter by letter.
func (d *driver) keys(keys string) {
	for k := range strings.FieldsSeq(keys) {
		if typed, ok := strings.CutPrefix(k, "="); ok {
			for _, r := range typed {
				d.send(golden.Press(string(r)))
			}
			continue
		}
		d.send(golden.Press(k))
	}
}

func (d *driver) screen() string { return ansi.Strip(d.m.content()) }

func (d *driver) sees(want string) {
	d.t.Helper()
	if !strings.Contains(d.screen(), want) {
		d.t.Fatalf("%q is not on the screen:\n%s", want, d.screen())
	}
}

func (d *driver) seesNot(word string) {
	d.t.Helper()
	if strings.Contains(d.screen(), word) {
		d.t.Fatalf("%q is on the screen:\n%s", word, d.screen())
	}
}

// opened is the way to the dashboard: search, port, open.
func opening(t *testing.T, w *world) *driver {
	t.Helper()
	d := drive(t, w)
	d.keys("=orders enter")
	d.sees("local port for orders-prod")
	d.keys("enter")
	d.read()
	d.sees("○ idle")
	return d
}

func cellsOf(s string) int { return ansi.StringWidth(s) }
