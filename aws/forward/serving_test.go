package forward

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

const xyz = ".xyz.eu-west-1.rds.amazonaws.com"

// placed is a cluster of two whose writer is the one that is named.
func placed(writes string) Place {
	p := Place{Mark: writes, What: "writer", At: writes}
	for _, id := range []string{"orders-1", "orders-2"} {
		m := Member{ID: id, Host: id + xyz, Role: reader}
		if id == writes {
			m.Role = writer
		}
		p.Members = append(p.Members, m)
	}
	return p
}

// certified is what a member says of itself: the names in its certificate.
func certified(id string) *aws.Server {
	return &aws.Server{Text: "PostgreSQL, TLS with the certificate of " + id, TLS: true, Names: []string{id + xyz, "orders.cluster" + xyz, "orders.cluster-ro" + xyz}}
}

// greeted makes the first session one that has greeted the target, which answered at once.
func greeted(d *fakeDialer, says *aws.Server) *fakeDialer {
	inner := d.make
	d.make = func(ctx context.Context, n int) (*fakeSession, error) {
		s, err := inner(ctx, n)
		if n == 1 && err == nil {
			s.greet = &greeting{done: make(chan struct{}), server: says}
			close(s.greet.done)
		}
		return s, err
	}
	return d
}

func endpointOf(role aws.Role) aws.Target {
	t := where()
	t.Database.Role = role
	return t
}

func TestWho(t *testing.T) {
	t.Parallel()
	p := placed("orders-1")
	p.Members = append(p.Members, Member{ID: "orders-3", Role: reader}) // its name is not known
	for name, c := range map[string]struct {
		names []string
		want  string
	}{
		"one":                 {certified("orders-2").Names, "orders-2"},
		"in another spelling": {[]string{"Orders-1" + xyz + "."}, "orders-1"},
		"twice the same":      {[]string{"orders-1" + xyz, "orders-1" + xyz}, "orders-1"},
		"none":                {nil, ""},
		"the cluster's alone": {[]string{"orders.cluster" + xyz}, ""},
		"a wildcard":          {[]string{"*" + xyz}, ""},
		"another cluster's":   {[]string{"orders-1.abc.eu-west-1.rds.amazonaws.com"}, ""},
		"several":             {[]string{"orders-1" + xyz, "orders-2" + xyz}, ""},
		"empty":               {[]string{""}, ""},
	} {
		if got, ok := p.who(c.names); got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %+v, %v; want %q", name, got, ok, c.want)
		}
	}
}

// TestNameLagsBehind: the session that is opened after a move still leads to the former writer: it is said, and the next session
// mends it. The connection that stays with the former writer is marked all the time.
func TestNameLagsBehind(t *testing.T) {
	w := &watcher{place: placed("orders-1")}
	d := sessions(func(s *fakeSession) {
		s.ask = func(int) (*aws.Server, error) {
			if s.id == "s-2" {
				return certified("orders-1"), nil
			}
			return certified("orders-2"), nil
		}
	})
	bubble(t, Config{Target: endpointOf(aws.RoleWriter), Sessions: 1, Watcher: w}, d, func(r *rig) {
		old := r.connect()
		far := r.dialled(1)
		r.send(far, old, "hello")
		time.Sleep(lookEvery + lookEvery/2)
		if n := d.all()[0].count(&d.all()[0].asks); n != 0 {
			t.Errorf("the first session was asked %d times without a reason", n)
		}
		w.set(placed("orders-2"), nil)
		time.Sleep(lookEvery/2 + time.Second)
		r.wantTold(aws.EventMoved, 1, "writer moved from orders-1 to orders-2", "1 open connection stays with orders-1, a reader now")
		if now := r.Snapshot(); len(now.Pool) != 2 || now.Pool[0].Serving != "reader" || now.Pool[0].Member != "orders-1" || now.Serving != "" {
			t.Errorf("after the move: serving %q, pool %+v", now.Serving, now.Pool)
		}
		time.Sleep(lookSoon)
		r.wantTold(aws.EventServer, 2, "orders.internal:5432 answers as a reader", "the certificate names orders-1, which is a reader since ", "the writer is orders-2", "rdsx ls")
		if got := r.Snapshot().Serving; got != "reader" {
			t.Errorf("the tunnel shows %q", got)
		}
		time.Sleep(nameTime)
		r.wantTold(aws.EventServer, 4, "answers as a writer again")
		r.send(far, old, "still here")
		next := r.connect()
		r.send(r.dialled(3), next, "hello")
		time.Sleep(time.Hour)
		now := r.Snapshot()
		if now.Serving != "" || len(now.Pool) != 2 || now.Pool[0].Serving != "reader" || now.Pool[1].Serving != "" || now.Pool[1].Member != "orders-2" {
			t.Errorf("an hour later: serving %q, pool %+v", now.Serving, now.Pool)
		}
		if n := d.tries(); n != 3 {
			t.Errorf("%d sessions, want 3: what leads to the writer is not replaced", n)
		}
	})
}

