package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/sim/agent"
	"github.com/rdsx/rdsx/sim/frame"
	"github.com/rdsx/rdsx/sim/world"
)

// The reasons that the service gives in channel_closed.
const (
	reasonIdle = "Your session timed out due to inactivity."
	reasonMax  = "Your session reached its maximum duration."
)

// session is one session: two wires, an agent, and at most one client at a time.
type session struct {
	g       *Gateway
	in      world.StartInput
	node    world.Instance
	started time.Time
	up      *wire // client to agent
	down    *wire
	agent   *agentLink
	count   agent.Counters
	resumes atomic.Uint64
	input   atomic.Int64  // when the client last sent a stream message, ns since started
	done    chan struct{} // closed when the session is over

	mu     sync.Mutex
	status world.SessionStatus
	reason string
	ended  time.Time
	tokens map[string]time.Time // unused ones, and when they die
	client *client
}

func newSession(g *Gateway, in world.StartInput) *session {
	s := &session{
		g: g, in: in, started: time.Now(),
		up: newWire(g.faults, true, g.nap), down: newWire(g.faults, false, g.nap),
		done:   make(chan struct{}),
		status: world.StatusConnecting,
		tokens: map[string]time.Time{},
	}
	s.node, _, _ = g.o.World.Instance(in.Target)
	s.agent = newAgentLink(s)
	return s
}

// run is the life of the session's agent. It ends with the session.
func (s *session) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer cancel()
		s.watch(ctx)
	})
	if !pause(ctx, s.node.ConnectTime) {
		return
	}
	f := s.g.faults.Load()
	output := agent.Run(ctx, agent.Config{
		SessionID:    s.in.ID,
		AgentVersion: s.node.AgentVersion,
		Properties:   s.in.Properties,
		Network:      newNetwork(s),
		Log:          s.g.o.Log,
		Pace:         s.g.o.Pace,
		Nap:          s.g.nap,
		Silent:       f.HandshakeSilent,
		Refuse:       f.HandshakeRefused,
	}, s.agent, &s.count)
	status := world.StatusTerminated
	if strings.HasPrefix(output, "Encountered error") {
		status = world.StatusFailed
	}
	s.end(status, output)
}

// watch ends the session when its time is over, and returns when it is over for any reason.
func (s *session) watch(ctx context.Context) {
	for {
		wait, reason := 24*time.Hour, ""
		if s.in.Max > 0 {
			wait, reason = s.in.Max-time.Since(s.started), reasonMax
		}
		if s.in.Idle > 0 {
			if left := s.in.Idle - time.Since(s.started) + time.Duration(s.input.Load()); left < wait {
				wait, reason = left, reasonIdle
			}
		}
		if wait <= 0 {
			s.end(world.StatusTerminated, reason)
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-s.done:
			t.Stop()
			return
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// end finishes the session once: the client is told why, the agent is stopped.
func (s *session) end(status world.SessionStatus, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.status.Active() {
		return
	}
	s.status, s.reason, s.ended = status, reason, time.Now()
	close(s.done)
	if s.client != nil {
		s.down.last(s.closedFrame())
	}
	s.g.o.Log.Info("gateway: session over", "session", s.in.ID, "status", string(status), "reason", reason)
}

// closedFrame is the channel_closed message. The caller holds mu.
func (s *session) closedFrame() []byte {
	id := rand.Text()
	payload, err := json.Marshal(struct {
		MessageId, CreatedDate, DestinationId, SessionId, MessageType string //nolint:revive // the wire's spelling
		SchemaVersion                                                 int
		Output                                                        string
	}{id, time.Now().UTC().Format(time.RFC3339), s.in.Target, s.in.ID, frame.Closed, 1, s.reason})
	if err != nil {
		payload = []byte("{}") // strings and an int always marshal
	}
	return controlFrame(frame.Closed, payload)
}

func controlFrame(kind string, payload []byte) []byte {
	m := frame.Message{Type: kind, Schema: 1, Created: uint64(time.Now().UnixMilli()), Flags: frame.SYN | frame.FIN, Payload: payload}
	_, _ = rand.Read(m.ID[:]) // never fails
	return frame.Append(nil, &m)
}

// pauseFrame and startFrame have no payload; one of them comes with a header length of 0, as it may (docs/protocol.md §1.2).
func pauseFrame() []byte { return controlFrame(frame.Pause, nil) }

func startFrame() []byte {
	f := controlFrame(frame.Start, nil)
	clear(f[:4])
	return f
}

func (s *session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.status.Active()
}

func (s *session) current() *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

func (s *session) cutClient() bool {
	c := s.current()
	if c != nil {
		c.drop()
		s.spill()
	}
	return c != nil
}

// spill loses what is under way, when cuts do that.
func (s *session) spill() {
	if s.g.faults.Load().CutLoses {
		s.up.drop()
		s.down.drop()
	}
}

func (s *session) newToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := rand.Text() + rand.Text()
	s.tokens[token] = time.Now().Add(s.g.o.TokenLife)
	return token
}

// redeem says whether the token is good, and takes it out of use.
func (s *session) redeem(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	dies, ok := s.tokens[token]
	delete(s.tokens, token)
	return ok && time.Now().Before(dies) && !s.g.faults.Load().TokenRefused &&
		!s.g.faults.spend(func(f *Faults) *int { return &f.RefuseTokens })
}

// attach makes c the session's client in place of the one before. A session that is over only says so.
func (s *session) attach(c *client) {
	s.mu.Lock()
	before := s.client
	s.client = c
	switch {
	case !s.status.Active():
		s.down.last(s.closedFrame())
	case s.status != world.StatusConnecting:
		s.resumes.Add(1)
		s.status = world.StatusConnected
		s.agent.tell(startFrame())
	default:
		s.status = world.StatusConnected
	}
	s.mu.Unlock()
	if before != nil {
		before.drop()
		<-before.written
	}
	s.down.attach(true)
}

func (s *session) detach(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != c {
		return
	}
	s.client = nil
	s.down.attach(false)
	if s.status == world.StatusConnected {
		s.status = world.StatusDisconnected
		s.agent.tell(pauseFrame())
	}
}

func (s *session) listed() world.SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return world.SessionInfo{StartInput: s.in, Status: s.status, Start: s.started, End: s.ended}
}

func (s *session) info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Info{
		ID: s.in.ID, Instance: s.in.Target, Document: s.in.Document, Properties: s.in.Properties,
		Status: string(s.status), Reason: s.reason, Started: s.started,
		ClientVersion: clientVersion(&s.count), AgentVersion: s.node.AgentVersion, Mux: s.count.Mux.Load(),
		Client: s.client != nil, Agent: !s.agent.Lost(), Connections: int(s.count.Connections.Load()),
		Counters: s.counters(),
	}
}
