package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/session"
)

// conclusive is the test that settles it: a session is started, shakes hands, carries the engine's first words to the database and
// its answer back, and is terminated.
func conclusive(ctx context.Context, x *exam) Result {
	t, err := x.target(ctx)
	if err != nil || t.Instance.ID == "" {
		return skippedFor(err, "no target to open")
	}
	began := time.Now()
	s, err := session.Open(ctx, x.Config, session.Request{
		Target: t.Instance.ID, Document: x.Document, Parameters: x.parameters(ctx, t),
		Host: t.Endpoint.Host, Port: t.Endpoint.Port, Reason: x.Reason,
	}, session.Options{})
	if err != nil {
		return sessionFailure(err, t)
	}
	started := time.Since(began)
	r := x.speak(ctx, s, t)
	if err := s.Close(); err != nil && r.Status == OK {
		return warned(fmt.Sprintf("it works, and could not be terminated: %v", err), aws.Fix{
			Text: "terminate it, and ask for ssm:TerminateSession on your own sessions", Command: "aws ssm terminate-session --session-id " + s.ID(),
		})
	}
	if r.Status == OK {
		r.Text = fmt.Sprintf("started in %s, %s", started.Round(10*time.Millisecond), r.Text)
	}
	return r
}

// parameters are those that a document of the account's own takes: the host and the port, unless they were given.
func (x *exam) parameters(ctx context.Context, t aws.Target) map[string][]string {
	d, err := x.documented(ctx)
	if x.Document == "" || err != nil {
		return x.Parameters
	}
	all := map[string][]string{}
	for name, value := range map[string]string{"host": t.Endpoint.Host, "portNumber": strconv.Itoa(t.Endpoint.Port)} {
		if _, takes := d.Parameters[name]; takes {
			all[name] = []string{value}
		}
	}
	maps.Copy(all, x.Parameters)
	return all
}

// speak says the engine's first words through the session.
func (x *exam) speak(ctx context.Context, s *session.Session, t aws.Target) Result {
	patience := x.Patience
	if patience <= 0 {
		patience = engine.Patience
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e := engine.Of(t.Engine)
	info, err := e.Probe(within, func(ctx context.Context) (net.Conn, error) { return s.Dial(ctx) }, t.Endpoint.Host, nil)
	if err == nil {
		return ok("the database answers: %s", e.Describe(info))
	}
	if ended := s.Err(); ended != nil {
		return sessionFailure(ended, t)
	}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return ok("handshake done; %s has no first words, so the database was not asked", nameOf(e, t))
	case errors.Is(err, aws.ErrRefused):
		return failed(aws.ErrRefused, fmt.Sprintf("the host of %s refuses connections on port %d", t.Endpoint.Host, t.Endpoint.Port), aws.Fix{
			Text: "check the port and that the database is up", Command: "rdsx ls", Console: "RDS › Databases › " + t.Name() + " › Connectivity & security",
		})
	case errors.Is(err, engine.ErrTLS):
		return ok("the database hangs up at plain words, as one does that wants TLS")
	case within.Err() != nil && ctx.Err() == nil:
		return failed(aws.ErrUnreachable, fmt.Sprintf("no answer of %s within %s: packets are dropped on the way", t.Endpoint, patience), aws.Fix{
			Text: "look for what no rule of EC2 shows: a firewall on the instance or in the network, or a name that resolves elsewhere", Console: "VPC › Reachability Analyzer, from " + t.Instance.ID + " to the database's interface",
		})
	}
	return failed(aws.ErrUnreachable, fmt.Sprintf("%s answers, but not as %s: %v", t.Endpoint, nameOf(e, t), err), aws.Fix{
		Text: "check host and port: another service listens there", Command: "rdsx ls",
	})
}

func nameOf(e engine.Engine, t aws.Target) string {
	if e.Name != "" {
		return e.Name
	}
	return "port " + fmt.Sprint(t.Endpoint.Port)
}

// sessionFailure is why a session was not had, or ended at once.
func sessionFailure(err error, t aws.Target) Result {
	kind := aws.ErrRefusedByAWS
	for _, k := range []error{aws.ErrSignIn, aws.ErrUsage, aws.ErrUnreachable, aws.ErrRefused} {
		if errors.Is(err, k) {
			kind = k
		}
	}
	fix := aws.Fix{Text: aws.NextOf(err)}
	if isCommand(fix.Text) {
		fix.Command = fix.Text
	}
	var denied *session.AccessDeniedError
	if errors.As(err, &denied) && denied.Resource != "" {
		who, _, _ := strings.Cut(strings.TrimPrefix(denied.Message, "User: "), " ")
		name := "rdsx-session-instance"
		if denied.OnDocument() {
			name = "rdsx-session-document"
		}
		fix = putPolicy(who, name, policy(statement{Effect: "Allow", Action: startSession, Resource: denied.Resource}), "allow "+startSession+" on "+denied.Resource)
	}
	if errors.Is(err, session.ErrNameNotResolved) {
		fix.Console = "VPC › Your VPCs › the VPC of " + t.Instance.ID + " › DNS resolution and DHCP options"
	}
	return failed(kind, err.Error(), fix)
}
