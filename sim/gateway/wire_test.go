package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bubble runs f with a wire whose clock is the bubble's.
func bubble(t *testing.T, f Faults, test func(t *testing.T, w *wire, c *conditions)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newConditions(f)
		w := newWire(c, true, time.Sleep)
		w.attach(true)
		test(t, w, c)
	})
}

func send(t *testing.T, w *wire, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := w.put(t.Context(), nil, []byte(f)); err != nil {
			t.Fatal(err)
		}
	}
}

// takeAll takes until n frames have come.
func takeAll(t *testing.T, w *wire, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		batch, err := w.take(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range batch {
			got = append(got, string(f))
		}
	}
	return got
}

// rest is what is still in the wire, however late.
func rest(w *wire) []string {
	var got []string
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for {
		batch, err := w.take(ctx, nil, nil)
		if err != nil {
			return got
		}
		for _, f := range batch {
			got = append(got, string(f))
		}
	}
}

func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

func TestWireKeepsOrderAndDelays(t *testing.T) {
	for _, rtt := range []time.Duration{0, 20 * time.Millisecond, 80 * time.Millisecond} {
		bubble(t, Faults{RTT: rtt}, func(t *testing.T, w *wire, _ *conditions) {
			begin := time.Now()
			send(t, w, numbers(10_000)...)
			if got := takeAll(t, w, 10_000); !slices.Equal(got, numbers(10_000)) {
				t.Error("the order is broken")
			}
			took := time.Since(begin)
			if took > rtt/2 || took < rtt/2-slack {
				t.Errorf("RTT %v: took %v one way", rtt, took)
			}
		})
	}
}

func TestWireKeepsOrderWhenTheDelayShrinks(t *testing.T) {
	bubble(t, Faults{RTT: time.Second}, func(t *testing.T, w *wire, c *conditions) {
		send(t, w, "a")
		c.set(Faults{})
		send(t, w, "b", "c")
		if got := takeAll(t, w, 3); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("got %v", got)
		}
		send(t, w, "d")
		if w.lastDue != 0 {
			t.Error("the wire did not return to its cheap way")
		}
	})
}

func TestBandwidth(t *testing.T) {
	bubble(t, Faults{Bandwidth: 100_000}, func(t *testing.T, w *wire, _ *conditions) {
		begin := time.Now()
		for range 100 {
			send(t, w, string(make([]byte, 1000)))
		}
		takeAll(t, w, 100)
		if took := time.Since(begin); took < time.Second-slack || took > time.Second+time.Millisecond {
			t.Errorf("100 KB at 100 KB/s took %v", took)
		}
	})
}

