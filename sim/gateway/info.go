package gateway

import (
	"time"

	"github.com/rdsx/rdsx/sim/agent"
)

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

func (s *session) counters() Counters {
	c := &s.count
	return Counters{
		Sent: c.Sent.Load(), SentBytes: c.SentBytes.Load(),
		Received: c.Received.Load(), RecvBytes: c.ReceivedBytes.Load(),
		Duplicates: c.Duplicates.Load(), OutOfOrder: c.OutOfOrder.Load(), Retransmits: c.Retransmits.Load(),
		Early: c.Early.Load(), NotReady: c.NotReady.Load(), Repeated: c.Repeated.Load(), Acks: c.Acks.Load(),
		Pauses: c.Pauses.Load(), Dials: c.Dials.Load(), DialsFailed: c.DialsFailed.Load(),
		Resumes: s.resumes.Load(),
		Lost:    s.up.lost.Load() + s.down.lost.Load(),
		Doubled: s.up.doubled.Load() + s.down.doubled.Load(),
		Held:    s.up.held.Load() + s.down.held.Load(),
	}
}

func clientVersion(c *agent.Counters) string {
	if v := c.ClientVersion.Load(); v != nil {
		return *v
	}
	return ""
}
