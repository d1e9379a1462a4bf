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
	Pool        []Seat         `json:"pool,omitempty"`           // what the pool makes of each of Sessions, in their order
	Server      *Server        `json:"server,omitempty"`         // what the target said of itself, nil while it has said nothing
	SignIn      bool           `json:"sign_in_needed,omitempty"` // no session can be had, for want of valid credentials
	Serving     string         `json:"serving,omitempty"`        // what the target was found to be where that is not what it is for: "reader" behind a writer endpoint
}

// Server is what a target says of itself before anybody signs in. Nobody has checked it.
type Server struct {
	Text    string   `json:"text"`              // the whole in one line
	Version string   `json:"version,omitempty"` // "" where the protocol does not tell
	TLS     bool     `json:"tls,omitempty"`     // it offers or demands TLS
	Names   []string `json:"names,omitempty"`   // in its certificate, the subject's first
	Role    string   `json:"role,omitempty"`    // writer or reader; "" where the protocol does not tell
}

// SeatUse is what a pool does with a session.
type SeatUse string

// The uses of a session.
const (
	UseSpare   SeatUse = "spare"   // carries nothing, ready for the next connection
	UseShared  SeatUse = "shared"  // carries connections and takes more
	UseBulk    SeatUse = "bulk"    // a transfer fills it: the next connection goes elsewhere where it can
	UseStuck   SeatUse = "stuck"   // its agent waits for the target, or its acknowledgements stay away: as above
	UseLeaving SeatUse = "leaving" // takes no more connections; it ends with those that it has
)

// Seat is a session as the pool of a tunnel sees it.
type Seat struct {
	Session  string  `json:"session_id"`
	Instance string  `json:"instance_id,omitempty"` // that carries it
	Use      SeatUse `json:"use"`
	Conns    int     `json:"connections"`
	Up       uint64  `json:"up_bytes"` // of all its connections so far
	Down     uint64  `json:"down_bytes"`
	Member   string  `json:"member,omitempty"`  // of the target's cluster, that its connections lead to; "" where that is not known
	Serving  string  `json:"serving,omitempty"` // as Tunnel.Serving, for the connections of this session
}

// Conn is one reading of a connection through a tunnel.
type Conn struct {
	ID      uint64    `json:"id"`   // 1, 2, 3… within the tunnel
	Peer    string    `json:"peer"` // the local client's address
	Opened  time.Time `json:"opened"`
	Up      uint64    `json:"up_bytes"`
	Down    uint64    `json:"down_bytes"`
	Session string    `json:"session_id,omitempty"` // that carries it; "" while it waits for one
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
	EventLink        EventKind = "link"         // a session lost its websocket, tries to get it back, or has it again
	EventServer      EventKind = "server"       // the target has said what it is, or does not answer; Text says which
	EventMoved       EventKind = "moved"        // the target is elsewhere, or another instance carries the tunnel; Text says which
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
