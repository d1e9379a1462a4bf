package session

import (
	"context"
	"errors"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

// vitals is what is known of the life of an agent that acknowledges nothing.
type vitals struct {
	ask   func(ctx context.Context) (bool, error) // whether the service has the agent at the other end of a line
	said  uint64                                  // messages that the agent has sent
	spoke time.Time                               // when the last of them was there
	seen  time.Time                               // the latest sign of life, or since when one is looked for
	at    time.Time                               // the service is not asked again before
}

// lives is false for an agent that has acknowledged nothing for mutedFor and is gone. Silence alone does not say so: while a target
// takes nothing of what it is sent, such as COPY into a table that is locked, the agent reads nothing either (B7), and to end the
// session would end all its connections. One that sends messages lives, and so does one that the service calls connected. Who may
// not ask has the limit alone.
func (v *vitals) lives(ctx context.Context, c *channel, silence time.Duration, now time.Time) bool {
	if said := c.received.Load() + c.duplicates.Load(); said != v.said {
		v.said, v.spoke = said, now
	}
	if silence < mutedFor {
		v.seen, v.at = time.Time{}, time.Time{}
		return true
	}
	if v.seen.IsZero() || v.spoke.After(v.seen) {
		v.seen = now
	}
	if now.Sub(v.spoke) < aliveFor || now.Before(v.at) {
		return true
	}
	v.at = now.Add(aliveFor)
	within, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	connected, err := v.ask(within)
	c.log.Debug("agent silent", "silence", silence, "connected", connected, "error", err)
	switch {
	case err == nil && connected:
		v.seen = now
		return true
	case err == nil, noAccess(err):
		return false
	}
	return now.Sub(v.seen) < mutedFor // the way to the service may be the trouble
}

// connectionStatus asks the service whether it has the agent of target at the other end of a line.
func connectionStatus(cfg sdk.Config, target string) func(context.Context) (bool, error) {
	client := newClient(cfg)
	return func(ctx context.Context) (bool, error) {
		out, err := client.GetConnectionStatus(ctx, &ssm.GetConnectionStatusInput{Target: sdk.String(target)})
		if err != nil {
			forgetKeys(cfg, err)
			return false, err
		}
		return out.Status == types.ConnectionStatusConnected, nil
	}
}

// noAccess says whether a policy denies the call.
func noAccess(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "AccessDeniedException" || api.ErrorCode() == "AccessDenied")
}
