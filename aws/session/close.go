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

// terminateTries is how often TerminateSession is called at most while AWS does not take the keys.
const terminateTries = 3

// close ends the session once, for the reason given, on every way out. ctx gives values only: it may be dead.
func (s *Session) close(ctx context.Context, reason error) error {
	s.closing.Do(func() {
		s.sayGoodbye()
		s.channel.end(reason)
		s.running.Wait()
		err := s.terminated(ctx)
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

// terminated calls TerminateSession with a deadline of its own. Keys that have expired meanwhile are got anew.
func (s *Session) terminated(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.terminate)
	defer cancel()
	for tries := 1; ; tries++ {
		_, err := s.client.TerminateSession(ctx, &ssm.TerminateSessionInput{SessionId: sdk.String(s.id)})
		var api smithy.APIError
		switch coded := errors.As(err, &api); {
		case err == nil, coded && api.ErrorCode() == unknownSession:
			return nil
		case coded && refusedKeys(api.ErrorCode()) && tries < terminateTries:
			forgetKeys(s.cfg, err)
		default:
			return fmt.Errorf("terminate session %s: %w", s.id, err)
		}
	}
}
