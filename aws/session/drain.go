package session

import "context"

// Drain waits until the agent has acknowledged everything that was written to connections, and until those that were closed in
// order are over at the target: Close tells the agent to end the session before it sends what is still queued, and the agent then
// drops what it has not written yet. ctx ends the wait.
func (s *Session) Drain(ctx context.Context) error {
	c := s.channel
	drained := make(chan struct{})
	c.sender.drain(func() { close(drained) })
	c.signal() // there may be nothing to send
	if err := c.await(ctx, drained); err != nil {
		return err
	}
	return c.await(ctx, c.session().Closed())
}

// await waits for something that the channel's end prevents.
func (c *channel) await(ctx context.Context, over <-chan struct{}) error {
	select {
	case <-over:
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
