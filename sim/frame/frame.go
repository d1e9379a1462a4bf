// Package frame is the simulator's codec of AgentMessage, the binary frame of the data channel (docs/protocol.md §1.2). It is
// written apart from the product's, so that a mistake on one side cannot hide on the other; both are held to the same
// recorded files.
package frame

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// The message types.
const (
	Input        = "input_stream_data"   // client to agent
	Output       = "output_stream_data"  // agent to client
	Acknowledge  = "acknowledge"         // both ways
	Closed       = "channel_closed"      // gateway to either
	Pause        = "pause_publication"   // gateway to either
	Start        = "start_publication"   // gateway to either
	SessionState = "agent_session_state" // agent to gateway
)

// The payload types of stream messages.
const (
	Data              uint32 = 1
	HandshakeRequest  uint32 = 5
	HandshakeResponse uint32 = 6
	HandshakeComplete uint32 = 7
	Flag              uint32 = 10
)

// The values of a Flag payload, uint32 big endian.
const (
	DisconnectToPort   uint32 = 1
	TerminateSession   uint32 = 2
	ConnectToPortError uint32 = 3
)

// Flags of a message: the agent's first stream message has SYN, control messages have both.
const (
	SYN uint64 = 1
	FIN uint64 = 2
)

// headerLength counts everything before PayloadLength.
const (
	headerLength  = 116
	payloadOffset = headerLength + 4
)

// ID is a MessageId.
type ID [16]byte

// String is the usual 36-character form.
func (id ID) String() string { return string(id.Append(nil)) }

// Append adds the 36-character form to dst.
func (id ID) Append(dst []byte) []byte {
	n := len(dst)
	dst = append(dst, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"...)
	s := dst[n:]
	hex.Encode(s[0:8], id[0:4])
	hex.Encode(s[9:13], id[4:6])
	hex.Encode(s[14:18], id[6:8])
	hex.Encode(s[19:23], id[8:10])
	hex.Encode(s[24:36], id[10:16])
	return dst
}

// Message is one AgentMessage.
type Message struct {
	Type        string
	Schema      uint32
	Created     uint64 // ms since 1970
	Sequence    int64
	Flags       uint64
	ID          ID
	Digest      [32]byte // SHA-256 of the payload; Append computes it
	PayloadType uint32
	Payload     []byte
}

// Append adds the frame to dst, with the digest of the payload whatever m.Digest is. A type longer than 32 bytes is cut.
func Append(dst []byte, m *Message) []byte {
	n := len(dst)
	dst = append(dst, blank...)
	h := dst[n:]
	binary.BigEndian.PutUint32(h[0:], headerLength)
	copy(h[4:36], m.Type)
	binary.BigEndian.PutUint32(h[36:], m.Schema)
	binary.BigEndian.PutUint64(h[40:], m.Created)
	binary.BigEndian.PutUint64(h[48:], uint64(m.Sequence))
	binary.BigEndian.PutUint64(h[56:], m.Flags)
	copy(h[64:72], m.ID[8:]) // the low half comes first
	copy(h[72:80], m.ID[:8])
	digest := sha256.Sum256(m.Payload)
	copy(h[80:112], digest[:])
	binary.BigEndian.PutUint32(h[112:], m.PayloadType)
	binary.BigEndian.PutUint32(h[116:], uint32(len(m.Payload)))
	return append(dst, m.Payload...)
}

// blank is a header whose type is all spaces and whose numbers are all zero.
const (
	zeros4 = "\x00\x00\x00\x00"
	zeros  = zeros4 + zeros4 + zeros4 + zeros4 + zeros4 + zeros4 + zeros4
	blank  = zeros4 + "                                " + zeros + zeros + zeros
)

// errShort is a frame that ends inside its header.
var errShort = errors.New("frame ends inside its header")

// Parse reads a frame. The payload is a part of b: everything from the end of the header to the end of the frame, as the real
// ends read it, whatever PayloadLength says. The digest is read and not verified, as the agent does not (docs/protocol.md §1.2).
func Parse(b []byte) (Message, error) {
	var m Message
	if len(b) < payloadOffset {
		return m, errShort
	}
	length := binary.BigEndian.Uint32(b)
	m.Type = typeName(b[4:36])
	if length != headerLength {
		// Only the two publication messages may come without a header length.
		if length != 0 || m.Type != Pause && m.Type != Start {
			return Message{}, fmt.Errorf("header length is %d, want %d", length, headerLength)
		}
	}
	m.Schema = binary.BigEndian.Uint32(b[36:])
	m.Created = binary.BigEndian.Uint64(b[40:])
	m.Sequence = int64(binary.BigEndian.Uint64(b[48:]))
	m.Flags = binary.BigEndian.Uint64(b[56:])
	copy(m.ID[8:], b[64:72])
	copy(m.ID[:8], b[72:80])
	copy(m.Digest[:], b[80:112])
	m.PayloadType = binary.BigEndian.Uint32(b[112:])
	m.Payload = b[payloadOffset:]
	return m, m.validate()
}

// validate refuses what the agent refuses.
func (m *Message) validate() error {
	switch {
	case m.Type == Pause || m.Type == Start:
		return nil
	case m.Type == "":
		return errors.New("message type is missing")
	case m.Created == 0:
		return errors.New("created date is missing")
	}
	return nil
}

// typeName trims spaces and NULs, and gives the constants without an allocation.
func typeName(b []byte) string {
	b = bytes.Trim(b, " \x00")
	switch string(b) {
	case Input:
		return Input
	case Output:
		return Output
	case Acknowledge:
		return Acknowledge
	case Closed:
		return Closed
	case Pause:
		return Pause
	case Start:
		return Start
	case SessionState:
		return SessionState
	}
	return string(b)
}

// Kind is the message type of a frame, without parsing the rest; "" when the frame is too short.
func Kind(b []byte) string {
	if len(b) < 36 {
		return ""
	}
	return typeName(b[4:36])
}
