package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Info is what a server said of itself.
type Info struct {
	Version string   `json:"version,omitempty"` // "" when the greeting does not tell
	TLS     bool     `json:"tls,omitempty"`     // the server offers or demands TLS
	Names   []string `json:"names,omitempty"`   // in its TLS certificate, the subject's first; nobody has checked them; only Probe and TLS engines tell
	Role    string   `json:"role,omitempty"`    // RoleWriter or RoleReader; "" when the greeting does not tell
}

// The roles that a server says of itself: MongoDB's hello and Redis's HELLO tell them.
const (
	RoleWriter = "writer"
	RoleReader = "reader"
)

// ErrTLS says that the server hung up at plain words, as one does that wants TLS. To be sure, dial again and ask
// GreetingTLS.
var ErrTLS = errors.New("the server hung up: it probably wants TLS")

// maxGreeting bounds what is read of any greeting; real ones are below 300 bytes.
const maxGreeting = 4096

// Greeting speaks the first bytes of the engine's protocol on conn and reads the answer, so that a tunnel's far end is
// known to be a database and not only an open port. When ctx ends it returns ctx's error. It never closes conn, and leaves
// it unusable for anything else.
//
// An error means that nothing answers or that what answers speaks another protocol; errors.ErrUnsupported that the engine
// has no first words that are safe to say (Db2, unknown engines).
func (e Engine) Greeting(ctx context.Context, conn net.Conn) (Info, error) {
	return e.greet(ctx, conn, e.speaker())
}

// GreetingTLS finds out whether the server speaks TLS from the first byte, whatever its engine: what Greeting does for
// DocumentDB, Neptune and OpenSearch.
func (e Engine) GreetingTLS(ctx context.Context, conn net.Conn) (Info, error) {
	return e.greet(ctx, conn, greetTLS)
}

type speaker func(context.Context, net.Conn) (Info, error)

func (e Engine) greet(ctx context.Context, conn net.Conn, speak speaker) (Info, error) {
	if speak == nil {
		return Info{}, fmt.Errorf("greet %s: %w", e.named(), errors.ErrUnsupported)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	info, err := speak(ctx, conn)
	if err == nil {
		return info, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the far end closed the connection: %w", err)
	}
	return Info{}, fmt.Errorf("greet %s: %w", e.named(), err)
}

func (e Engine) named() string {
	if e.Name == "" {
		return "an unknown engine"
	}
	return e.Name
}

func (e Engine) speaker() speaker {
	switch e.Family {
	case Postgres, Redshift:
		return greetPostgres
	case MySQL:
		return greetMySQL
	case Redis:
		return greetRedis
	case SQLServer:
		return greetSQLServer
	case Oracle:
		return greetOracle
	case Memcached:
		return greetMemcached
	case DocumentDB, Neptune, OpenSearch:
		return greetTLS
	}
	return nil
}

// greetTLS shakes hands and says nothing more: these services are behind TLS, and their own first words need a login. The
// certificate is not checked, because no byte of anybody's is sent; the client proper checks it.
func greetTLS(ctx context.Context, conn net.Conn) (Info, error) {
	return shake(ctx, tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}))
}

func shake(ctx context.Context, client *tls.Conn) (Info, error) {
	err := client.HandshakeContext(ctx)
	var alert *net.OpError
	var header tls.RecordHeaderError
	switch {
	case err == nil:
		return Info{TLS: true, Names: certificateNames(client.ConnectionState())}, nil
	case errors.As(err, &alert) && alert.Op == "remote error":
		return Info{TLS: true}, nil // an alert, for want of a server name or a client certificate, is TLS as well
	case errors.As(err, &header):
		return Info{}, errors.New("the answer is not TLS")
	}
	return Info{}, err
}

// otherProtocol is the error for an answer that begins with what no server of the engine says.
func otherProtocol(engine string, first []byte) error {
	switch {
	case isTLS(first):
		return fmt.Errorf("the answer is TLS, not %s", engine)
	case strings.HasPrefix(string(first), "HTTP/"):
		return fmt.Errorf("the answer is HTTP, not %s", engine)
	}
	return fmt.Errorf("the answer %q is not %s", first[:min(16, len(first))], engine)
}

// isTLS recognises a TLS record: an alert or a handshake of version 3.x.
func isTLS(b []byte) bool {
	return len(b) >= 2 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3
}

// readFull reads n bytes, 1 to maxGreeting of them.
func readFull(conn net.Conn, n int) ([]byte, error) {
	if n < 1 || n > maxGreeting {
		return nil, fmt.Errorf("a greeting of %d bytes is not believable", n)
	}
	return readAll(conn, make([]byte, n))
}

func readAll(conn net.Conn, b []byte) ([]byte, error) {
	_, err := io.ReadFull(conn, b)
	return b, err
}

// readLine reads up to a newline, without it. What is not a text line after 1 KB is not one.
func readLine(conn net.Conn) ([]byte, error) {
	const most = 1024
	line := make([]byte, 0, 64)
	one := make([]byte, 1)
	for len(line) < most {
		if _, err := io.ReadFull(conn, one); err != nil {
			return line, err
		}
		if one[0] == '\n' {
			return []byte(strings.TrimSuffix(string(line), "\r")), nil
		}
		line = append(line, one[0])
		if len(line) == 2 && isTLS(line) {
			return line, nil
		}
	}
	return line, errors.New("the answer is not a line of text")
}
