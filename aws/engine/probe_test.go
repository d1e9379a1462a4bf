package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// servers gives a Dial whose connections are in the hands of talk, each of the same one.
func servers(t *testing.T, talk func(*net.TCPConn)) Dial {
	t.Helper()
	return func(context.Context) (net.Conn, error) { return serve(t, talk), nil }
}

// expect reads what the client must say first.
func expect(t *testing.T, c io.Reader, want string) bool {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return false
	}
	if string(got) != want {
		t.Errorf("the client said %q, want %q", got, want)
	}
	return true
}

// bson builds a document of one level.
func bson(elements ...[]byte) []byte {
	doc := append([]byte{0, 0, 0, 0}, slices.Concat(elements...)...)
	doc = append(doc, 0)
	binary.LittleEndian.PutUint32(doc, uint32(len(doc)))
	return doc
}

func truth(name string, v byte) []byte { return append([]byte("\x08"+name+"\x00"), v) }
func number(name string) []byte        { return []byte("\x10" + name + "\x00\x15\x00\x00\x00") }

func text(name, v string) []byte {
	e := append([]byte("\x02"+name+"\x00"), byte(len(v)+1), 0, 0, 0)
	return append(append(e, v...), 0)
}

// mongod answers hello and buildInfo on c.
func mongod(c net.Conn, primary bool) {
	hello := bson(truth("isWritablePrimary", map[bool]byte{true: 1}[primary]), truth("secondary", map[bool]byte{false: 1}[primary]),
		[]byte("\x03topologyVersion\x00\x05\x00\x00\x00\x00"), number("maxWireVersion"))
	for _, doc := range [][]byte{hello, bson(text("version", "5.0.0"), []byte("\x12x\x00\x00\x00\x00\x00\x00\x00\x00\x00"))} {
		header := make([]byte, 16)
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		_, _ = io.ReadFull(c, make([]byte, int(binary.LittleEndian.Uint32(header))-16))
		answer := make([]byte, 21)
		binary.LittleEndian.PutUint32(answer, uint32(21+len(doc)))
		binary.LittleEndian.PutUint32(answer[12:], opMsg)
		_, _ = c.Write(append(answer, doc...))
	}
	_, _ = io.Copy(io.Discard, c)
}

func TestProbe(t *testing.T) {
	t.Parallel()
	cert := certificate(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	upgrade := func(c net.Conn) { _ = tls.Server(c, config).HandshakeContext(t.Context()) }
	const sslRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
	names := []string{"db", "db.example"}
	for name, c := range map[string]struct {
		engine string
		talk   func(*net.TCPConn)
		want   Info
	}{
		"postgres": {"postgres", func(c *net.TCPConn) {
			if expect(t, c, sslRequest) {
				_, _ = c.Write([]byte("S"))
				upgrade(c)
			}
		}, Info{TLS: true, Names: names}},
		"postgres hangs up at TLS": {"postgres", func(c *net.TCPConn) {
			if expect(t, c, sslRequest) {
				_, _ = c.Write([]byte("S"))
			}
		}, Info{TLS: true}},
		"postgres without": {"postgres", func(c *net.TCPConn) {
			if expect(t, c, sslRequest) {
				_, _ = c.Write([]byte("N"))
			}
		}, Info{}},
		"mariadb": {"mariadb", func(c *net.TCPConn) {
			_, _ = c.Write([]byte(mariadbGreeting))
			if expect(t, c, "\x20\x00\x00\x01\x00\x8a\x00\x00\x00\x00\x00\x01\x2d") {
				_, _ = io.ReadFull(c, make([]byte, 23))
				upgrade(c)
			}
		}, Info{Version: "10.11.19-MariaDB-0+deb12u1", TLS: true, Names: names}},
		"sql server": {"sqlserver-se", func(c *net.TCPConn) {
			if expect(t, c, "\x12\x01\x00\x1a") {
				_, _ = io.ReadFull(c, make([]byte, 22))
				_, _ = c.Write([]byte(tdsAnswer))
				upgrade(&tdsConn{Conn: c})
			}
		}, Info{Version: "16.0.4085", TLS: true, Names: names}},
		"redis inside TLS": {"redis", func(c *net.TCPConn) {
			secure := tls.Server(c, config)
			if secure.HandshakeContext(t.Context()) == nil && expect(t, secure, "PING\r\nHELLO\r\n") {
				_, _ = secure.Write([]byte("+PONG\r\n" + redisHello + "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"))
				_, _ = io.Copy(io.Discard, secure)
			}
		}, Info{Version: "7.0.15", TLS: true, Names: names, Role: RoleWriter}},
		"redis replica": {"redis", func(c *net.TCPConn) {
			if expect(t, c, "PING\r\nHELLO\r\n") {
				_, _ = c.Write([]byte("+PONG\r\n" + redisHello + "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$5\r\nslave\r\n"))
				_, _ = io.Copy(io.Discard, c)
			}
		}, Info{Version: "7.0.15", Role: RoleReader}},
		"documentdb": {"docdb", func(c *net.TCPConn) {
			secure := tls.Server(c, config)
			if secure.HandshakeContext(t.Context()) == nil {
				mongod(secure, true)
			}
		}, Info{Version: "5.0.0", TLS: true, Names: names, Role: RoleWriter}},
		"documentdb without TLS, a reader": {"docdb", func(c *net.TCPConn) {
			first := make([]byte, 1)
			if _, err := io.ReadFull(c, first); err != nil || first[0] == 0x16 {
				return // a mongod hangs up at TLS that it does not speak
			}
			mongod(&prefixed{Conn: c, head: first}, false)
		}, Info{Version: "5.0.0", Role: RoleReader}},
		"opensearch": {"opensearch", func(c *net.TCPConn) { upgrade(c) }, Info{TLS: true, Names: names}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			answers := 0
			got, err := Of(c.engine).Probe(ctx, servers(t, c.talk), "db", func(Info) { answers++ })
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v %v, want %+v", got, err, c.want)
			}
			if answers != 1 {
				t.Errorf("answered %d times, want once", answers)
			}
		})
	}
}

