package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
)

// greetPostgres asks for TLS: the one question that every PostgreSQL since 7.0, PgBouncer and Redshift answer before a
// login, with one byte.
func greetPostgres(_ context.Context, conn net.Conn) (Info, error) {
	if _, err := conn.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return Info{}, err
	}
	answer, err := readFull(conn, 1)
	if err != nil {
		return Info{}, err
	}
	return parsePostgres(answer)
}

func parsePostgres(answer []byte) (Info, error) {
	if len(answer) == 0 {
		return Info{}, errors.New("the answer is empty")
	}
	switch answer[0] {
	case 'S':
		return Info{TLS: true}, nil
	case 'N':
		return Info{}, nil
	case 'E': // too many connections, or starting up: a PostgreSQL all the same
		return Info{}, nil
	}
	return Info{}, otherProtocol("PostgreSQL", answer)
}

// greetMySQL listens: a MySQL server speaks first.
func greetMySQL(_ context.Context, conn net.Conn) (Info, error) {
	header, err := readFull(conn, 4)
	if err != nil {
		return Info{}, err
	}
	length := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if header[3] != 0 || length == 0 || length > maxGreeting {
		return Info{}, otherProtocol("MySQL", header)
	}
	body, err := readFull(conn, length)
	if err != nil {
		return Info{}, err
	}
	return parseMySQL(body)
}

// parseMySQL reads a packet of protocol 10: version 10, server version NUL, thread id (4), salt (8), 0, the lower half of
// the capabilities (2), of which 0x0800 is TLS. 0xff instead of 10 is an error: code (2) and text.
func parseMySQL(body []byte) (Info, error) {
	if len(body) == 0 {
		return Info{}, errors.New("the greeting is empty")
	}
	if body[0] == 0xff && len(body) >= 3 {
		return Info{}, fmt.Errorf("the server refuses this client: %s (%d)", printable(body[3:]), binary.LittleEndian.Uint16(body[1:]))
	}
	if body[0] != 10 {
		return Info{}, otherProtocol("MySQL", body)
	}
	version, rest, ok := bytes.Cut(body[1:], []byte{0})
	if !ok || len(rest) < 4+8+1+2 {
		return Info{}, errors.New("the greeting is cut short")
	}
	capabilities := binary.LittleEndian.Uint16(rest[4+8+1:])
	// MariaDB says 5.5.5- first, for replicas that cannot read a version above 9.
	return Info{Version: strings.TrimPrefix(printable(version), "5.5.5-"), TLS: capabilities&0x0800 != 0}, nil
}

// greetSQLServer sends a TDS PRELOGIN with the two options that matter: version and encryption.
func greetSQLServer(_ context.Context, conn net.Conn) (Info, error) {
	prelogin := []byte{
		0x12, 0x01, 0, 26, 0, 0, 0, 0, // type PRELOGIN, last packet, length 26, SPID, packet, window
		0x00, 0, 11, 0, 6, // VERSION at 11, 6 bytes
		0x01, 0, 17, 0, 1, // ENCRYPTION at 17, 1 byte
		0xff,
		0, 0, 0, 0, 0, 0, // of the client: none
		0x00, // encryption possible
	}
	if _, err := conn.Write(prelogin); err != nil {
		return Info{}, err
	}
	header, err := readFull(conn, 8)
	if err != nil {
		return Info{}, err
	}
	length := int(binary.BigEndian.Uint16(header[2:])) - len(header)
	if header[0] != 0x04 || length < 1 {
		return Info{}, otherProtocol("SQL Server", header)
	}
	body, err := readFull(conn, length)
	if err != nil {
		return Info{}, err
	}
	return parseTDS(body)
}

// parseTDS reads the options of a PRELOGIN answer: token, offset (2), length (2) each, 0xff at the end, then their values.
func parseTDS(body []byte) (Info, error) {
	var info Info
	found := false
	for at := 0; at < len(body) && body[at] != 0xff; at += 5 {
		if at+5 > len(body) {
			return Info{}, errors.New("the PRELOGIN answer is cut short")
		}
		offset, length := int(binary.BigEndian.Uint16(body[at+1:])), int(binary.BigEndian.Uint16(body[at+3:]))
		if offset+length > len(body) {
			return Info{}, errors.New("the PRELOGIN answer points beyond its end")
		}
		value := body[offset : offset+length]
		switch {
		case body[at] == 0 && length >= 4:
			info.Version = fmt.Sprintf("%d.%d.%d", value[0], value[1], binary.BigEndian.Uint16(value[2:]))
			found = true
		case body[at] == 1 && length >= 1:
			info.TLS = value[0] != 2 // 2: not supported
			found = true
		}
	}
	if !found {
		return Info{}, errors.New("the PRELOGIN answer has neither version nor encryption")
	}
	return info, nil
}

// printable keeps what a terminal may show of a server's text.
func printable(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, string(b[:min(200, len(b))])))
}
