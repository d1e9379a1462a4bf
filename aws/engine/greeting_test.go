package engine

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The first words of real servers, recorded: MariaDB 10.11.19 and Redis 7.0.15 of Debian 12.
const (
	mariadbGreeting = "d\x00\x00\x00\n5.5.5-10.11.19-MariaDB-0+deb12u1\x00\x03\x00\x00\x00sFEcGu9\\\x00\xfe\xff\x08\x02\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00Bs>{qDB[&Fo{\x00mysql_native_password\x00"
	redisHello      = "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:3\r\n"
	redisNoAuth     = "-NOAUTH Authentication required.\r\n"
)

// Built after the documents of the protocols; no such server was at hand.
const (
	mysql8Greeting = "\x17\x00\x00\x00\n8.0.35\x00\x01\x00\x00\x00abcdefgh\x00\xff\xff"
	mysqlNoTLS     = "\x17\x00\x00\x00\n8.0.35\x00\x01\x00\x00\x00abcdefgh\x00\xff\xf0"
	mysqlBlocked   = "\x13\x00\x00\x00\xff\x6a\x04Host is blocked!"
	tdsAnswer      = "\x04\x01\x00\x1a\x00\x00\x01\x00\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff\x10\x00\x0f\xf5\x00\x00\x01"
	tdsNoTLS       = "\x04\x01\x00\x1a\x00\x00\x01\x00\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff\x0f\x00\x07\xd0\x00\x00\x02"
	tnsRefusal     = "\x00\x3f\x00\x00\x04\x00\x00\x00\x22\x00\x00\x33(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12504)())"
)

// server plays a server: it reads each of expect before it says the answer of the same place, and then says no more. What
// comes beyond an expectation is read and forgotten. An empty expectation is said at once.
func server(t *testing.T, expect []string, answers []string) net.Conn {
	t.Helper()
	return serve(t, func(far *net.TCPConn) {
		for i, want := range expect {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(far, got); err != nil {
				return
			}
			if string(got) != want {
				t.Errorf("the client said %q, want %q", got, want)
			}
			if _, err := far.Write([]byte(answers[i])); err != nil {
				return
			}
		}
		// Closing with unread bytes would reset the connection and take the answer with it.
		_ = far.CloseWrite()
		_, _ = io.Copy(io.Discard, far)
	})
}

// serve gives the client's end of a connection whose other end is in the hands of talk.
func serve(t *testing.T, talk func(*net.TCPConn)) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		far, err := listener.Accept()
		if err != nil {
			return
		}
		defer far.Close() //nolint:errcheck // a test's connection
		talk(far.(*net.TCPConn))
	}()
	near, err := net.Dial("tcp", listener.Addr().String()) //nolint:noctx // to our own listener
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = near.Close(), listener.Close()
		<-done
	})
	return near
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	sslRequest := "\x00\x00\x00\x08\x04\xd2\x16\x2f"
	for name, c := range map[string]struct {
		engine          string
		expect, answers []string
		want            Info
		fails           string
	}{
		"postgres with TLS":       {"postgres", []string{sslRequest}, []string{"S"}, Info{TLS: true}, ""},
		"postgres without":        {"aurora-postgresql", []string{sslRequest}, []string{"N"}, Info{}, ""},
		"postgres is full":        {"postgres", []string{sslRequest}, []string{"E"}, Info{}, ""},
		"postgres is MySQL":       {"postgres", []string{sslRequest}, []string{mariadbGreeting}, Info{}, `the answer "d" is not PostgreSQL`},
		"redshift":                {"redshift", []string{sslRequest}, []string{"S"}, Info{TLS: true}, ""},
		"mariadb":                 {"mariadb", []string{""}, []string{mariadbGreeting}, Info{Version: "10.11.19-MariaDB-0+deb12u1", TLS: true}, ""},
		"mysql 8":                 {"mysql", []string{""}, []string{mysql8Greeting}, Info{Version: "8.0.35", TLS: true}, ""},
		"mysql is blocked":        {"mysql", []string{""}, []string{mysqlBlocked}, Info{}, "Host is blocked! (1130)"},
		"mysql is HTTP":           {"mysql", []string{""}, []string{"HTTP/1.1 400 Bad"}, Info{}, "HTTP"},
		"mysql hangs up":          {"mysql", []string{""}, []string{"d\x00\x00\x00\n5.5"}, Info{}, "closed the connection"},
		"redis open":              {"redis", []string{"PING\r\n", "HELLO\r\n"}, []string{"+PONG\r\n", redisHello}, Info{Version: "7.0.15"}, ""},
		"redis 5":                 {"redis", []string{"PING\r\n", "HELLO\r\n"}, []string{"+PONG\r\n", "-ERR unknown command\r\n"}, Info{}, ""},
		"redis with a login":      {"valkey", []string{"PING\r\n"}, []string{redisNoAuth}, Info{}, ""},
		"redis with an alert":     {"redis", []string{"PING\r\n"}, []string{"\x15\x03\x01\x00\x02\x02\x0a"}, Info{TLS: true}, ""},
		"redis hangs up":          {"redis", []string{"PING\r\n"}, []string{""}, Info{}, ErrTLS.Error()},
		"redis is MySQL":          {"redis", []string{"PING\r\n"}, []string{mariadbGreeting}, Info{}, "not"},
		"sql server":              {"sqlserver-se", []string{"\x12\x01\x00\x1a"}, []string{tdsAnswer}, Info{Version: "16.0.4085", TLS: true}, ""},
		"sql server without TLS":  {"sqlserver-se", []string{"\x12\x01\x00\x1a"}, []string{tdsNoTLS}, Info{Version: "15.0.2000"}, ""},
		"sql server is MySQL":     {"sqlserver-se", []string{"\x12\x01\x00\x1a"}, []string{mariadbGreeting}, Info{}, "not SQL Server"},
		"oracle":                  {"oracle-ee", []string{"\x00"}, []string{tnsRefusal}, Info{Version: "19.0.0.0.0"}, ""},
		"oracle asks again":       {"oracle-ee", []string{"\x00"}, []string{"\x00\x08\x00\x00\x0b\x00\x00\x00"}, Info{}, ""},
		"oracle is something":     {"oracle-ee", []string{"\x00"}, []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, Info{}, "HTTP"},
		"memcached":               {"memcached", []string{"version\r\n"}, []string{"VERSION 1.6.12\r\n"}, Info{Version: "1.6.12"}, ""},
		"memcached with a login":  {"memcached", []string{"version\r\n"}, []string{"CLIENT_ERROR unauthenticated\r\n"}, Info{}, ""},
		"memcached never ends":    {"memcached", []string{"version\r\n"}, []string{strings.Repeat("x", 2000)}, Info{}, "not a line"},
		"mysql of 16 MB":          {"mysql", []string{""}, []string{"\xff\xff\xff\x00\x0a"}, Info{}, "not MySQL"},
		"sql server of length 3":  {"sqlserver-se", []string{"\x12\x01\x00\x1a"}, []string{"\x04\x01\x00\x03\x00\x00\x00\x00"}, Info{}, "not SQL Server"},
		"redis hello never ends":  {"redis", []string{"PING\r\n", "HELLO\r\n"}, []string{"+PONG\r\n", "*1000000\r\n" + strings.Repeat("$1\r\nx\r\n", 40)}, Info{}, ""},
		"redis hello is cut":      {"redis", []string{"PING\r\n", "HELLO\r\n"}, []string{"+PONG\r\n", "*14\r\n$6\r\nser"}, Info{}, ""},
		"oracle of no such thing": {"oracle-ee", []string{"\x00"}, []string{"\xff\xff\x00\x00\x04\x00\x00\x00"}, Info{}, "not Oracle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			got, err := Of(c.engine).Greeting(ctx, server(t, c.expect, c.answers))
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			switch {
			case c.fails == "" && err != nil:
				t.Errorf("failed: %v", err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("error %v, want %q in it", err, c.fails)
			}
		})
	}
}

