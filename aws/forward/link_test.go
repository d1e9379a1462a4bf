package forward

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestResuming: a lost websocket shows in the state and the log with its tries, no connection is touched, and it is over
// when the session says so.
func TestResuming(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		r.send(far, c, "hello")
		s := r.dialer.all()[0]
		for try := 1; try <= 35; try++ {
			s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: try, NextTry: time.Now().Add(2 * time.Second), Trouble: "no route to host"})
			r.wantState(aws.StateResuming)
			time.Sleep(2 * time.Second)
		}
		r.wantTold(aws.EventLink, 4+3, "session s-1: resuming, try 30, next in 2.0 s: no route to host")
		s.relink(aws.SessionStats{Link: aws.LinkUp, Resumes: 1})
		r.wantTold(aws.EventLink, 8, "session s-1: resumed after 1m10s")
		r.wantState(aws.StateOpen)
		r.send(far, c, "still here")
		r.wantTold(aws.EventConnReset, 0)
		if n := r.dialer.tries(); n != 1 {
			t.Errorf("%d sessions were started meanwhile: the network that the first waits for is theirs, too", n)
		}
	})
}

// TestResumingUnseen: where another session takes the next connection, one without connections that resumes is no trouble.
func TestResumingUnseen(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		one := r.connect()
		pump(one, r.dialled(1))
		time.Sleep(3 * time.Second)
		r.dialer.all()[1].relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
		r.wantState(aws.StateOpen)
		r.dialer.all()[0].relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
		r.wantState(aws.StateResuming)
		one.abort()
	})
}

// TestSignInWhileResuming: what can only be mended by the user is said once, with the command.
func TestSignInWhileResuming(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		r.connect()
		s := r.dialer.all()[0]
		for try := range 5 {
			s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: try + 1, SignIn: true, Trouble: "the SSO session has expired"})
		}
		r.wantState(aws.StateResuming)
		if why := r.Snapshot().Reason; !strings.Contains(why, "waits for a sign-in") {
			t.Errorf("the tunnel's reason is %q", why)
		}
		said := 0
		for _, e := range r.Events(0) {
			if strings.Contains(e.Text, "the SSO session has expired") && strings.Contains(e.Next, "rdsx profiles login") {
				said++
			}
		}
		if said != 1 {
			t.Errorf("said %d times: %+v", said, r.Events(0))
		}
	})
}

// TestRetry: after a sign-in neither a lost websocket nor a session that could not be had waits for its time.
func TestRetry(t *testing.T) {
	var expired atomic.Bool
	d := &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
		if expired.Load() {
			return nil, aws.Advise(errors.New("the SSO session has expired"), aws.ErrSignIn, "rdsx profiles login corp")
		}
		return newSession(fmt.Sprintf("s-%d", n)), nil
	}}
	bubble(t, Config{}, d, func(r *rig) {
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		s := r.dialer.all()[0]
		s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 9, SignIn: true, NextTry: time.Now().Add(5 * time.Second)})
		r.Retry()
		if n := s.count(&s.retry); n != 1 {
			t.Errorf("the session was told to try %d times, want once", n)
		}
		expired.Store(true)
		s.end(errors.New("idle for too long"))
		r.wantReset(c)
		for range 8 { // the delay grows to seconds
			r.wantReset(r.connect())
		}
		if !r.Snapshot().SignIn {
			t.Error("the tunnel does not say that it needs a sign-in")
		}
		r.Retry()
		if now := r.Snapshot(); now.SignIn || now.State != aws.StateIdle {
			t.Errorf("after a sign-in it is %s (%s), sign-in needed %v", now.State, now.Reason, now.SignIn)
		}
		for range 2 {
			r.wantReset(r.connect())
		}
		expired.Store(false)
		next := r.connect()
		if n := len(r.dialer.all()); n != 1 {
			t.Fatal("a session is tried without a delay: nothing would be proved")
		}
		r.Retry()
		r.send(r.dialled(2), next, "hello")
		if r.Snapshot().SignIn {
			t.Error("the tunnel has a session and says that it needs a sign-in")
		}
	})
}

