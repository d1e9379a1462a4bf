package forward

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestJournal: numbers without gaps, the last 256 kept, and nobody waits for whoever reads them.
func TestJournal(t *testing.T) {
	bubble(t, Config{}, sessions(nil), func(r *rig) {
		for range 200 {
			c := r.connect()
			r.dialled(1).endWith(nil)
			_ = ends(c)
			_ = c.Close()
			synctest.Wait()
		}
		all := r.Events(0)
		if len(all) != kept {
			t.Fatalf("%d events are kept, want %d", len(all), kept)
		}
		for i, e := range all {
			if i > 0 && e.Seq != all[i-1].Seq+1 {
				t.Fatalf("event %d follows %d", e.Seq, all[i-1].Seq)
			}
		}
		last := all[len(all)-1].Seq
		if got := r.Events(last - 3); len(got) != 3 || got[0].Seq != last-2 {
			t.Errorf("after number %d: %+v", last-3, got)
		}
		if got := r.Events(last); len(got) != 0 {
			t.Errorf("after the last: %+v", got)
		}
		if got := r.Events(last + 100); len(got) != 0 {
			t.Errorf("after one to come: %+v", got)
		}
		select {
		case <-r.Changed():
		default:
			t.Error("Changed has nothing")
		}
		select {
		case <-r.Changed():
			t.Error("Changed has two values for one reader")
		default:
		}
	})
}

// TestLife: the states that a tunnel goes through, each told once, with the times that a screen shows.
func TestLife(t *testing.T) {
	begin := make(chan time.Time, 1)
	bubble(t, Config{}, slowly(time.Second), func(r *rig) {
		begin <- r.Snapshot().Started
		r.wantState(aws.StateStarting)
		time.Sleep(2 * time.Second)
		r.wantState(aws.StateIdle)
		if got := r.Snapshot(); got.Since.Sub(got.Started) != time.Second {
			t.Errorf("idle since %v after the start, want 1s", got.Since.Sub(got.Started))
		}
		c := r.connect()
		r.wantState(aws.StateOpen)
		r.dialled(1).endWith(nil)
		_ = ends(c)
		_ = c.Close()
		r.wantState(aws.StateIdle)
		r.stopRun()
		<-r.done
		var states []aws.TunnelState
		var kinds []aws.EventKind
		for _, e := range r.Events(0) {
			kinds = append(kinds, e.Kind)
			if e.Kind == aws.EventState {
				states = append(states, e.State)
			}
		}
		want := []aws.TunnelState{aws.StateBinding, aws.StateStarting, aws.StateIdle, aws.StateOpen, aws.StateIdle, aws.StateClosed}
		if len(states) != len(want) {
			t.Fatalf("states %v, want %v; events %v", states, want, kinds)
		}
		for i := range want {
			if states[i] != want[i] {
				t.Fatalf("states %v, want %v", states, want)
			}
		}
	})
}