func TestLossDuplicatesReorder(t *testing.T) {
	const n = 10_000
	for name, c := range map[string]struct {
		d    Direction
		want func(got []string, w *wire) error
	}{
		"loss": {Direction{Loss: 0.01}, func(got []string, w *wire) error {
			lost := int(w.lost.Load())
			if len(got)+lost != n || lost < n/200 || lost > n/50 || !slices.IsSortedFunc(got, byNumber) {
				return fmt.Errorf("%d came and %d lost of %d, want about 1 %% lost and the rest in order", len(got), lost, n)
			}
			return nil
		}},
		"duplicates": {Direction{Duplicate: 0.01}, func(got []string, w *wire) error {
			doubled := int(w.doubled.Load())
			if len(got) != n+doubled || doubled < n/200 || doubled > n/50 || !slices.IsSortedFunc(got, byNumber) {
				return fmt.Errorf("%d came, %d doubled of %d", len(got), doubled, n)
			}
			return nil
		}},
		"reorder": {Direction{Reorder: 0.01}, func(got []string, w *wire) error {
			held := int(w.held.Load())
			if len(got) != n || held < n/200 || slices.IsSortedFunc(got, byNumber) {
				return fmt.Errorf("%d came, %d held back of %d", len(got), held, n)
			}
			slices.SortFunc(got, byNumber)
			if !slices.Equal(got, numbers(n)) {
				return errors.New("reordering lost or doubled something")
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Faults{Up: c.d, Seed: 7}, func(t *testing.T, w *wire, _ *conditions) {
				send(t, w, numbers(n)...)
				if err := c.want(rest(w), w); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}

func TestSameSeedSameFate(t *testing.T) {
	var first []string
	for range 2 {
		bubble(t, Faults{Up: Direction{Loss: 0.5}, Seed: 42}, func(t *testing.T, w *wire, _ *conditions) {
			send(t, w, numbers(100)...)
			got := rest(w)
			if first == nil {
				first = got
			} else if !slices.Equal(first, got) {
				t.Errorf("%v, then %v", first, got)
			}
		})
	}
	bubble(t, Faults{Down: Direction{Loss: 1}}, func(t *testing.T, w *wire, _ *conditions) {
		send(t, w, "up is not down")
		takeAll(t, w, 1)
	})
}

func TestFullWireBlocksUntilTaken(t *testing.T) {
	bubble(t, Faults{}, func(t *testing.T, w *wire, _ *conditions) {
		big := make([]byte, 1<<20)
		for range 4 {
			send(t, w, string(big))
		}
		errs := make(chan error, 3)
		cut, ctx := make(chan struct{}), t.Context()
		ended, end := context.WithCancel(ctx)
		go func() { errs <- w.put(ctx, cut, big) }()
		synctest.Wait()
		if len(errs) != 0 {
			t.Fatal("a full wire took more")
		}
		close(cut)
		if err := <-errs; !errors.Is(err, errCut) {
			t.Errorf("put on a cut wire: %v", err)
		}
		go func() { errs <- w.put(ended, nil, big) }()
		synctest.Wait()
		end()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("put in an ended session: %v", err)
		}
		for range 3 {
			go func() { errs <- w.put(ctx, nil, big) }()
		}
		takeAll(t, w, 4)
		synctest.Wait()
		if len(errs) != 3 {
			t.Errorf("%d of 3 senders went on after there was room", len(errs))
		}
	})
}

func TestNobodyThere(t *testing.T) {
	bubble(t, Faults{}, func(t *testing.T, w *wire, _ *conditions) {
		w.attach(false)
		for range 6 {
			send(t, w, string(make([]byte, 1<<20)))
		}
		w.attach(true)
		if got := rest(w); len(got) != 4 || w.lost.Load() != 2 {
			t.Errorf("%d MiB kept and %d lost of 6, want 4 and 2", len(got), w.lost.Load())
		}
	})
}

func TestFreezeAndCut(t *testing.T) {
	bubble(t, Faults{Freeze: true}, func(t *testing.T, w *wire, c *conditions) {
		send(t, w, "a")
		got := make(chan error, 1)
		cut := make(chan struct{})
		take := func() {
			batch, err := w.take(t.Context(), cut, nil)
			if err == nil && string(batch[0]) != "a" {
				err = errors.New("not the frame")
			}
			got <- err
		}
		go take()
		time.Sleep(time.Hour)
		if len(got) != 0 {
			t.Fatal("something passed a frozen wire")
		}
		c.set(Faults{})
		if err := <-got; err != nil {
			t.Error(err)
		}
		go take()
		synctest.Wait()
		close(cut)
		if err := <-got; !errors.Is(err, errCut) {
			t.Errorf("take on a cut wire: %v", err)
		}
		c.set(Faults{Freeze: true})
		go take()
		if err := <-got; !errors.Is(err, errCut) {
			t.Errorf("take on a frozen and cut wire: %v", err)
		}
	})
}

func TestOwnFramesGoFirstAndLastOnesGoLast(t *testing.T) {
	bubble(t, Faults{RTT: time.Second, Up: Direction{Loss: 1}}, func(t *testing.T, w *wire, c *conditions) {
		send(t, w, "lost")
		c.set(Faults{RTT: time.Second})
		send(t, w, "a")
		c.set(Faults{RTT: time.Second, Up: Direction{Loss: 1}})
		w.last([]byte("end"))
		w.inject([]byte("pause"))
		if got := takeAll(t, w, 3); !slices.Equal(got, []string{"pause", "a", "end"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestFaultsByName(t *testing.T) {
	f, err := ParseFaults("rtt=20ms, loss=0.01,up-duplicate=0.5,freeze,bandwidth=1000,seed=3,throttled-api=true")
	if err != nil {
		t.Fatal(err)
	}
	want := Faults{RTT: 20 * time.Millisecond, Up: Direction{Loss: 0.01, Duplicate: 0.5}, Down: Direction{Loss: 0.01}, Freeze: true, Bandwidth: 1000, Seed: 3, ThrottledAPI: true}
	if f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	b, err := f.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var back Faults
	if err := back.UnmarshalJSON(b); err != nil || back != want {
		t.Errorf("%s came back as %+v, %v", b, back, err)
	}
	for _, bad := range []string{"nonsense", "loss=2", "loss=x", "loss=NaN", "rtt=20", "rtt=-1s", "bandwidth=-1", "freeze=maybe", "by=1s"} {
		if f, err := ParseFaults(bad); err == nil {
			t.Errorf("%q is read as %+v, want an error", bad, f)
		}
	}
	if err := back.UnmarshalJSON([]byte(`[1]`)); err == nil {
		t.Error("a JSON list is read as faults")
	}
}

func FuzzFaults(f *testing.F) {
	f.Add(`{"rtt":"20ms","loss":0.01,"freeze":true}`)
	f.Fuzz(func(t *testing.T, s string) {
		var a, b Faults
		if a.UnmarshalJSON([]byte(s)) != nil {
			return
		}
		text, err := a.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.UnmarshalJSON(text); err != nil || a != b {
			t.Errorf("%s became %s and %+v, %v", s, text, b, err)
		}
	})
}
