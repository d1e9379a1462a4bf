package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

func networkFor(t *testing.T, w *world.World, host string) *network {
	t.Helper()
	in := input(newAgent, "1")
	in.Properties["host"] = host
	return newNetwork(newSession(New(Options{World: w}), in))
}

func TestSilentDialHasItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := networkFor(t, testWorld(t, world.Silent), target)
		begin := time.Now()
		addrs := n.Lookup(target)
		_, err := n.Dial(t.Context(), target, addrs[0], 5432)
		if err == nil || !strings.HasSuffix(err.Error(), "connection timed out") || time.Since(begin) != 127*time.Second {
			t.Errorf("%v after %v, want a time-out after 127 s", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Dial(ctx, target, addrs[0], 5432); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end of the session does not end the dial: %v", err)
		}
	})
}

func TestRefusedDial(t *testing.T) {
	n := networkFor(t, testWorld(t, world.Refused), target)
	if _, err := n.Dial(t.Context(), target, n.Lookup(target)[0], 5432); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v, want connection refused", err)
	}
}

func TestUnresolvableName(t *testing.T) {
	if a := networkFor(t, testWorld(t, world.Unresolvable), target).Lookup(target); a != nil {
		t.Errorf("resolved to %v", a)
	}
}

// banner serves connections that say who they are.
func banner(t *testing.T, text string) string {
	return listen(t, func(c net.Conn) { _, _ = io.WriteString(c, text) })
}

func readAll(t *testing.T, n *network, host string, addrs []netip.Addr) string {
	t.Helper()
	c, err := n.Dial(t.Context(), host, addrs[0], 5432)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFailoverNeedsANewSession(t *testing.T) {
	w := testWorld(t, "")
	var endpoint string
	for _, a := range w.Accounts() {
		for _, r := range a.Regions {
			for _, d := range r.DBInstances {
				if d.ID == "orders-dev" {
					endpoint = d.Endpoint
				}
			}
		}
	}
	if endpoint == "" {
		t.Fatal("the default world has no orders-dev")
	}
	if err := w.SetDial(endpoint+":5432", banner(t, "old")); err != nil {
		t.Fatal(err)
	}
	in := input("i-0d000000000000001", "1")
	in.Properties["host"] = endpoint
	n := newNetwork(newSession(New(Options{World: w}), in))
	addrs := n.Lookup(endpoint)
	if got := readAll(t, n, endpoint, addrs); got != "old" {
		t.Fatalf("before: %q", got)
	}
	_, place, _ := w.Instance("i-0d000000000000001")
	if err := w.Update(place, func(r *world.Region) {
		for i := range r.DBInstances {
			if r.DBInstances[i].ID == "orders-dev" {
				r.DBInstances[i].IP = "10.10.2.77"
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.SetDial(endpoint+":5432", banner(t, "new")); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, n, endpoint, addrs); got != "old" {
		t.Errorf("the session of before reaches %q, want the old address", got)
	}
	next := newNetwork(newSession(New(Options{World: w}), in))
	if got := readAll(t, next, endpoint, next.Lookup(endpoint)); got != "new" {
		t.Errorf("a new session reaches %q", got)
	}
}
