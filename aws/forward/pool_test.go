package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestLeastQueued: the choice among sessions.
func TestLeastQueued(t *testing.T) {
	now := time.Now()
	over := newSession("over")
	over.end(io.EOF)
	live := func(load int) *member { return &member{session: newSession("live"), load: load} }
	with := func(m *member, set func(*member)) *member { set(m); return m }
	for name, c := range map[string]struct {
		members []*member
		want    int // index, -1 for none
	}{
		"none":                   {nil, -1},
		"the least loaded":       {[]*member{live(3), live(1), live(2)}, 1},
		"the oldest of equals":   {[]*member{live(1), live(1)}, 0},
		"not a retired one":      {[]*member{{session: newSession("x"), retired: true}, live(5)}, 1},
		"not one that is over":   {[]*member{{session: over}, live(5)}, 1},
		"not beside a transfer":  {[]*member{with(live(1), func(m *member) { m.bulk = 1 }), live(9)}, 1},
		"fewest transfers first": {[]*member{with(live(2), func(m *member) { m.bulk = 2 }), with(live(8), func(m *member) { m.bulk = 1 })}, 1},
		"not behind a dial":      {[]*member{with(live(1), func(m *member) { m.stuck = true }), with(live(9), func(m *member) { m.bulk = 3 })}, 1},
		"not where acks are away": {[]*member{
			with(live(0), func(m *member) { m.link.state = aws.LinkSuspect }), with(live(9), func(m *member) { m.link.state = aws.LinkResuming }),
		}, 1},
		"not behind one that may become a transfer": {[]*member{with(live(1), func(m *member) { m.latest = now }), live(3)}, 1},
	} {
		p := pool{members: c.members}
		got := p.pick(now)
		if c.want < 0 && got != nil || c.want >= 0 && got != c.members[c.want] {
			t.Errorf("%s: wrong choice", name)
		}
	}
}

// pump moves bytes from the target to the client, as fast as a session does, until the client is gone.
func pump(c *end, f *far) {
	go func() {
		for block := make([]byte, 80_000); ; time.Sleep(100 * time.Millisecond) {
			if _, err := f.Write(block); err != nil {
				return
			}
		}
	}()
	go func() { _, _ = io.Copy(io.Discard, c) }()
}

// loads are how many connections each session has carried, the oldest session first.
func (r *rig) loads() []int {
	synctest.Wait()
	var out []int
	for _, s := range r.dialer.all() {
		out = append(out, len(s.dials))
	}
	return out
}

