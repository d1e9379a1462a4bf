package discover

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
)

// TestPoolBounds proves that neither the slots nor the share of one service are ever exceeded, and that nobody waits for ever.
func TestPoolBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(6, 1)
		var mu sync.Mutex
		all, most := 0, 0
		of, mostOf := map[string]int{}, 0
		var group sync.WaitGroup
		for n := range 60 {
			key := string(rune('a' + n%3))
			group.Go(func() {
				s, err := p.acquire(t.Context(), key, n)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all, of[key] = all+1, of[key]+1
				most, mostOf = max(most, all), max(mostOf, of[key])
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				all, of[key] = all-1, of[key]-1
				mu.Unlock()
				p.release(s, n%7 == 0)
			})
		}
		group.Wait()
		if most != 6 || mostOf > mostShare || p.free != 6 || len(p.waiting) != 0 {
			t.Errorf("%d at once, %d of one service, %d free, %d waiting", most, mostOf, p.free, len(p.waiting))
		}
	})
}

// TestPoolOrder proves that the first places go first, and that a throttled service gives way to others.
func TestPoolOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1)
		held, _ := p.acquire(t.Context(), "held", 0)
		var order []int
		var group sync.WaitGroup
		for _, rank := range []int{3, 1, 2} {
			group.Go(func() {
				s, err := p.acquire(t.Context(), "x", rank)
				if err == nil {
					order = append(order, rank)
					p.release(s, false)
				}
			})
			synctest.Wait()
		}
		p.release(held, true)
		group.Wait()
		if !slices.Equal(order, []int{1, 2, 3}) || p.shares["held"].limit != startShare/2 || p.shares["x"].limit <= startShare {
			t.Errorf("order %v, limits %v and %v", order, p.shares["held"].limit, p.shares["x"].limit)
		}
	})
}

// TestPoolCancelled proves that who goes away leaves no slot behind.
func TestPoolCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1)
		held, _ := p.acquire(t.Context(), "x", 0)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := p.acquire(ctx, "x", 0)
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		p.release(held, false)
		if p.free != 1 || len(p.waiting) != 0 || p.shares["x"].used != 0 {
			t.Errorf("%d free, %d waiting", p.free, len(p.waiting))
		}
	})
}

// TestFailures reads the code of an error wherever a service puts it.
func TestFailures(t *testing.T) {
	t.Parallel()
	jsonService, queryService := &smallAPI{}, &smallAPI{version: "2015-02-02"}
	for want, in := range map[string]struct {
		api          *smallAPI
		header, body string
	}{
		"AccessDeniedException": {jsonService, "AccessDeniedException:http://internal/", `{"message":"no"}`},
		"ThrottlingException":   {jsonService, "", `{"__type":"com.amazon.coral#ThrottlingException","Message":"no"}`},
		"ClusterNotFound":       {jsonService, "", `{"code":"ClusterNotFound","message":"no"}`},
		"UnknownError":          {jsonService, "", `<html>`},
		"AccessDenied": {
			queryService, "",
			`<ErrorResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
		},
	} {
		err := in.api.failure(http.Header{"X-Amzn-Errortype": {in.header}}, []byte(in.body))
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != want || (e.ErrorMessage() != "no") != (want == "UnknownError") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