// prefixed is a connection of which something has been read already.
type prefixed struct {
	net.Conn
	head []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

func TestProbeFails(t *testing.T) {
	t.Parallel()
	never := func(Info) { t.Error("a server that does not speak the engine's protocol has answered") }
	down := errors.New("no way")
	dials := 0
	for _, e := range []string{"postgres", "redis", "docdb", "neptune"} {
		dials = 0
		_, err := Of(e).Probe(t.Context(), func(context.Context) (net.Conn, error) { dials++; return nil, down }, "", never)
		if !errors.Is(err, down) || dials != 1 {
			t.Errorf("%s: %v after %d dials, want the dial's error after one", e, err, dials)
		}
	}
	if _, err := Of("db2-se").Probe(t.Context(), nil, "", never); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Db2: %v, want that it is not supported", err)
	}
	silent := servers(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	for _, e := range []string{"postgres", "mysql", "redis", "sqlserver", "oracle", "docdb", "opensearch"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Of(e).Probe(ctx, silent, "", never); !errors.Is(err, context.Canceled) {
			t.Errorf("%s is silent: %v, want the context's error", e, err)
		}
	}
	http := servers(t, func(c *net.TCPConn) {
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		_, _ = io.Copy(io.Discard, c)
	})
	for _, e := range []string{"postgres", "mysql", "redis", "sqlserver", "oracle", "docdb", "opensearch"} {
		if info, err := Of(e).Probe(t.Context(), http, "", never); err == nil {
			t.Errorf("%s takes a web server for itself: %+v", e, info)
		}
	}
}

func FuzzParseHello(f *testing.F) {
	f.Add(bson(truth("isWritablePrimary", 1), number("maxWireVersion"), text("version", "5.0.0")))
	f.Add([]byte("\x05\x00\x00\x00\x00"))
	f.Add([]byte("\x10\x00\x00\x00\x02v\x00\xff\xff\xff\x7fx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parseHello(b)
		check(t, info, err)
	})
}

// FuzzTDSConn proves that no stream of packets makes the reader of TLS inside TDS spin or read beyond a packet.
func FuzzTDSConn(f *testing.F) {
	f.Add([]byte("\x12\x01\x00\x0a\x00\x00\x00\x00hi\x04\x01\x00\x09\x00\x00\x00\x00!"))
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Write(b)
			_ = far.Close()
		}()
		c := &tdsConn{Conn: near}
		got, _ := io.ReadAll(c)
		if len(got) > len(b) {
			t.Errorf("read %d bytes out of %d", len(got), len(b))
		}
		_ = near.Close()
	})
}

// TestNames: the instance that a certificate is of comes first, each name once, and no more than are of use.
func TestNames(t *testing.T) {
	t.Parallel()
	const one, two = "orders-1.xyz.eu-west-1.rds.amazonaws.com", "orders.cluster-xyz.eu-west-1.rds.amazonaws.com"
	many := strings.Fields("a.b c.b d.b e.b f.b g.b h.b i.b j.b")
	for name, c := range map[string]struct {
		subject string
		others  []string
		want    []string
	}{
		"of an Aurora instance":      {one, []string{two, one}, []string{one, two}},
		"the subject in other case":  {"Orders-1.xyz.eu-west-1.rds.amazonaws.com", []string{one}, []string{"Orders-1.xyz.eu-west-1.rds.amazonaws.com"}},
		"the subject alone":          {"old server", nil, []string{"old server"}},
		"a subject that is no host":  {"Amazon RDS v1.0", []string{two}, []string{two}},
		"a subject of one word":      {"db", []string{two}, []string{two}},
		"with many others":           {one, many, append([]string{one}, many[:maxNames-1]...)},
		"with something to be shown": {"a\x1b[2J.b", nil, []string{"a[2J.b"}},
		"without any":                {"", nil, nil},
	} {
		if got := namesOf(&x509.Certificate{Subject: pkix.Name{CommonName: c.subject}, DNSNames: c.others}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
