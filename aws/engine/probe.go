package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Patience is how long a probe through a tunnel waits for the first answer: a black-holed connect would be waited for two
// minutes by the agent, and blocks every later one meanwhile (docs/aws.md §4).
const Patience = 6 * time.Second

// maxNames bounds the names that are kept of a certificate; one of Aurora has three: the instance's, the writer's, the readers'.
const maxNames = 8

// Dial opens a connection to the server, through a tunnel for one. The caller closes it.
type Dial func(ctx context.Context) (net.Conn, error)

// Speaks says whether the engine has first words that are safe to say: whether Greeting and Probe are of use.
func (e Engine) Speaks() bool { return e.speaker() != nil }

// Probe learns what a server tells before a login: that it speaks the engine's protocol, its version, the names in its TLS
// certificate, and whether it writes. It speaks on connections of its own, one after the other, and closes them.
//
// host is the server name that TLS is asked for; "" for none. answered is called, at most once and before Probe returns,
// with what the first answer told, one round trip after the first dial: a tunnel is ready then, whatever else is learnt.
// nil for nobody. What goes wrong after the first answer is no error: Info then holds less. Errors are those of Greeting.
func (e Engine) Probe(ctx context.Context, dial Dial, host string, answered func(Info)) (Info, error) {
	if e.speaker() == nil {
		return e.Greeting(ctx, nil)
	}
	p := &probe{engine: e, host: host, answered: answered}
	if e.Family == DocumentDB || e.Family == Neptune || e.Family == OpenSearch {
		return p.secure(ctx, dial)
	}
	info, err := p.plain(ctx, dial, e.speaker())
	// A server that answers plain words with an alert, or cuts, wants TLS from the first byte: Redis and Memcached do.
	if errors.Is(err, ErrTLS) || err == nil && info.TLS && (e.Family == Redis || e.Family == Memcached) {
		inside, insideErr := p.wrapped(ctx, dial, e.speaker())
		if insideErr == nil {
			return inside, nil
		}
	}
	return info, err
}

// secure asks a service that is behind TLS; a DocumentDB may be without it.
func (p *probe) secure(ctx context.Context, dial Dial) (Info, error) {
	var within speaker
	if p.engine.Family == DocumentDB {
		within = greetMongo
	}
	info, err := p.wrapped(ctx, dial, within)
	if err != nil && ctx.Err() == nil && p.engine.Family == DocumentDB && !errors.Is(err, errNotDialled) {
		if plain, plainErr := p.plain(ctx, dial, greetMongo); plainErr == nil {
			return plain, nil
		}
	}
	return info, err
}

// errNotDialled says that there was no connection to speak on.
var errNotDialled = errors.New("not connected")

type probe struct {
	engine   Engine
	host     string
	answered func(Info)
}

func (p *probe) first(info Info) {
	if p.answered != nil {
		p.answered(info)
		p.answered = nil
	}
}

func (p *probe) open(ctx context.Context, dial Dial) (net.Conn, error) {
	conn, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("greet %s: %w: %w", p.engine.named(), errNotDialled, err)
	}
	return conn, nil
}

// plain dials, greets, and goes on to TLS where the protocol upgrades to it.
func (p *probe) plain(ctx context.Context, dial Dial, speak speaker) (Info, error) {
	conn, err := p.open(ctx, dial)
	if err != nil {
		return Info{}, err
	}
	defer conn.Close() //nolint:errcheck // nothing of anybody's was written
	info, err := p.engine.greet(ctx, conn, speak)
	if err != nil {
		return Info{}, err
	}
	p.first(info)
	if info.TLS {
		p.upgrade(ctx, conn, &info)
	}
	return info, nil
}

