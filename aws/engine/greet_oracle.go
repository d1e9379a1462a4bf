package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Packet types of Oracle's TNS.
const (
	tnsAccept   = 2
	tnsRefuse   = 4
	tnsRedirect = 5
	tnsData     = 6
	tnsResend   = 11
)

// greetOracle sends a TNS CONNECT that names no service. The listener refuses it, and tells its version in the refusal.
func greetOracle(_ context.Context, conn net.Conn) (Info, error) {
	if _, err := conn.Write(tnsConnect("(DESCRIPTION=(CONNECT_DATA=(CID=(PROGRAM=rdsx)(HOST=rdsx)(USER=rdsx))(COMMAND=version)))")); err != nil {
		return Info{}, err
	}
	header, err := readFull(conn, 8)
	if err != nil {
		return Info{}, err
	}
	length := int(binary.BigEndian.Uint16(header)) - len(header)
	if length < 0 || length > maxGreeting {
		return Info{}, otherProtocol("Oracle", header)
	}
	var body []byte
	if length > 0 {
		if body, err = readFull(conn, length); err != nil {
			return Info{}, err
		}
	}
	return parseTNS(header[4], append(header, body...))
}

// tnsConnect builds the packet: 8 bytes of header, 50 of fixed fields, the data at offset 58.
func tnsConnect(data string) []byte {
	const offset = 58
	p := make([]byte, offset, offset+len(data))
	binary.BigEndian.PutUint16(p[0:], uint16(offset+len(data)))
	p[4] = 1                                   // CONNECT
	binary.BigEndian.PutUint16(p[8:], 314)     // version 3.14
	binary.BigEndian.PutUint16(p[10:], 300)    // oldest that is understood
	binary.BigEndian.PutUint16(p[14:], 2048)   // session data unit
	binary.BigEndian.PutUint16(p[16:], 0x7fff) // transport data unit
	binary.BigEndian.PutUint16(p[18:], 0x7f08) // protocol characteristics
	binary.BigEndian.PutUint16(p[22:], 1)      // byte order
	binary.BigEndian.PutUint16(p[24:], uint16(len(data)))
	binary.BigEndian.PutUint16(p[26:], offset)
	return append(p, data...)
}

func parseTNS(kind byte, packet []byte) (Info, error) {
	switch kind {
	case tnsAccept, tnsRefuse, tnsRedirect, tnsData, tnsResend:
		return Info{Version: tnsVersion(packet)}, nil
	}
	return Info{}, otherProtocol("Oracle", packet)
}

// tnsVersion reads (VSNNUM=318767104), whose hexadecimal digits are the parts of the version: 0x13000000 is 19.0.0.0.0.
func tnsVersion(packet []byte) string {
	_, rest, ok := bytes.Cut(packet, []byte("(VSNNUM="))
	if !ok {
		return ""
	}
	digits, _, ok := bytes.Cut(rest, []byte(")"))
	if !ok || len(digits) > 10 {
		return ""
	}
	n, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil || n == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d.%d", n>>24, n>>20&0xf, n>>12&0xff, n>>8&0xf, n&0xff)
}

// greetMemcached asks for the version, which needs no login.
func greetMemcached(_ context.Context, conn net.Conn) (Info, error) {
	if _, err := conn.Write([]byte("version\r\n")); err != nil {
		return Info{}, err
	}
	line, err := readLine(conn)
	if err != nil {
		return Info{}, err
	}
	return parseMemcached(line)
}

func parseMemcached(line []byte) (Info, error) {
	if version, ok := bytes.CutPrefix(line, []byte("VERSION ")); ok {
		return Info{Version: printable(version)}, nil
	}
	switch {
	case isTLS(line):
		return Info{TLS: true}, nil
	case bytes.HasPrefix(line, []byte("ERROR")), bytes.HasPrefix(line, []byte("CLIENT_ERROR")), bytes.HasPrefix(line, []byte("SERVER_ERROR")):
		return Info{}, nil
	case len(line) == 0:
		return Info{}, errors.New("the answer is empty")
	}
	return Info{}, otherProtocol("Memcached", line)
}
