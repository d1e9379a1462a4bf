package account

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Shared is what the configurations of one process have in common: two that want the same sign-in wait for each other, and
// the second finds it in the cache. So one MFA device is asked once, however many profiles need it. A nil Shared works for one
// configuration alone; the zero value is ready for use.
type Shared struct {
	mu    sync.Mutex
	turns map[string]chan struct{} // one slot each: who fills it has the turn
	fails map[string]failedTurn    // the last failure of each
}

// failedTurn is a turn that gave nothing, for those who waited for it.
type failedTurn struct {
	at  time.Time
	err error
}

// failed remembers why the turn of name gave nothing, and returns it.
func (s *Shared) failed(name string, err error) error {
	if s == nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails == nil {
		s.fails = map[string]failedTurn{}
	}
	s.fails[name] = failedTurn{time.Now(), err}
	return err
}

// failedSince is the failure of a turn that ended after somebody began to wait for it: who has said no once is not asked again
// by all who stand behind.
func (s *Shared) failedSince(name string, waiting time.Time) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.fails[name]; f.at.After(waiting) {
		return f.err
	}
	return nil
}

// lock waits for the turn of name, or for the end of ctx. unlock gives it back.
func (s *Shared) lock(ctx context.Context, name string) (unlock func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	s.mu.Lock()
	if s.turns == nil {
		s.turns = map[string]chan struct{}{}
	}
	turn, ok := s.turns[name]
	if !ok {
		turn = make(chan struct{}, 1)
		s.turns[name] = turn
	}
	s.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// accountOfARN is the account id in an ARN, or "".
func accountOfARN(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}
