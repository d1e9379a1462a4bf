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

// greetRedis sends PING, and HELLO, which a server that answers without a login tells its version to. A server that wants TLS
// answers plain words with an alert, or, as redis-server itself does, by cutting the connection.
func greetRedis(_ context.Context, conn net.Conn) (Info, error) {
	if _, err := conn.Write([]byte("PING\r\nHELLO\r\n")); err != nil { // at once: a round trip through a tunnel is long
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
	info.Version, info.Role = helloSays(func() ([]byte, error) { return readLine(conn) })
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

// helloSays reads the answer to HELLO, an array of names and values, as far as the role: "$7", "version", "$6", "7.0.15",
// …, "$4", "role", "$6", "master". What is not there is ""; servers before 6 answer with an error.
func helloSays(next func() ([]byte, error)) (version, role string) {
	head, err := next()
	if err != nil || len(head) < 2 || head[0] != '*' && head[0] != '%' {
		return "", ""
	}
	fields, err := strconv.Atoi(string(head[1:]))
	if err != nil || fields < 2 {
		return "", ""
	}
	const most = 16 // the role is the sixth of seven pairs
	previous := ""
	for range min(fields, most) {
		value, err := helloValue(next)
		if err != nil {
			return version, ""
		}
		switch previous {
		case "version":
			version = printable(value)
		case "role":
			return version, redisRole(string(value))
		}
		previous = string(value)
	}
	return version, ""
}

// helloValue reads one string or number.
func helloValue(next func() ([]byte, error)) ([]byte, error) {
	kind, err := next()
	switch {
	case err != nil:
		return nil, err
	case len(kind) > 1 && kind[0] == ':':
		return kind[1:], nil
	case len(kind) > 0 && kind[0] == '$':
		return next()
	}
	return nil, errors.New("neither a string nor a number")
}

func redisRole(said string) string {
	switch said {
	case "master":
		return RoleWriter
	case "slave", "replica":
		return RoleReader
	}
	return ""
}
