package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/rdsx/rdsx/aws"
)

// Explain gives an error of the AWS SDK its kind, one readable line, and the next command to type (docs/aws.md §2): it returns
// an *aws.Hint that wraps err. nil stays nil; a Hint and a cancelled context stay what they are.
func Explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var hint *aws.Hint
	var ask *mfaError
	switch f := newFailure(err); {
	case errors.As(err, &ask) && errors.As(ask.err, &hint):
		return f.hint(hint.Kind, hint.Next, oneLine(ask.Error()))
	case errors.As(err, &hint):
		return err
	default:
		return f.explain()
	}
}

func (f *failure) explain() *aws.Hint {
	for _, rule := range []func(*failure) *aws.Hint{
		(*failure).mfa, (*failure).sso, (*failure).webIdentity, (*failure).organization, (*failure).login, (*failure).expired, (*failure).clock, (*failure).badKey,
		(*failure).duration, (*failure).denied, (*failure).throttled, (*failure).session, (*failure).noKeys,
		(*failure).process, (*failure).profile, (*failure).regionOff, (*failure).network,
	} {
		if h := rule(f); h != nil {
			return h
		}
	}
	return f.hint(nil, "", f.plain())
}

// Renewable says whether a process that goes on running will find new credentials where err was for want of them. In its own
// environment it never will.
func Renewable(err error) bool { return newFailure(err).origin.kind != kindEnvironment }

// explainConfig explains what went wrong before any request was made. What no rule knows is a fault in the files.
func explainConfig(err error) error {
	explained := Explain(err)
	var h *aws.Hint
	if !errors.As(explained, &h) || h.Kind != nil || h.Next != "" {
		return explained
	}
	o := newFailure(err).origin
	if o.profile == "" {
		return &aws.Hint{Kind: aws.ErrUsage, Err: h.Err, Next: "check " + o.configFile}
	}
	return &aws.Hint{Kind: aws.ErrUsage, Err: h.Err, Next: fmt.Sprintf("check [profile %s] in %s", o.profile, o.configFile)}
}

// failure is an SDK error taken apart.
type failure struct {
	err     error
	origin  *origin // never nil
	action  string  // of the innermost call, as IAM spells it: sts:AssumeRole; "" for none
	code    string  // of the API's answer; "" when there was none
	message string
	text    string // the whole of err, lower case, for errors that have no type
}

func newFailure(err error) *failure {
	f := &failure{err: err, origin: &origin{}, text: strings.ToLower(err.Error())}
	var from *originError
	if errors.As(err, &from) {
		f.origin = from.origin
	}
	// The outer call says what was wanted, the innermost one what failed: StartSession fails because AssumeRole does.
	var op *smithy.OperationError
	for at := err; errors.As(at, &op); at = op.Unwrap() {
		f.action = strings.ToLower(strings.ReplaceAll(op.Service(), " ", "")) + ":" + op.Operation()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		f.code, f.message = api.ErrorCode(), strings.TrimSpace(api.ErrorMessage())
	}
	return f
}

func (f *failure) is(codes ...string) bool {
	for _, code := range codes {
		if f.code == code {
			return true
		}
	}
	return false
}

func (f *failure) says(parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(f.text, part) {
			return true
		}
	}
	return false
}

// plain is the failure in one line without the SDK's scaffolding: status codes, request ids, wrappers.
func (f *failure) plain() string {
	if f.code == "" {
		cause := f.err
		var op *smithy.OperationError
		for errors.As(cause, &op) {
			cause = op.Unwrap()
		}
		return f.doing(oneLine(cause.Error()))
	}
	if f.message == "" {
		return f.doing(f.code)
	}
	return f.doing(fmt.Sprintf("%s (%s)", strings.TrimSuffix(oneLine(f.message), "."), f.code))
}

// adopt gives a piece of advice the failure as its cause.
func (f *failure) adopt(advice error) *aws.Hint {
	return f.hint(kindOf(advice), aws.NextOf(advice), advice.Error())
}

func kindOf(err error) error {
	var h *aws.Hint
	if errors.As(err, &h) {
		return h.Kind
	}
	return nil
}

func (f *failure) doing(text string) string {
	if f.action == "" {
		return text
	}
	return f.action + ": " + text
}

func (f *failure) hint(kind error, next, text string) *aws.Hint {
	return &aws.Hint{Kind: kind, Err: &line{text, f.err}, Next: next}
}

// line is an error with a text of its own; its cause stays reachable for errors.Is and errors.As.
type line struct {
	text string
	err  error
}

func (l *line) Error() string { return l.text }
func (l *line) Unwrap() error { return l.err }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
