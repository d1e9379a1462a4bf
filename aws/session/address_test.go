package session

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// roaming gives conns that come from this machine, until it moves: the addresses of those that there are are then nobody's.
type roaming struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu    sync.Mutex
	moves int
}

type roamer struct {
	net.Conn
	from *roaming
	born int // after so many moves
}

func (r *roaming) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := r.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return roamer{conn, r, r.moves}, nil
}

func (r *roaming) move() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moves++
}

func (c roamer) LocalAddr() net.Addr {
	c.from.mu.Lock()
	defer c.from.mu.Unlock()
	if c.born < c.from.moves {
		return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 77), Port: 1} // reserved for documentation
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
}

// TestNetworkIsLeft: the machine is in another network, and nothing says so on the socket of the old one. The session is resumed
// within seconds, long before the next ping, and says why.
func TestNetworkIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg, transport := inMemory(t, script{resume: always})
		network := &roaming{dial: transport.DialContext}
		transport.DialContext = network.DialContext
		s, conn := inUse(t, cfg, Options{Transport: transport, PingEvery: time.Hour})
		for n := range uint64(10) {
			time.Sleep(time.Minute + time.Duration(n)*time.Second) // none of them is the watch's own rhythm
			if now := s.Stats(); now.Link != aws.LinkUp || now.Resumes != n {
				t.Fatalf("before move %d %+v", n, now)
			}
			b.mute()
			network.move()
			moved, troubles := time.Now(), ""
			until(s, func(now aws.SessionStats) bool {
				troubles += now.Trouble
				return now.Resumes > n
			})
			if took := time.Since(moved); took > addressEvery*beat+time.Second {
				t.Errorf("resumed %v after move %d", took, n)
			}
			if !strings.Contains(troubles, "the network has changed") {
				t.Errorf("it says %q", troubles)
			}
			echo(t, conn, []byte("after"))
		}
		transport.CloseIdleConnections()
	})
}
