package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// loseAgent resets a connection of the session: the agent is lost while a byte of it is on its way.
func (r *rig) loseAgent() {
	r.t.Helper()
	st := r.dial()
	_, _ = st.Write([]byte("begin"))
	time.Sleep(time.Millisecond)
	r.sent()
	r.hear(wire.Message{Type: wire.PausePublication})
	r.hear(wire.Message{Type: wire.StartPublication})
	time.Sleep(2 * time.Second)
	r.ack(r.sent()...)
	if _, err := st.Read(make([]byte, 1)); err == nil {
		r.t.Error("the connection lives")
	}
}

// legacy is what the session says of its pace.
func (r *rig) legacy() bool {
	var stats aws.SessionStats
	r.c.sender.fill(&stats)
	return stats.Legacy
}

// TestLegacyOfATunnel: the two resets count wherever in the tunnel they are, and make all its sessions slow, those to come included. What
// several sessions lose at once is one loss, and another tunnel's is none.
func TestLegacyOfATunnel(t *testing.T) {
	apart := func(d time.Duration) func(a, b *rig) {
		return func(a, b *rig) {
			a.loseAgent()
			time.Sleep(d)
			b.loseAgent()
		}
	}
	for name, c := range map[string]struct {
		happens func(a, b *rig)
		alone   bool // the two are not one tunnel
		legacy  bool
	}{
		"one in each session":          {apart(20 * time.Second), false, true},
		"far apart":                    {apart(2 * time.Minute), false, false},
		"both at once":                 {apart(0), false, false},
		"both at once, then one again": {func(a, b *rig) { apart(0)(a, b); time.Sleep(20 * time.Second); b.loseAgent() }, false, true},
		"both at once, and once again": {func(a, b *rig) { apart(0)(a, b); time.Sleep(2 * time.Minute); apart(0)(b, a) }, false, false},
		"one in each of two lone ones": {apart(20 * time.Second), true, false},
		"one session alone has both":   {func(a, _ *rig) { a.loseAgent(); a.loseAgent() }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{Resets: new(Resets)}
				a := established(t, o, "3.3.0.0")
				if c.alone {
					o = Options{}
				}
				b := established(t, o, "3.3.0.0")
				c.happens(a, b)
				for who, r := range map[string]*rig{"the first": a, "the second": b, "one that starts later": established(t, o, "3.3.0.0")} {
					if got := r.legacy(); got != c.legacy {
						t.Errorf("%s has legacy pacing: %v, want %v", who, got, c.legacy)
					}
				}
			})
		})
	}
}

// TestLegacyIsSlow: a session that starts in such a tunnel sends a message a millisecond.
func TestLegacyIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var resets Resets
		resets.add(1, time.Now())
		resets.add(1, time.Now())
		r := established(t, Options{Resets: &resets}, "3.3.0.0")
		st := r.dial()
		_, _ = st.Write(make([]byte, 100_000))
		if n := len(r.sent()); n > 2*legacyCredit {
			t.Errorf("%d messages are sent at once", n)
		}
	})
}
