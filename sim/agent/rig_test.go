package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rdsx/rdsx/sim/frame"
)

var errDown = errors.New("websocket is down")

// rig is a gateway and a client in one, driven by the test. Everything runs in a synctest bubble, so time is exact.
type rig struct {
	t      *testing.T
	in     chan []byte
	gone   chan struct{}
	cancel context.CancelFunc
	count  Counters
	output chan string
	done   chan struct{} // closed when the agent has ended
	net    *fakeNet

	mu     sync.Mutex
	lost   bool
	noOpen bool
	opens  int
	hook   func(m frame.Message) error // may refuse a frame
	sent   []sent
	next   int64
	acked  bool // acknowledge everything by itself
}

type sent struct {
	at time.Duration
	frame.Message
}

// fakeNet is the network of the instance.
type fakeNet struct {
	addrs []netip.Addr
	cidrs []netip.Prefix
	dial  func(ctx context.Context, host string, addr netip.Addr, port int) (net.Conn, error)
}

func (n *fakeNet) Lookup(string) []netip.Addr { return n.addrs }
func (n *fakeNet) CIDRs() []netip.Prefix      { return n.cidrs }
func (n *fakeNet) Dial(ctx context.Context, host string, addr netip.Addr, port int) (net.Conn, error) {
	return n.dial(ctx, host, addr, port)
}

func (r *rig) Open(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opens++
	if r.noOpen {
		return errDown
	}
	r.lost, r.gone = false, make(chan struct{})
	return nil
}

func (r *rig) Lost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

func (r *rig) Send(_ context.Context, b []byte) error {
	m, err := frame.Parse(b)
	if err != nil {
		r.t.Errorf("the agent sent a bad frame: %v", err)
	}
	r.mu.Lock()
	hook, lost := r.hook, r.lost
	r.mu.Unlock()
	if lost {
		return errDown
	}
	if hook != nil {
		if err := hook(m); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.sent = append(r.sent, sent{time.Since(epoch()), m})
	acked := r.acked
	r.mu.Unlock()
	if acked && m.Type == frame.Output {
		time.AfterFunc(100*time.Microsecond, func() { r.ack(m.Sequence) }) // after the filing, see bug B8
	}
	return nil
}

func (r *rig) Receive(ctx context.Context, buf [][]byte) ([][]byte, error) {
	r.mu.Lock()
	lost, gone := r.lost, r.gone
	r.mu.Unlock()
	if lost {
		return buf, errDown
	}
	select {
	case b := <-r.in:
		return append(buf, b), nil
	case <-gone:
		return buf, errDown
	case <-ctx.Done():
		return buf, ctx.Err()
	}
}

// epoch is when every synctest bubble begins.
func epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// cut breaks the websocket.
func (r *rig) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = true
	close(r.gone)
}

// start runs an agent; properties and the network may be changed in setup.
func startRig(t *testing.T, setup func(*Config, *fakeNet)) *rig {
	r := &rig{t: t, in: make(chan []byte), output: make(chan string, 1), lost: true}
	r.net = &fakeNet{addrs: []netip.Addr{netip.MustParseAddr("10.1.2.3")}, cidrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	cfg := Config{
		SessionID: "mika-1", AgentVersion: "3.3.0.0", Network: r.net, Log: slog.New(slog.DiscardHandler),
		Properties: map[string]string{"type": "LocalPortForwarding", "host": "db", "portNumber": "5432", "localPortNumber": "0"},
	}
	if setup != nil {
		setup(&cfg, r.net)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		r.output <- Run(ctx, cfg, r, &r.count)
	}()
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// end is what Run has returned; it fails the test while the session still runs.
func (r *rig) end() string {
	r.t.Helper()
	synctest.Wait()
	select {
	case o := <-r.output:
		return o
	default:
		r.t.Fatal("the session still runs")
		return ""
	}
}

// raw gives the agent one frame and waits until it is dealt with.
func (r *rig) raw(m frame.Message) {
	m.Schema, m.Created = 1, 1
	r.in <- frame.Append(nil, &m)
	synctest.Wait()
}

func (r *rig) ack(seq int64) {
	a := frame.Message{Type: frame.Acknowledge, Schema: 1, Created: 1, Payload: frame.AppendAck(nil, frame.Output, frame.ID{}, seq)}
	select {
	case r.in <- frame.Append(nil, &a):
	case <-r.done:
	}
}

// post sends the next stream message.
func (r *rig) post(kind uint32, payload string) int64 {
	seq := r.next
	r.next++
	r.raw(frame.Message{Type: frame.Input, Sequence: seq, PayloadType: kind, Payload: []byte(payload)})
	return seq
}

func (r *rig) opened() (n int) {
	r.set(func() { n = r.opens })
	return n
}

// give sends the next stream message and does not wait: the handler may block until the test reads.
func (r *rig) give(kind uint32, payload string) {
	m := frame.Message{Type: frame.Input, Schema: 1, Created: 1, Sequence: r.next, PayloadType: kind, Payload: []byte(payload)}
	r.next++
	r.in <- frame.Append(nil, &m)
}

func answerOf(version string, status string) string {
	return `{"ClientVersion":"` + version + `","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":` + status + `,"ActionResult":null,"Error":"no"}],"Errors":null}`
}

// shake does the client's part of the handshake and waits until the port handler is up.
func (r *rig) shake(version string) {
	r.t.Helper()
	r.set(func() { r.acked = true })
	synctest.Wait()
	r.ack(0)
	r.post(frame.HandshakeResponse, answerOf(version, "1"))
	time.Sleep(5 * time.Millisecond)
	synctest.Wait()
	r.forget()
}

func (r *rig) forget() { r.set(func() { r.sent = nil }) }

// set changes the rig while the agent runs.
func (r *rig) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// of returns the frames of a type and, for stream messages, a payload type (0 for any), since forget.
func (r *rig) of(kind string, payload uint32) []sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []sent
	for _, s := range r.sent {
		if s.Type == kind && (payload == 0 || s.PayloadType == payload) {
			out = append(out, s)
		}
	}
	return out
}

// acks are the sequence numbers that the agent has acknowledged since forget, in order.
func (r *rig) acks() []int64 {
	var out []int64
	for _, s := range r.of(frame.Acknowledge, 0) {
		a, err := frame.ParseAck(s.Payload)
		if err != nil {
			r.t.Error(err)
		}
		out = append(out, a.Sequence)
	}
	return out
}

// stream frames, by hand: smux version 1 (docs/protocol.md §1.4).
const (
	cmdSYN = 0
	cmdFIN = 1
	cmdPSH = 2
)

func mux(cmd byte, sid byte, payload string) string {
	return string([]byte{1, cmd, byte(len(payload)), byte(len(payload) >> 8), sid, 0, 0, 0}) + payload
}

// pipeTarget makes every dial succeed; the far ends arrive on the channel.
func pipeTarget(n *fakeNet) chan net.Conn {
	far := make(chan net.Conn, 100)
	n.dial = func(context.Context, string, netip.Addr, int) (net.Conn, error) {
		a, b := net.Pipe()
		far <- b
		return a, nil
	}
	return far
}

const client = "1.2.896.0"
