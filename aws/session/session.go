// Package session opens a Session Manager port forwarding session and carries connections through it, with its own
// implementation of the data channel: StartSession, the signed websocket, the handshake, sequence numbers and
// acknowledgements, the mux, and TerminateSession on every way out.
//
// A session outlives its websockets. When one is lost, for whatever reason, connections stay open and what is written to them
// waits, up to its bound, while fresh credentials, a new token and a new websocket are got (resume.go), for as long as the
// service says that the session exists and does not deny it for good. Changed and Stats tell those who want to know. A
// connection is cut only when the agent may have taken bytes of it twice (doubt.go), or when its reader has left more unread
// than Options.SpillLimit: alone, with an error that is aws.ErrReset and says why.
//
// Memory is bounded (docs/architecture.md, Bounds): Options.Window bytes in flight and 64 KiB more for what is urgent (and as
// much again in spare buffers), 8 MiB of messages that arrive ahead of their turn, and per connection 256 KiB each way; a local
// reader that is slower than that has the rest of its bytes in an encrypted temporary file.
package session

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session/mux"
)

// Session is an open session. It is what the forwarder calls a Session. Methods may be called concurrently.
type Session struct {
	id        string
	started   time.Time
	channel   *channel
	cfg       sdk.Config // of StartSession
	client    terminator // of the latest credentials; the keeper's until running is done
	terminate time.Duration
	running   sync.WaitGroup // the goroutine that runs the transport

	closing  sync.Once
	closeErr error
}

// terminator is the last call of the API.
type terminator interface {
	TerminateSession(ctx context.Context, in *ssm.TerminateSessionInput, opts ...func(*ssm.Options)) (*ssm.TerminateSessionOutput, error)
}

// Dial opens a connection through the session without waiting for the far end: the agent says nothing when its own dial
// succeeds. Reads fail with aws.ErrRefused when it could not connect. In basic mode aws.ErrBusy means that the session's
// one connection is in use. The caller closes the conn.
func (s *Session) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.channel.reason(); err != nil {
		return nil, err
	}
	stream, err := s.channel.session().Open()
	if errors.Is(err, mux.ErrBusy) {
		return nil, aws.ErrBusy
	}
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// Probe returns nil once every connection dialled before the call has left the agent's serial dial queue (docs/protocol.md
// §1.4), and ctx.Err() if the agent is still stuck in one. In basic mode it is errors.ErrUnsupported.
func (s *Session) Probe(ctx context.Context) error { return s.channel.session().Probe(ctx) }

// Done is closed once the session carries nothing more.
func (s *Session) Done() <-chan struct{} { return s.channel.done }

// Err is why the session is over, nil before Done is closed, aws.ErrClosed after Close. A host name that the instance
// cannot resolve, or an address that its agent refuses, ends a session a few ms after Open has returned: AWS reports
// success first, and waiting for the failure would delay every good start.
func (s *Session) Err() error { return s.channel.reason() }

// ID is the session's name at AWS.
func (s *Session) ID() string { return s.id }

// Message is what the account's owner has to say to whoever opens a session, usually "".
func (s *Session) Message() string {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	return s.channel.message
}

// Stats reads the counters. It waits for no I/O.
func (s *Session) Stats() aws.SessionStats {
	c := s.channel
	c.mu.Lock()
	version, m := c.agentVersion, c.mux
	c.mu.Unlock()
	stats := aws.SessionStats{
		ID:           s.id,
		AgentVersion: version,
		Started:      s.started,
		RTT:          time.Duration(c.sender.statRTT.Load()),
		Window:       int(c.sender.statWindow.Load()),
		InFlight:     int(c.sender.statInFlight.Load()),
		Sent:         uint64(c.sender.statSent.Load()),
		Received:     c.received.Load(),
		Retransmits:  uint64(c.sender.statResent.Load()),
		Duplicates:   c.duplicates.Load(),
		Pauses:       c.pauses.Load(),
	}
	c.link.fill(&stats)
	c.sender.fill(&stats)
	if m != nil {
		stats.Mux, stats.Streams = c.multiplex, m.Streams()
	}
	return stats
}

// Changed receives a value whenever the link's state (Stats().Link, Attempt, NextTry, SignIn) has changed or a connection
// was reset. It holds one value: after each, read Stats. It is never closed.
func (s *Session) Changed() <-chan struct{} { return s.channel.link.changed }

// Retry makes the next attempt to resume begin now: credentials work again, or the network is back. It does nothing while
// the link is up.
func (s *Session) Retry() {
	select {
	case s.channel.retry <- struct{}{}:
	default:
	}
}

// Close ends the session: it tells the agent, closes every connection with aws.ErrClosed, waits for the goroutines and
// terminates the session at AWS. It takes at most about two seconds. The error is TerminateSession's, nil when the service
// had ended the session already.
func (s *Session) Close() error {
	return s.close(context.Background(), aws.ErrClosed)
}
