package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rdsx/rdsx/sim/world"
)

// Error is an error as AWS words it.
type Error struct {
	Code    string
	Message string
	Status  int // HTTP; 400 when 0
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func failf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// invalid is the error that AWS's validation gives before an operation runs.
func invalid(field, value, constraint string) *Error {
	return failf("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, field, constraint)
}

// Fault is what is wrong with a signature.
type Fault string

// The faults that Keys.Verify finds.
const (
	Unsigned   Fault = "unsigned"
	Malformed  Fault = "malformed"
	UnknownKey Fault = "unknown key"
	BadToken   Fault = "session token is not the key's"
	Expired    Fault = "session token has expired"
	Mismatch   Fault = "signature does not match"
	Skewed     Fault = "clock is off by more than five minutes"
	Scope      Fault = "credential scope is for another service"
)

// SignatureError is a request that is not signed, or not as it should be.
type SignatureError struct {
	Fault  Fault
	Detail string // AWS's words where it has any of its own
}

// Error implements error.
func (e *SignatureError) Error() string {
	if e.Detail == "" {
		return string(e.Fault)
	}
	return string(e.Fault) + ": " + e.Detail
}

var (
	errThrottled = errors.New("throttled")
	errDenied    = errors.New("denied")
)

// denial is a call that the policies do not allow.
type denial struct{ text string }

func (d *denial) Error() string { return d.text }
func (d *denial) Unwrap() error { return errDenied }

const mismatchText = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// json says whether the service speaks JSON, whose errors have names of their own.
func (s *service) json() bool {
	_, ok := s.wire.(jsonWire)
	return ok
}

// errorOf gives an error the code, status and words of the service: each family has its own (docs/aws.md §2).
func (s *service) errorOf(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var bad *SignatureError
	if errors.As(err, &bad) {
		return s.signatureError(bad)
	}
	switch json := s.json(); {
	case errors.Is(err, errThrottled) && s.name == "ec2":
		return &Error{"RequestLimitExceeded", "Request limit exceeded.", http.StatusServiceUnavailable}
	case errors.Is(err, errThrottled) && json:
		return &Error{"ThrottlingException", "Rate exceeded", http.StatusBadRequest}
	case errors.Is(err, errThrottled):
		return &Error{"Throttling", "Rate exceeded", http.StatusBadRequest}
	case errors.Is(err, errDenied) && s.name == "ec2":
		return &Error{"UnauthorizedOperation", "You are not authorized to perform this operation. " + err.Error(), http.StatusForbidden}
	case errors.Is(err, errDenied) && json:
		return &Error{"AccessDeniedException", err.Error(), http.StatusBadRequest}
	case errors.Is(err, errDenied):
		return &Error{"AccessDenied", err.Error(), http.StatusForbidden}
	case json:
		return &Error{"InternalServerError", err.Error(), http.StatusInternalServerError}
	}
	return &Error{"InternalFailure", err.Error(), http.StatusInternalServerError}
}

// signatureErrors holds code, status and message of each fault for the three families: query (STS, RDS), JSON and EC2.
// EC2 hides most faults behind AuthFailure.
func (s *service) signatureError(e *SignatureError) *Error {
	const invalidToken = "The security token included in the request is invalid."
	type shapes struct{ query, json, ec2 string }
	codes, text, status := shapes{}, e.Detail, http.StatusForbidden
	switch e.Fault {
	case Unsigned:
		codes, text = shapes{"MissingAuthenticationToken", "MissingAuthenticationTokenException", "MissingAuthenticationToken"}, "Request is missing Authentication Token"
	case Malformed:
		codes, status = shapes{"IncompleteSignature", "IncompleteSignatureException", "AuthFailure"}, http.StatusBadRequest
	case UnknownKey, BadToken:
		codes, text = shapes{"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"}, invalidToken
	case Expired:
		codes, text = shapes{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}, "The security token included in the request is expired"
	case Skewed, Scope:
		codes = shapes{"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"}
	default:
		codes, text = shapes{"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"}, mismatchText
	}
	switch {
	case s.json():
		return &Error{codes.json, text, http.StatusBadRequest}
	case s.name == "ec2" && codes.ec2 == "RequestExpired":
		return &Error{codes.ec2, "Request has expired.", http.StatusBadRequest}
	case s.name == "ec2" && codes.ec2 == "AuthFailure":
		return &Error{codes.ec2, "AWS was not able to validate the provided access credentials", http.StatusUnauthorized}
	case s.name == "ec2":
		return &Error{codes.ec2, text, status}
	}
	return &Error{codes.query, text, status}
}

func (s *service) unknown(op, version string) *Error {
	if s.json() {
		return failf("UnknownOperationException", "")
	}
	return failf("InvalidAction", "Could not find operation %s for version %s", op, version)
}

// disabledRegion is what a region that the account has not opted in to answers: it does not know the keys.
func (s *service) disabledRegion(at world.Place) error {
	if s.name == "sts" {
		return &Error{"RegionDisabledException", "STS is not activated in this region for account:" + at.Account + ". Your account administrator can activate STS in this region using the IAM Console.", http.StatusForbidden}
	}
	return &SignatureError{Fault: UnknownKey}
}
