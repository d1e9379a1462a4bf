package session_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

// await returns when ok says so. Whatever the session tells makes it look again, and a timer does.
func await(s *session.Session, ok func(aws.SessionStats) bool) {
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for !ok(s.Stats()) {
		select {
		case <-s.Changed():
		case <-ticks.C:
		case <-s.Done():
			return
		}
	}
}

// cuts are the ways in which a session loses a websocket.
func cuts() map[string]func(*sim.Sim) {
	return map[string]func(*sim.Sim){
		"client":       func(s *sim.Sim) { s.CutClient("") },
		"bye":          func(s *sim.Sim) { s.CloseClient("") },
		"agent":        func(s *sim.Sim) { s.CutAgent("") },
		"agent in ack": func(s *sim.Sim) { s.CutAgentInAck("") },
		"both":         func(s *sim.Sim) { s.CutBoth("") },
	}
}

// TestIdleSurvivesEveryCut: who has nothing under way does not notice.
func TestIdleSurvivesEveryCut(t *testing.T) {
	for name, cut := range cuts() {
		for _, rtt := range []time.Duration{0, 80 * time.Millisecond} {
			t.Run(fmt.Sprint(name, " at ", rtt), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, sim.Options{Faults: sim.Faults{RTT: rtt}})
				s := r.open(session.Options{})
				conn := dial(t, s)
				for n := range 3 {
					if err := exchange(conn, 100, 5000); err != nil {
						t.Fatalf("before cut %d: %v", n, err)
					}
					await(s, func(now aws.SessionStats) bool { return now.Pending == 0 })
					before := s.Stats().Resumes
					cut(r.sim)
					if name == "client" || name == "bye" || name == "both" {
						await(s, func(now aws.SessionStats) bool { return now.Resumes > before })
					}
					if name == "agent in ack" {
						break // it waits for the next message, which is then in doubt
					}
				}
				if name == "agent in ack" {
					return
				}
				if err := exchange(conn, 100, 5000); err != nil {
					t.Fatal(err)
				}
				if now := s.Stats(); now.Resets != 0 {
					t.Errorf("%d connections were reset: %s", now.Resets, now.LastReset)
				}
			})
		}
	}
}

// TestTransfersUnderCuts: bytes are exact under every cut, or the connection was reset, and that only where the agent may have
// taken something twice. A connection beside it that is idle lives on in every case.
func TestTransfersUnderCuts(t *testing.T) {
	for name, cut := range cuts() {
		for way, size := range map[string][2]int{"up": {8 << 20, 0}, "down": {0, 600_000}} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, sim.Options{})
				s := r.open(session.Options{})
				busy, idle := dial(t, s), dial(t, s)
				if err := errors.Join(exchange(busy, 1, 1), exchange(idle, 1, 1)); err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- exchange(busy, size[0], size[1]) }()
				mark := s.Stats()
				await(s, func(now aws.SessionStats) bool { return now.Sent+now.Received > mark.Sent+mark.Received+200 })
				cut(r.sim)
				err := <-done
				stats := s.Stats()
				agentLost := name == "agent" || name == "agent in ack" || name == "both"
				switch {
				case err == nil:
				case !errors.Is(err, aws.ErrReset) || !agentLost || way == "down" && stats.Resets > 1:
					t.Errorf("%v; %+v", err, stats)
				}
				if !agentLost && stats.Resets != 0 {
					t.Errorf("the agent was there, and %d connections were reset: %s", stats.Resets, stats.LastReset)
				}
				if way == "up" && name == "agent in ack" && err == nil {
					t.Error("a message was taken twice and nobody told")
				}
				// A download has nothing acknowledged: the agent is then cut by what the idle one says, which is in doubt.
				if err := exchange(idle, 1000, 1000); err != nil && (name != "agent in ack" || way != "down") {
					t.Errorf("the idle connection: %v", err)
				}
				for _, info := range r.sim.Sessions() {
					t.Logf("%v; agent repeated %d, %d resets, %d resumes", err, info.Counters.Repeated, stats.Resets, stats.Resumes)
				}
			})
		}
	}
}

