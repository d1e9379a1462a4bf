package session_test

import (
	"testing"

	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

// TestNarrowUplink: an upload over a megabit a second sends each message about once.
func TestNarrowUplink(t *testing.T) {
	t.Parallel()
	r := newRig(t, sim.Options{Faults: sim.Faults{Bandwidth: 100_000}})
	s := r.open(session.Options{})
	conn := dial(t, s)
	if err := exchange(conn, 1, 1); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	if err := exchange(conn, 400_000, 1); err != nil {
		t.Fatal(err)
	}
	now := s.Stats()
	if again, sent := now.Retransmits-before.Retransmits, now.Sent-before.Sent; again > sent/20 {
		t.Errorf("%d of %d messages were sent again", again, sent)
	}
}
