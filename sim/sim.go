// Package sim is AWS in a box: the APIs, the Session Manager gateway, an agent for every session and the faults of a bad
// network, in one process on loopback. Everything of rdsx is proved on it.
//
// A test starts one, points the SDK at it and asserts at the end that nothing was left open:
//
//	s, err := sim.Start(ctx, sim.Options{})
//	defer s.Close()
//	config, credentials, err := s.WriteConfig(t.TempDir())
//	cmd.Env = s.Env(config, credentials)
//	s.World().SetDial("orders.example.com:5432", listener.Addr().String())
//	…
//	if open := s.Sessions(); len(open) != 0 { t.Errorf("still open: %v", open) }
//
// A test that drives the simulator as another process uses its control endpoint, see ServeControl.
package sim

import (
	"context"
	"log/slog"
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
	HourlyClose time.Duration // a websocket this old is closed with 1000 Bye; 1 h when 0
	Idle        time.Duration // overrides the world's idle time-out when not 0
	MaxDuration time.Duration // overrides the world's maximum session duration when not 0
	TokenLife   time.Duration // a token not used within it is dead; 1 min when 0
	Pace        time.Duration // the agent's sleep after each message; 1 ms when 0, none when negative
	DialLimit   time.Duration // a dial nobody answers fails after it; 127 s when 0
	Unsigned    bool          // take websocket upgrades without a signature, as for plugins before 1.2.764.0
}

// Sim is a running simulator. Close it.
type Sim struct{}

// Start runs a simulator. It ends with Close, not with ctx.
func Start(ctx context.Context, o Options) (*Sim, error) { return &Sim{}, nil }

// World is the world behind the simulator; change it while it runs.
func (s *Sim) World() *world.World { return nil }

// URL is the endpoint of every AWS API and of the gateway, http(s)://127.0.0.1:PORT.
func (s *Sim) URL() string { return "" }

// CA is the PEM of the certificate authority, nil without TLS.
func (s *Sim) CA() []byte { return nil }

// WriteConfig writes config, credentials and (with TLS) ca.pem into dir: a profile for every user and role of the world,
// every service pointed at the simulator. Profiles of users are called ACCOUNT-USER, of roles ACCOUNT-ROLE; default is the
// first user.
func (s *Sim) WriteConfig(dir string) (configFile, credentialsFile string, err error) {
	return "", "", nil
}

// Env is the environment, NAME=VALUE, that points the SDK and the aws CLI at the simulator and nowhere else.
func (s *Sim) Env(configFile, credentialsFile string) []string { return nil }

// Sessions returns the sessions that are open. Tests assert that there are none at the end.
func (s *Sim) Sessions() []SessionInfo { return nil }

// AllSessions returns every session there was, oldest first, with its counters.
func (s *Sim) AllSessions() []SessionInfo { return nil }

// Faults returns the faults in force.
func (s *Sim) Faults() Faults { return Faults{} }

// SetFaults puts other faults in force, at once.
func (s *Sim) SetFaults(f Faults) {}

// CutClient breaks the client's websocket of a session without a close frame. id "" means all sessions, here and below. It
// returns how many there were.
func (s *Sim) CutClient(id string) int { return 0 }

// CutAgent breaks the agent's websocket; the agent comes back by itself after 100–200 ms.
func (s *Sim) CutAgent(id string) int { return 0 }

// CutBoth breaks both.
func (s *Sim) CutBoth(id string) int { return 0 }

// Freeze stops everything between clients and agents while every socket stays open; Thaw lets it go on.
func (s *Sim) Freeze() {}

// Thaw ends Freeze.
func (s *Sim) Thaw() {}

// Terminate ends a session as the service does, with a reason for the user.
func (s *Sim) Terminate(id, reason string) int { return 0 }

// Close ends every session, closes the listener and waits for everything.
func (s *Sim) Close() error { return nil }
