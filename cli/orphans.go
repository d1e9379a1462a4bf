package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/engine"
	"github.com/rdsx/rdsx/aws/forward"
	"github.com/rdsx/rdsx/aws/session"
)

// mostAsked is how many sessions of dead processes AWS is asked about at a start; the others are asked about at the next.
const mostAsked = 5

// orphanPatience is how long a start may be held up by the question what an earlier run has left.
const orphanPatience = 2 * time.Second

// entry is how the ledger names a session of this configuration. Its id is not known yet.
func (a *app) entry(acct aws.Account, t aws.Target) ledgerSession {
	return ledgerSession{
		Profile: acct.Profile, Region: acct.Region, Endpoint: cmp.Or(a.flags.endpointURL, a.getenv("AWS_ENDPOINT_URL")),
		Instance: t.Instance.ID, Target: t.Endpoint.String(),
	}
}

// kept notes the session in the ledger until it is ended at AWS.
func (l *ledger) kept(s *session.Session, e ledgerSession) forward.Session {
	e.ID, e.Started = s.ID(), time.Now()
	_ = l.add(e) // a state folder that cannot be written is no reason to refuse a tunnel
	return &keptSession{Session: s, ledger: l}
}

// keptSession is a session that is in the ledger.
type keptSession struct {
	*session.Session
	ledger *ledger
}

// Close ends the session. One that AWS may still hold open stays in the ledger: the next start asks.
func (k *keptSession) Close() error {
	err := k.Session.Close()
	if err == nil {
		_ = k.ledger.remove(k.ID()) // the next start finds that it is over
	}
	return err
}

// orphans asks AWS which sessions of dead processes are still open, among those that this configuration reaches. What cannot
// be asked is asked at the next start.
func (a *app) orphans(ctx context.Context, cfg sdk.Config, acct aws.Account) []ledgerSession {
	dead, _ := a.ledger.left()
	here := a.entry(acct, aws.Target{})
	var open []ledgerSession
	var over []string
	asked := 0
	for _, s := range dead {
		if s.Profile != here.Profile || s.Region != here.Region || s.Endpoint != here.Endpoint || asked == mostAsked {
			continue
		}
		asked++
		switch found, err := session.List(ctx, cfg, s.ID); {
		case err != nil:
			a.log().Debug("a session of a dead process is not looked up", "session", s.ID, "error", err)
		case len(found) == 0:
			over = append(over, s.ID)
		default:
			open = append(open, s)
		}
	}
	if err := a.ledger.strike(over...); err != nil {
		a.log().Debug("the ledger of sessions was not updated", "error", err)
	}
	return open
}

// orphanText says what was found and the command that ends it, both "" for nothing.
func (a *app) orphanText(open []ledgerSession) (text, next string) {
	if len(open) == 0 {
		return "", ""
	}
	args := []string{"rdsx", "sessions", "--terminate"}
	var left []string
	for _, s := range open {
		args = append(args, s.ID)
		left = append(left, s.ID+" to "+s.Target)
	}
	if a.flags.profile != "" {
		args = append(args, "--profile", a.flags.profile)
	}
	if a.flags.region != "" {
		args = append(args, "--region", a.flags.region)
	}
	return "still open at AWS, left by an rdsx that was killed: " + strings.Join(left, ", "), engine.Quote(args)
}

// warnOfOrphans says on stderr what was left. It waits for AWS for a moment, and only when there is something to ask.
func (a *app) warnOfOrphans(ctx context.Context, cfg sdk.Config, acct aws.Account) {
	ctx, stop := context.WithTimeout(ctx, orphanPatience)
	defer stop()
	if text, next := a.orphanText(a.orphans(ctx, cfg, acct)); text != "" {
		fmt.Fprintf(a.Stderr, "%s\nhint: %s\n", printable(text), next)
	}
}

// leftBehind implements tui.Deps.Notice.
func (s *screenRun) leftBehind(ctx context.Context) string {
	n := 0
	for _, p := range s.places {
		n += len(s.app.orphans(ctx, p.cfg, p.account))
	}
	if n == 0 {
		return ""
	}
	return count(n, "session") + " of an rdsx that was killed still open: see rdsx sessions --mine"
}
