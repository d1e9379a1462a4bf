package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// patience bounds one load: a tunnel that stands still is a result, not a reason to hang.
const patience = 2 * time.Minute

func dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(patience))
}

// upload sends n bytes to the sink and returns the seconds until the sink had them all.
func upload(ctx context.Context, addr string, n int64) (float64, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // only read and written
	start := time.Now()
	if _, err := c.Write(binary.BigEndian.AppendUint64(nil, uint64(n))); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(c, zeros{}, n); err != nil {
		return 0, fmt.Errorf("upload: %w", err)
	}
	var k [1]byte
	if _, err := io.ReadFull(c, k[:]); err != nil {
		return 0, fmt.Errorf("upload, waiting for the end: %w", err)
	}
	return time.Since(start).Seconds(), nil
}

// download asks the source for n bytes and returns the seconds until they were here.
func download(ctx context.Context, addr string, n int64) (float64, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // only read and written
	start := time.Now()
	if _, err := c.Write(binary.BigEndian.AppendUint64(nil, uint64(n))); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, c, n); err != nil {
		return 0, fmt.Errorf("download: %w", err)
	}
	return time.Since(start).Seconds(), nil
}

// ping echoes one byte n times over one connection, resting between two so that the agent's millisecond of sleep after the
// last one is over, and returns the sorted round trips.
func ping(ctx context.Context, addr string, n int, rest time.Duration) ([]time.Duration, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // only read and written
	var b [1]byte
	out := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		if _, err := c.Write(b[:]); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return nil, fmt.Errorf("ping: %w", err)
		}
		out = append(out, time.Since(start))
		time.Sleep(rest)
	}
	slices.Sort(out)
	return out, nil
}

// connect opens connections one by one for d, each with one byte there and back, and returns how many a second.
func connect(ctx context.Context, addr string, d time.Duration) (float64, error) {
	n, start := 0, time.Now()
	for time.Since(start) < d {
		if _, err := ping(ctx, addr, 1, 0); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// crowd opens one connection whose answer never ends and is never read, and n that echo, keeps the echoes going for d, and
// closes all.
func crowd(ctx context.Context, addr string, n int, d time.Duration) error {
	stopped, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer stopped.Close() //nolint:errcheck // as above
	if _, err := stopped.Write([]byte{'F'}); err != nil {
		return err
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		if conns[i], err = dial(ctx, addr); err != nil {
			return err
		}
		defer conns[i].Close() //nolint:errcheck // as above
	}
	var b [1]byte
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, c := range conns {
			if _, err := c.Write(b[:]); err != nil {
				return err
			}
		}
		for _, c := range conns {
			if _, err := io.ReadFull(c, b[:]); err != nil {
				return fmt.Errorf("an echo beside a stopped reader: %w", err)
			}
		}
	}
	return nil
}
