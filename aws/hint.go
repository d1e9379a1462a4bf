package aws

import "errors"

// The kinds of failure that a caller treats differently. Each has its exit code in docs/architecture.md; test with errors.Is.
var (
	ErrUsage        = errors.New("usage")               // 2: the command line is wrong
	ErrSignIn       = errors.New("sign-in needed")      // 3: no credentials, or they have expired
	ErrNotFound     = errors.New("not found")           // 4: no such target, or nothing to list
	ErrUnreachable  = errors.New("target unreachable")  // 5: the instance cannot reach the database
	ErrRefusedByAWS = errors.New("session refused")     // 6: Session Manager would not start or keep the session
	ErrRefused      = errors.New("connection refused")  // 5: the database's host answered with a reset (agent flag ConnectToPortError)
	ErrClosed       = errors.New("closed by this side") // our own Close or a cancelled context ended it
	ErrDenied       = errors.New("no permission")       // 1: an IAM policy does not allow the call; what others list goes on
	ErrBusy         = errors.New("session in use")      // a basic-mode session already carries its one connection
	ErrReset        = errors.New("connection reset")    // the session cut this connection alone; the text says why
)

// Hint is an error that knows what the user can type next. Error() is the failure in one line; Next never repeats it.
type Hint struct {
	Kind error  // one of the kinds above, or nil
	Err  error  // what was being done and why it failed
	Next string // the next command or edit, without a full stop
}

// Error implements error.
func (h *Hint) Error() string { return h.Err.Error() }

// Unwrap lets errors.Is find both the kind and the cause.
func (h *Hint) Unwrap() []error {
	if h.Kind == nil {
		return []error{h.Err}
	}
	return []error{h.Kind, h.Err}
}

// Advise wraps err with its kind and the next command to type. A nil err stays nil.
func Advise(err, kind error, next string) error {
	if err == nil {
		return nil
	}
	return &Hint{Kind: kind, Err: err, Next: next}
}

// NextOf is the advice of the outermost Hint in err's tree, or "".
func NextOf(err error) string {
	var h *Hint
	if errors.As(err, &h) {
		return h.Next
	}
	return ""
}
