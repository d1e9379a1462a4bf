package databases

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startRedis starts with TLS on a second port, or without it when redis was built without.
func (s *Server) startRedis(ctx context.Context, bin programs) error {
	s.User, s.Database = "default", ""
	err := s.runRedis(ctx, bin, true)
	if err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "tls-") {
		err = s.runRedis(ctx, bin, false)
	}
	if err != nil {
		return err
	}
	return fillRedis(ctx, s.Addr, s.Password)
}

func (s *Server) runRedis(ctx context.Context, bin programs, tls bool) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.Addr, s.TLSAddr = local(port), ""
	conf := []string{
		"bind 127.0.0.1", "port " + strconv.Itoa(port), "requirepass " + s.Password, `save ""`, "appendonly no", "daemonize no",
		"maxclients 1000", "dir " + quoted(s.dir),
	}
	if tls {
		tlsPort, err := freePort(ctx)
		if err != nil {
			return err
		}
		s.TLSAddr = local(tlsPort)
		conf = append(conf, "tls-port "+strconv.Itoa(tlsPort), "tls-auth-clients no", "tls-ca-cert-file "+quoted(s.CAFile),
			"tls-cert-file "+quoted(filepath.Join(s.dir, "server.pem")), "tls-key-file "+quoted(filepath.Join(s.dir, "server.key")))
	}
	file, err := s.place("redis.conf", []byte(strings.Join(conf, "\n")+"\n"))
	if err != nil {
		return err
	}
	if err := s.run(ctx, bin.server, file); err != nil {
		return err
	}
	return s.await(ctx, func(ctx context.Context) bool {
		return talkRedis(ctx, s.Addr, [][]string{{"AUTH", s.Password}, {"PING"}}) == nil
	})
}

func quoted(path string) string { return strconv.Quote(filepath.ToSlash(path)) }

// fillRedis writes the shop's keys.
func fillRedis(ctx context.Context, addr, password string) error {
	if err := talkRedis(ctx, addr, append([][]string{{"AUTH", password}}, commands(shopRedis)...)); err != nil {
		return fmt.Errorf("fill the shop: %w", err)
	}
	return nil
}

// talkRedis sends commands whose answers are one line each (no arrays, no bulk strings) and fails on the first error.
func talkRedis(ctx context.Context, addr string, commands [][]string) (err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	var b strings.Builder
	for _, words := range commands {
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return err
	}
	answers := bufio.NewReader(conn)
	for _, words := range commands {
		line, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "-") {
			return fmt.Errorf("%s: %s", words[0], strings.TrimSpace(line[1:]))
		}
	}
	return nil
}
