package forward

import (
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestKeepAlive: with it a session never becomes idle, also without connections, and that is said; without it nothing is sent.
func TestKeepAlive(t *testing.T) {
	for _, keep := range []bool{false, true} {
		bubble(t, Config{KeepAlive: keep}, sessions(nil), func(r *rig) {
			time.Sleep(10 * time.Minute)
			s := r.dialer.all()[0]
			kept := s.count(&s.kept)
			if keep && kept < 20 || !keep && kept != 0 {
				t.Errorf("keep-alive %v: %d frames in 10 min", keep, kept)
			}
			if keep {
				r.wantTold(aws.EventSession, 1, "idle time-out never ends it")
			}
		})
	}
}

// TestKeepAliveAsOftenAsPings: one who pings more often than that is kept awake as often, one who pings more rarely is not kept
// awake more rarely: an account's idle time-out can be a minute.
func TestKeepAliveAsOftenAsPings(t *testing.T) {
	for every, least := range map[time.Duration]int{2 * time.Second: 200, 5 * time.Minute: 20} {
		bubble(t, Config{KeepAlive: true, KeepEvery: every}, sessions(nil), func(r *rig) {
			time.Sleep(10 * time.Minute)
			s := r.dialer.all()[0]
			if kept := s.count(&s.kept); kept < least {
				t.Errorf("every %v: %d frames in 10 min, want %d", every, kept, least)
			}
		})
	}
}

// TestKeepAliveOfTheRetired: a session that gets no newcomers any more is kept awake for as long as it carries a connection.
func TestKeepAliveOfTheRetired(t *testing.T) {
	for name, retire := range map[string]func(r *rig, w *watcher){
		"the writer moved": func(r *rig, w *watcher) {
			w.set(Place{Mark: "2"}, nil)
			time.Sleep(lookEvery)
			r.wantTold(aws.EventMoved, 1)
		},
		"a dial was stuck": func(r *rig, _ *watcher) {
			stuck := r.connect()
			r.wantReset(stuck)
			r.wantTold(aws.EventUnreachable, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &watcher{place: Place{Mark: "1"}}
			d := sessions(func(s *fakeSession) { s.probe = never })
			bubble(t, Config{Sessions: 1, KeepAlive: true, Watcher: w}, d, func(r *rig) {
				quiet := r.connect()
				far := r.dialled(1)
				r.send(far, quiet, "prompt")
				time.Sleep(time.Minute)
				retire(r, w)
				old := d.all()[0]
				before := old.count(&old.kept)
				time.Sleep(20 * time.Minute)
				if kept := old.count(&old.kept) - before; kept < 40 {
					t.Errorf("%d frames in 20 min to a session that is retired and carries a connection", kept)
				}
				r.send(quiet, far, "still here")
			})
		})
	}
}

// TestKeepAliveInBasicMode: an old agent takes every byte for the target's, so nothing can be kept awake. That is said, once.
func TestKeepAliveInBasicMode(t *testing.T) {
	for _, keep := range []bool{false, true} {
		bubble(t, Config{KeepAlive: keep}, sessions(func(s *fakeSession) { s.basic = true }), func(r *rig) {
			for range 3 {
				c := r.connect()
				time.Sleep(10 * time.Second)
				c.abort()
			}
			said := 0
			for _, e := range r.Events(0) {
				if says(e, "not kept from becoming idle", "AWS-UpdateSSMAgent --instance-ids i-0123") {
					said++
				}
			}
			if want := map[bool]int{true: 1}[keep]; said != want {
				t.Errorf("keep-alive %v: said %d times, want %d: %+v", keep, said, want, r.Events(0))
			}
		})
	}
}
