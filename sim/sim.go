// Package sim is AWS in a box: the APIs, the Session Manager gateway, an agent for every session and the faults of a bad
// network, in one process on loopback. Everything of rdsx is proved on it.
//
// A test starts one, points the SDK at it and asserts at the end that nothing was left open:
//
//	s, err := sim.Start(ctx, sim.Options{})
//	defer s.Close()
//	config, credentials, err := s.WriteConfig(t.TempDir())
//	cmd.Env = s.Env(config, credentials)
//	err = s.World().SetDial("orders.example.com:5432", listener.Addr().String())
//	…
//	if open := s.Sessions(); len(open) != 0 { t.Errorf("still open: %v", open) }
//
// Where the instance itself is the target (AWS-StartPortForwardingSession), the dial's name is INSTANCE-ID:PORT. What the
// gateway does where the real one's ways are unknown is said in package gateway, what the agent does in package agent.
//
// A test that drives the simulator as another process uses its control endpoint, on the same address:
//
//	GET  /sim/sessions            open sessions and their counters; ?all=true for those of the past, too
//	GET  /sim/faults              the faults in force
//	POST /sim/faults              {"rtt":"20ms","loss":0.01,"fail-resumes":3}: these and no others from now on
//	POST /sim/freeze              {"freeze":true}: nothing passes until {"freeze":false}; the other faults stay
//	POST /sim/cut                 {"session":"","side":"client|agent|both|agent-in-ack|bye"}: "" is all; answers {"cut":n}
//	POST /sim/terminate           {"session":"","reason":"…"}: answers {"terminated":n}
//	POST /sim/dials               {"db.example.com:5432":"127.0.0.1:41234"}: as World.SetDial
//	GET, POST /sim/signins        the sign-ins to portals, and who confirms them: see signInControl
//	GET  /sim/mfa?serial=ARN      the code that an MFA device shows now
package sim

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rdsx/rdsx/sim/api"
	"github.com/rdsx/rdsx/sim/gateway"
	"github.com/rdsx/rdsx/sim/world"
)

// Faults are what can be wrong between client and agent.
type Faults = gateway.Faults

// Direction is what happens to frames in one direction.
type Direction = gateway.Direction

// SessionInfo is one session with its counters.
type SessionInfo = gateway.Info

// Options shape a simulator. The zero value is useful: the default world on a free loopback port, without faults.
type Options struct {
	World  *world.World // world.Default() when nil
	Listen string       // "127.0.0.1:0" when empty
	TLS    bool         // https and wss with a throw-away CA, see CA
	Log    *slog.Logger // nil is silent

	Faults      Faults
	Latency     time.Duration // of every API call
	Throttle    api.Throttle  // nil never throttles
	Pages       int           // the most rows of an API's page; 0 for as many as AWS gives
	Remember    bool          // make each answer of an API once, until the world changes: for measurements
	HourlyClose time.Duration // a websocket this old is closed with 1000 Bye; 1 h when 0
	Idle        time.Duration // overrides the world's idle time-out when not 0
	MaxDuration time.Duration // overrides the world's maximum session duration when not 0
	TokenLife   time.Duration // a token not used within it is dead; 1 min when 0
	Pace        time.Duration // the agent's sleep after each message; 1 ms when 0, none when negative
	DialLimit   time.Duration // a dial nobody answers fails after it; 127 s when 0
	Unsigned    bool          // take websocket upgrades without a signature, as for plugins before 1.2.764.0
}

// Sim is a running simulator. Close it.
type Sim struct {
	world    *world.World
	api      *api.API
	gateway  *gateway.Gateway
	server   *http.Server
	url      string
	ca       []byte
	throttle api.Throttle
	done     chan struct{} // closed when the server has ended

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // requests
}

// Start runs a simulator. It ends with Close, not with ctx.
func Start(ctx context.Context, o Options) (*Sim, error) {
	var err error
	if o.World == nil {
		if o.World, err = world.Default(); err != nil {
			return nil, fmt.Errorf("make the default world: %w", err)
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated AWS: %w", err)
	}
	s := &Sim{world: o.World, url: "http://" + l.Addr().String(), throttle: o.Throttle, done: make(chan struct{})}
	if o.TLS {
		cert, ca, err := certificate()
		if err != nil {
			_ = l.Close()
			return nil, err
		}
		s.ca, s.url = ca, "https://"+l.Addr().String()
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12})
	}
	s.build(o)
	go func() {
		defer close(s.done)
		err := s.server.Serve(gateway.Batch(l))
		o.Log.Debug("sim: server ended", "err", err)
	}()
	return s, nil
}

