package sim

import (
	"errors"
	"net/http"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// TestCallsFailAsAWSWordsIt sets each fault of an API call through the control endpoint and meets it with the SDK, once.
func TestCallsFailAsAWSWordsIt(t *testing.T) {
	r := startSim(t, Options{})
	out := r.startSession("i-0a000000000000001", "db.example.com")
	client := ssm.NewFromConfig(r.load("acme-prod-oncall"))
	resume := func() (string, error) {
		out, err := client.ResumeSession(t.Context(), &ssm.ResumeSessionInput{SessionId: out.SessionId})
		if err != nil {
			return "", err
		}
		return sdk.ToString(out.TokenValue), nil
	}
	for fault, want := range map[string]struct {
		code   string
		status int
	}{
		"fail-resumes":       {"InternalServerError", http.StatusInternalServerError},
		"throttle-resumes":   {"ThrottlingException", http.StatusBadRequest},
		"expire-credentials": {"ExpiredTokenException", http.StatusBadRequest},
	} {
		r.call("POST", "/sim/faults", `{"`+fault+`":1}`, nil)
		_, err := resume()
		var e smithy.APIError
		var resp *awshttp.ResponseError
		if !errors.As(err, &e) || e.ErrorCode() != want.code || !errors.As(err, &resp) || resp.HTTPStatusCode() != want.status {
			t.Errorf("%s: %v, want %s with status %d", fault, err, want.code, want.status)
		}
		if token, err := resume(); err != nil || token == "" {
			t.Errorf("%s, the next time: token %q, %v", fault, token, err)
		}
	}
	r.call("POST", "/sim/faults", `{"refuse-resumes":1,"rtt":"20ms"}`, nil)
	r.call("POST", "/sim/freeze", `{"freeze":true}`, nil)
	if f := r.Faults(); !f.Freeze || f.RTT == 0 || f.RefuseResumes != 1 {
		t.Errorf("a freeze changes other faults: %+v", f)
	}
	r.call("POST", "/sim/freeze", `{"freeze":false}`, nil)
	if token, err := resume(); err != nil || token != "" {
		t.Errorf("refuse-resumes: token %q, %v; want none, as of a session that is over", token, err)
	}
	if token, err := resume(); err != nil || token == "" {
		t.Errorf("refuse-resumes, the next time: token %q, %v", token, err)
	}
	r.Terminate("", "")
}
