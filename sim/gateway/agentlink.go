package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/sim/agent"
	"github.com/rdsx/rdsx/sim/frame"
)

// reconnect is what the agent needs for CreateDataChannel and an upgrade. What it sends meanwhile is lost to the ten
// retransmissions a second (docs/protocol.md §2, "agent websocket cut").
const reconnect = 20 * time.Millisecond

var errAgentDown = errors.New("gateway cannot be reached")

// agentLink is the agent's websocket: it joins the wires to the agent, and can be cut.
type agentLink struct {
	s        *session
	cutInAck atomic.Bool // the next acknowledgement is the last thing that happens
	lost     atomic.Bool

	mu   sync.Mutex
	gone chan struct{} // closed by cut; nil before the first Open
}

func newAgentLink(s *session) *agentLink {
	l := &agentLink{s: s}
	l.lost.Store(true)
	return l
}

// Open implements agent.Link.
func (l *agentLink) Open(ctx context.Context) error {
	l.mu.Lock()
	again := l.gone != nil
	l.mu.Unlock()
	if l.s.over() {
		return agent.ErrTerminated
	}
	f := l.s.g.faults.Load()
	if again && !pause(ctx, reconnect+f.RTT/4) {
		return ctx.Err()
	}
	if again && f.AgentDown {
		return errAgentDown
	}
	l.mu.Lock()
	l.gone = make(chan struct{})
	l.lost.Store(false)
	l.mu.Unlock()
	l.s.up.attach(true)
	if again && l.s.current() != nil {
		l.s.down.inject(startFrame())
	}
	return nil
}

// cut breaks the websocket. What the agent has not read yet of its last batch is lost with it.
func (l *agentLink) cut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost.Swap(true) {
		return false
	}
	close(l.gone)
	l.s.up.attach(false)
	l.s.spill()
	if l.s.current() != nil {
		l.s.down.inject(pauseFrame())
	}
	return true
}

func (l *agentLink) broken() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// Lost implements agent.Link.
func (l *agentLink) Lost() bool { return l.lost.Load() }

// Send implements agent.Link.
func (l *agentLink) Send(ctx context.Context, f []byte) error {
	if l.lost.Load() {
		return errCut
	}
	switch frame.Kind(f) {
	case frame.SessionState:
		return nil // for the service, not for the client
	case frame.Acknowledge:
		if l.cutInAck.Load() && l.cutInAck.CompareAndSwap(true, false) {
			l.cut()
			return errCut
		}
	}
	return l.s.down.put(ctx, l.broken(), f)
}

// Receive implements agent.Link.
func (l *agentLink) Receive(ctx context.Context, buf [][]byte) ([][]byte, error) {
	if l.lost.Load() {
		return buf, errCut
	}
	return l.s.up.take(ctx, l.broken(), buf)
}

// tell sends the agent a frame of the service's own.
func (l *agentLink) tell(f []byte) { l.s.up.inject(f) }
