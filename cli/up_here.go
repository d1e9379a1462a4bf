package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/forward"
)

// audience is told of the tunnels of one rdsx up.
type audience interface {
	reporter(r route) reporter     // for a tunnel whose port is bound
	already(r route, t there)      // it is open in another process
	failed(name string, err error) // it could not be opened, or carried any longer
}

// upRun is one rdsx up.
type upRun struct {
	app     *app
	hear    audience
	settled func(worst int) // called once each is ready, over or has failed, with the exit code so far; nil for nobody

	lookups chan struct{} // a slot for each target that may be looked up at a time

	lock     *upLock
	asked    sync.Once // whether all other processes answer
	silentMu sync.Mutex
	silent   map[string]bool // sockets of those that do not

	left atomic.Int32 // targets that are looked for or carried

	mu     sync.Mutex
	open   int            // targets that are neither ready nor over
	worst  int            // exit code
	warned map[scope]bool // where it has been looked for sessions of dead processes
}

// mostLookups is how many targets are looked up at a time: each lists its account.
const mostLookups = 4

// upHere carries the tunnels until all are over or ctx ends. Whatever is wrong with one is said, and its exit code kept.
func (a *app) upHere(ctx context.Context, wishes []wish, hear audience, settled func(worst int)) error {
	u := &upRun{
		app: a, hear: hear, settled: settled, lookups: make(chan struct{}, mostLookups), open: len(wishes), warned: map[scope]bool{},
		lock: a.newUpLock(), silent: map[string]bool{},
	}
	u.left.Store(int32(len(wishes)))
	var ports []int
	for _, w := range wishes {
		if w.flags.port != 0 {
			ports = append(ports, w.flags.port)
		}
	}
	// Those that have no port of their own take theirs in the order in which they are written: it is the same every time.
	turn := make(chan struct{})
	close(turn)
	var all sync.WaitGroup
	for _, w := range wishes {
		w.flags.avoid = ports
		mine, next := turn, make(chan struct{})
		if w.flags.port != 0 {
			all.Go(func() { u.carry(ctx, w, nil, nil) })
			continue
		}
		turn = next
		all.Go(func() { u.carry(ctx, w, mine, next) })
	}
	all.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Canceled
	case u.worst != 0:
		return childExit(u.worst)
	}
	return nil
}

// carry opens one target, once it is its turn to take a port, and carries it to its end.
func (u *upRun) carry(ctx context.Context, w wish, turn <-chan struct{}, next chan<- struct{}) {
	f, r, posted, err := u.listen(ctx, w, turn, next)
	one := &upReporter{u: u}
	if err == nil {
		// What is said first is said of a tunnel that is on the board: a reader that has stopped holds up nobody else.
		one.begin = func() reporter {
			posted()
			return u.hear.reporter(r)
		}
		told := u.app.told(r, "up")
		told.Set = w.set
		err = u.app.run(ctx, f, told, one, u.over)
	}
	posted()
	if f == nil {
		u.over()
	}
	if found, ok := errors.AsType[there](err); ok && found.works() {
		u.hear.already(r, found)
		err = nil
	}
	if err != nil && ctx.Err() == nil {
		u.mu.Lock()
		u.worst = max(u.worst, exitCode(ctx, err))
		u.mu.Unlock()
		u.hear.failed(w.name, err)
	}
	one.settle()
}

// over notes that a target is carried no longer. After the last one only lines that are written already are waited for.
func (u *upRun) over() {
	if u.left.Add(-1) == 0 {
		u.app.hurry()
	}
}

// listen finds the target and binds its port. From the look at what others carry on no other rdsx up does so, until posted is
// called: the tunnel is on the board, or will never be.
func (u *upRun) listen(ctx context.Context, w wish, turn <-chan struct{}, next chan<- struct{}) (f *forward.Forwarder, r route, posted func(), err error) {
	if next != nil {
		defer close(next)
	}
	posted = func() {}
	a := u.app.at(w.settings)
	r, flags, err := u.prepare(ctx, a, w)
	if turn != nil {
		select {
		case <-turn:
		case <-ctx.Done():
			return nil, r, posted, ctx.Err()
		}
	}
	if err != nil {
		return nil, r, posted, err
	}
	u.asked.Do(func() { u.others(ctx) }) // who does not answer is waited for now, and not with the lock held
	posted, err = u.lock.take(ctx)
	if ctx.Err() != nil {
		return nil, r, posted, ctx.Err()
	}
	if err != nil {
		a.log().Debug("another rdsx up may open the same at the same time", "error", err)
	}
	if err := u.already(ctx, r, flags); err != nil {
		return nil, r, posted, err
	}
	f, err = a.listen(ctx, r, flags)
	return f, r, posted, portAdvice(ctx, err, flags.bind, inConfig)
}

