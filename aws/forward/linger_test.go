package forward

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// halfClosed is a client that has said everything, and the far end that has heard it.
func halfClosed(r *rig) (*end, *far) {
	r.t.Helper()
	c := r.connect()
	far := r.dialled(1)
	r.send(c, far, "query")
	if err := c.CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return c, far
}

// TestLingerWaitsForTheLink: the time in which the websocket is away, or its agent acknowledges nothing, is no silence of the
// target's. Once the link works the target has its ten seconds, in which what has waited meanwhile arrives.
func TestLingerWaitsForTheLink(t *testing.T) {
	away := map[string]aws.SessionStats{
		"resuming": {Link: aws.LinkResuming, Attempt: 1},
		"suspect":  {Link: aws.LinkSuspect},
	}
	for name, stats := range away {
		for _, quiet := range []time.Duration{0, 9 * time.Second} { // of the target, before the link goes
			t.Run(name+" after "+quiet.String(), func(t *testing.T) {
				bubble(t, Config{}, sessions(nil), func(r *rig) {
					c, far := halfClosed(r)
					s := r.dialer.all()[0]
					time.Sleep(quiet)
					s.relink(stats)
					time.Sleep(12 * time.Second)
					r.wantTold(aws.EventConnClosed, 0)
					s.relink(aws.SessionStats{Link: aws.LinkUp, Resumes: 1})
					time.Sleep(9 * time.Second)
					r.send(far, c, "answer")
					far.endWith(nil)
					if got, err := io.ReadAll(c); err != nil || len(got) > 0 {
						t.Errorf("the answer ends with %q and %v", got, err)
					}
					_ = c.Close()
				})
			})
		}
	}
}

// TestLingerEndsAfterTheLinkIsBack: a target that has nothing to say is waited for no longer than that.
func TestLingerEndsAfterTheLinkIsBack(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c, _ := halfClosed(r)
		s := r.dialer.all()[0]
		s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
		time.Sleep(time.Hour)
		s.relink(aws.SessionStats{Link: aws.LinkUp, Resumes: 1})
		back := time.Now()
		r.wantReset(c)
		if took := time.Since(back); took != 10*time.Second {
			t.Errorf("reset %v after the link was back, want 10s", took)
		}
		r.wantTold(aws.EventConnClosed, 1, "nothing more came for 10s")
	})
}

// TestLingerEndsWithTheSession: one that is over while its websocket is away is waited for by nobody, also when its conn does not
// notice.
func TestLingerEndsWithTheSession(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		c, _ := halfClosed(r)
		s := r.dialer.all()[0]
		s.relink(aws.SessionStats{Link: aws.LinkResuming, Attempt: 1})
		time.Sleep(time.Minute)
		s.mu.Lock()
		s.open = nil
		s.mu.Unlock()
		s.end(errors.New("terminated"))
		time.Sleep(10 * time.Second)
		r.wantTold(aws.EventConnReset, 1, "terminated")
		r.wantReset(c)
	})
}

// TestLingerOnADeadNetwork: what the client has sent is not acknowledged, so the target cannot have answered it, also before
// the link is known to be in doubt. That excuse has an end, and an acknowledgement takes it away.
func TestLingerOnADeadNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		acked bool          // something is acknowledged meanwhile
		least time.Duration // until the reset
		most  time.Duration
	}{
		"nothing is acknowledged":   {false, mostExcused, mostExcused + 10*time.Second},
		"something is acknowledged": {true, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			d := sessions(func(s *fakeSession) { s.stats.Sent, s.stats.Pending = 5, 2 })
			bubble(t, Config{}, d, func(r *rig) {
				client, _ := halfClosed(r)
				start := time.Now()
				if c.acked {
					s := d.all()[0]
					s.mu.Lock()
					s.stats.Pending = 1
					s.mu.Unlock()
				}
				r.wantReset(client)
				if took := time.Since(start); took < c.least || took > c.most {
					t.Errorf("reset after %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}
