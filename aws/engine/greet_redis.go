package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"
)

// greetRedis sends PING, and HELLO to a server that answers without a login: it tells the version. A server that wants TLS
// answers plain words with an alert, or, as redis-server itself does, by cutting the connection.
func greetRedis(_ context.Context, conn net.Conn) (Info, error) {
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return Info{}, err
	}
	line, err := readLine(conn)
	if len(line) == 0 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
		return Info{}, ErrTLS
	}
	if err != nil {
		return Info{}, err
	}
	info, open, err := parsePong(line)
	if err != nil || !open {
		return info, err
	}
	if _, err := conn.Write([]byte("HELLO\r\n")); err != nil {
		return info, nil //nolint:nilerr // PONG was proof enough
	}
	info.Version = helloVersion(func() ([]byte, error) { return readLine(conn) })
	return info, nil
}

// parsePong reads the answer to PING; open says that the server takes commands without a login.
func parsePong(line []byte) (info Info, open bool, err error) {
	switch {
	case len(line) == 0:
		return Info{}, false, errors.New("the answer is empty")
	case isTLS(line):
		return Info{TLS: true}, false, nil
	case bytes.Equal(line, []byte("+PONG")):
		return Info{}, true, nil
	case line[0] == '-': // NOAUTH, LOADING, DENIED by protected mode, max number of clients: a Redis all the same
		return Info{}, false, nil
	}
	return Info{}, false, otherProtocol("Redis", line)
}

// helloVersion reads the answer to HELLO, an array of names and values, as far as the version: "$7", "version", "$6",
// "7.0.15". "" when there is none; servers before 6 answer with an error.
func helloVersion(next func() ([]byte, error)) string {
	head, err := next()
	if err != nil || len(head) < 2 || head[0] != '*' && head[0] != '%' {
		return ""
	}
	fields, err := strconv.Atoi(string(head[1:]))
	if err != nil || fields < 2 {
		return ""
	}
	const most = 16 // the version is the second pair
	previous := ""
	for range min(fields, most) {
		kind, err := next()
		if err != nil || len(kind) == 0 || kind[0] != '$' {
			return ""
		}
		value, err := next()
		if err != nil {
			return ""
		}
		if previous == "version" {
			return printable(value)
		}
		previous = string(value)
	}
	return ""
}