// TestGap: a connection goes on after each of ten cuts, idle and in an upload. How long it stands still is in the log.
func TestGap(t *testing.T) {
	// The upload must not be over before the last cut.
	for rtt, size := range map[time.Duration]int{0: 64 << 20, 80 * time.Millisecond: 16 << 20} {
		t.Run(rtt.String(), func(t *testing.T) {
			r := newRig(t, sim.Options{Faults: sim.Faults{RTT: rtt}})
			s := r.open(session.Options{})
			conn := dial(t, s)
			if err := exchange(conn, 1, 1); err != nil {
				t.Fatal(err)
			}
			idle, upload := make([]time.Duration, 5), make([]time.Duration, 5)
			for i := range idle {
				r.sim.CutClient("")
				began := time.Now()
				if err := exchange(conn, 1, 1); err != nil {
					t.Fatal(err)
				}
				idle[i] = time.Since(began)
				await(s, func(now aws.SessionStats) bool { return now.Link == aws.LinkUp && now.Pending == 0 })
			}
			done := make(chan error, 1)
			go func() { done <- exchange(conn, size, 0) }()
			for i := range upload {
				mark := s.Stats()
				await(s, func(now aws.SessionStats) bool { return now.Sent > mark.Sent+500 })
				r.sim.CutClient("")
				upload[i] = standstill(s)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			slices.Sort(idle)
			slices.Sort(upload)
			t.Logf("gaps idle %v, in an upload %v", idle, upload)
			if n := s.Stats().Resumes; n < 10 {
				t.Errorf("%d resumes", n)
			}
		})
	}
}

// standstill is the time from now to the first acknowledgement after a resume.
func standstill(s *session.Session) time.Duration {
	began, before := time.Now(), s.Stats().Resumes
	var acked uint64
	await(s, func(now aws.SessionStats) bool {
		if now.Resumes == before {
			acked = now.Sent - uint64(now.Pending)
		}
		return now.Resumes > before && now.Sent-uint64(now.Pending) > acked
	})
	return time.Since(began)
}

// TestCutConnectionEnds: whose bytes the agent has twice is reset, with the reason, and new connections are as good as ever.
func TestCutConnectionEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{})
	s := r.open(session.Options{})
	conn := dial(t, s)
	if err := exchange(conn, 1, 1); err != nil {
		t.Fatal(err)
	}
	r.sim.CutAgentInAck("")
	err := exchange(conn, 100, 1)
	if err == nil { // the agent had the bytes and was soon back: the answer came before the doubt was settled
		err = exchange(conn, 100, 1)
	}
	if !errors.Is(err, aws.ErrReset) {
		t.Errorf("the connection whose bytes the agent has twice: %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, aws.ErrReset) || errors.Is(err, io.EOF) {
		t.Errorf("then %v", err)
	}
	now := s.Stats()
	if now.Resets != 1 || now.LastReset == "" {
		t.Errorf("%+v", now)
	}
	if err := exchange(dial(t, s), 1000, 1000); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

// TestAgentThatStaysAway ends the session: its connections must not hang.
func TestAgentThatStaysAway(t *testing.T) {
	if testing.Short() {
		t.Skip("lasts half a minute")
	}
	t.Parallel()
	r := newRig(t, sim.Options{Faults: sim.Faults{AgentDown: true}})
	s := r.open(session.Options{})
	conn := dial(t, s)
	if err := exchange(conn, 1, 1); err != nil {
		t.Fatal(err)
	}
	await(s, func(now aws.SessionStats) bool { return now.Pending == 0 })
	r.sim.CutAgentInAck("") // bytes sent once the service has said that the agent is away are in no doubt: they have not arrived
	if err := exchange(conn, 1, 1); !errors.Is(err, aws.ErrReset) {
		t.Errorf("the connection whose bytes are in doubt: %v", err)
	}
	if err := exchange(dial(t, s), 1, 1); !errors.Is(err, session.ErrAgentGone) {
		t.Errorf("a connection that came later: %v", err)
	}
	if err := s.Err(); !errors.Is(err, session.ErrAgentGone) || aws.NextOf(err) == "" {
		t.Errorf("the session ends with %v", err)
	}
}

// TestFrozenNetwork: pings go unanswered, new websockets say nothing either, and when the network moves again nothing is lost.
func TestFrozenNetwork(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{})
	s := r.open(session.Options{PingEvery: 500 * time.Millisecond})
	conn := dial(t, s)
	done := make(chan error, 1)
	go func() { done <- exchange(conn, 8<<20, 100_000) }()
	await(s, func(now aws.SessionStats) bool { return now.Sent > 500 })
	r.sim.Freeze()
	await(s, func(now aws.SessionStats) bool { return now.Link == aws.LinkResuming })
	r.sim.Thaw()
	if err := <-done; err != nil {
		t.Errorf("%v; %+v", err, s.Stats())
	}
	if now := s.Stats(); now.Resets != 0 {
		t.Errorf("%d connections were reset: %s", now.Resets, now.LastReset)
	}
}

