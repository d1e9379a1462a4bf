// Package gateway is the simulated Message Gateway Service: the websocket end of every session, and the two wires, faults
// included, that join it to an agent (PROTOCOL.md §1.1).
package gateway

import (
	"context"
	"log/slog"
	"net/http"
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

// Gateway serves the data channels of all sessions. It implements the API's Sessions.
type Gateway struct{}

// Counters are what a session has done so far. They only grow.
type Counters struct {
	Sent        uint64 `json:"sent_messages"`     // stream messages of the agent, retransmissions not counted
	SentBytes   uint64 `json:"sent_bytes"`        // their payload
	Received    uint64 `json:"received_messages"` // stream messages the agent accepted in order
	RecvBytes   uint64 `json:"received_bytes"`    // their payload
	Duplicates  uint64 `json:"duplicates"`        // messages that reached the agent again, and were acknowledged again
	OutOfOrder  uint64 `json:"out_of_order"`      // messages the agent had to buffer
	Retransmits uint64 `json:"retransmits"`       // messages the agent sent again
	Early       uint64 `json:"early"`             // acknowledged and thrown away: before HandshakeComplete
	NotReady    uint64 `json:"not_ready"`         // neither acknowledged nor kept: before the port handler was up
	Repeated    uint64 `json:"repeated"`          // delivered although their acknowledgement failed (bug B4)
	Acks        uint64 `json:"acks"`              // acknowledgements the agent sent
	Pauses      uint64 `json:"pauses"`            // pause_publication messages to the agent
	Dials       uint64 `json:"dials"`             // connections the agent tried to open
	DialsFailed uint64 `json:"dials_failed"`
	Resumes     uint64 `json:"resumes"` // websockets of the client after the first
	Lost        uint64 `json:"lost"`    // frames that the faults swallowed, both ways
	Doubled     uint64 `json:"doubled"` // frames that the faults delivered twice
	Held        uint64 `json:"held"`    // frames that the faults held back
}

// Info is one session as the simulator sees it.
type Info struct {
	ID            string            `json:"id"`
	Instance      string            `json:"instance"`
	Document      string            `json:"document"`
	Properties    map[string]string `json:"properties"`
	Status        string            `json:"status"` // as DescribeSessions has it
	Reason        string            `json:"reason,omitempty"`
	Started       time.Time         `json:"started"`
	ClientVersion string            `json:"client_version,omitempty"`
	AgentVersion  string            `json:"agent_version,omitempty"`
	Mux           bool              `json:"mux"`
	Client        bool              `json:"client_connected"`
	Agent         bool              `json:"agent_connected"`
	Connections   int               `json:"connections"` // to the target, open now
	Counters      Counters          `json:"counters"`
}

// New makes a gateway that has no session yet.
func New(o Options) *Gateway { return &Gateway{} }

// SetURL says where the gateway can be reached, as http(s)://host:port: StreamURLs are made of it.
func (g *Gateway) SetURL(url string) {}

// ServeHTTP answers GET /v1/data-channel/ID?role=publish_subscribe.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// Start opens a session and starts its agent.
func (g *Gateway) Start(ctx context.Context, in world.StartInput) (world.StartOutput, error) {
	return world.StartOutput{}, nil
}

// Resume gives a session a new token, "" when it is over or unknown.
func (g *Gateway) Resume(ctx context.Context, id string) (token, streamURL string, err error) {
	return "", "", nil
}

// Terminate ends a session. Ending one that is over is no error.
func (g *Gateway) Terminate(ctx context.Context, id string) error { return nil }

// List returns every session, oldest first.
func (g *Gateway) List() []world.SessionInfo { return nil }

// Sessions returns the sessions that are open.
func (g *Gateway) Sessions() []Info { return nil }

// All returns every session with its counters, oldest first.
func (g *Gateway) All() []Info { return nil }

// Faults returns the faults in force.
func (g *Gateway) Faults() Faults { return Faults{} }

// SetFaults puts other faults in force.
func (g *Gateway) SetFaults(f Faults) {}

// CutClient breaks the client's websocket, without a close frame. id "" means all sessions. It returns how many were cut.
func (g *Gateway) CutClient(id string) int { return 0 }

// CutAgent breaks the agent's websocket; the agent comes back by itself.
func (g *Gateway) CutAgent(id string) int { return 0 }

// End closes sessions as the service would, with a reason for the user. id "" means all.
func (g *Gateway) End(id, reason string) int { return 0 }

// Close ends every session and waits for all goroutines.
func (g *Gateway) Close() error { return nil }
