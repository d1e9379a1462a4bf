package session

import "context"

// Drain waits until the agent has acknowledged everything that was written to connections, closed ones among them: Close tells
// the agent to end the session before it sends what is still queued. ctx ends the wait.
func (s *Session) Drain(ctx context.Context) error {
	c := s.channel
	drained := make(chan struct{})
	c.sender.drain(func() { close(drained) })
	c.signal() // there may be nothing to send
	select {
	case <-drained:
		return nil
	case <-c.done:
		return c.reason()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain has f called once nothing is left to send or to be acknowledged.
func (s *sender) drain(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drains = append(s.drains, f)
}

// settled looks whether that is so, after take has given nothing.
func (s *sender) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.drains) == 0 || !s.empty || s.kept > 0 || len(s.controls) > 0 {
		return
	}
	for _, f := range s.drains {
		f()
	}
	s.drains = nil
}