// TestResumeDenied: where a policy does not let a session resume, it is said what to ask for, once; new connections get another session
// at once, also where one is all that is allowed, and those of the old one are reset with the reason when it ends.
func TestResumeDenied(t *testing.T) {
	for _, limit := range []int{1, 4} {
		slow := &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
			if n > 1 {
				time.Sleep(time.Second)
			}
			return newSession(fmt.Sprintf("s-%d", n)), nil
		}}
		bubble(t, Config{Sessions: limit}, slow, func(r *rig) {
			old := r.connect()
			far := r.dialled(1)
			r.send(far, old, "hello")
			s := r.dialer.all()[0]
			for try := range 5 {
				s.relink(aws.SessionStats{
					Link: aws.LinkResuming, Attempt: try + 1, Denied: true, Trouble: "access to ssm:ResumeSession denied", Hint: "ask for ssm:ResumeSession",
				})
			}
			next := r.connect()
			time.Sleep(2 * time.Second)
			r.send(r.dialled(2), next, "hello")
			said := 0
			for _, e := range r.Events(0) {
				if strings.Contains(e.Text, "cannot resume: access to ssm:ResumeSession denied") && e.Next == "ask for ssm:ResumeSession" {
					said++
				}
				if strings.Contains(e.Text+e.Next, "login") || strings.Contains(e.Text, "expired") {
					t.Errorf("a sign-in is asked for: %+v", e)
				}
			}
			if said != 1 {
				t.Errorf("limit %d: said %d times: %+v", limit, said, r.Events(0))
			}
			if why := r.Snapshot().Reason; !strings.Contains(why, "AWS denies") {
				t.Errorf("the tunnel's reason is %q", why)
			}
			s.end(errors.New("access to ssm:ResumeSession denied"))
			r.wantReset(old)
			r.wantTold(aws.EventSession, 3, "session s-1 ended: access to ssm:ResumeSession denied")
		})
	}
}

// TestHintOfTheSession: what to type for new credentials is the session's to say, which knows where they come from.
func TestHintOfTheSession(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		r.connect()
		r.dialer.all()[0].relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1, SignIn: true, Trouble: "they have expired", Hint: "aws configure --profile ci"})
		for _, e := range r.Events(0) {
			if e.Kind == aws.EventLink && e.Next == "aws configure --profile ci" && strings.Contains(e.Text, "they have expired") {
				return
			}
		}
		t.Errorf("not said: %+v", r.Events(0))
	})
}

// TestSuspect: while acknowledgements stay away a new session stands beside the old one, takes the new connections, and
// leaves those of the old one alone; also where one session is all that is allowed.
func TestSuspect(t *testing.T) {
	for _, limit := range []int{1, 4} {
		bubble(t, Config{Sessions: limit}, sessions(nil), func(r *rig) {
			old := r.connect()
			far := r.dialled(1)
			r.send(far, old, "hello")
			time.Sleep(time.Minute)
			r.dialer.all()[0].relink(aws.SessionStats{Link: aws.LinkSuspect})
			if n := r.dialer.tries(); n != 2 {
				t.Fatalf("limit %d: %d sessions, want one beside the doubtful one", limit, n)
			}
			next := r.connect()
			r.send(r.dialled(2), next, "hello")
			r.send(far, old, "still here")
			r.wantTold(aws.EventLink, 1, "does not acknowledge")
			r.dialer.all()[0].relink(aws.SessionStats{Link: aws.LinkUp})
			r.wantTold(aws.EventLink, 2, "acknowledges again")
		})
	}
}

// TestResetsAreTold: the reason that the session gives for cutting a connection is in the log, with the connection.
func TestResetsAreTold(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c := r.connect()
		far := r.dialled(1)
		r.send(far, c, "hello")
		doubled := errors.New("the agent lost its connection in the middle of an upload, which can double bytes")
		r.dialer.all()[0].relink(aws.SessionStats{Link: aws.LinkUp, Resets: 1, LastReset: doubled.Error()})
		far.endWith(doubled)
		r.wantReset(c)
		r.wantTold(aws.EventLink, 1, "can double bytes")
		r.wantTold(aws.EventConnReset, 1, "can double bytes")
	})
}

