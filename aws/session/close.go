package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws/session/wire"
)

// goodbye is how long the TerminateSession flag may take to be acknowledged; the API call does the same job.
const goodbye = 200 * time.Millisecond

// close ends the session once, for the reason given, on every way out. ctx gives values only: it may be dead.
func (s *Session) close(ctx context.Context, reason error) error {
	s.closing.Do(func() {
		s.sayGoodbye()
		s.channel.end(reason)
		s.running.Wait()
		err := terminate(ctx, s.client, s.id, s.terminate)
		// A channel can end while AWS holds the session open. Only one that the service has ended needs no other end.
		var over *ClosedError
		if !errors.As(s.channel.reason(), &over) {
			s.closeErr = err
		}
		s.channel.log.Debug("session terminated", "session", s.id, "error", err)
	})
	return s.closeErr
}

// sayGoodbye sends the flag that ends the agent's side, if the channel is up.
func (s *Session) sayGoodbye() {
	c := s.channel
	select {
	case <-c.ready:
	default:
		return
	}
	arrived := make(chan struct{})
	c.sender.push(control{
		payloadType: wire.PayloadFlag,
		payload:     wire.AppendFlag(nil, wire.TerminateSession),
		onAck:       func() { close(arrived) },
	})
	c.signal()
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-arrived:
	case <-c.done:
	case <-timer.C:
	}
}

// terminate calls TerminateSession with a deadline of its own.
func terminate(ctx context.Context, client terminator, id string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	_, err := client.TerminateSession(ctx, &ssm.TerminateSessionInput{SessionId: sdk.String(id)})
	var api smithy.APIError
	if err != nil && (!errors.As(err, &api) || api.ErrorCode() != unknownSession) {
		return fmt.Errorf("terminate session %s: %w", id, err)
	}
	return nil
}
