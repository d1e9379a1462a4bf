// Package api answers for AWS: an http.Handler that speaks STS, SSM, EC2 and RDS as aws-sdk-go-v2 and the aws CLI expect them,
// with signatures and permissions checked against a world.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/rdsx/rdsx/sim/world"
)

// Sessions is what the API needs of the message gateway. Its types are in sim/world, so that the gateway imports no API.
type Sessions interface {
	// Start opens a session that is admitted already; the id is in.ID. An error answers InternalServerError.
	Start(ctx context.Context, in world.StartInput) (world.StartOutput, error)
	// Resume gives a session a new token. An empty token means that the session is over or unknown.
	Resume(ctx context.Context, id string) (token, streamURL string, err error)
	// Terminate ends a session; ending one that is over is no error.
	Terminate(ctx context.Context, id string) error
	// List returns every session, those of the past included, in the order in which they were started.
	List() []world.SessionInfo
}

// Options are the ways in which an API can differ from the plainest one. The zero value is useful.
type Options struct {
	Keys     *Keys            // shared with the gateway, which checks signatures too; made by New when nil
	Now      func() time.Time // time.Now when nil; the Date header follows it, so that the SDK sees its own skew
	Latency  time.Duration    // added to each answer
	Throttle Throttle         // nil never throttles
	Log      *slog.Logger     // one line a request, never a secret; nil is silent
}

// Throttle says whether to refuse a call. op is SERVICE:Operation, such as ssm:StartSession.
type Throttle func(at world.Place, op string) bool

// API is the handler.
type API struct{}

// New makes an API for w whose sessions live in s.
func New(w *world.World, s Sessions, o Options) *API { return &API{} }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }

// SetThrottle changes the throttle while requests run.
func (a *API) SetThrottle(t Throttle) {}

// SetLatency changes the latency while requests run.
func (a *API) SetLatency(d time.Duration) {}

// Keys knows every access key of a world and the temporary ones that STS gave out, and checks signatures against them. Make
// it first and hand it to both the gateway (its Verify) and the API (Options.Keys).
type Keys struct{}

// NewKeys makes the keys of w. now is time.Now when nil.
func NewKeys(w *world.World, now func() time.Time) *Keys { return &Keys{} }

// Verify checks the signature of a request, in its header or presigned in its query, for the named service (ssmmessages for
// a websocket upgrade, whose body is nil). Errors are *SignatureError.
func (k *Keys) Verify(r *http.Request, service string, body []byte) (world.Principal, error) {
	return world.Principal{}, nil
}