// TestTakesOver: when another instance carries the next session, it is said, and the target shows it.
func TestTakesOver(t *testing.T) {
	first, second := where().Instance, aws.Instance{ID: "i-0456", Name: "bastion-b"}
	d := sessions(func(s *fakeSession) {
		s.carrier = &first
		if s.id != "s-1" {
			s.carrier, s.instead = &second, errors.New("TargetNotConnected: i-0123 is not connected")
		}
	})
	bubble(t, Config{}, d, func(r *rig) {
		time.Sleep(time.Minute)
		d.all()[0].end(errors.New("the agent is gone"))
		c := r.connect()
		r.send(r.dialled(2), c, "hello")
		r.wantTold(aws.EventMoved, 1, "bastion-b (i-0456) carries the tunnel in the place of bastion (i-0123)", "i-0123 is not connected")
		got := r.Snapshot()
		if got.Target.Instance.ID != "i-0456" || got.Pool[0].Instance != "i-0456" || got.Conns[0].Session != "s-2" {
			t.Errorf("the tunnel shows %+v", got)
		}
	})
}

// watcher is a Watcher whose target moves when the test says so.
type watcher struct {
	mu    sync.Mutex
	place Place
	err   error
	looks int
}

func (w *watcher) Look(context.Context) (Place, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	return w.place, w.err
}

func (w *watcher) set(p Place, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.place, w.err = p, err
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks
}

// TestWriterMoved: new connections go through a new session, which resolves the name anew, those that are open stay, and
// the event says from where to where. Once the name leads there for certain, what was opened meanwhile is replaced, too.
func TestWriterMoved(t *testing.T) {
	w := &watcher{place: Place{Mark: "1", What: "writer", At: "orders-1"}}
	bubble(t, Config{Sessions: 1, Watcher: w}, sessions(nil), func(r *rig) {
		old := r.connect()
		far := r.dialled(1)
		r.send(far, old, "hello")
		time.Sleep(time.Minute)
		w.set(Place{}, errors.New("no network"))
		time.Sleep(time.Minute)
		r.wantTold(aws.EventMoved, 0)
		w.set(Place{Mark: "2", What: "writer", At: "orders-2"}, nil)
		time.Sleep(lookEvery)
		r.wantTold(aws.EventMoved, 1, "writer moved from orders-1 to orders-2")
		next := r.connect()
		r.send(r.dialled(2), next, "hello")
		r.send(far, old, "still here")
		time.Sleep(nameTime + time.Second)
		later := r.connect()
		r.send(r.dialled(3), later, "hello")
		time.Sleep(time.Hour)
		r.wantTold(aws.EventMoved, 1)
		if n := r.dialer.tries(); n != 3 {
			t.Errorf("%d sessions, want 3", n)
		}
	})
}

// TestLooksRarely: without connections nobody is asked; with them twice a minute; after a refusal often, for a minute.
func TestLooksRarely(t *testing.T) {
	w := &watcher{place: Place{Mark: "1"}}
	bubble(t, Config{Sessions: 1, Watcher: w}, sessions(nil), func(r *rig) {
		time.Sleep(time.Hour)
		if n := w.count(); n != 1 {
			t.Errorf("%d looks in an hour without connections, want the first", n)
		}
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		time.Sleep(10 * time.Minute)
		if n := w.count(); n < 20 || n > 24 {
			t.Errorf("%d looks, want another 20 in ten minutes with a connection", n)
		}
		c.abort()
		before := w.count()
		refused := r.connect()
		all := r.dialer.all()[0]
		f := <-all.dials
		f.endWith(aws.ErrRefused)
		r.wantReset(refused)
		w.set(Place{Mark: "2"}, nil)
		synctest.Wait()
		time.Sleep(lookSoon)
		r.wantTold(aws.EventMoved, 1, "target moved")
		time.Sleep(10 * time.Minute)
		if n := w.count() - before; n > 14 {
			t.Errorf("%d looks after a refusal", n)
		}
	})
}
