package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

// The order of the keys below is the recorded one.

type sessionState struct {
	SchemaVersion int
	SessionState  string
	SessionId     string //nolint:revive // the wire's spelling
}

type handshakeRequest struct {
	AgentVersion           string
	RequestedClientActions []requestedAction
}

type requestedAction struct {
	ActionType       string
	ActionParameters actionParameters
}

type actionParameters struct {
	SessionType string
	Properties  map[string]string
}

type handshakeResponse struct {
	ClientVersion          string
	ProcessedClientActions []struct {
		ActionType   string
		ActionStatus int
		Error        string
	}
}

type handshakeComplete struct {
	HandshakeTimeToComplete time.Duration // ns
	CustomerMessage         string
}

// statusSuccess is the only ActionStatus that does not cancel the session.
const statusSuccess = 1

func (c *channel) sessionState(ctx context.Context) error {
	payload, err := json.Marshal(sessionState{SchemaVersion: 1, SessionState: "Connected", SessionId: c.cfg.SessionID})
	if err != nil {
		return fmt.Errorf("write session state: %w", err)
	}
	m := control(frame.SessionState, payload)
	return c.link.Send(ctx, frame.Append(nil, &m))
}

// shake sends the HandshakeRequest, waits for the response and sends HandshakeComplete.
func (c *channel) shake(ctx context.Context) error {
	started := time.Now()
	if c.cfg.Silent {
		<-ctx.Done()
		return ctx.Err()
	}
	request, err := json.Marshal(handshakeRequest{
		AgentVersion: c.cfg.AgentVersion,
		RequestedClientActions: []requestedAction{{
			ActionType:       "SessionType",
			ActionParameters: actionParameters{SessionType: "Port", Properties: c.cfg.Properties},
		}},
	})
	if err != nil {
		return fmt.Errorf("write handshake request: %w", err)
	}
	c.send(ctx, frame.HandshakeRequest, request)

	limit := time.NewTimer(handshakeLimit)
	defer limit.Stop()
	select {
	case r := <-c.response:
		if err := c.accept(r); err != nil {
			return err
		}
	case <-limit.C:
		return errors.New("Handshake timed out. Please ensure that you have the latest version of the session manager plugin.") //nolint:staticcheck,revive // the agent's own words
	case <-ctx.Done():
		return ctx.Err()
	}

	complete, err := json.Marshal(handshakeComplete{HandshakeTimeToComplete: time.Since(started)})
	if err != nil {
		return fmt.Errorf("write handshake completion: %w", err)
	}
	// The real agent marks it after sending. Across a network nobody can tell; in one process a client could be faster than the
	// next line, and would see its data thrown away.
	c.complete.Store(true)
	c.send(ctx, frame.HandshakeComplete, complete)
	return nil
}

// answered hands a HandshakeResponse to shake. One that nobody waits for is dropped.
func (c *channel) answered(payload []byte) error {
	var r handshakeResponse
	if err := json.Unmarshal(payload, &r); err != nil {
		return fmt.Errorf("read handshake response: %w", err)
	}
	select {
	case c.response <- r:
	default:
	}
	return nil
}

func (c *channel) accept(r handshakeResponse) error {
	c.count.ClientVersion.Store(&r.ClientVersion)
	for _, a := range r.ProcessedClientActions {
		if c.cfg.Refuse && a.ActionStatus == statusSuccess {
			a.ActionStatus, a.Error = 2, "refused"
		}
		if a.ActionStatus != statusSuccess {
			return fmt.Errorf("%s failed on client with status %d error: %s", a.ActionType, a.ActionStatus, a.Error)
		}
	}
	return nil
}
