package frame

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Ack is the payload of an acknowledge message. The order of its keys is the recorded one.
type Ack struct {
	MessageType string `json:"AcknowledgedMessageType"`
	MessageID   string `json:"AcknowledgedMessageId"`
	Sequence    int64  `json:"AcknowledgedMessageSequenceNumber"`
	Sequential  bool   `json:"IsSequentialMessage"`
}

const (
	ackType = `{"AcknowledgedMessageType":"`
	ackID   = `","AcknowledgedMessageId":"`
	ackSeq  = `","AcknowledgedMessageSequenceNumber":`
	ackTail = `,"IsSequentialMessage":true}`
)

// AppendAck adds the JSON that acknowledges a stream message. It is the one payload of the hot path, so it is written by hand.
func AppendAck(dst []byte, messageType string, id ID, sequence int64) []byte {
	dst = append(dst, ackType...)
	dst = append(dst, messageType...)
	dst = append(dst, ackID...)
	dst = id.Append(dst)
	dst = append(dst, ackSeq...)
	dst = strconv.AppendInt(dst, sequence, 10)
	return append(dst, ackTail...)
}

// ParseAck reads the payload of an acknowledge message.
func ParseAck(b []byte) (Ack, error) {
	if a, ok := parseRecorded(b); ok {
		return a, nil
	}
	var a Ack
	if err := json.Unmarshal(b, &a); err != nil {
		return Ack{}, fmt.Errorf("read acknowledgement: %w", err)
	}
	return a, nil
}

// parseRecorded reads the exact form that both real ends write; any other form is left to encoding/json.
func parseRecorded(b []byte) (Ack, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(ackType))
	if !ok {
		return Ack{}, false
	}
	kind, rest, ok := bytes.Cut(rest, []byte(ackID))
	if !ok || !plain(kind) {
		return Ack{}, false
	}
	id, rest, ok := bytes.Cut(rest, []byte(ackSeq))
	if !ok || !plain(id) {
		return Ack{}, false
	}
	digits, ok := bytes.CutSuffix(rest, []byte(ackTail))
	if !ok || len(digits) > 1 && digits[0] == '0' {
		return Ack{}, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return Ack{}, false
		}
	}
	seq, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return Ack{}, false
	}
	return Ack{MessageType: typeName(kind), MessageID: string(id), Sequence: seq, Sequential: true}, true
}

// plain says whether b can stand in a JSON string as it is.
func plain(b []byte) bool {
	for _, c := range b {
		if c == '"' || c == '\\' || c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
