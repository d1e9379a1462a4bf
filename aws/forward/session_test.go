package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// slowly opens every session after d.
func slowly(d time.Duration) *fakeDialer {
	return &fakeDialer{make: func(ctx context.Context, n int) (*fakeSession, error) {
		if !pause(ctx, d) {
			return nil, ctx.Err()
		}
		return newSession(fmt.Sprintf("s-%d", n)), nil
	}}
}

// TestWaitsForTheSession: connections that come early are carried when the session is there.
func TestWaitsForTheSession(t *testing.T) {
	bubble(t, Config{}, slowly(14*time.Second), func(r *rig) {
		r.wantState(aws.StateStarting)
		var early []*end
		for range 3 {
			early = append(early, r.connect())
		}
		time.Sleep(14 * time.Second)
		for range early {
			far := r.dialled(1) // in any order
			go func() { _, _ = io.WriteString(far, "hello") }()
		}
		for _, c := range early {
			if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
				t.Error(err)
			}
		}
		if n := r.dialer.tries(); n != 1 {
			t.Errorf("%d sessions were started, want 1", n)
		}
	})
}

// TestDoesNotWaitForEver: 15 s, then the client is told.
func TestDoesNotWaitForEver(t *testing.T) {
	bubble(t, Config{}, slowly(time.Hour), func(r *rig) {
		start := time.Now()
		r.wantReset(r.connect())
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("waited %v, want 15s", took)
		}
		r.wantTold(aws.EventConnReset, 1, "no session within 15s")
	})
}

// TestFirstStartFails: Run gives the reason, and whoever waited is reset with it.
func TestFirstStartFails(t *testing.T) {
	denied := aws.Advise(errors.New("access denied"), aws.ErrRefusedByAWS, "rdsx setup")
	d := &fakeDialer{make: func(ctx context.Context, _ int) (*fakeSession, error) {
		pause(ctx, time.Second)
		return nil, denied
	}}
	bubble(t, Config{}, d, func(r *rig) {
		r.wantReset(r.connect())
		<-r.done
		if !errors.Is(r.err, aws.ErrRefusedByAWS) || r.Snapshot().Reason != "access denied" {
			t.Errorf("Run gives %v, the tunnel's reason is %q", r.err, r.Snapshot().Reason)
		}
		r.wantTold(aws.EventSession, 1, "no session: access denied", "rdsx setup")
		r.wantTold(aws.EventConnReset, 1, "access denied")
	})
}

// TestCancelWhileStarting: no session, no error.
func TestCancelWhileStarting(t *testing.T) {
	bubble(t, Config{}, slowly(time.Hour), func(r *rig) {
		r.stopRun()
		<-r.done
		if r.err != nil {
			t.Errorf("Run gives %v", r.err)
		}
	})
}

// TestStillborn: the agent's refusals arrive just after AWS has reported success. They end the first start, and no later one.
func TestStillborn(t *testing.T) {
	unresolved := aws.Advise(errors.New("lookup orders.internal: no such host"), aws.ErrUnreachable, "check the host name")
	lost := errors.New("websocket lost")
	for name, c := range map[string]struct {
		cfg   Config
		after time.Duration
		err   error
		fatal bool
	}{
		"name not resolved":              {Config{}, 50 * time.Millisecond, unresolved, true},
		"the same, later":                {Config{}, time.Minute, unresolved, false},
		"connection lost":                {Config{}, 50 * time.Millisecond, lost, false},
		"it has carried something":       {Config{}, 50 * time.Millisecond, unresolved, false},
		"the second session":             {Config{}, 50 * time.Millisecond, unresolved, false},
		"the start was for a connection": {Config{Lazy: true}, 50 * time.Millisecond, unresolved, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.cfg, sessions(nil), func(r *rig) {
				latest := func() *fakeSession { all := r.dialer.all(); return all[len(all)-1] }
				switch name {
				case "the start was for a connection":
					r.connect()
				case "it has carried something":
					local := r.connect()
					r.send(r.dialled(1), local, "hello")
				case "the second session":
					time.Sleep(time.Minute)
					latest().end(lost)
					r.connect()
				}
				time.Sleep(c.after)
				latest().end(c.err)
				_, n := r.told(aws.EventSession)
				r.wantTold(aws.EventSession, n, "session "+latest().id+" ended: "+c.err.Error(), aws.NextOf(c.err))
				synctest.Wait()
				select {
				case <-r.done:
					if !c.fatal || !errors.Is(r.err, c.err) {
						t.Errorf("Run gives %v", r.err)
					}
				default:
					if c.fatal {
						t.Error("Run goes on")
					}
					if c.err == lost { //nolint:errorlint // the table's own value
						r.wantState(aws.StateDegraded)
					}
				}
			})
		})
	}
}

