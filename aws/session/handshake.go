package session

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/mux"
	"github.com/rdsx/rdsx/aws/session/wire"
)

// ClientVersion is what we report to gateway and agent alike. AWS names 1.2.764.0 the lowest version it supports; above
// 1.2.331.0 the agent turns its mux keepalive off, which would otherwise end silent sessions; from 1.1.70 on it uses the
// mux at all (docs/protocol.md §1.0, §1.4). 1.2.896.0 is the newest, of October 2026.
const ClientVersion = "1.2.896.0"

// Agent versions above which something changes (docs/protocol.md §1.4).
const (
	lastWithoutMux    = "3.0.196.0"
	lastWithKeepalive = "3.1.1511.0"
)

// answer replies to a HandshakeRequest: one entry for each action that the agent asks for. Anything but a port session is
// refused, in words the agent understands, and ends ours once that answer has arrived.
func (c *channel) answer(payload []byte) error {
	if c.answered {
		return nil
	}
	c.answered = true
	var request wire.HandshakeRequest
	if err := json.Unmarshal(payload, &request); err != nil {
		return handshakeRefused("the agent's request cannot be read: " + err.Error())
	}
	c.mu.Lock()
	c.agentVersion = request.AgentVersion
	c.mu.Unlock()
	c.keepalive = !newer(request.AgentVersion, lastWithKeepalive)

	response := wire.HandshakeResponse{ClientVersion: ClientVersion, ProcessedClientActions: []wire.ProcessedAction{}}
	var refusal error
	for _, action := range request.RequestedClientActions {
		done := wire.ProcessedAction{Type: action.Type, Status: wire.ActionSucceeded}
		if status, why := c.consider(action, request.AgentVersion); why != "" {
			done.Status, done.Error = status, why
			refusal = handshakeRefused(why)
		}
		response.ProcessedClientActions = append(response.ProcessedClientActions, done)
	}
	body, err := json.Marshal(response)
	if err != nil {
		return fmt.Errorf("answer the handshake: %w", err)
	}
	reply := control{payloadType: wire.PayloadHandshakeResponse, payload: body}
	if refusal != nil {
		c.mu.Lock()
		c.refusal = refusal
		c.mu.Unlock()
		reply.onAck = func() { c.end(refusal) }
	}
	c.log.Debug("handshake", "agent", request.AgentVersion, "actions", len(request.RequestedClientActions), "refused", refusal != nil)
	c.sender.push(reply)
	c.signal()
	return nil
}

// consider says whether an action can be done; why is empty when it can.
func (c *channel) consider(a wire.ClientAction, agent string) (status wire.ActionStatus, why string) {
	if a.Type != wire.ActionSessionType {
		return wire.ActionUnsupported, "the agent asks for " + a.Type + ", which a port session does not have"
	}
	t, err := a.SessionType()
	if err != nil {
		return wire.ActionFailed, err.Error()
	}
	if t.Name != "Port" {
		return wire.ActionUnsupported, fmt.Sprintf("the document starts a session of type %q, not Port", t.Name)
	}
	c.multiplex = t.Properties.Type == "LocalPortForwarding" && newer(agent, lastWithoutMux)
	return wire.ActionSucceeded, ""
}

// complete opens the channel for data.
func (c *channel) complete(payload []byte) error {
	if !c.answered || c.session() != nil {
		return nil
	}
	var body wire.HandshakeComplete
	if err := json.Unmarshal(payload, &body); err != nil {
		c.log.Debug("HandshakeComplete without a readable body", "error", err)
	}
	cfg := mux.Config{
		Payload: c.options.largest(), SpillDir: c.options.SpillDir, SpillLimit: c.options.SpillLimit,
		OnCut: c.link.cut, Reset: aws.ErrReset,
	}
	m := mux.Single(cfg)
	if c.multiplex {
		m = mux.Client(cfg)
	}
	c.mu.Lock()
	c.mux, c.message = m, body.CustomerMessage
	c.mu.Unlock()
	c.sender.open(m)
	close(c.ready)
	c.signal()
	return nil
}

// keepaliveEvery is smux's own interval; the other end gives up after 30 s of silence.
const keepaliveEvery = 10 * time.Second

// sendKeepalive sends a mux NOP to an agent so old that it expects them, while connections are open. Newer ones must get
// none: it would count as input and defeat the idle time-out (docs/aws.md §5).
func (c *channel) sendKeepalive() {
	if m := c.session(); m != nil && c.multiplex && c.keepalive && m.Streams() > 0 {
		m.KeepAlive()
	}
}

// newer says whether version a is above b, part by part as numbers. What is no number counts as 0.
func newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		var x, y int
		if i < len(as) {
			x, _ = strconv.Atoi(as[i])
		}
		if i < len(bs) {
			y, _ = strconv.Atoi(bs[i])
		}
		if x != y {
			return x > y
		}
	}
	return false
}
