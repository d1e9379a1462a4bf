package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// pourServer is a target that sends size bytes to everybody who has sent one.
func pourServer(t *testing.T, size int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	answer := bytes.Repeat([]byte("rdsx"), size/4)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
					_, _ = c.Write(answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// pour downloads through n connections that begin at once, and returns how long that took from the first byte to the last.
func pour(t *testing.T, addr string, n, size int) time.Duration {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first, last time.Time
	for range n {
		wg.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte{1})
			_, _ = io.ReadFull(c, make([]byte, 1))
			mu.Lock()
			if first.IsZero() {
				first = time.Now()
			}
			mu.Unlock()
			got, err := io.Copy(io.Discard, c)
			if err != nil || got != int64(size-1) {
				t.Errorf("a connection got %d bytes and %v, want %d", got+1, err, size)
			}
			mu.Lock()
			last = time.Now()
			mu.Unlock()
		})
	}
	wg.Wait()
	return last.Sub(first)
}

// TestPoolMultiplies downloads through eight connections at once: with one session, four and eight. What is asserted is that
// the sessions are used and all bytes arrive; how much faster that is stands in the log.
func TestPoolMultiplies(t *testing.T) {
	const conns, size = 8, 300_000
	b := newBox(t, sim.Options{})
	via := b.carrier(t)
	b.reaches(t, "pour.internal:9000", pourServer(t, size))
	var one time.Duration
	for _, sessions := range []int{1, 4, 8} {
		p := b.connect(t, "pour.internal:9000", "--via", via, "--sessions", fmt.Sprint(sessions))
		before := len(b.AllSessions())
		took := pour(t, p.local, conns, size)
		started := 1 + len(b.AllSessions()) - before
		if code := p.stop(syscall.SIGTERM); code != 130 && code != 0 {
			t.Errorf("code %d: %s", code, p.stderr)
		}
		if sessions == 1 {
			one = took
		}
		t.Logf("%d sessions: %d connections of %d bytes in %v, %.1f times one session", sessions, conns, size, took.Round(time.Millisecond), float64(one)/float64(took))
		if started != sessions {
			t.Errorf("%d sessions were used, want %d", started, sessions)
		}
	}
}

// TestIdleSessionIsOpenedAgain: AWS ends the session that nobody uses; the port stays, and the next connection is carried by
// a new one without seeing more than a delay.
func TestIdleSessionIsOpenedAgain(t *testing.T) {
	b := newBox(t, sim.Options{Idle: 1500 * time.Millisecond})
	b.reaches(t, echoName, echoServer(t))
	p := b.connect(t, echoName, "--via", b.carrier(t))
	_ = echoed(t, p.local).Close()
	p.await(func(ev event) bool { return ev.Event == "session" && strings.Contains(ev.Text, "ended") })
	before := len(b.AllSessions())
	_ = echoed(t, p.local).Close()
	if n := len(b.AllSessions()); n != before+1 {
		t.Errorf("%d sessions were started for the connection, want one", n-before)
	}
}

// TestTerminatedSessionCutsAndGoesOn: somebody ends the session under an open connection. It is reset, the port stays.
func TestTerminatedSessionCutsAndGoesOn(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	p := b.connect(t, echoName, "--via", b.carrier(t))
	c := echoed(t, p.local)
	b.Terminate("", "ended by an administrator")
	if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF { //nolint:errorlint // a clean end is the bare io.EOF
		t.Errorf("the connection ends with %v, want a reset", err)
	}
	p.await(func(ev event) bool {
		return ev.Event == "conn_reset" && strings.Contains(ev.Text, "ended by an administrator")
	})
	_ = echoed(t, p.local).Close()
}

// TestStuckDialHoldsUpNobody: an agent that waits for a silent host takes nothing else meanwhile; the next connection does not
// go through it.
func TestStuckDialHoldsUpNobody(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, world.Silent)
	p := b.connect(t, echoName, "--via", b.carrier(t))
	stuck, err := net.Dial("tcp", p.local)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	p.await(func(ev event) bool { return ev.Event == "conn_opened" })
	b.reaches(t, echoName, echoServer(t))
	_ = echoed(t, p.local).Close()
	for {
		select {
		case ev := <-p.events:
			if ev.Event == "unreachable" {
				t.Fatal("the second connection was carried only after the first was given up")
			}
		default:
			return
		}
	}
}

const staging = "acme-staging-ci"

// stagingPlace is where that profile looks.
func stagingPlace() world.Place { return world.Place{Account: "444455556666", Region: "eu-west-1"} }