// TestSessionLost: its connections get what has arrived, then a reset; the port stays and the next connection works.
func TestSessionLost(t *testing.T) {
	bubble(t, Config{Sessions: 1}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		r.send(far, c, "hello")
		time.Sleep(time.Hour + time.Millisecond) // and not while the keeper looks
		r.dialer.all()[0].end(errors.New("idle too long"))
		r.wantReset(c)
		r.wantTold(aws.EventConnReset, 1, "session s-1 ended: idle too long")
		r.wantState(aws.StateIdle)
		time.Sleep(time.Hour)
		if n := r.dialer.tries(); n != 1 {
			t.Errorf("%d sessions were started without need", n-1)
		}
		next := r.connect()
		r.send(r.dialled(2), next, "hello")
		if got := r.Snapshot(); len(got.Sessions) != 1 || got.Sessions[0].ID != "s-2" {
			t.Errorf("sessions %+v", got.Sessions)
		}
	})
}

// TestSilentConnOfALostSession: a conn that does not notice the end of its session is not kept.
func TestSilentConnOfALostSession(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		s := r.dialer.all()[0]
		s.mu.Lock()
		s.open = nil // end will not touch it
		s.mu.Unlock()
		s.end(errors.New("idle too long"))
		r.wantReset(c)
		r.wantTold(aws.EventConnReset, 1, "idle too long")
	})
}

// TestBackOff: a client that hammers a tunnel whose session cannot be had does not make it hammer AWS, and every one of
// its connections ends with the reason.
func TestBackOff(t *testing.T) {
	denied := aws.Advise(errors.New("access denied"), aws.ErrRefusedByAWS, "")
	for name, d := range map[string]*fakeDialer{
		"cannot be opened": {make: func(_ context.Context, n int) (*fakeSession, error) {
			if n == 1 || n > 30 {
				return newSession(fmt.Sprintf("s-%d", n)), nil
			}
			return nil, denied
		}},
		"ends at once": sessions(func(s *fakeSession) {
			if n := 0; s.id != "s-1" {
				if _, err := fmt.Sscanf(s.id, "s-%d", &n); err == nil && n <= 30 {
					s.target = func(*far) { s.end(denied) }
				}
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{Sessions: 1}, d, func(r *rig) {
				time.Sleep(time.Minute)
				d.all()[0].end(errors.New("idle too long"))
				start, tried := time.Now(), 0
				for ; d.tries() <= 30; tried++ {
					c := r.connect()
					if err := ends(c); !errors.Is(err, syscall.ECONNRESET) {
						t.Fatalf("connection %d ends with %v", tried, err)
					}
					if strings.HasPrefix(name, "cannot") {
						r.wantState(aws.StateDegraded)
					}
					if d.tries() == 30 {
						break
					}
				}
				// 0.1 s doubling to 5 s, each at least half: 29 attempts take at least (0.1+…+3.2)/2 + 22*2.5 s.
				if took := time.Since(start); took < 55*time.Second {
					t.Errorf("29 attempts in %v", took)
				}
				c := r.connect()
				time.Sleep(5 * time.Second)
				r.send(r.dialled(len(d.all())), c, "hello")
				r.wantState(aws.StateOpen)
			})
		})
	}
}

