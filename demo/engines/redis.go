package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// redisServer is a running miniredis whose clock goes.
type redisServer struct {
	*miniredis.Miniredis
	stop context.CancelFunc
	done sync.WaitGroup
}

// startRedis serves the shop's keys behind a password.
func startRedis(ctx context.Context, password, keys string) (*redisServer, error) {
	m := miniredis.NewMiniRedis()
	m.RequireAuth(password)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, err
	}
	clock, stop := context.WithCancel(context.WithoutCancel(ctx)) // goes until Close
	r := &redisServer{Miniredis: m, stop: stop}
	r.done.Go(func() { r.age(clock) })
	if err := fillRedis(ctx, m.Addr(), password, keys); err != nil {
		r.Close()
		return nil, fmt.Errorf("fill the shop: %w", err)
	}
	return r, nil
}

// age lets keys expire: miniredis moves its clock only when told to.
func (r *redisServer) age(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.FastForward(time.Second)
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the server and its clock.
func (r *redisServer) Close() {
	r.stop()
	r.done.Wait()
	r.Miniredis.Close()
}

// fillRedis sends shop.redis: a command a line, its words separated by spaces.
func fillRedis(ctx context.Context, addr, password, keys string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	commands := append([]string{"AUTH " + password}, strings.Split(strings.TrimSpace(keys), "\n")...)
	answers := bufio.NewReader(conn)
	for _, command := range commands {
		words := strings.Fields(command)
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
		}
		if _, err := io.WriteString(conn, b.String()); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(answer, "-") {
			return fmt.Errorf("%s: %s", words[0], strings.TrimSpace(answer[1:]))
		}
	}
	return nil
}