// TestNextInstanceTakesOver: the instance under the tunnel dies; another of the VPC carries the next connection, and it is said. One
// on which the policy allows no session is passed by.
func TestNextInstanceTakesOver(t *testing.T) {
	b := newBox(t, sim.Options{})
	err := b.World().Update(stagingPlace(), func(r *world.Region) {
		second := r.Instances[0]
		second.ID, second.Name, second.IP, second.AgentVersion = "i-05000000000000009", "bastion-spare", "", "3.3.3049.0"
		locked := second
		locked.ID, locked.Name = "i-05000000000000008", "bastion-locked"
		r.Instances = append(r.Instances, locked, second)
	})
	if err != nil {
		t.Fatal(err)
	}
	deny, err := iam.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ssm:StartSession","Resource":"arn:aws:ec2:*:*:instance/i-05000000000000008"}}`))
	if err != nil {
		t.Fatal(err)
	}
	err = b.World().UpdateAccount(stagingPlace().Account, func(a *world.Account) error {
		for i := range a.Users {
			a.Users[i].Policies = append(a.Users[i].Policies, deny)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := ""
	for _, e := range b.World().Endpoints() {
		if e.ID == "billing-staging" {
			endpoint = net.JoinHostPort(e.Host, fmt.Sprint(e.Port))
		}
	}
	b.reaches(t, endpoint, echoServer(t))
	p := b.connect(t, "billing-staging", "--profile", staging)
	_ = echoed(t, p.local).Close()
	err = b.World().UpdateInstance("i-05000000000000001", func(i *world.Instance) { i.PingStatus = "ConnectionLost" })
	if err != nil {
		t.Fatal(err)
	}
	b.Terminate("", "the instance is gone")
	p.await(func(ev event) bool { return ev.Event == "session" && strings.Contains(ev.Text, "the instance is gone") })
	_ = echoed(t, p.local).Close()
	p.await(func(ev event) bool {
		return ev.Event == "moved" && strings.Contains(ev.Text, "bastion-spare (i-05000000000000009) carries the tunnel in the place of bastion-staging")
	})
}

// TestWriterMoves: the cluster fails over; the refused connection makes rdsx look, and new connections go where the name leads
// then, through a new session, since an agent resolves it once a session.
func TestWriterMoves(t *testing.T) {
	b := newBox(t, sim.Options{})
	endpoint := ""
	for _, e := range b.World().Endpoints() {
		if e.ID == "orders-staging" && e.Role == "writer" {
			endpoint = net.JoinHostPort(e.Host, fmt.Sprint(e.Port))
		}
	}
	b.reaches(t, endpoint, echoServer(t))
	p := b.connect(t, "orders-staging", "--profile", staging)
	for looks, began := 0, time.Now(); looks < 2; { // the second is the open tunnel's, by which it knows the move
		for _, a := range b.Asked() {
			if a.Operation == "rds:DescribeDBClusters" {
				looks++
			}
		}
		if time.Since(began) > waitAtMost {
			t.Fatal("the tunnel does not look where the writer is")
		}
	}
	open := echoed(t, p.local) // the answer to that has come meanwhile
	b.reaches(t, endpoint, world.Refused)
	err := b.World().Update(stagingPlace(), func(r *world.Region) { r.DBClusters[0].Writer = "orders-staging-2" })
	if err != nil {
		t.Fatal(err)
	}
	refused, err := net.Dial("tcp", p.local)
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	p.await(func(ev event) bool { return ev.Event == "conn_refused" })
	p.await(func(ev event) bool {
		return ev.Event == "moved" && strings.Contains(ev.Text, "writer moved from orders-staging-1 to orders-staging-2")
	})
	b.reaches(t, endpoint, echoServer(t))
	_ = echoed(t, p.local).Close()
	if _, err := open.Write([]byte("x")); err != nil {
		t.Errorf("the connection to the old writer was cut: %v", err)
	}
	if n := len(b.Sessions()); n < 2 {
		t.Errorf("%d sessions, want the old one and a new one", n)
	}
}

// TestConnectAsksForTheCodeMeanwhile loses the role's keys and the websocket under rdsx connect on a terminal: the code is asked
// for below the counters, and the connection goes on.
func TestConnectAsksForTheCodeMeanwhile(t *testing.T) {
	b := newBox(t, sim.Options{})
	b.reaches(t, echoName, echoServer(t))
	port := freePort(t)
	s := b.screen(t, 120, 30, "connect", echoName, "--via", "bastion-a", "--port", port, "--profile", "acme-prod-operator")
	s.await("MFA code of arn:aws:iam::")
	s.types("123456")
	s.press("Enter")
	s.await("Ctrl-C ends it.")
	c := echoed(t, net.JoinHostPort("127.0.0.1", port))
	b.ExpireKeys()
	b.CutClient("")
	s.await("resuming", "MFA code of arn:aws:iam::")
	s.types("123456")
	s.press("Enter")
	s.await("resumed after")
	if _, err := c.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("the connection has not lived through it: %v", err)
	}
	s.press("C-c")
	if code := s.code(); code != 130 && code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