// TestBasicModeSessions: each connection has a session of its own, up to the limit; the next one waits until one has ended and
// then gets a new session.
func TestBasicModeSessions(t *testing.T) {
	d := sessions(func(s *fakeSession) { s.basic = true })
	bubble(t, Config{Sessions: 3}, d, func(r *rig) {
		var locals []*end
		var fars []*far
		for n := 1; n <= 3; n++ {
			locals = append(locals, r.connect())
			time.Sleep(time.Second)
			fars = append(fars, r.dialled(n))
			r.send(fars[n-1], locals[n-1], "hello")
		}
		fourth := r.connect()
		time.Sleep(5 * time.Second)
		if n := d.tries(); n != 3 {
			t.Errorf("%d sessions were started, want 3", n)
		}
		fars[1].endWith(nil)
		_ = ends(locals[1])
		_ = locals[1].Close()
		time.Sleep(200 * time.Millisecond)
		r.send(r.dialled(4), fourth, "hello")
	})
}

// TestBasicModeOneByOne: no session carries a second connection, and each is closed after its first.
func TestBasicModeOneByOne(t *testing.T) {
	d := sessions(func(s *fakeSession) { s.basic = true })
	bubble(t, Config{}, d, func(r *rig) {
		for n := 1; n <= 20; n++ {
			c := r.connect()
			time.Sleep(200 * time.Millisecond)
			far := r.dialled(n)
			r.send(far, c, "hello")
			far.endWith(nil)
			if err := ends(c); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			time.Sleep(200 * time.Millisecond)
			if s := d.all()[n-1]; s.count(&s.closed) != 1 {
				t.Fatalf("session %d is not closed after its connection", n)
			}
		}
		if n := d.tries(); n != 20 {
			t.Errorf("%d sessions were started, want 20", n)
		}
	})
}

// TestBasicModeEnd: the agent never tells that the target has finished, so a client's own end is enough after a short wait.
func TestBasicModeEnd(t *testing.T) {
	bubble(t, Config{}, sessions(func(s *fakeSession) { s.basic = true }), func(r *rig) {
		c := r.connect()
		r.send(r.dialled(1), c, "answer")
		start := time.Now()
		_ = c.Close()
		<-r.dialer.all()[0].done
		if took := time.Since(start); took != basicLinger {
			t.Errorf("the session ended %v after its client, want %v", took, basicLinger)
		}
	})
}

// TestBasicModeStale: the connection that the agent has opened at the start is not used once it is old.
func TestBasicModeStale(t *testing.T) {
	bubble(t, Config{}, sessions(func(s *fakeSession) { s.basic = true }), func(r *rig) {
		time.Sleep(basicFresh)
		c := r.connect()
		r.send(r.dialled(2), c, "hello")
		if s := r.dialer.all()[0]; s.count(&s.closed) != 1 || len(s.dials) != 0 {
			t.Error("the stale session was used or stays open")
		}
	})
}

// TestDialFails: a session that cannot dial any more is replaced, unseen by the connection.
func TestDialFails(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		s := r.dialer.all()[0]
		s.mu.Lock()
		s.err = errors.New("no stream ids left") // without Done
		s.mu.Unlock()
		c := r.connect()
		r.send(r.dialled(2), c, "hello")
		if n := s.count(&s.closed); n != 1 {
			t.Error("the session that cannot dial stays open")
		}
	})
}

// TestSessionNotTerminated: an orphan at AWS is named, with the command that ends it.
func TestSessionNotTerminated(t *testing.T) {
	for command, account := range map[string]aws.Account{
		"aws ssm terminate-session --session-id s-1":                                         {},
		"aws ssm terminate-session --session-id s-1 --region eu-west-1 --profile prod-admin": {Profile: "prod-admin", Region: "eu-west-1"},
	} {
		target := where()
		target.Account = account
		bubble(t, Config{Target: target}, sessions(func(s *fakeSession) { s.closer = errors.New("no network") }), func(r *rig) {
			r.stopRun()
			<-r.done
			r.wantTold(aws.EventSession, 2, "s-1 may still be open at AWS: no network", command)
		})
	}
}