// TestRightAtOnce: where the name leads to the new writer at once, nothing is said but the move, and the session stays.
func TestRightAtOnce(t *testing.T) {
	w := &watcher{place: placed("orders-1")}
	d := sessions(func(s *fakeSession) { s.ask = func(int) (*aws.Server, error) { return certified("orders-2"), nil } })
	bubble(t, Config{Target: endpointOf(aws.RoleWriter), Watcher: w}, d, func(r *rig) {
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		w.set(placed("orders-2"), nil)
		time.Sleep(time.Hour)
		r.wantTold(aws.EventMoved, 1)
		r.wantTold(aws.EventServer, 1, "the certificate of orders-2")
	})
}

// TestNamesAreFasterThanRDS: an answer that RDS takes for a reader's only until it is asked again is not called one.
func TestNamesAreFasterThanRDS(t *testing.T) {
	w := &watcher{place: placed("orders-1")}
	d := greeted(sessions(nil), certified("orders-2"))
	bubble(t, Config{Target: endpointOf(aws.RoleWriter), Watcher: w}, d, func(r *rig) {
		w.set(placed("orders-2"), nil)
		time.Sleep(time.Minute)
		r.wantTold(aws.EventServer, 1, "the certificate of orders-2")
		r.wantTold(aws.EventMoved, 1)
		if now := r.Snapshot(); now.Serving != "" || len(now.Pool) != 1 || d.tries() != 1 {
			t.Errorf("serving %q, pool %+v, %d sessions; want the one that leads to the writer", now.Serving, now.Pool, d.tries())
		}
	})
}

// TestReaderFromTheStart: the first session leads to a reader. It is replaced ever more rarely, without connections a few times.
func TestReaderFromTheStart(t *testing.T) {
	w := &watcher{place: placed("orders-1")}
	d := sessions(func(s *fakeSession) { s.ask = func(int) (*aws.Server, error) { return certified("orders-2"), nil } })
	d = greeted(d, certified("orders-2"))
	bubble(t, Config{Target: endpointOf(aws.RoleWriter), Watcher: w}, d, func(r *rig) {
		time.Sleep(2 * lookSoon)
		if e, _ := r.told(aws.EventServer); e.Next == "" || r.Snapshot().Serving != "reader" {
			t.Fatalf("serving %q, %+v", r.Snapshot().Serving, e)
		}
		time.Sleep(24 * time.Hour)
		if n, looks := d.tries(), w.count(); n != 1+mostTries || looks > 60 {
			t.Errorf("%d sessions and %d looks in a day that nobody uses", n, looks)
		}
		before := d.tries()
		c := r.connect()
		r.send(r.dialled(before), c, "hello")
		time.Sleep(time.Hour)
		if n := d.tries() - before; n < 3 || n > 5 {
			t.Errorf("%d sessions in an hour of use", n)
		}
		r.wantTold(aws.EventServer, 2) // what it is, and that it is a reader
		w.set(placed("orders-2"), nil) // it has become the writer
		time.Sleep(time.Minute)
		r.wantTold(aws.EventServer, 3, "answers as a writer again")
	})
}

// TestNothingIsClaimed: what cannot be told is no reader, and nobody asks for ever.
func TestNothingIsClaimed(t *testing.T) {
	stranger := &aws.Server{Text: "PostgreSQL, TLS with the certificate of *" + xyz, Names: []string{"*" + xyz}}
	for name, c := range map[string]struct {
		role aws.Role
		says *aws.Server
	}{
		"a wildcard":                    {aws.RoleWriter, stranger},
		"no TLS":                        {aws.RoleWriter, &aws.Server{Text: "PostgreSQL"}},
		"a reader endpoint, the writer": {aws.RoleReader, certified("orders-2")},
		"a reader endpoint, a reader":   {aws.RoleReader, certified("orders-1")},
		"an instance":                   {aws.RoleInstance, certified("orders-1")},
	} {
		t.Run(name, func(t *testing.T) {
			w := &watcher{place: placed("orders-1")}
			d := sessions(func(s *fakeSession) { s.ask = func(int) (*aws.Server, error) { return c.says, nil } })
			d = greeted(d, c.says)
			bubble(t, Config{Target: endpointOf(c.role), Watcher: w}, d, func(r *rig) {
				r.connect()
				w.set(placed("orders-2"), nil)
				time.Sleep(time.Hour)
				now := r.Snapshot()
				for _, s := range now.Pool {
					if s.Serving != "" && c.role != aws.RoleWriter {
						t.Errorf("a session is marked: %+v", s)
					}
				}
				if now.Serving != "" {
					t.Errorf("serving %q", now.Serving)
				}
				r.wantTold(aws.EventServer, 1, c.says.Text)
				asks := 0
				for _, s := range d.all() {
					asks += s.count(&s.asks)
				}
				if asks > 2 {
					t.Errorf("asked %d times", asks)
				}
			})
		})
	}
}

