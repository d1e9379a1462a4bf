package forward

import (
	"context"
	"io"
	"net"

	"github.com/rdsx/rdsx/aws"
)

// Dialer opens sessions: the one thing that the forwarder needs from Session Manager.
type Dialer interface {
	// Open starts a session and returns when connections can be dialled through it, or with the reason why not
	// (an *aws.Hint where there is advice). The caller closes the session.
	Open(ctx context.Context) (Session, error)
}

// Session is an open session: it dials, it ends, and it can be measured.
type Session interface {
	Conduit
	Lifetime
	Meter
}

// Conduit carries connections to the target.
type Conduit interface {
	// Dial opens a connection through the session without waiting for the far end: the agent says nothing when its own
	// dial succeeds. Reads fail with aws.ErrRefused when the agent could not connect, and give io.EOF when the remote
	// finished. aws.ErrBusy means that this session carries no more connections for now. The caller closes the conn.
	Dial(ctx context.Context) (net.Conn, error)
	// Probe returns nil once every connection dialled before the call has left the agent's serial dial queue
	// (docs/protocol.md §1.4), and ctx.Err() if the agent is still stuck in one. In basic mode it returns errors.ErrUnsupported.
	Probe(ctx context.Context) error
}

// Lifetime is how a session ends. Close terminates it at AWS and waits for its goroutines.
type Lifetime interface {
	io.Closer
	Done() <-chan struct{} // closed once the session carries nothing more
	Err() error            // why; nil before Done is closed, aws.ErrClosed after Close
}

// Meter reads the counters of a session at any time, without a lock that stalls its I/O.
type Meter interface {
	Stats() aws.SessionStats
}
