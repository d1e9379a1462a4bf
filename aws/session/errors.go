package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/account"
)

// Why a session could not be opened or has ended. Test with errors.Is; the error itself is an *aws.Hint.
var (
	ErrTargetNotConnected = errors.New("target not connected")
	ErrAccessDenied       = errors.New("access denied")
	ErrInvalidDocument    = errors.New("invalid document")
	ErrThrottled          = errors.New("throttled")
	ErrCredentials        = errors.New("no valid credentials")
	ErrStreamURL          = errors.New("stream URL refused")
	ErrTokenRefused       = errors.New("session token refused")
	ErrHandshakeRefused   = errors.New("handshake refused")
	ErrHandshakeTimeout   = errors.New("handshake timed out")
	ErrAgentGone          = errors.New("the instance's agent is gone")
	ErrConnectionLost     = errors.New("connection to Session Manager lost")
	ErrClosedByService    = errors.New("closed by Session Manager")
	ErrNameNotResolved    = errors.New("name not resolved at the instance")
	ErrDestinationDenied  = errors.New("destination denied by the agent")
)

// AccessDeniedError is ErrAccessDenied with the resource that the denial names.
type AccessDeniedError struct {
	Action   string // ssm:StartSession or ssm:ResumeSession, "" when the message does not say
	Resource string // the ARN, "" when the message does not say
	Message  string // of AWS, with the reason
}

// Error implements error.
func (e *AccessDeniedError) Error() string {
	switch {
	case e.OnDocument():
		return fmt.Sprintf("access denied on the document: %s", e.Message)
	case e.Action == resumeSession:
		return fmt.Sprintf("access to %s denied: %s", e.Action, e.Message)
	case e.Resource != "":
		return fmt.Sprintf("access denied on the instance: %s", e.Message)
	}
	return fmt.Sprintf("access denied: %s", e.Message)
}

// Unwrap makes it an ErrAccessDenied.
func (e *AccessDeniedError) Unwrap() error { return ErrAccessDenied }

// OnDocument says whether the permission that is missing is for the session document and not for the instance.
func (e *AccessDeniedError) OnDocument() bool { return strings.Contains(e.Resource, ":document/") }

// ClosedError is ErrClosedByService with what the service said.
type ClosedError struct {
	Output string // "" for an idle time-out, the maximum duration, or a session terminated by someone
}

// Error implements error.
func (e *ClosedError) Error() string {
	if e.Output == "" {
		return "closed by Session Manager without a reason: idle too long, over its maximum duration, or terminated"
	}
	return "closed by Session Manager: " + e.Output
}

// Unwrap makes it an ErrClosedByService.
func (e *ClosedError) Unwrap() error { return ErrClosedByService }

// startError explains what StartSession answered.
func startError(r Request, err error) error {
	doing := fmt.Sprintf("start a session on %s with %s", r.Target, r.Document)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var api smithy.APIError
	if !errors.As(err, &api) || fromCredentials(err) {
		return fmt.Errorf("%s: %w", doing, account.Explain(err))
	}
	say := func(kind error, what error, next string) error {
		return aws.Advise(fmt.Errorf("%s: %w", doing, what), kind, next)
	}
	text := api.ErrorMessage()
	switch api.ErrorCode() {
	case "TargetNotConnected":
		return say(aws.ErrRefusedByAWS, fmt.Errorf("%w: %s", ErrTargetNotConnected, text), "rdsx ls, then choose an instance that is online with --via; it must be in this account and region")
	case "AccessDeniedException", "AccessDenied":
		denied := deniedBy(text)
		next := "ask for a policy that allows ssm:StartSession on the instance; aws sts get-caller-identity says who you are"
		if denied.OnDocument() {
			next = "ask for a policy that allows ssm:StartSession on the document " + r.Document + "; or name another with --document"
		}
		return say(aws.ErrRefusedByAWS, denied, next)
	case "InvalidDocument", "InvalidDocumentOperation", "InvalidParameters":
		return say(aws.ErrRefusedByAWS, fmt.Errorf("%w: %s", ErrInvalidDocument, text), "check --document: it must be a session document of this account and region that takes these parameters")
	}
	if throttled(api.ErrorCode()) {
		return say(aws.ErrRefusedByAWS, fmt.Errorf("%w: %s", ErrThrottled, text), "wait a minute, then run the same command again")
	}
	if refusedKeys(api.ErrorCode()) {
		return fmt.Errorf("%s: %w", doing, credentialsError(err))
	}
	return say(aws.ErrRefusedByAWS, err, "aws ssm get-connection-status --target "+r.Target)
}