// TestAsksAgain: a server that does not answer in the middle of the fail-over is asked again while connections are open.
func TestAsksAgain(t *testing.T) {
	w := &watcher{place: placed("orders-1")}
	d := sessions(func(s *fakeSession) {
		s.ask = func(n int) (*aws.Server, error) {
			if s.id == "s-2" || n == 1 {
				return nil, errors.New("connection refused")
			}
			return certified("orders-2"), nil
		}
	})
	bubble(t, Config{Target: endpointOf(aws.RoleWriter), Watcher: w}, d, func(r *rig) {
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		w.set(placed("orders-2"), nil)
		time.Sleep(2 * time.Minute)
		r.wantTold(aws.EventServer, 1, "the certificate of orders-2")
	})
}

// TestAsksAfterTakingOver: a server that tells its role itself is asked again when another instance carries the tunnel.
func TestAsksAfterTakingOver(t *testing.T) {
	first, second := where().Instance, aws.Instance{ID: "i-0456", Name: "bastion-b"}
	d := sessions(func(s *fakeSession) {
		s.ask = func(int) (*aws.Server, error) { return &aws.Server{Text: "Redis 7, reader", Role: reader}, nil }
		s.carrier = &first
		if s.id != "s-1" {
			s.carrier = &second
		}
	})
	bubble(t, Config{Target: endpointOf(aws.RoleWriter)}, d, func(r *rig) {
		time.Sleep(time.Minute)
		d.all()[0].end(errors.New("the agent is gone"))
		r.connect()
		synctest.Wait()
		r.wantTold(aws.EventServer, 2, "answers as a reader, and is the endpoint of the writer")
		if now := r.Snapshot(); now.Serving != reader || now.Pool[0].Serving != reader {
			t.Errorf("serving %q, pool %+v", now.Serving, now.Pool)
		}
	})
}

// TestRoleBeforeTheMove: what a server has said of its role counts no more after a move, also where nothing is known of its member.
func TestRoleBeforeTheMove(t *testing.T) {
	w := &watcher{place: placed("orders-1")}
	d := sessions(func(s *fakeSession) {
		s.ask = func(int) (*aws.Server, error) { return &aws.Server{Text: "DocumentDB, writer", Role: writer}, nil }
	})
	d = greeted(d, &aws.Server{Text: "DocumentDB, writer", Role: writer})
	bubble(t, Config{Target: endpointOf(aws.RoleWriter), Sessions: 1, Watcher: w}, d, func(r *rig) {
		c := r.connect()
		r.send(r.dialled(1), c, "hello")
		w.set(Place{Mark: "3", What: "writer", At: "orders-3", Members: []Member{{ID: "orders-3", Role: writer}}}, nil)
		time.Sleep(time.Minute)
		next := r.connect()
		r.send(r.dialled(2), next, "hello")
		if now := r.Snapshot(); now.Pool[0].Use != aws.UseLeaving || now.Pool[0].Serving != "" || now.Serving != "" {
			t.Errorf("serving %q, pool %+v", now.Serving, now.Pool)
		}
	})
}

// TestOneOfSeveral: of the sessions that are opened after a move one leads to a reader. It gets no newcomers once another is known to
// lead to the writer, and the badge is on for no longer than there is none.
func TestOneOfSeveral(t *testing.T) {
	for name, wait := range map[string]time.Duration{"beside the writer's": 0, "before the writer's": lookSoon + time.Second} {
		t.Run(name, func(t *testing.T) {
			w := &watcher{place: placed("orders-1")}
			var asked atomic.Int32
			d := sessions(func(s *fakeSession) {
				s.ask = func(int) (*aws.Server, error) {
					if asked.Add(1) == 1 {
						return certified("orders-1"), nil
					}
					return certified("orders-2"), nil
				}
			})
			bubble(t, Config{Target: endpointOf(aws.RoleWriter), Watcher: w}, d, func(r *rig) {
				c := r.connect()
				r.send(r.dialled(1), c, "hello")
				time.Sleep(2 * steady) // one in reserve is there
				w.set(placed("orders-2"), nil)
				for _, n := r.told(aws.EventMoved); n == 0; _, n = r.told(aws.EventMoved) {
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(wait)
				if got := r.Snapshot().Serving; (got == reader) != (wait > 0) {
					t.Errorf("serving %q", got)
				}
				r.connect()
				r.connect()
				time.Sleep(100 * time.Millisecond)
				for _, s := range r.Snapshot().Pool {
					if wait > 0 && s.Member == "orders-1" && s.Use != aws.UseLeaving {
						t.Errorf("known to lead to a reader, beside a writer, and takes newcomers: %+v", s)
					}
				}
				time.Sleep(lookSoon + time.Second)
				now := r.Snapshot()
				writers := 0
				for _, s := range now.Pool {
					switch {
					case s.Member == "orders-2" && s.Use != aws.UseLeaving:
						writers++
					case s.Use != aws.UseLeaving:
						t.Errorf("a session takes newcomers and does not lead to the writer: %+v", s)
					}
				}
				if now.Serving != "" || writers == 0 {
					t.Errorf("serving %q, pool %+v", now.Serving, now.Pool)
				}
				if _, n := r.told(aws.EventServer); wait == 0 && n != 2 {
					t.Errorf("%d events; want what each server is, and no badge: %+v", n, r.Events(0))
				}
			})
		})
	}
}
