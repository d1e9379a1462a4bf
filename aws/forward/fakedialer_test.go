package forward

import (
	"context"
	"fmt"
	"sync"
)

// fakeDialer opens the sessions that make gives, numbered from 1.
type fakeDialer struct {
	mu     sync.Mutex
	opened []*fakeSession
	calls  int
	make   func(ctx context.Context, n int) (*fakeSession, error)
}

// sessions opens one session after the other, each set up by with.
func sessions(with func(*fakeSession)) *fakeDialer {
	return &fakeDialer{make: func(_ context.Context, n int) (*fakeSession, error) {
		s := newSession(fmt.Sprintf("s-%d", n))
		if with != nil {
			with(s)
		}
		return s, nil
	}}
}

func (d *fakeDialer) Open(ctx context.Context) (Session, error) {
	d.mu.Lock()
	d.calls++
	n := d.calls
	d.mu.Unlock()
	s, err := d.make(ctx, n)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened = append(d.opened, s)
	if s.carrier != nil {
		return carried{s}, nil
	}
	if s.greet != nil {
		return greeter{s, s.greet}, nil
	}
	return s, nil
}

func (d *fakeDialer) tries() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// all are the sessions opened so far, the first being number 0.
func (d *fakeDialer) all() []*fakeSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*fakeSession(nil), d.opened...)
}
