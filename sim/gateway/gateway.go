// Package gateway is the simulated Message Gateway Service: the websocket end of every session, and the two wires, faults
// included, that join it to an agent (docs/protocol.md §1.1).
//
// Where the real service's behaviour is unknown ([I] in docs/protocol.md) it does this: an upgrade for an unknown session is 404,
// and so is one without every query parameter of the StreamURL; a bad, used or late token is answered by close 1008 without a
// frame before it; a second websocket with a new token takes the place of the first; a session that is over says so in
// channel_closed to whoever still holds a good token, and closes with 1000; while one side is away the other gets
// pause_publication, then start_publication; frames for a side that is away wait, 4 MiB of them, and more are lost.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// Options shape a Gateway. Zero durations mean the default.
type Options struct {
	World  *world.World
	Verify func(*http.Request) error // checks the signature of a websocket upgrade; nil takes any
	Log    *slog.Logger              // nil is silent

	HourlyClose time.Duration // a websocket this old is closed with 1000 Bye; 1 h
	Idle        time.Duration // overrides the world's idle time-out
	MaxDuration time.Duration // overrides the world's maximum session duration
	TokenLife   time.Duration // a token not used within it is dead; 1 min
	Pace        time.Duration // the agent's sleep after each message; 1 ms, negative for none
	DialLimit   time.Duration // a dial nobody answers fails after it; 127 s
	Faults      Faults
}

// closeLimit is how long Close waits for the clients.
const closeLimit = 500 * time.Millisecond

// Gateway serves the data channels of all sessions. It implements the API's Sessions.
type Gateway struct {
	o      Options
	faults *conditions
	naps   napper
	nap    func(time.Duration)
	ctx    context.Context // the life of the gateway, which sessions started by any request share
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	url      string
	closed   bool
	order    []*session
	sessions map[string]*session
}

// New makes a gateway that has no session yet. Close it.
func New(o Options) *Gateway {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	fill(&o.HourlyClose, time.Hour)
	fill(&o.TokenLife, time.Minute)
	fill(&o.DialLimit, 127*time.Second) // tcp_syn_retries 6
	g := &Gateway{o: o, faults: newConditions(o.Faults), sessions: map[string]*session{}}
	g.nap = g.naps.nap
	g.ctx, g.cancel = context.WithCancelCause(context.Background())
	return g
}

func fill(d *time.Duration, or time.Duration) {
	if *d == 0 {
		*d = or
	}
}

// SetURL says where the gateway can be reached, as http(s)://host:port: StreamURLs are made of it.
func (g *Gateway) SetURL(base string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.url = "ws" + strings.TrimPrefix(base, "http")
}

// streamURL has a second parameter, as the service's may: a client has to keep it.
func (g *Gateway) streamURL(id string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.url + dataChannel + url.PathEscape(id) + "?role=publish_subscribe&cell-number=" + cellNumber
}

var errClosed = errors.New("gateway is closed")

// Start opens a session and starts its agent.
func (g *Gateway) Start(_ context.Context, in world.StartInput) (world.StartOutput, error) {
	if g.o.Idle != 0 {
		in.Idle = g.o.Idle
	}
	if g.o.MaxDuration != 0 {
		in.Max = g.o.MaxDuration
	}
	s := newSession(g, in)
	token := s.newToken()
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return world.StartOutput{}, errClosed
	}
	g.sessions[in.ID] = s
	g.order = append(g.order, s)
	g.wg.Add(1)
	g.mu.Unlock()
	go func() {
		defer g.wg.Done()
		s.run(g.ctx)
	}()
	return world.StartOutput{Token: token, StreamURL: g.streamURL(in.ID)}, nil
}

// Resume gives a session a new token, "" when it is over or unknown.
func (g *Gateway) Resume(_ context.Context, id string) (token, streamURL string, err error) {
	s := g.find(id)
	if s == nil || s.over() || g.faults.Load().ResumeRefused || g.faults.spend(func(f *Faults) *int { return &f.RefuseResumes }) {
		return "", "", nil
	}
	return s.newToken(), g.streamURL(id), nil
}

// Terminate ends a session. Ending one that is over is no error.
func (g *Gateway) Terminate(_ context.Context, id string) error {
	if s := g.find(id); s != nil {
		s.end(world.StatusTerminated, "")
	}
	return nil
}

func (g *Gateway) find(id string) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sessions[id]
}

// chosen returns the session with that id if it is open, or with "" all open ones.
func (g *Gateway) chosen(id string) []*session {
	var open []*session
	for _, s := range g.all() {
		if (id == "" || s.in.ID == id) && !s.over() {
			open = append(open, s)
		}
	}
	return open
}

