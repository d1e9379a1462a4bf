package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// SchemaVersion is the MessageSchemaVersion of OpenDataChannelInput.
const SchemaVersion = "1.0"

// OpenDataChannelInput is the first websocket message of the client, sent as text. It is not acknowledged.
type OpenDataChannelInput struct {
	MessageSchemaVersion string // SchemaVersion
	RequestID            string `json:"RequestId"`
	TokenValue           string // a secret: no way of printing shows it
	ClientID             string `json:"ClientId"`
	ClientVersion        string // at least 1.2.764.0 (docs/protocol.md §1.0)
}

// String leaves the token out.
func (o OpenDataChannelInput) String() string {
	return fmt.Sprintf("OpenDataChannelInput{RequestId:%s ClientId:%s ClientVersion:%s}", o.RequestID, o.ClientID, o.ClientVersion)
}

// GoString leaves the token out.
func (o OpenDataChannelInput) GoString() string { return o.String() }

// LogValue leaves the token out.
func (o OpenDataChannelInput) LogValue() slog.Value { return slog.StringValue(o.String()) }

// HandshakeRequest is what the agent asks of the client before any data.
type HandshakeRequest struct {
	AgentVersion           string
	RequestedClientActions []ClientAction
}

// The action types of a handshake.
const (
	ActionSessionType   = "SessionType"
	ActionKMSEncryption = "KMSEncryption"
)

// ClientAction is one thing that the agent asks for. Parameters depend on Type.
type ClientAction struct {
	Type       string          `json:"ActionType"`
	Parameters json.RawMessage `json:"ActionParameters"`
}

// SessionType reads the parameters of an action of type ActionSessionType.
func (a ClientAction) SessionType() (SessionType, error) {
	var p SessionType
	if err := json.Unmarshal(a.Parameters, &p); err != nil {
		return p, fmt.Errorf("read the session type of a handshake: %w", err)
	}
	return p, nil
}

// SessionType is the plugin that the agent runs, and what the document gave it. A forwarded port has the name "Port".
type SessionType struct {
	Name       string         `json:"SessionType"`
	Properties PortProperties `json:"Properties"`
}

// PortProperties are the inputs of a port document. Which of them are filled in depends on the document.
type PortProperties struct {
	Host            Text `json:"host"`
	PortNumber      Text `json:"portNumber"`
	LocalPortNumber Text `json:"localPortNumber"`
	Type            Text `json:"type"` // LocalPortForwarding: the mux may be used (docs/protocol.md §1.4)
}

// Text is a JSON string that may also come as a number, a boolean or null.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return fmt.Errorf("%w: an empty value", ErrFrame)
	}
	switch b[0] {
	case '"':
		return json.Unmarshal(b, (*string)(t))
	case '{', '[':
		return fmt.Errorf("%w: want a text, have %.20s", ErrFrame, b)
	case 'n':
		*t = ""
		return nil
	}
	*t = Text(b)
	return nil
}

// HandshakeResponse is the client's answer to a HandshakeRequest, one entry for each requested action.
type HandshakeResponse struct {
	ClientVersion          string
	ProcessedClientActions []ProcessedAction
	Errors                 []string
}

// ActionStatus is how an action went. Anything but ActionSucceeded makes the agent cancel the session.
type ActionStatus int

// The outcomes of an action.
const (
	ActionSucceeded   ActionStatus = 1
	ActionFailed      ActionStatus = 2
	ActionUnsupported ActionStatus = 3
)

// String is the outcome in a word.
func (s ActionStatus) String() string {
	switch s {
	case ActionSucceeded:
		return "succeeded"
	case ActionFailed:
		return "failed"
	case ActionUnsupported:
		return "unsupported"
	}
	return fmt.Sprintf("status %d", int(s))
}

// ProcessedAction is the client's answer to one action.
type ProcessedAction struct {
	Type   string          `json:"ActionType"`
	Status ActionStatus    `json:"ActionStatus"`
	Result json.RawMessage `json:"ActionResult"` // null when nil
	Error  string          `json:"Error"`
}

// HandshakeComplete opens the channel for data.
type HandshakeComplete struct {
	Took            time.Duration `json:"HandshakeTimeToComplete"` // ns
	CustomerMessage string        // of the account's owner, to be shown
}

// ChannelClosedBody is what the gateway says when it ends a session. Output is the reason in words, or "".
type ChannelClosedBody struct {
	MessageID     Text `json:"MessageId"`
	CreatedDate   Text `json:"CreatedDate"`
	DestinationID Text `json:"DestinationId"`
	SessionID     Text `json:"SessionId"`
	MessageType   Text `json:"MessageType"`
	SchemaVersion Text `json:"SchemaVersion"`
	Output        Text `json:"Output"`
}