// wrapped dials, shakes hands, and greets inside TLS. What is said there is welcome and not needed: speak may be nil.
func (p *probe) wrapped(ctx context.Context, dial Dial, speak speaker) (Info, error) {
	conn, err := p.open(ctx, dial)
	if err != nil {
		return Info{}, err
	}
	defer conn.Close() //nolint:errcheck // as above
	client := tls.Client(conn, p.config())
	info, err := p.engine.greet(ctx, conn, func(ctx context.Context, _ net.Conn) (Info, error) { return shake(ctx, client) })
	if err != nil {
		return Info{}, err
	}
	p.first(info)
	if !client.ConnectionState().HandshakeComplete || speak == nil {
		return info, nil
	}
	if said, err := p.engine.greet(ctx, client, speak); err == nil {
		info.Version, info.Role = said.Version, said.Role
	}
	return info, nil
}

// upgrade goes on with TLS on a connection whose server has said that it offers it, for the names in its certificate.
func (p *probe) upgrade(ctx context.Context, conn net.Conn, info *Info) {
	var under net.Conn
	switch p.engine.Family {
	case Postgres, Redshift:
		under = conn // after S the next byte is TLS's
	case MySQL:
		if _, err := conn.Write(mysqlTLSRequest()); err != nil {
			return
		}
		under = conn
	case SQLServer:
		under = &tdsConn{Conn: conn}
	default:
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	client := tls.Client(under, p.config())
	if client.HandshakeContext(ctx) == nil {
		info.Names = certificateNames(client.ConnectionState())
	}
}

func (p *probe) config() *tls.Config {
	return &tls.Config{ServerName: p.host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // as in greetTLS
}

// certificateNames are the names that a server's certificate has: the subject's common name first where it is a host name, as
// that of an Aurora instance is, or the only name; then those that a client may check.
func certificateNames(state tls.ConnectionState) []string {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	return namesOf(state.PeerCertificates[0])
}

func namesOf(c *x509.Certificate) []string {
	var others []string
	for _, ip := range c.IPAddresses {
		others = append(others, ip.String())
	}
	others = slices.Concat(c.DNSNames, others)
	var names []string
	subject := c.Subject.CommonName
	if subject != "" && (len(others) == 0 || strings.Contains(subject, ".") && !strings.ContainsAny(subject, " /")) {
		names = append(names, subject)
	}
	for _, name := range others {
		if len(names) < maxNames && (len(names) == 0 || !strings.EqualFold(name, names[0])) {
			names = append(names, name)
		}
	}
	for i := range names {
		names[i] = printable([]byte(names[i]))
	}
	return names
}

// mysqlTLSRequest is the SSLRequest packet, number 1 after the greeting: capabilities (CLIENT_PROTOCOL_41, CLIENT_SSL,
// CLIENT_SECURE_CONNECTION), the largest packet, the character set utf8mb4, and 23 zeros.
func mysqlTLSRequest() []byte {
	p := make([]byte, 4+32)
	p[0], p[3] = 32, 1
	p[4], p[5] = 0x00, 0x8a // 0x8a00: 0x0200 | 0x0800 | 0x8000
	p[11] = 1               // 16 MiB
	p[12] = 45
	return p
}

// tdsConn carries the TLS handshake inside PRELOGIN packets, as SQL Server wants it until the login.
type tdsConn struct {
	net.Conn
	left int // bytes of the packet that is being read
}

const tdsHeader = 8

// Write implements io.Writer with one packet a write.
func (c *tdsConn) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		part := b[:min(len(b), maxGreeting-tdsHeader)]
		b = b[len(part):]
		last := byte(0)
		if len(b) == 0 {
			last = 1
		}
		size := len(part) + tdsHeader
		packet := append([]byte{0x12, last, byte(size >> 8), byte(size), 0, 0, 0, 0}, part...)
		if _, err := c.Conn.Write(packet); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}

// Read implements io.Reader: what is inside the packets.
func (c *tdsConn) Read(b []byte) (int, error) {
	for c.left == 0 {
		header, err := readFull(c.Conn, tdsHeader)
		if err != nil {
			return 0, err
		}
		if header[0] != 0x12 && header[0] != 0x04 {
			return 0, otherProtocol("SQL Server", header)
		}
		c.left = max(0, int(header[2])<<8+int(header[3])-tdsHeader)
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
