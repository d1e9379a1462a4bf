// Package api answers for AWS: an http.Handler that speaks STS, SSM, EC2 and RDS as aws-sdk-go-v2 and the aws CLI expect them,
// with signatures and permissions checked against a world.
package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
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
	Fail     Failing          // nil never fails
	Pages    int              // the most rows of a page, whatever is asked for; 0 for as many as AWS gives
	Remember bool             // make each answer once, until the world changes: for measurements
	Log      *slog.Logger     // one line a request, never a secret; nil is silent
}

// API is the handler.
type API struct {
	world    *world.World
	sessions Sessions
	keys     *Keys
	now      func() time.Time
	log      *slog.Logger
	services map[string]*service
	latency  atomic.Int64
	throttle atomic.Pointer[Throttle]
	pages    int
	answers  *answers // nil without Options.Remember
	asked    record
	stacks   stacks
	fail     Failing
	signIns  *SignIns
	devices  devices
}

// New makes an API for w whose sessions live in s.
func New(w *world.World, s Sessions, o Options) *API {
	a := &API{world: w, sessions: s, keys: o.Keys, now: o.Now, log: o.Log, fail: o.Fail}
	if a.now == nil {
		a.now = time.Now
	}
	if a.keys == nil {
		a.keys = NewKeys(w, a.now)
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.services = map[string]*service{"sts": stsService(), "ssm": ssmService(), "ec2": ec2Service(), "rds": rdsService()}
	addSetUp(a.services)
	addRepairs(a.services)
	addPaths(a.services)
	a.services["organizations"], a.signIns = organizationsService(), newSignIns(a)
	maps.Copy(a.services, moreServices())
	if a.pages = o.Pages; o.Remember {
		a.answers = &answers{all: map[string]*madeAnswer{}}
	}
	a.SetLatency(o.Latency)
	a.SetThrottle(o.Throttle)
	return a
}

// SignIns is the API's IAM Identity Center.
func (a *API) SignIns() *SignIns { return a.signIns }

// Keys returns what the API checks signatures with.
func (a *API) Keys() *Keys { return a.keys }

// SetThrottle changes the throttle while requests run; nil switches it off.
func (a *API) SetThrottle(t Throttle) { a.throttle.Store(&t) }

// SetLatency changes the latency while requests run.
func (a *API) SetLatency(d time.Duration) { a.latency.Store(int64(d)) }

// service is one AWS service: its protocol and its operations.
type service struct {
	name       string
	wire       protocol
	operations map[string]operation
}

// operation is one call of a service.
type operation struct {
	// resource is what the identity policy must allow, with {region} and {account} filled in; "" when run asks itself or
	// when everybody may call.
	resource string
	run      func(*call) (any, error)
}

// protocol is how a service is spoken to.
type protocol interface {
	operation(r *http.Request, form url.Values) (name string, err error)
	result(rw http.ResponseWriter, op, requestID string, v any) error
	failure(rw http.ResponseWriter, requestID string, e *Error)
}

// call is one request that has passed the signature check.
type call struct {
	ctx   context.Context
	api   *API
	id    identity
	place world.Place // the caller's account, the region of the credential scope
	name  string      // StartSession
	svc   *service
	form  url.Values
	body  []byte
}

func (c *call) region() world.Region { return c.api.world.Region(c.place.Account, c.place.Region) }

const maxBody = 1 << 20

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if a.signIns.serves(r) {
		a.signIns.mux.ServeHTTP(rw, r)
		return
	}
	started := a.now()
	requestID := newUUID()
	rw.Header().Set("Date", started.UTC().Format(http.TimeFormat))
	rw.Header().Set("X-Amzn-Requestid", requestID)
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		http.Error(rw, "request body unreadable or over 1 MiB", http.StatusRequestEntityTooLarge)
		return
	}
	c := &call{ctx: r.Context(), api: a, body: body, form: formOf(r, body)}
	v, err := a.answer(c, r)
	code := "ok"
	if a.wait(r.Context()) != nil {
		return
	}
	if err != nil {
		e := c.svc.errorOf(err)
		code = e.Code
		c.svc.wire.failure(rw, requestID, e)
	} else if w, ok := v.(*madeAnswer); ok {
		w.write(rw)
	} else if err := a.answers.keep(c, rw, requestID, v); err != nil {
		a.log.Error("answer", "operation", c.name, "error", err)
	}
	a.log.Info("api", "service", c.svc.name, "operation", c.name, "code", code, "principal", c.id.ARN, "region", c.place.Region)
}

// answer runs a request up to its result. c.svc is set in any case, so that an error finds its shape.
func (a *API) answer(c *call, r *http.Request) (any, error) {
	c.svc = a.services[a.guess(r, c.form)]
	id, scope, err := a.keys.verify(r, c.body)
	if scope != nil {
		if s, ok := a.services[scope.Service]; ok {
			c.svc = s
		} else if err == nil {
			return nil, &Error{Code: "UnknownOperationException", Message: "Service " + scope.Service + " is not simulated", Status: http.StatusNotFound}
		}
		c.place.Region = scope.Region
	}
	if err != nil {
		return nil, err
	}
	c.id, c.place.Account = id, id.Account
	if c.name, err = c.svc.wire.operation(r, c.form); err != nil {
		return nil, err
	}
	op, ok := c.svc.operations[c.name]
	if !ok {
		return nil, c.svc.unknown(c.name, c.form.Get("Version"))
	}
	if _, notOptedIn := a.world.Regions(); slices.Contains(notOptedIn, c.place.Region) {
		return nil, c.svc.disabledRegion(c.place)
	}
	if throttled := *a.throttle.Load(); throttled != nil && throttled(c.place, c.svc.name+":"+c.name) {
		return nil, errThrottled
	}
	if a.fail != nil {
		if err := a.fail(c.place, c.svc.name+":"+c.name); err != nil {
			return nil, err
		}
	}
	if op.resource != "" {
		if err := c.permit(c.svc.name+":"+c.name, c.fill(op.resource), nil); err != nil {
			return nil, err
		}
	}
	if w := a.answers.find(c); w != nil {
		return w, nil
	}
	return op.run(c)
}

// atMost is the size of a page: what was asked for, or less where Options.Pages says so.
func (c *call) atMost(size int) int {
	if c.api.pages > 0 {
		return min(size, c.api.pages)
	}
	return size
}

func (c *call) fill(resource string) string {
	return strings.NewReplacer("{region}", c.place.Region, "{account}", c.place.Account).Replace(resource)
}

// guess names the service of a request by its looks, for errors of requests whose signature does not say.
func (a *API) guess(r *http.Request, form url.Values) string {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		return "ssm"
	case form.Get("Version") == ec2Version:
		return "ec2"
	case form.Get("Version") == rdsVersion:
		return "rds"
	case form.Get("Version") == iamVersion:
		return "iam"
	case form.Get("Version") == cloudFormationVersion:
		return "cloudformation"
	}
	return "sts"
}

func (a *API) wait(ctx context.Context) error {
	d := time.Duration(a.latency.Load())
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// formOf reads the parameters of a query request; a JSON request has none.
func formOf(r *http.Request, body []byte) url.Values {
	text := r.URL.RawQuery
	if bytes.HasPrefix([]byte(r.Header.Get("Content-Type")), []byte("application/x-www-form-urlencoded")) {
		text = string(body)
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return url.Values{}
	}
	return form
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
