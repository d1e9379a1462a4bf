// Package agent is the Session Manager agent on the far side of the gateway, one Run a session. It keeps to docs/protocol.md
// §1.2–1.6 to the letter, pacing and bugs included, because clients are proved on it:
//
//   - output goes out in messages of at most 1024 bytes with a sleep of 1 ms after each;
//   - one acknowledgement a message, no window, one retransmission each 100 ms, the oldest message only;
//   - one name resolution a session, dials one after the other without a time-out;
//   - B4: a payload is written to the mux before its acknowledgement is sent, and written again if that fails;
//   - B7: a full mux blocks the reader, and with it the acknowledgements;
//   - B8: a message is filed after it is sent, so an acknowledgement that overtakes is ignored.
package agent

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Link is the agent's websocket to the gateway.
type Link interface {
	// Open connects, the first time and after a loss. ErrTerminated is final.
	Open(ctx context.Context) error
	// Send gives one frame to the gateway, which keeps the slice. It fails while the websocket is down.
	Send(ctx context.Context, frame []byte) error
	// Receive waits for frames and appends them to buf. An error means that the websocket is lost, or that ctx is done.
	Receive(ctx context.Context, buf [][]byte) ([][]byte, error)
	// Lost says whether the websocket that the last frames came from is gone. The rest of a batch dies with it.
	Lost() bool
}

// Network is what the agent's instance can reach.
type Network interface {
	// Lookup resolves a name; no address means that there is none.
	Lookup(host string) []netip.Addr
	// CIDRs are those of the instance's VPC.
	CIDRs() []netip.Prefix
	// Dial connects to a name that had this address when the session started; host "" is the instance itself. It may block
	// until ctx is done.
	Dial(ctx context.Context, host string, addr netip.Addr, port int) (net.Conn, error)
}

// Config shapes the agent of one session.
type Config struct {
	SessionID    string
	AgentVersion string
	Properties   map[string]string // type, portNumber, localPortNumber, host: sent to the client as they are
	Network      Network
	Log          *slog.Logger

	Pace    time.Duration       // sleep after each message of output; 1 ms when 0, none when negative
	Nap     func(time.Duration) // does that sleep; time.Sleep when nil, which in a process of many agents is late
	Prepare time.Duration       // from HandshakeComplete to the port handler; 3 ms when 0

	Silent bool // never sends its HandshakeRequest, nor gives up waiting
	Refuse bool // ends the session as if the client had failed its action
}

// Counters are the agent's figures, readable while it runs.
type Counters struct {
	Sent, SentBytes, Retransmits            atomic.Uint64
	Received, ReceivedBytes                 atomic.Uint64
	Duplicates, OutOfOrder, Early, NotReady atomic.Uint64
	Repeated, Acks, Pauses                  atomic.Uint64
	Dials, DialsFailed                      atomic.Uint64
	Connections                             atomic.Int64
	ClientVersion                           atomic.Pointer[string]
	Mux                                     atomic.Bool
}

// handshakeLimit is how long the agent waits for the HandshakeResponse (docs/protocol.md §1.3).
const handshakeLimit = 15 * time.Second

// Run is the life of a session on the instance. It returns when the session is over, with the reason for the user: "" after
// a TerminateSession flag or when ctx is done. Nothing of it is left running.
func Run(ctx context.Context, cfg Config, link Link, count *Counters) (output string) {
	if cfg.Pace == 0 {
		cfg.Pace = time.Millisecond
	}
	if cfg.Nap == nil {
		cfg.Nap = time.Sleep
	}
	if cfg.Prepare == 0 {
		cfg.Prepare = 3 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	c := newChannel(cfg, link, count, cancel)
	if err := c.connect(ctx); err != nil {
		return "Setting up data channel with id " + cfg.SessionID + " failed: " + err.Error()
	}
	wg.Go(func() { c.receive(ctx) })
	wg.Go(func() { c.resend(ctx) })
	defer c.drain(ctx)

	if err := c.sessionState(ctx); err != nil {
		cfg.Log.Warn("agent: session state not sent", "session", cfg.SessionID, "err", err)
	}
	if err := c.shake(ctx); err != nil {
		return result(ctx, handshakeFailed+err.Error())
	}
	return result(ctx, c.runPort(ctx))
}

// result is the reason, unless the session was ended from outside.
func result(ctx context.Context, reason string) string {
	if ctx.Err() != nil {
		return ""
	}
	return reason
}

// runPort is the port plugin: it prepares, carries, and cleans up.
func (c *channel) runPort(ctx context.Context) string {
	if !sleep(ctx, c.cfg.Prepare) {
		return ""
	}
	t, err := resolve(c.cfg)
	if err != nil {
		return err.Error()
	}
	client := *c.count.ClientVersion.Load()
	if compare(client, supportedClient) < 0 {
		c.cfg.Log.Warn("agent: the client is older than AWS supports", "session", c.cfg.SessionID, "client", client)
	}
	if c.cfg.Properties["type"] == "LocalPortForwarding" && compare(client, muxClient) >= 0 && compare(c.cfg.AgentVersion, muxAgent) > 0 {
		c.count.Mux.Store(true)
		return runMux(ctx, c, t, client)
	}
	return runBasic(ctx, c, t)
}

// sleep waits; false means that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
