package discover

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
)

// wire answers every request with a denial once it is open, and notes the regions that were asked, each by its first request.
type wire struct {
	open  chan struct{}
	mu    sync.Mutex
	asked []string
	calls int
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	region := strings.Split(scope, "/")[2]
	w.mu.Lock()
	w.calls++
	if !slices.Contains(w.asked, region) {
		w.asked = append(w.asked, region)
	}
	w.mu.Unlock()
	select {
	case <-w.open:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	denial := `{"__type":"AccessDeniedException"}<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>`
	return &http.Response{StatusCode: 403, Header: http.Header{"X-Amzn-Errortype": {"AccessDeniedException"}}, Body: io.NopCloser(strings.NewReader(denial)), Request: r}, nil
}

// signIns gives credentials when the profile may have them, and counts how often it was asked.
type signIns struct {
	may   chan struct{}
	err   error
	deaf  bool // goes on when nobody waits any more
	asked atomic.Int32
}

func (s *signIns) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	s.asked.Add(1)
	gone := ctx.Done()
	if s.deaf {
		gone = nil
	}
	select {
	case <-s.may:
	case <-gone:
		return sdk.Credentials{}, ctx.Err()
	}
	return sdk.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "x"}, s.err
}

func freely() *signIns {
	s := &signIns{may: make(chan struct{})}
	close(s.may)
	return s
}

// at are places of a profile, in regions that are named after it.
func at(w *wire, profile string, s *signIns, regions ...string) (all []Place) {
	for _, region := range regions {
		all = append(all, Place{
			Config:  sdk.Config{Region: region, HTTPClient: w, Credentials: s},
			Account: aws.Account{ID: "123456789012", Profile: profile, Region: region},
		})
	}
	return all
}

// TestPlacesInOrder proves that places are asked in the user's order, that no more calls are made ready than the pool has use
// for, and that all are asked in the end.
func TestPlacesInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{open: make(chan struct{})}
		s := freely()
		regions := []string{"r-a", "r-b", "r-c", "r-d", "r-e", "r-f", "r-g", "r-h", "r-i", "r-j", "r-k", "r-l"}
		f := NewFleet(at(w, "one", s, regions...), Options{})
		ended := 0
		done := make(chan error)
		go func() {
			done <- f.Stream(t.Context(), func(r Result) {
				if r.Last {
					ended++
				}
			})
		}()
		synctest.Wait()
		if w.calls != 64 || !slices.IsSorted(w.asked) || !strings.HasPrefix(strings.Join(regions, " "), strings.Join(w.asked, " ")) {
			t.Errorf("%d calls at once, regions in the order %v", w.calls, w.asked)
		}
		lists := len(apis())
		if most := 64 + reserve + lists; f.pool.preparing != nil || len(f.pool.waiting)+w.calls > most || len(f.pool.entering) < len(regions)-most/lists-1 {
			t.Errorf("%d calls wait, %d places do", len(f.pool.waiting), len(f.pool.entering))
		}
		close(w.open)
		if err := <-done; err != nil || ended != len(regions) || !slices.Equal(w.asked, regions) || len(f.pool.entering) != 0 || f.pool.preparing != nil {
			t.Errorf("%v: %d places have ended, asked in the order %v", err, ended, w.asked)
		}
	})
}

// TestSlowSignIn proves that a profile that waits for its user holds up nobody, and is asked once when the user gives none.
func TestSlowSignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{open: make(chan struct{})}
		close(w.open)
		slow := &signIns{may: make(chan struct{}), err: errors.New("no code was typed")}
		places := append(at(w, "slow", slow, "r-a", "r-b"), at(w, "quick", freely(), "r-c", "r-d")...)
		g := NewGathering()
		var ended []int
		done := make(chan error)
		go func() {
			done <- NewFleet(places, Options{}).Stream(t.Context(), func(r Result) {
				g.Add(r)
				if r.Last {
					ended = append(ended, r.Place)
				}
			})
		}()
		time.Sleep(time.Minute) // of the test's own clock
		synctest.Wait()
		slices.Sort(ended)
		if !slices.Equal(ended, []int{2, 3}) {
			t.Errorf("while the first profile signs in, of places 2 and 3 have ended %v", ended)
		}
		close(slow.may)
		if err := <-done; err != nil || slow.asked.Load() != 1 {
			t.Errorf("%v: the sign-in was asked for %d times", err, slow.asked.Load())
		}
		for _, inv := range g.Inventories() {
			if inv.Account.Profile != "slow" {
				continue
			}
			if err := inv.Failure(); err == nil || !strings.Contains(err.Error(), "no code was typed") {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestPlacesGiveUp proves that a search that is left early, also before a sign-in has ended, holds up no later one.
func TestPlacesGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{open: make(chan struct{})}
		deaf := &signIns{may: make(chan struct{}), deaf: true}
		f := NewFleet(append(at(w, "one", freely(), "r-a", "r-b", "r-c", "r-d", "r-e", "r-f"), at(w, "deaf", deaf, "r-g", "r-h")...), Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Stream(ctx, func(Result) {}) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(deaf.may)
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		close(w.open)
		if err := f.Stream(t.Context(), func(Result) {}); err != nil || len(w.asked) != 8 {
			t.Errorf("%v: after that %v were asked", err, w.asked)
		}
	})
}
