package forward

import (
	"context"

	"github.com/rdsx/rdsx/aws"
)

// Greeter is a Session through which the target was asked for its first words before it was handed over. Sessions that ask
// nothing are none.
type Greeter interface {
	// Greeted is closed once no more will be learnt.
	Greeted() <-chan struct{}
	// Greeting is what was learnt so far, nil for nothing; the error says why the target does not answer as it should.
	Greeting() (*aws.Server, error)
}

// unanswered notes why the target does not answer as it should. f.mu is held.
func (f *Forwarder) unanswered(s Session) {
	g, ok := s.(Greeter)
	if !ok || f.ending {
		return
	}
	if _, err := g.Greeting(); err != nil {
		f.note(aws.Event{Kind: aws.EventServer, Text: err.Error(), Next: aws.NextOf(err)})
	}
}

// greeted waits for what m's session learns of the target, and notes it. It says whether the session is one that asks. f.mu is
// held.
func (f *Forwarder) greeted(ctx context.Context, m *member) bool {
	g, ok := m.session.(Greeter)
	if !ok || f.ending {
		return ok
	}
	m.answer.asked = true
	f.running.Go(func() {
		select {
		case <-g.Greeted():
		case <-m.session.Done():
			return
		}
		server, err := g.Greeting()
		f.mu.Lock()
		defer f.mu.Unlock()
		if server == nil || err != nil {
			m.answer.asked = false
			return
		}
		f.hear(ctx, m, server)
	})
	return true
}
