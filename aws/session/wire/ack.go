package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Ack is the body of an acknowledgement. It removes exactly one sequence number from the sender's list, never the ones
// before it (docs/protocol.md §1.3).
type Ack struct {
	Type       string   // type of the acknowledged message
	ID         [16]byte // its id
	Seq        int64    // its sequence number
	Sequential bool
}

// The literal parts of the body, as both real ends write it.
const (
	ackType = `{"AcknowledgedMessageType":"`
	ackID   = `","AcknowledgedMessageId":"`
	ackSeq  = `","AcknowledgedMessageSequenceNumber":`
	ackTrue = `,"IsSequentialMessage":true}`
	ackNo   = `,"IsSequentialMessage":false}`
)

// AppendAck appends the whole frame that acknowledges a received message. id is the acknowledgement's own, now its
// creation date in ms since 1970.
func AppendAck(dst []byte, of *Message, id [16]byte, now int64) []byte {
	at := len(dst)
	dst, _ = grow(dst, Overhead)
	dst = append(dst, ackType...)
	dst = appendText(dst, of.Type)
	dst = append(dst, ackID...)
	dst = appendID(dst, of.ID)
	dst = append(dst, ackSeq...)
	dst = strconv.AppendInt(dst, of.Seq, 10)
	dst = append(dst, ackTrue...)
	m := Message{Type: Acknowledge, Created: now, Flags: SYN | FIN, ID: id}
	m.header(dst[at:])
	return dst
}

// appendText appends s as the inside of a JSON string.
func appendText(dst []byte, s string) []byte {
	if plain([]byte(s)) {
		return append(dst, s...)
	}
	quoted, err := json.Marshal(s)
	if err != nil { // no string fails to marshal
		return dst
	}
	return append(dst, quoted[1:len(quoted)-1]...)
}

// plain says whether b stands for itself inside a JSON string.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// ParseAck reads the body of an acknowledgement. The shape that both real ends write costs no allocation; any other JSON
// object with the three keys is understood too. A type, id or sequence number that is missing is an error.
func ParseAck(payload []byte, a *Ack) error {
	if parseAckFast(payload, a) {
		return nil
	}
	return parseAckJSON(payload, a)
}

func parseAckFast(b []byte, a *Ack) bool {
	b, ok := bytes.CutPrefix(b, []byte(ackType))
	if !ok {
		return false
	}
	end := bytes.IndexByte(b, '"')
	if end <= 0 || !plain(b[:end]) {
		return false
	}
	text := b[:end]
	if b, ok = bytes.CutPrefix(b[end:], []byte(ackID)); !ok || len(b) < idText {
		return false
	}
	var id [16]byte
	if !parseID(b[:idText], &id) {
		return false
	}
	if b, ok = bytes.CutPrefix(b[idText:], []byte(ackSeq)); !ok {
		return false
	}
	seq, digits := int64(0), 0
	for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
		seq = seq*10 + int64(b[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 18 || digits > 1 && b[0] == '0' {
		return false
	}
	tail := string(b[digits:])
	if tail != ackTrue && tail != ackNo {
		return false
	}
	*a = Ack{Type: typeOf(text), ID: id, Seq: seq, Sequential: tail == ackTrue}
	return true
}

func parseAckJSON(payload []byte, a *Ack) error {
	var body struct {
		Type       string `json:"AcknowledgedMessageType"`
		ID         string `json:"AcknowledgedMessageId"`
		Seq        *int64 `json:"AcknowledgedMessageSequenceNumber"`
		Sequential bool   `json:"IsSequentialMessage"`
	}
	if err := json.Unmarshal(payload, &body); err != nil {
		return fmt.Errorf("read an acknowledgement: %w", err)
	}
	id, err := ParseID(body.ID)
	switch {
	case err != nil:
		return fmt.Errorf("read an acknowledgement: %w", err)
	case body.Type == "":
		return fmt.Errorf("read an acknowledgement: %w: no message type", ErrFrame)
	case body.Seq == nil:
		return fmt.Errorf("read an acknowledgement: %w: no sequence number", ErrFrame)
	}
	*a = Ack{Type: typeOf([]byte(body.Type)), ID: id, Seq: *body.Seq, Sequential: body.Sequential}
	return nil
}
