package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
)

// opMsg is the one kind of message that MongoDB's wire protocol has since 3.6.
const opMsg = 2013

// maxReply bounds the answer to hello: its longest parts are the names of a replica set's members.
const maxReply = 64 << 10

// greetMongo says hello without TLS; a DocumentDB takes that when its parameter group says tls=disabled.
func greetMongo(_ context.Context, conn net.Conn) (Info, error) { return helloMongo(conn) }

// helloMongo sends hello and, for the version, buildInfo; neither needs a login.
func helloMongo(conn net.Conn) (Info, error) {
	reply, err := mongoCommand(conn, 1, "hello")
	if err != nil {
		return Info{}, err
	}
	info, err := parseHello(reply)
	if err != nil {
		return Info{}, err
	}
	if reply, err = mongoCommand(conn, 2, "buildInfo"); err == nil {
		if fields, err := parseBSON(reply); err == nil {
			info.Version = printable([]byte(fields["version"].text))
		}
	}
	return info, nil
}

// mongoCommand sends {name: 1, $db: "admin"} and returns the document of the answer.
func mongoCommand(conn net.Conn, id uint32, name string) ([]byte, error) {
	var doc bytes.Buffer
	doc.Write([]byte{0, 0, 0, 0, 0x10})
	doc.WriteString(name + "\x00\x01\x00\x00\x00")
	doc.WriteString("\x02$db\x00\x06\x00\x00\x00admin\x00\x00")
	body := doc.Bytes()
	binary.LittleEndian.PutUint32(body, uint32(len(body)))
	message := make([]byte, 21, 21+len(body)) // header (16), flags (4), kind of section (1)
	binary.LittleEndian.PutUint32(message, uint32(21+len(body)))
	binary.LittleEndian.PutUint32(message[4:], id)
	binary.LittleEndian.PutUint32(message[12:], opMsg)
	if _, err := conn.Write(append(message, body...)); err != nil {
		return nil, err
	}
	header, err := readFull(conn, 21)
	if err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint32(header)) - 21
	if binary.LittleEndian.Uint32(header[12:]) != opMsg || length < 5 || length > maxReply {
		return nil, otherProtocol("MongoDB", header)
	}
	answer := make([]byte, length)
	if _, err := readAll(conn, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// parseHello reads who answers: isWritablePrimary (ismaster of old) and secondary.
func parseHello(doc []byte) (Info, error) {
	fields, err := parseBSON(doc)
	if err != nil {
		return Info{}, err
	}
	if _, ok := fields["maxWireVersion"]; !ok {
		return Info{}, errors.New("the answer to hello has no maxWireVersion")
	}
	switch {
	case fields["isWritablePrimary"].truth || fields["ismaster"].truth:
		return Info{Role: RoleWriter}, nil
	case fields["secondary"].truth:
		return Info{Role: RoleReader}, nil
	}
	return Info{}, nil
}

// field is a value of a BSON document, as far as a greeting needs it.
type field struct {
	text  string
	truth bool
}

// parseBSON reads the strings and booleans of a document's first level; other values are passed over.
func parseBSON(doc []byte) (map[string]field, error) {
	cut := errors.New("the BSON document is cut short")
	if len(doc) < 5 || int(binary.LittleEndian.Uint32(doc)) > len(doc) || binary.LittleEndian.Uint32(doc) < 5 {
		return nil, cut
	}
	rest := doc[4:binary.LittleEndian.Uint32(doc)]
	fields := map[string]field{}
	for len(rest) > 0 && rest[0] != 0 {
		kind := rest[0]
		name, after, ok := bytes.Cut(rest[1:], []byte{0})
		if !ok {
			return nil, cut
		}
		size, ok := bsonSize(kind, after)
		if !ok || size > len(after) {
			return nil, cut
		}
		value := after[:size]
		switch kind {
		case 0x02:
			fields[string(name)] = field{text: string(bytes.TrimSuffix(value[4:], []byte{0}))}
		case 0x08:
			fields[string(name)] = field{truth: value[0] != 0}
		default:
			fields[string(name)] = field{}
		}
		rest = after[size:]
	}
	return fields, nil
}

// bsonSize is how long a value is; false for a kind that no answer to these commands has.
func bsonSize(kind byte, value []byte) (int, bool) {
	length := func(extra int) (int, bool) {
		if len(value) < 4 {
			return 0, false
		}
		n := int(int32(binary.LittleEndian.Uint32(value)))
		if n < 0 || n > maxReply || n+extra < 4 {
			return 0, false
		}
		return n + extra, true
	}
	switch kind {
	case 0x01, 0x09, 0x11, 0x12: // double, date, timestamp, int64
		return 8, true
	case 0x02: // string
		return length(4)
	case 0x03, 0x04: // document, array: the length counts itself
		return length(0)
	case 0x05: // binary: a subtype after the length
		return length(5)
	case 0x07:
		return 12, true
	case 0x08:
		return 1, true
	case 0x0a:
		return 0, true
	case 0x10:
		return 4, true
	}
	return 0, false
}