func (g *Gateway) all() []*session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*session(nil), g.order...)
}

// List returns every session, oldest first.
func (g *Gateway) List() []world.SessionInfo {
	var list []world.SessionInfo
	for _, s := range g.all() {
		list = append(list, s.listed())
	}
	return list
}

// Sessions returns the sessions that are open.
func (g *Gateway) Sessions() []Info {
	var open []Info
	for _, s := range g.chosen("") {
		open = append(open, s.info())
	}
	return open
}

// All returns every session with its counters, oldest first.
func (g *Gateway) All() []Info {
	var all []Info
	for _, s := range g.all() {
		all = append(all, s.info())
	}
	return all
}

// Faults returns the faults in force; of those that are counted down, what is left.
func (g *Gateway) Faults() Faults { return *g.faults.Load() }

// SetFaults puts other faults in force.
func (g *Gateway) SetFaults(f Faults) { g.faults.set(f) }

// UpdateFaults changes the faults in force. change is to be short and call nothing of the gateway.
func (g *Gateway) UpdateFaults(change func(*Faults)) { g.faults.update(change) }

// Throttled says whether a call of the API, such as ssm:StartSession, is to be refused as throttled.
func (g *Gateway) Throttled(op string) bool {
	switch {
	case g.faults.Load().ThrottledAPI:
		return true
	case op == "ssm:ResumeSession":
		return g.faults.spend(func(f *Faults) *int { return &f.ThrottleResumes })
	case op == "ssm:StartSession":
		return g.faults.spend(func(f *Faults) *int { return &f.ThrottleStarts })
	}
	return false
}

// Failing says whether a call of the API is to be answered 500.
func (g *Gateway) Failing(op string) bool {
	switch op {
	case "ssm:ResumeSession":
		return g.faults.spend(func(f *Faults) *int { return &f.FailResumes })
	case "ssm:StartSession":
		return g.faults.spend(func(f *Faults) *int { return &f.FailStarts })
	}
	return false
}

// Expired says whether a call of the API is to find its credentials expired.
func (g *Gateway) Expired(op string) bool {
	return strings.HasPrefix(op, "ssm:") && g.faults.spend(func(f *Faults) *int { return &f.ExpireCredentials })
}

// CutClient breaks the client's websocket, without a close frame. id "" means all sessions. It returns how many were cut.
func (g *Gateway) CutClient(id string) int {
	n := 0
	for _, s := range g.chosen(id) {
		if s.cutClient() {
			n++
		}
	}
	return n
}

// CutAgent breaks the agent's websocket; the agent comes back by itself.
func (g *Gateway) CutAgent(id string) int {
	n := 0
	for _, s := range g.chosen(id) {
		if s.agent.cut() {
			n++
		}
	}
	return n
}

// CutAgentInAck breaks the agent's websocket at the worst moment, when the next message is delivered and its acknowledgement
// is not yet sent: bug B4 of docs/protocol.md §1.6, every time.
func (g *Gateway) CutAgentInAck(id string) int {
	all := g.chosen(id)
	for _, s := range all {
		s.agent.cutInAck.Store(true)
	}
	return len(all)
}

// SpareAgent takes CutAgentInAck back where it has not happened yet.
func (g *Gateway) SpareAgent(id string) {
	for _, s := range g.chosen(id) {
		s.agent.cutInAck.Store(false)
	}
}

// CloseClient closes the client's websocket as the service does each hour: close 1000, "Bye".
func (g *Gateway) CloseClient(id string) int {
	n := 0
	for _, s := range g.chosen(id) {
		if c := s.current(); c != nil {
			c.bye()
			n++
		}
	}
	return n
}

// End closes sessions as the service would, with a reason for the user. id "" means all.
func (g *Gateway) End(id, reason string) int {
	all := g.chosen(id)
	for _, s := range all {
		s.end(world.StatusTerminated, reason)
	}
	return len(all)
}

// Close ends every session, gives clients a moment to hear of it, breaks every websocket and waits for all goroutines.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	patience := time.NewTimer(closeLimit)
	defer patience.Stop()
	for _, s := range g.chosen("") {
		c := s.current()
		s.end(world.StatusTerminated, "")
		if c == nil {
			continue
		}
		select {
		case <-c.gone:
		case <-patience.C:
			patience.Reset(0)
		}
	}
	g.cancel(errClosed)
	g.wg.Wait()
	g.naps.close()
	return nil
}
