package aws

import "time"

// TunnelState is where a tunnel is in its life.
type TunnelState string

// The states of a tunnel, in the order in which they are usually met.
const (
	StateBinding  TunnelState = "binding"  // taking the local port; no session exists yet
	StateStarting TunnelState = "starting" // the port is held, the session is being started
	StateOpen     TunnelState = "open"     // connections are being carried
	StateIdle     TunnelState = "idle"     // ready, no connection at the moment
	StateDegraded TunnelState = "degraded" // the port is held, the target does not answer or refuses; the reason says which
	StateResuming TunnelState = "resuming" // the session's websocket is lost and being opened again
	StateClosed   TunnelState = "closed"   // over; the reason says why
)

// Tunnel is one reading of a local port that leads to a target. Counters are payload bytes and only grow.
type Tunnel struct {
	State       TunnelState    `json:"state"`
	Reason      string         `json:"reason,omitempty"` // why it is degraded or closed
	Since       time.Time      `json:"since"`            // when State was entered
	Started     time.Time      `json:"started"`
	Target      Target         `json:"target"`
	Local       string         `json:"local"`     // the address to type: 127.0.0.1:PORT, or the path of a unix socket
	Listening   []string       `json:"listening"` // every address that is bound
	Up          uint64         `json:"up_bytes"`  // from the local client to the target
	Down        uint64         `json:"down_bytes"`
	Conns       []Conn         `json:"connections,omitempty"` // open now, oldest first
	Connections uint64         `json:"connections_total"`     // accepted so far
	Sessions    []SessionStats `json:"sessions,omitempty"`
}

// Conn is one reading of a connection through a tunnel.
type Conn struct {
	ID     uint64    `json:"id"`   // 1, 2, 3… within the tunnel
	Peer   string    `json:"peer"` // the local client's address
	Opened time.Time `json:"opened"`
	Up     uint64    `json:"up_bytes"`
	Down   uint64    `json:"down_bytes"`
}

// EventKind is what happened to a tunnel.
type EventKind string

// The kinds of event.
const (
	EventState       EventKind = "state"        // the tunnel entered State
	EventSession     EventKind = "session"      // a session was started, ended or thrown away
	EventConnOpened  EventKind = "conn_opened"  // a local client connected
	EventConnClosed  EventKind = "conn_closed"  // it ended; Up and Down are its totals
	EventConnRefused EventKind = "conn_refused" // the target's host refused it
	EventUnreachable EventKind = "unreachable"  // the agent could not finish a dial in time
	EventConnReset   EventKind = "conn_reset"   // cut before its end; Text says why
)

// Event is one line of a tunnel's log.
type Event struct {
	Seq   uint64      `json:"seq"` // 1, 2, 3… within the tunnel, without gaps
	At    time.Time   `json:"at"`
	Kind  EventKind   `json:"event"`
	State TunnelState `json:"state"`          // of the tunnel after the event
	Conn  uint64      `json:"conn,omitempty"` // the connection it is about, 0 for none
	Up    uint64      `json:"up_bytes,omitempty"`
	Down  uint64      `json:"down_bytes,omitempty"`
	Text  string      `json:"text"`           // one line for a person
	Next  string      `json:"hint,omitempty"` // the next command to type, when there is one
}