// passing says whether a failure to get credentials is the network's or the service's, and not for anybody to sign in against.
func passing(err error) bool {
	var send *smithyhttp.RequestSendError
	var network net.Error
	var answer *smithyhttp.ResponseError
	var api smithy.APIError
	return errors.As(err, &send) || errors.As(err, &network) || errors.As(err, &answer) && answer.HTTPStatusCode() >= 500 ||
		errors.As(err, &api) && throttled(api.ErrorCode())
}

func throttled(code string) bool {
	switch code {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return true
	}
	return false
}

// refusedKeys says whether an error code of AWS means that the credentials are expired or wrong.
func refusedKeys(code string) bool {
	switch code {
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException", "InvalidClientTokenId",
		"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken":
		return true
	}
	return false
}

// fromCredentials says whether the failure lies in getting credentials, not in the call that needed them: the innermost
// operation is then another one, sts:AssumeRole for example (docs/aws.md §2).
func fromCredentials(err error) bool {
	var op *smithy.OperationError
	if !errors.As(err, &op) {
		return false
	}
	var inner *smithy.OperationError
	return errors.As(op.Err, &inner)
}

// credentialsError explains why there is nothing to sign with, or why AWS does not take it.
func credentialsError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	err = fmt.Errorf("%w: %w", ErrCredentials, err)
	explained := account.Explain(err)
	if passing(err) {
		return aws.Advise(err, nil, aws.NextOf(explained))
	}
	if errors.Is(explained, aws.ErrSignIn) && aws.NextOf(explained) != "" {
		return explained
	}
	return aws.Advise(err, aws.ErrSignIn, cmp.Or(aws.NextOf(explained), "rdsx profiles login, or aws configure"))
}

// deniedBy reads "User: ARN is not authorized to perform: ssm:StartSession on resource: ARN because …".
func deniedBy(text string) *AccessDeniedError {
	e := &AccessDeniedError{Message: text}
	if _, after, ok := strings.Cut(text, "to perform: "); ok {
		e.Action, _, _ = strings.Cut(after, " ")
	}
	if _, after, ok := strings.Cut(text, "on resource: "); ok {
		e.Resource, _, _ = strings.Cut(after, " ")
	}
	return e
}

// closedError explains a channel_closed message. The agent's own failures arrive as its text (docs/protocol.md §1.4).
func closedError(output, host string) error {
	cause := &ClosedError{Output: output}
	low := strings.ToLower(output)
	switch {
	case output == "":
		return aws.Advise(cause, aws.ErrRefusedByAWS, "open it again; the idle time-out and the maximum duration are session preferences of the account")
	case strings.Contains(low, "lookup ") || strings.Contains(low, "no such host"):
		return aws.Advise(fmt.Errorf("%w: %w", ErrNameNotResolved, cause), aws.ErrUnreachable,
			"check the host name "+host+", and the DNS of the instance's VPC; or choose another instance with --via")
	case strings.Contains(low, "forwarding to ip address") && strings.Contains(low, "forbidden"):
		return aws.Advise(fmt.Errorf("%w: %w", ErrDestinationDenied, cause), aws.ErrUnreachable,
			"choose another host: the agent never forwards to metadata, DNS and time addresses of the VPC")
	}
	if strings.Contains(low, "unable to connect to specified port") { // basic mode: the agent dials at the session's start
		return aws.Advise(cause, aws.ErrRefused, "check that the database is up and listens on that port (rdsx ls), and its security group")
	}
	return aws.Advise(cause, aws.ErrRefusedByAWS, "run the same command again; --debug tells more")
}

func agentGone(target string, silence time.Duration) error {
	return aws.Advise(fmt.Errorf("%w: it has acknowledged nothing for %v", ErrAgentGone, silence.Round(time.Second)), nil,
		"check that the SSM agent on "+target+" runs: aws ssm get-connection-status --target "+target)
}

func handshakeRefused(why string) error {
	return aws.Advise(fmt.Errorf("%w: %s", ErrHandshakeRefused, why), aws.ErrRefusedByAWS,
		"use a port forwarding document: AWS-StartPortForwardingSessionToRemoteHost, or one of your own of type Port")
}

func handshakeTimeout(target string) error {
	return aws.Advise(ErrHandshakeTimeout, aws.ErrRefusedByAWS, "check that the SSM agent on "+target+" runs and reaches ssmmessages: aws ssm get-connection-status --target "+target)
}

func tokenRefused(why string) error {
	return aws.Advise(fmt.Errorf("%w: %s", ErrTokenRefused, why), aws.ErrRefusedByAWS, "run the same command again; if it stays, check the clock and ssmmessages:OpenDataChannel in the policy")
}

func connectionLost(err error) error {
	return aws.Advise(fmt.Errorf("%w: %w", ErrConnectionLost, err), nil, "check the network, then run the same command again")
}
