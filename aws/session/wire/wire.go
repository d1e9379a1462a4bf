// Package wire is the binary format of the Session Manager data channel: AgentMessage frames, acknowledgements, and the
// JSON bodies that travel inside them (docs/protocol.md §1.2, §1.3).
//
// It is bytes in and bytes out, knows no connection and keeps no state. Encoding and decoding of data and acknowledgements
// allocate nothing, since every 1024 bytes of a transfer cost one of each.
package wire

import "strconv"

// The message types. Type fields of decoded messages are these very constants when they are known.
const (
	InputStreamData   = "input_stream_data"   // client → agent
	OutputStreamData  = "output_stream_data"  // agent → client
	Acknowledge       = "acknowledge"         // both ways
	ChannelClosed     = "channel_closed"      // gateway → either
	PausePublication  = "pause_publication"   // gateway → either
	StartPublication  = "start_publication"   // gateway → either
	AgentSessionState = "agent_session_state" // agent → gateway
)

// The bits of Message.Flags. Acknowledgements and control messages carry both.
const (
	SYN uint64 = 1 // the first stream message of the agent
	FIN uint64 = 2
)

// PayloadType says what a stream message carries.
type PayloadType uint32

// The payload types. Acknowledgements and control messages have 0.
const (
	PayloadNone                        PayloadType = 0
	PayloadOutput                      PayloadType = 1 // data
	PayloadError                       PayloadType = 2
	PayloadSize                        PayloadType = 3
	PayloadParameter                   PayloadType = 4
	PayloadHandshakeRequest            PayloadType = 5
	PayloadHandshakeResponse           PayloadType = 6
	PayloadHandshakeComplete           PayloadType = 7
	PayloadEncryptionChallengeRequest  PayloadType = 8
	PayloadEncryptionChallengeResponse PayloadType = 9
	PayloadFlag                        PayloadType = 10
	PayloadStdErr                      PayloadType = 11
	PayloadExitCode                    PayloadType = 12
)

// String is the name of the payload type, or its number.
func (p PayloadType) String() string {
	switch p {
	case PayloadNone:
		return "none"
	case PayloadOutput:
		return "output"
	case PayloadError:
		return "error"
	case PayloadSize:
		return "size"
	case PayloadParameter:
		return "parameter"
	case PayloadHandshakeRequest:
		return "handshake request"
	case PayloadHandshakeResponse:
		return "handshake response"
	case PayloadHandshakeComplete:
		return "handshake complete"
	case PayloadEncryptionChallengeRequest:
		return "encryption challenge request"
	case PayloadEncryptionChallengeResponse:
		return "encryption challenge response"
	case PayloadFlag:
		return "flag"
	case PayloadStdErr:
		return "stderr"
	case PayloadExitCode:
		return "exit code"
	}
	return "payload type " + strconv.FormatUint(uint64(p), 10)
}

// Flag is the body of a message of PayloadFlag.
type Flag uint32

// The flags.
const (
	DisconnectToPort   Flag = 1 // basic mode: the sender's side of the connection has closed
	TerminateSession   Flag = 2 // the client ends the session
	ConnectToPortError Flag = 3 // the agent could not connect; tied to no stream, and it overtakes the stream's FIN
)

// String is the flag's name, or its number.
func (f Flag) String() string {
	switch f {
	case DisconnectToPort:
		return "disconnect to port"
	case TerminateSession:
		return "terminate session"
	case ConnectToPortError:
		return "connect to port error"
	}
	return "flag " + strconv.FormatUint(uint64(f), 10)
}
