package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// TestUselessReserve: sessions that start and end before they have carried anything are no better than those that cannot be had:
// AWS is asked ever more rarely, and whoever comes meanwhile has the session that works, at once.
func TestUselessReserve(t *testing.T) {
	for _, after := range []time.Duration{50 * time.Millisecond, 3400 * time.Millisecond, 50*time.Second - 30*time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			d := &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
				s := newSession(fmt.Sprintf("s-%d", n))
				if n > 1 {
					time.AfterFunc(after, func() { s.end(errors.New("terminated")) })
				}
				return s, nil
			}}
			bubble(t, Config{}, d, func(r *rig) {
				one := r.connect()
				pump(one, r.dialled(1))
				time.Sleep(10 * time.Minute)
				if n := d.tries(); n < 6 || n > 32 {
					t.Errorf("%d attempts in 10 min, want them ever farther apart, up to a minute", n)
				}
				for n := d.tries(); d.tries() == n; {
					time.Sleep(100 * time.Millisecond)
				}
				synctest.Wait()
				all := d.all()
				<-all[len(all)-1].done
				synctest.Wait()
				start := time.Now()
				for range 5 {
					c := r.connect()
					r.send(r.dialled(1), c, "hello")
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("newcomers waited %v", took)
				}
			})
		})
	}
}

// silentUntil is a target that answers nobody until it is back, and then only those who are dialled through a session that started
// after that.
func silentUntil(back *atomic.Bool) *fakeDialer {
	return sessions(func(s *fakeSession) {
		if back.Load() {
			s.target = func(f *far) { _, _ = io.WriteString(f, "hello") }
			return
		}
		s.probe = never
	})
}

// insist connects until it gets a byte, again a second after each failure, and gives when that was.
func (r *rig) insist() <-chan time.Time {
	served := make(chan time.Time, 1)
	go func() {
		for {
			client, server := newLocal()
			r.listener.conns <- server
			n, _ := client.Read(make([]byte, 5))
			if n > 0 {
				served <- time.Now()
			}
			_ = client.Close()
			if n > 0 {
				return
			}
			time.Sleep(time.Second)
		}
	}()
	return served
}

// TestSilentTargetIsTriedRarely: clients that insist do not make a tunnel to a target that answers nobody start sessions without end;
// each waits for the dial's 8 s and then for up to 5 s. Once the target is back they are through, and nothing is held back any more.
func TestSilentTargetIsTriedRarely(t *testing.T) {
	for _, clients := range []int{1, 10} {
		t.Run(fmt.Sprint(clients), func(t *testing.T) {
			var back atomic.Bool
			d := silentUntil(&back)
			bubble(t, Config{}, d, func(r *rig) {
				var served []<-chan time.Time
				for range clients {
					served = append(served, r.insist())
				}
				time.Sleep(time.Hour)
				if n := d.tries(); n > 350 {
					t.Errorf("%d sessions were started in an hour", n)
				}
				back.Store(true)
				start := time.Now()
				for _, s := range served {
					if took := (<-s).Sub(start); took > (8+1+5)*time.Second {
						t.Errorf("a client is through %v after the target was back", took)
					}
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				if p := r.pool; p.retry != (delay{}) || p.extra != (delay{}) {
					t.Errorf("attempts are held back although the target answers: %+v, %+v", p.retry, p.extra)
				}
			})
		})
	}
}

// TestReplacedInTheEnd: a session that was thrown away is replaced also when nobody comes, as soon as attempts are not held back.
func TestReplacedInTheEnd(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		d := silentUntil(new(atomic.Bool))
		bubble(t, Config{Sessions: 1, Lazy: lazy}, d, func(r *rig) {
			for n := 1; n <= 10; n++ {
				r.wantReset(r.connect())
				r.wantTold(aws.EventUnreachable, n)
				if got := d.tries(); got != n {
					t.Fatalf("lazy %v: %d sessions at once after the %d. was thrown away", lazy, got, n)
				}
				time.Sleep(lastRetry + keepTime)
				synctest.Wait()
				want := n + 1
				if lazy {
					want = n
				}
				if got := d.tries(); got != want {
					t.Fatalf("lazy %v: %d sessions some seconds later, want %d", lazy, got, want)
				}
			}
		})
	}
}

// TestMoveForgives: what has failed in the old place holds nothing back in the new one.
func TestMoveForgives(t *testing.T) {
	var back atomic.Bool
	w := &watcher{place: Place{Mark: "1"}}
	d := silentUntil(&back)
	bubble(t, Config{Sessions: 1, Watcher: w}, d, func(r *rig) {
		for range 10 {
			r.wantReset(r.connect())
		}
		before := d.tries()
		back.Store(true)
		ctx, cancel := context.WithCancel(r.t.Context())
		defer cancel()
		r.mu.Lock()
		r.follow(ctx, Place{Mark: "1"}, Place{Mark: "2"})
		r.mu.Unlock()
		synctest.Wait()
		if n := d.tries() - before; n != 1 {
			t.Errorf("%d sessions at once after the move, want 1", n)
		}
		c := r.connect()
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Error(err)
		}
	})
}