// TestSpreadsABurst: connections that come at once end up on as many sessions as are allowed, evenly.
func TestSpreadsABurst(t *testing.T) {
	for name, c := range map[string]struct {
		sessions, conns int
		want            []int
	}{
		"a session each":      {8, 8, []int{1, 1, 1, 1, 1, 1, 1, 1}},
		"two each":            {4, 8, []int{2, 2, 2, 2}},
		"auto is four":        {0, 6, []int{1, 1, 2, 2}},
		"one is all there is": {1, 8, []int{8}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{Sessions: c.sessions}, slowly(800*time.Millisecond), func(r *rig) {
				time.Sleep(time.Minute)
				for range c.conns {
					r.connect()
				}
				time.Sleep(10 * time.Second)
				got := r.loads()
				slices.Sort(got)
				if !slices.Equal(got, c.want) {
					t.Errorf("the sessions carry %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestTransferGetsNoNewcomers: a spare is there before it is asked for, it takes the next connection, and when all is over
// one session stays.
func TestTransferGetsNoNewcomers(t *testing.T) {
	bubble(t, Config{}, slowly(800*time.Millisecond), func(r *rig) {
		time.Sleep(time.Minute)
		one := r.connect()
		pump(one, r.dialled(1))
		time.Sleep(3 * time.Second)
		if n := r.dialer.tries(); n != 2 {
			t.Fatalf("%d sessions were started beside a transfer, want 1 in reserve", n)
		}
		if got := r.Snapshot().Pool; len(got) != 2 || got[0].Use != aws.UseBulk || got[1].Use != aws.UseSpare || got[0].Conns != 1 || got[0].Down == 0 {
			t.Errorf("the pool shows %+v", got)
		}
		start := time.Now()
		two := r.connect()
		r.send(r.dialled(2), two, "hello")
		if took := time.Since(start); took != 0 {
			t.Errorf("the second connection waited %v", took)
		}
		time.Sleep(time.Minute)
		if n := r.dialer.tries(); n != 2 {
			t.Errorf("%d sessions, want no third while the second is quiet", n)
		}
		three := r.connect()
		r.send(r.dialled(2), three, "hello")
		for _, c := range []*end{one, two, three} {
			c.abort()
		}
		time.Sleep(spareLife + time.Second)
		r.wantState(aws.StateIdle)
		if got := r.Snapshot().Sessions; len(got) != 1 || got[0].ID != "s-1" {
			t.Errorf("a minute after the last connection there are %+v, want the first alone", got)
		}
		time.Sleep(time.Hour)
		if n := len(r.Snapshot().Sessions); n != 1 || r.dialer.tries() != 2 {
			t.Errorf("%d sessions an hour later, %d started", n, r.dialer.tries())
		}
	})
}

// TestReserveBesideAQuietOne: a connection that stays gets a reserve beside it, which takes a transfer out of its way; one
// that nobody wants is closed in the end, and not started again before somebody comes.
func TestReserveBesideAQuietOne(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		short := r.connect()
		r.send(r.dialled(1), short, "hello")
		time.Sleep(steady - time.Second)
		short.abort()
		time.Sleep(time.Hour)
		if n := r.dialer.tries(); n != 1 {
			t.Fatalf("%d sessions for a short connection, want 1", n)
		}
		typing := r.connect()
		r.send(r.dialled(1), typing, "hello")
		time.Sleep(steady + time.Second)
		dump := r.connect()
		pump(dump, r.dialled(2))
		time.Sleep(5 * time.Second)
		if n := r.dialer.tries(); n != 2 {
			t.Errorf("%d sessions, want no third while the first is quiet", n)
		}
		dump.abort()
		time.Sleep(24 * time.Hour)
		if n := len(r.Snapshot().Sessions); n != 1 || r.dialer.tries() != 2 {
			t.Errorf("a day later there are %d sessions, %d were started", n, r.dialer.tries())
		}
	})
}

// TestThrottled: no more sessions can be had: the one there is carries all, at once, and AWS is asked ever more rarely.
func TestThrottled(t *testing.T) {
	throttled := errors.New("throttled")
	d := &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
		if n == 1 {
			return newSession("s-1"), nil
		}
		return nil, throttled
	}}
	bubble(t, Config{}, d, func(r *rig) {
		one := r.connect()
		pump(one, r.dialled(1))
		time.Sleep(10 * time.Minute)
		if n := d.tries(); n < 8 || n > 32 {
			t.Errorf("%d attempts in 10 min, want them ever farther apart, up to a minute", n)
		}
		r.wantState(aws.StateOpen)
		_, told := r.told(aws.EventSession)
		r.wantTold(aws.EventSession, told, "no session beside the 1 that carry the tunnel: throttled")
		start := time.Now()
		for range 5 {
			c := r.connect()
			r.send(r.dialled(1), c, "hello")
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("they waited %v", took)
		}
	})
}

// TestThrottledFromTheStart: a first session that AWS does not start for now is tried for again, for as long as a connection
// would wait for it.
func TestThrottledFromTheStart(t *testing.T) {
	throttled := aws.Advise(fmt.Errorf("throttled: %w", aws.ErrBusy), aws.ErrRefusedByAWS, "wait a minute")
	for name, c := range map[string]struct {
		times int
		works bool
	}{"for a moment": {3, true}, "for good": {1000, false}} {
		t.Run(name, func(t *testing.T) {
			d := &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
				if n <= c.times {
					return nil, throttled
				}
				return newSession("s-1"), nil
			}}
			bubble(t, Config{}, d, func(r *rig) {
				start := time.Now()
				if c.works {
					conn := r.connect()
					time.Sleep(5 * time.Second)
					r.send(r.dialled(1), conn, "hello")
					return
				}
				<-r.done
				if took := time.Since(start); !errors.Is(r.err, aws.ErrRefusedByAWS) || took < 15*time.Second || took > 25*time.Second {
					t.Errorf("Run gives %v after %v", r.err, took)
				}
			})
		})
	}
}

