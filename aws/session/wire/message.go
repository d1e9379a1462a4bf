package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Where the fields of a frame are (docs/protocol.md §1.2). HeaderLength counts everything before PayloadLength.
const (
	offType        = 4
	offSchema      = 36
	offCreated     = 40
	offSeq         = 48
	offFlags       = 56
	offID          = 64
	offDigest      = 80
	offPayloadType = 112
	headerLength   = 116

	// Overhead is how many bytes a frame has besides its payload.
	Overhead = headerLength + 4
)

// What Decode refuses a frame for. Test with errors.Is.
var (
	ErrFrame  = errors.New("malformed message")                         // too short, absurd header length, no type, no date
	ErrDigest = errors.New("message payload does not match its digest") // damaged on the way: the sender will repeat it
)

// Message is one AgentMessage.
type Message struct {
	Type        string // at most 32 bytes of ASCII: one of the constants above
	Created     int64  // ms since 1970; never 0 but in pause_publication and start_publication
	Seq         int64
	Flags       uint64
	ID          [16]byte // in the order of its text
	PayloadType PayloadType
	Payload     []byte
}

// Append appends the frame of m to dst, digest included. A Type over 32 bytes is cut. m.Payload may lie behind dst already,
// at the place where it belongs.
func (m *Message) Append(dst []byte) []byte {
	dst, frame := grow(dst, Overhead+len(m.Payload))
	copy(frame[Overhead:], m.Payload)
	m.header(frame)
	return dst
}

// grow lengthens dst by n bytes and returns it and its new part. The new part holds whatever was there.
func grow(dst []byte, n int) (all, added []byte) {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	return dst, dst[at:]
}

// header fills in everything before the payload of frame, for the payload that is there already.
func (m *Message) header(frame []byte) {
	payload := frame[Overhead:]
	be := binary.BigEndian
	be.PutUint32(frame, headerLength)
	for i := offType + copy(frame[offType:offSchema], m.Type); i < offSchema; i++ {
		frame[i] = ' '
	}
	be.PutUint32(frame[offSchema:], 1)
	be.PutUint64(frame[offCreated:], uint64(m.Created))
	be.PutUint64(frame[offSeq:], uint64(m.Seq))
	be.PutUint64(frame[offFlags:], m.Flags)
	copy(frame[offID:], m.ID[8:])
	copy(frame[offID+8:], m.ID[:8])
	digest := sha256.Sum256(payload)
	copy(frame[offDigest:], digest[:])
	be.PutUint32(frame[offPayloadType:], uint32(m.PayloadType))
	be.PutUint32(frame[headerLength:], uint32(len(payload)))
}

// Decode reads one frame into m. m.Payload aliases frame and goes from HeaderLength+4 to the end, whatever PayloadLength
// says, as both real ends read it. The digest is checked when there is a payload; on ErrDigest the fields are filled in
// nevertheless. pause_publication and start_publication are taken as they come, without a payload (docs/protocol.md §1.2).
func Decode(frame []byte, m *Message) error {
	if len(frame) < Overhead {
		return fmt.Errorf("%w: %d bytes, a header has %d", ErrFrame, len(frame), Overhead)
	}
	be := binary.BigEndian
	m.Type = typeOf(bytes.Trim(frame[offType:offSchema], " \x00"))
	m.Created = int64(be.Uint64(frame[offCreated:]))
	m.Seq = int64(be.Uint64(frame[offSeq:]))
	m.Flags = be.Uint64(frame[offFlags:])
	copy(m.ID[8:], frame[offID:])
	copy(m.ID[:8], frame[offID+8:offDigest])
	m.PayloadType = PayloadType(be.Uint32(frame[offPayloadType:]))
	m.Payload = nil
	if m.Type == PausePublication || m.Type == StartPublication {
		return nil
	}
	header := be.Uint32(frame)
	switch {
	case header < headerLength || uint64(header)+4 > uint64(len(frame)):
		return fmt.Errorf("%w: header length %d in %d bytes", ErrFrame, header, len(frame))
	case m.Type == "":
		return fmt.Errorf("%w: no message type", ErrFrame)
	case m.Created == 0:
		return fmt.Errorf("%w: no creation date", ErrFrame)
	}
	m.Payload = frame[header+4:]
	if len(m.Payload) > 0 && sha256.Sum256(m.Payload) != [sha256.Size]byte(frame[offDigest:offPayloadType]) {
		return fmt.Errorf("%w: %s %d", ErrDigest, m.Type, m.Seq)
	}
	return nil
}

// typeOf is the constant for a known type, so that the hot path makes no string.
func typeOf(b []byte) string {
	switch string(b) {
	case InputStreamData:
		return InputStreamData
	case OutputStreamData:
		return OutputStreamData
	case Acknowledge:
		return Acknowledge
	case ChannelClosed:
		return ChannelClosed
	case PausePublication:
		return PausePublication
	case StartPublication:
		return StartPublication
	case AgentSessionState:
		return AgentSessionState
	}
	return string(b)
}

// AppendFlag appends the body of a message of PayloadFlag.
func AppendFlag(dst []byte, f Flag) []byte { return binary.BigEndian.AppendUint32(dst, uint32(f)) }

// ParseFlag reads the body of a message of PayloadFlag.
func ParseFlag(payload []byte) (Flag, error) {
	if len(payload) < 4 {
		return 0, fmt.Errorf("%w: a flag of %d bytes", ErrFrame, len(payload))
	}
	return Flag(binary.BigEndian.Uint32(payload)), nil
}