func (u *upRun) prepare(ctx context.Context, a *app, w wish) (route, connectFlags, error) {
	select {
	case u.lookups <- struct{}{}:
		defer func() { <-u.lookups }()
	case <-ctx.Done():
		return route{}, w.flags, ctx.Err()
	}
	r, flags, err := a.prepare(ctx, w.name, w.flags)
	if err != nil {
		return r, flags, err
	}
	where := scope{r.target.Account.Profile, r.target.Account.Region}
	u.mu.Lock()
	first := !u.warned[where]
	u.warned[where] = true
	u.mu.Unlock()
	if first {
		a.warnOfOrphans(ctx, r.cfg, r.target.Account)
	}
	return r, flags, nil
}

// upReporter passes on what is told of a tunnel, and notices when it is ready.
type upReporter struct {
	begin   func() reporter // makes one once there is something to tell
	told    reporter
	u       *upRun
	settled bool
}

// to is who is told.
func (o *upReporter) to() reporter {
	if o.told == nil {
		o.told = o.begin()
	}
	return o.told
}

func (o *upReporter) event(ev aws.Event, now aws.Tunnel) {
	o.to().event(ev, now)
	if ev.Kind == aws.EventState && usable(ev.State) { // the event that tells the address
		o.settle()
	}
}

func (o *upReporter) counters(now aws.Tunnel) { o.to().counters(now) }

func (o *upReporter) end(now aws.Tunnel) { o.to().end(now) }

// settle notes that nobody has to wait for this one any more.
func (o *upReporter) settle() {
	if o.settled {
		return
	}
	o.settled = true
	o.u.mu.Lock()
	o.u.open--
	last, worst := o.u.open == 0, o.u.worst
	o.u.mu.Unlock()
	if last && o.u.settled != nil {
		o.u.settled(worst)
	}
}

// textAudience is a person.
type textAudience struct {
	a     *app
	c     *console
	quiet bool
}

func newTextAudience(a *app, wishes []wish) *textAudience {
	c := newConsole(a)
	c.together = "Ctrl-C ends them."
	for _, w := range wishes {
		c.width = max(c.width, len([]rune(w.name)))
	}
	return &textAudience{a: a, c: c}
}

func (t *textAudience) reporter(r route) reporter {
	rep := newNamedReporter(t.c, r, printable(r.name))
	if !t.quiet {
		return rep
	}
	rep.quiet = true
	return &repeats{reporter: rep, now: time.Now}
}

func (t *textAudience) failed(name string, err error) {
	t.c.say(func() { t.a.sayFailed(t.c.err, name, err.Error(), aws.NextOf(err)) })
}

// sayFailed says what is wrong with one of several targets.
func (a *app) sayFailed(w io.Writer, name, text, next string) {
	fmt.Fprintf(w, "rdsx: %s: %s\n", printable(name), printable(text))
	if rest, ok := strings.CutPrefix(next, "rdsx "); ok {
		next = a.calledAs() + " " + rest
	}
	if next != "" {
		fmt.Fprintf(w, "hint: %s\n", next)
	}
}

// jsonAudience is a program.
type jsonAudience struct{ out io.Writer } // one Write a line

func (j *jsonAudience) reporter(r route) reporter {
	rep := newJSONReporter(j.out, r)
	rep.name = r.name
	return rep
}

// failedLine is printed for a target that is not carried, or no longer.
type failedLine struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"` // failed
	Target string    `json:"target"`
	Text   string    `json:"text"`
	Next   string    `json:"hint,omitempty"`
	Code   int       `json:"code"` // as rdsx connect would exit
}

func (j *jsonAudience) failed(name string, err error) {
	// A reader that has gone away is no reason to end the others.
	_ = json.NewEncoder(j.out).Encode(failedLine{time.Now(), "failed", name, err.Error(), aws.NextOf(err), exitCode(context.Background(), err)})
}

// audiences are several.
type audiences []audience

func (all audiences) reporter(r route) reporter {
	var reps reporters
	for _, one := range all {
		reps = append(reps, one.reporter(r))
	}
	return reps
}

func (all audiences) failed(name string, err error) {
	for _, one := range all {
		one.failed(name, err)
	}
}

// reporters are several.
type reporters []reporter

func (all reporters) event(ev aws.Event, t aws.Tunnel) {
	for _, one := range all {
		one.event(ev, t)
	}
}

func (all reporters) counters(t aws.Tunnel) {
	for _, one := range all {
		one.counters(t)
	}
}

func (all reporters) end(t aws.Tunnel) {
	for _, one := range all {
		one.end(t)
	}
}

// lockedWriter lets several write whole lines to one place.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
