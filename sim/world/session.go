package world

import "time"

// Principal is who signed a request.
type Principal struct {
	Account     string
	ARN         string // of the user, or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	UserID      string // AIDA…, or AROA…:SESSION
	User        string // the user's name; "" for a role session
	Role        string // the role's name; "" for a user
	SessionName string // of an assumed role; "" for a user
	MFA         bool   // the credentials come from a call with an MFA code
	Temporary   bool   // the credentials have a session token
}

// SessionPrefix is what a session's id starts with: the role session's name, else the user's.
func (p Principal) SessionPrefix() string {
	if p.SessionName != "" {
		return p.SessionName
	}
	return p.User
}

// StartInput is a session that StartSession has admitted: identity, permissions and parameters are checked.
type StartInput struct {
	ID         string // SessionId: NAME-0123456789abcdef0
	Principal  Principal
	Place      Place
	Target     string // instance id
	Document   string
	Type       string            // sessionType of the document; always Port here
	Properties map[string]string // the document's, parameters filled in: type, portNumber, localPortNumber and, for a remote host, host
	Reason     string
	Idle       time.Duration // the session ends after this long without client input
	Max        time.Duration // and after this long in any case; 0 for never
}

// StartOutput is what the gateway gives back for it.
type StartOutput struct {
	Token     string // TokenValue, sent in the first websocket message
	StreamURL string // wss://…/v1/data-channel/ID?role=publish_subscribe
}

// SessionStatus is what DescribeSessions says of a session.
type SessionStatus string

// The states of a session; the first three are State=Active, the others State=History.
const (
	StatusConnected    SessionStatus = "Connected"
	StatusConnecting   SessionStatus = "Connecting"
	StatusDisconnected SessionStatus = "Disconnected"
	StatusTerminated   SessionStatus = "Terminated"
	StatusTerminating  SessionStatus = "Terminating"
	StatusFailed       SessionStatus = "Failed"
)

// Active says whether DescribeSessions lists the session under State=Active.
func (s SessionStatus) Active() bool {
	return s == StatusConnected || s == StatusConnecting || s == StatusDisconnected
}

// SessionInfo is one session that the gateway knows or has known.
type SessionInfo struct {
	StartInput
	Status SessionStatus
	Start  time.Time
	End    time.Time // zero while it is active
}