// TestGatewayThatTakesNoMore: a size that closes the websocket is found out without a byte of anyone in it.
func TestGatewayThatTakesNoMore(t *testing.T) {
	for limit, want := range map[int64]int{1024: 1024, 5000: 4096, 0: 32 << 10} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, sim.Options{Faults: sim.Faults{MaxPayload: limit}})
			s := r.open(session.Options{Payload: session.PayloadAuto})
			conn := dial(t, s)
			for range 2 {
				if err := exchange(conn, 4<<20, 100); err != nil {
					t.Fatalf("%v; %+v", err, s.Stats())
				}
			}
			now := s.Stats()
			// On a busy machine missing acknowledgements may end it earlier.
			if now.Payload > want || !now.Settled || now.Resets != 0 || (now.Resumes > 0) != (limit > 0) {
				t.Errorf("%+v, want messages of %d bytes at most", now, want)
			}
		})
	}
}

// TestBasicModeUnderCuts: the same without a mux: exact or reset, and the next connection works.
func TestBasicModeUnderCuts(t *testing.T) {
	for name, cut := range cuts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, sim.Options{})
			r.cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIASIMSTG0000000001", "sim/staging/ci/this-key-works-nowhere-el", "")
			q := r.request()
			q.Target = legacyJump
			s := r.openRequest(q)
			conn := dial(t, s)
			if err := exchange(conn, 1, 1); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- exchange(conn, 4<<20, 50_000) }()
			mark := s.Stats().Sent
			await(s, func(now aws.SessionStats) bool { return now.Sent > mark+200 })
			cut(r.sim)
			err := <-done
			agentLost := name == "agent" || name == "agent in ack" || name == "both"
			if err != nil && (!agentLost || !errors.Is(err, aws.ErrReset)) || name == "agent in ack" && err == nil {
				t.Errorf("%v; %+v", err, s.Stats())
			}
			conn.Close()
			for {
				next, err := s.Dial(t.Context())
				if errors.Is(err, aws.ErrBusy) {
					<-time.After(time.Millisecond)
					continue
				}
				if err == nil {
					err = exchange(next, 1000, 1000)
					next.Close()
				}
				if err != nil {
					t.Errorf("the next connection: %v", err)
				}
				return
			}
		})
	}
}

// TestFreeze: nothing passes for a while, every socket stays open, and afterwards all goes on.
func TestFreeze(t *testing.T) {
	r := newRig(t, sim.Options{})
	s := r.open(session.Options{})
	conn := dial(t, s)
	done := make(chan error, 1)
	go func() { done <- exchange(conn, 16<<20, 500_000) }()
	for range 3 {
		before := s.Stats()
		for now := before; now.Sent == before.Sent && now.Received == before.Received; now = s.Stats() {
			runtime.Gosched() // until the exchange moves
		}
		r.sim.Freeze()
		timer := time.NewTimer(300 * time.Millisecond)
		<-timer.C
		r.sim.Thaw()
	}
	if err := <-done; err != nil {
		t.Fatalf("%v; stats %+v", err, s.Stats())
	}
}

// TestServiceEndsSession: by hand, by idleness.
func TestServiceEndsSession(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{})
	s := r.open(session.Options{})
	conn := dial(t, s)
	if err := exchange(conn, 10, 10); err != nil {
		t.Fatal(err)
	}
	r.sim.Terminate("", "ended by the administrator")
	<-s.Done()
	if err := s.Err(); !errors.Is(err, session.ErrClosedByService) {
		t.Errorf("ended with %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, session.ErrClosedByService) {
		t.Errorf("the connection ends with %v", err)
	}
}
