package mux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/xtaci/smux"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pump does what the owner of a data channel does: Next to conn, conn to Input in pieces of at most piece bytes. It ends
// with the test.
func pump(t testing.TB, s *Session, conn net.Conn, piece int) {
	t.Helper()
	var running sync.WaitGroup
	done := make(chan struct{})
	running.Go(func() {
		p := make([]byte, s.cfg.Payload)
		for {
			if n := s.Next(p); n > 0 {
				if _, err := conn.Write(p[:n]); err != nil {
					return
				}
				continue
			}
			select {
			case <-s.Ready():
			case <-done:
				return
			}
		}
	})
	running.Go(func() {
		p := make([]byte, piece)
		for {
			n, err := conn.Read(p)
			if n > 0 {
				if err := s.Input(p[:n]); err != nil {
					return
				}
				s.Wake()
			}
			if err != nil {
				s.Abort(err)
				return
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		conn.Close()
		s.Abort(nil)
		running.Wait()
	})
}

// agent is the far end as Session Manager's agent builds it (docs/protocol.md §1.4): it accepts and dials one stream after the
// other, and closes stream and connection after the end of either copy.
func agent(t testing.TB, conn net.Conn, config *smux.Config, dial func(id uint32) (net.Conn, error)) {
	t.Helper()
	server, err := smux.Server(conn, config)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			stream, err := server.AcceptStream()
			if err != nil {
				return
			}
			target, err := dial(stream.ID())
			if err != nil {
				stream.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{stream, target}, {target, stream}} {
				running.Go(func() {
					io.Copy(way[0], way[1]) //nolint:errcheck // either end may go first
					stream.Close()
					target.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		server.Close()
		running.Wait()
	})
}

func agentConfig() *smux.Config {
	c := smux.DefaultConfig()
	c.KeepAliveDisabled = true
	return c
}

// echo is a target that sends back what it gets.
func echo(uint32) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		io.Copy(far, far) //nolint:errcheck // ends when the agent closes
	}()
	return near, nil
}

// rig is a client session before an agent.
func rig(t testing.TB, cfg Config, piece int, config *smux.Config, dial func(uint32) (net.Conn, error)) *Session {
	t.Helper()
	near, far := net.Pipe()
	s := Client(cfg)
	agent(t, far, config, dial)
	pump(t, s, near, piece)
	return s
}

func random(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	p := make([]byte, n)
	rand.NewChaCha8(key).Read(p) //nolint:errcheck // never fails
	return p
}

func open(t testing.TB, s *Session) *Stream {
	t.Helper()
	st, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// patient fails a test that would otherwise hang.
func patient(t testing.TB, st *Stream) *Stream {
	t.Helper()
	if err := st.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return st
}

// frameBytes is one frame of the agent.
func frameBytes(cmd byte, sid uint32, data string) []byte {
	f := frames{p: make([]byte, headerSize+len(data))}
	f.header(cmd, len(data), sid)
	copy(f.p[headerSize:], data)
	return f.p
}

func input(t testing.TB, s *Session, cmd byte, sid uint32, data string) {
	t.Helper()
	if err := s.Input(frameBytes(cmd, sid, data)); err != nil {
		t.Fatal(err)
	}
	s.Wake()
}

// drain takes everything that is queued.
func drain(s *Session) {
	p := make([]byte, s.cfg.Payload)
	for s.Next(p) > 0 {
		continue
	}
}

// sent is one frame that Next has given.
type sent struct {
	cmd  byte
	sid  uint32
	data string
}

func (f sent) String() string {
	return fmt.Sprintf("{command %d stream %d %.20q…%d}", f.cmd, f.sid, f.data, len(f.data))
}

var errTorn = errors.New("a frame is torn by the end of the message")

// split takes a message apart; a frame that is not whole is an error.
func split(p []byte) ([]sent, error) {
	var all []sent
	for len(p) > 0 {
		if len(p) < headerSize {
			return nil, errTorn
		}
		if p[0] != 1 {
			return nil, errors.New("not version 1")
		}
		n := int(binary.LittleEndian.Uint16(p[2:]))
		if len(p) < headerSize+n {
			return nil, errTorn
		}
		all = append(all, sent{p[1], binary.LittleEndian.Uint32(p[4:]), string(p[headerSize : headerSize+n])})
		p = p[headerSize+n:]
	}
	return all, nil
}

// next is the next message as frames.
func next(t testing.TB, s *Session) []sent {
	t.Helper()
	p := make([]byte, s.cfg.Payload)
	all, err := split(p[:s.Next(p)])
	if err != nil {
		t.Fatal(err)
	}
	return all
}