func TestGreetingWithoutFirstWords(t *testing.T) {
	t.Parallel()
	for _, e := range []string{"db2-se", "unheard", ""} {
		near, far := net.Pipe()
		_, err := Of(e).Greeting(t.Context(), near)
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%q: %v", e, err)
		}
		_, _ = near.Close(), far.Close()
	}
}

// TestGreetingEnds proves that a silent server holds nobody: ctx ends the wait, for every engine.
func TestGreetingEnds(t *testing.T) {
	t.Parallel()
	for _, e := range []string{"postgres", "mysql", "redis", "sqlserver", "oracle", "memcached", "docdb", "neptune", "opensearch"} {
		conn := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Of(e).Greeting(ctx, conn); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", e, err)
		}
	}
}

func TestGreetingTLS(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	secure := func(c *net.TCPConn) { _ = tls.Server(c, config).HandshakeContext(t.Context()) }
	if info, err := Of("docdb").Greeting(t.Context(), serve(t, secure)); err != nil || !info.TLS {
		t.Errorf("DocumentDB behind TLS: %+v %v", info, err)
	}
	if info, err := Of("redis").GreetingTLS(t.Context(), serve(t, secure)); err != nil || !info.TLS {
		t.Errorf("Redis behind TLS: %+v %v", info, err)
	}
	alert := func(c *net.TCPConn) {
		_, _ = io.ReadFull(c, make([]byte, 5))
		_, _ = c.Write([]byte{0x15, 3, 3, 0, 2, 2, 112}) // unrecognised name
		_, _ = io.Copy(io.Discard, c)
	}
	if info, err := Of("opensearch").Greeting(t.Context(), serve(t, alert)); err != nil || !info.TLS {
		t.Errorf("an alert: %+v %v", info, err)
	}
	plain := func(c *net.TCPConn) {
		_, _ = io.ReadFull(c, make([]byte, 5))
		_, _ = c.Write([]byte(mariadbGreeting))
		_, _ = io.Copy(io.Discard, c)
	}
	if _, err := Of("docdb").Greeting(t.Context(), serve(t, plain)); err == nil || !strings.Contains(err.Error(), "not TLS") {
		t.Errorf("MySQL taken for DocumentDB: %v", err)
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"db", "db.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestMySQLWithoutTLS(t *testing.T) {
	t.Parallel()
	info, err := parseMySQL([]byte(mysqlNoTLS[4:]))
	if err != nil || info.TLS {
		t.Errorf("%+v %v", info, err)
	}
	info, err = parseMySQL([]byte(mariadbGreeting[4:]))
	if err != nil || !info.TLS {
		t.Errorf("%+v %v", info, err)
	}
}