// build makes the parts and joins them.
func (s *Sim) build(o Options) {
	keys := api.NewKeys(o.World, nil)
	verify := func(r *http.Request) error { return s.api.MayOpen(r) }
	if o.Unsigned {
		verify = nil
	}
	s.gateway = gateway.New(gateway.Options{
		World: o.World, Verify: verify, Log: o.Log,
		HourlyClose: o.HourlyClose, Idle: o.Idle, MaxDuration: o.MaxDuration, TokenLife: o.TokenLife,
		Pace: o.Pace, DialLimit: o.DialLimit, Faults: o.Faults,
	})
	s.gateway.SetURL(s.url)
	s.api = api.New(o.World, s.gateway, api.Options{Keys: keys, Latency: o.Latency, Throttle: s.throttled, Fail: s.failing, Pages: o.Pages, Remember: o.Remember, Log: o.Log})
	mux := http.NewServeMux()
	mux.Handle("/v1/data-channel/", s.gateway)
	mux.Handle("/sim/", s.control())
	mux.Handle("/", s.api)
	s.server = &http.Server{
		Handler:           s.counted(mux),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
}

// counted lets Close wait for requests, which http.Server.Close does not.
func (s *Sim) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.running.Add(1)
		}
		s.mu.Unlock()
		if closed {
			http.Error(w, "the simulator is closed", http.StatusServiceUnavailable)
			return
		}
		defer s.running.Done()
		next.ServeHTTP(w, r)
	})
}

// throttled asks the faults before it asks Options.Throttle.
func (s *Sim) throttled(at world.Place, op string) bool {
	return s.gateway.Throttled(op) || s.throttle != nil && s.throttle(at, op)
}

var errInternal = errors.New("the simulator was told to fail here")

func (s *Sim) failing(_ world.Place, op string) error {
	switch {
	case s.gateway.Expired(op):
		return &api.SignatureError{Fault: api.Expired}
	case s.gateway.Failing(op):
		return errInternal
	}
	return nil
}

// World is the world behind the simulator; change it while it runs.
func (s *Sim) World() *world.World { return s.world }

// URL is the endpoint of every AWS API and of the gateway, http(s)://127.0.0.1:PORT.
func (s *Sim) URL() string { return s.url }

// CA is the PEM of the certificate authority, nil without TLS.
func (s *Sim) CA() []byte { return s.ca }

// SetThrottle changes what throttles API calls besides the faults; nil is nothing. Not for while requests run.
func (s *Sim) SetThrottle(t api.Throttle) { s.throttle = t }

// SetLatency changes how long each API call takes.
func (s *Sim) SetLatency(d time.Duration) { s.api.SetLatency(d) }

// Asked returns what the policies of callers were asked since the last call of it, oldest first.
func (s *Sim) Asked() []api.Asked { return s.api.Asked() }

// Sessions returns the sessions that are open. Tests assert that there are none at the end.
func (s *Sim) Sessions() []SessionInfo { return s.gateway.Sessions() }

// AllSessions returns every session there was, oldest first, with its counters.
func (s *Sim) AllSessions() []SessionInfo { return s.gateway.All() }

// Faults returns the faults in force.
func (s *Sim) Faults() Faults { return s.gateway.Faults() }

// SetFaults puts other faults in force, at once. Those of the handshake hold for sessions started later.
func (s *Sim) SetFaults(f Faults) { s.gateway.SetFaults(f) }

// UpdateFaults changes the faults in force and keeps the others. change is to be short and call nothing of the simulator.
func (s *Sim) UpdateFaults(change func(*Faults)) { s.gateway.UpdateFaults(change) }

// CutClient breaks the client's websocket of a session without a close frame. id "" means all sessions, here and below. It
// returns how many there were.
func (s *Sim) CutClient(id string) int { return s.gateway.CutClient(id) }

// CutAgent breaks the agent's websocket. The agent comes back by itself after some 20 ms, and what it sent meanwhile it sends
// again at ten messages a second.
func (s *Sim) CutAgent(id string) int { return s.gateway.CutAgent(id) }

// CutAgentInAck breaks it between the delivery of a message and its acknowledgement: bug B4 of docs/protocol.md §1.6, every time.
func (s *Sim) CutAgentInAck(id string) int { return s.gateway.CutAgentInAck(id) }

// SpareAgent takes CutAgentInAck back where it has not happened yet.
func (s *Sim) SpareAgent(id string) { s.gateway.SpareAgent(id) }

// CutBoth breaks both.
func (s *Sim) CutBoth(id string) int { return max(s.CutAgent(id), s.CutClient(id)) }

// CloseClient closes the client's websocket with 1000 Bye, as the service does each hour.
func (s *Sim) CloseClient(id string) int { return s.gateway.CloseClient(id) }

// Freeze stops everything between clients and agents while every socket stays open; Thaw lets it go on.
func (s *Sim) Freeze() { s.freeze(true) }

// Thaw ends Freeze.
func (s *Sim) Thaw() { s.freeze(false) }

func (s *Sim) freeze(on bool) {
	s.gateway.UpdateFaults(func(f *Faults) { f.Freeze = on })
}

// Terminate ends a session as the service does, with a reason for the user.
func (s *Sim) Terminate(id, reason string) int { return s.gateway.End(id, reason) }

// Close ends every session, closes the listener and waits for everything.
func (s *Sim) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.gateway.Close()
	if closed := s.server.Close(); err == nil {
		err = closed
	}
	<-s.done
	s.running.Wait()
	return err
}