// TestStuckDialHoldsUpNobody: while the agent waits for a silent target, the next connection has another session, already
// warm, and is through at once.
func TestStuckDialHoldsUpNobody(t *testing.T) {
	d := sessions(func(s *fakeSession) {
		if s.id == "s-1" {
			s.probe = never
		}
	})
	bubble(t, Config{}, d, func(r *rig) {
		stuck := r.connect()
		r.dialled(1)
		time.Sleep(2 * time.Second)
		start := time.Now()
		next := r.connect()
		working := r.dialled(2)
		r.send(working, next, "hello")
		if took := time.Since(start); took != 0 {
			t.Errorf("the next connection waited %v", took)
		}
		if use := r.Snapshot().Pool[0].Use; use != aws.UseStuck {
			t.Errorf("the first session is %s", use)
		}
		r.wantReset(stuck)
		r.send(next, working, "still here")
	})
}

// TestReopens: after its session's end the port stays; the next connection starts another session and is carried after the
// delay, whatever fails in between for a while.
func TestReopens(t *testing.T) {
	for name, c := range map[string]struct {
		start    time.Duration // of each session
		failures int           // attempts that fail before one works
	}{
		"at once":                     {0, 0},
		"slowly":                      {14 * time.Second, 0},
		"after a moment without luck": {100 * time.Millisecond, 3},
	} {
		t.Run(name, func(t *testing.T) {
			d := &fakeDialer{make: func(ctx context.Context, n int) (*fakeSession, error) {
				pause(ctx, c.start)
				if n > 1 && n <= 1+c.failures {
					return nil, errors.New("no network")
				}
				s := newSession(fmt.Sprintf("s-%d", n))
				s.target = func(f *far) { _, _ = io.WriteString(f, "hello") }
				return s, ctx.Err()
			}}
			bubble(t, Config{}, d, func(r *rig) {
				time.Sleep(time.Hour)
				d.all()[0].end(errors.New("idle too long"))
				r.wantState(aws.StateIdle)
				start := time.Now()
				client := r.connect()
				if _, err := io.ReadFull(client, make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("carried after %v", took)
				}
				r.wantTold(aws.EventConnReset, 0)
			})
		})
	}
}

// TestLeavingOnesBlockNobody: sessions that carry old connections alone do not keep the next one from being started, however many
// they are.
func TestLeavingOnesBlockNobody(t *testing.T) {
	bubble(t, Config{Sessions: 1}, sessions(nil), func(r *rig) {
		for n := 1; n <= 3; n++ {
			c := r.connect()
			r.send(r.dialled(n), c, "hello")
			r.mu.Lock()
			r.retire(r.t.Context())
			r.mu.Unlock()
			time.Sleep(time.Second)
		}
		r.dialer.all()[3].end(errors.New("idle too long"))
		time.Sleep(20 * time.Minute)
		c := r.connect()
		r.send(r.dialled(5), c, "hello")
		if n := len(r.Snapshot().Sessions); n != 4 {
			t.Errorf("%d sessions, want three that are leaving and one", n)
		}
	})
}

// TestReopensNoLonger: 15 s without a session are the end of a connection, and the event says what AWS said.
func TestReopensNoLonger(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want time.Duration
	}{
		"no network":        {errors.New("no network"), 15 * time.Second},
		"throttled":         {aws.Advise(fmt.Errorf("throttled: %w", aws.ErrBusy), aws.ErrRefusedByAWS, "wait"), 15 * time.Second},
		"access denied":     {aws.Advise(errors.New("access denied"), aws.ErrRefusedByAWS, "rdsx setup"), 0},
		"sign-in is needed": {aws.Advise(errors.New("token expired"), aws.ErrSignIn, "rdsx profiles login"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
				if n == 1 {
					return newSession("s-1"), nil
				}
				return nil, c.err
			}}
			bubble(t, Config{}, d, func(r *rig) {
				time.Sleep(time.Minute)
				d.all()[0].end(errors.New("terminated"))
				start := time.Now()
				client := r.connect()
				if err := ends(client); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the client sees %v", err)
				}
				if took := time.Since(start); took != c.want {
					t.Errorf("reset after %v, want %v", took, c.want)
				}
				r.wantTold(aws.EventConnReset, 1, c.err.Error(), aws.NextOf(c.err))
				r.wantState(aws.StateDegraded)
			})
		})
	}
}
