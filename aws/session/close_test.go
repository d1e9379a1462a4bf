package session

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// TestTerminateSessionFailsAfterTheEnd: a channel that ends by itself can leave a session open at AWS. That it could not be ended there
// is kept to itself only where the service has ended it.
func TestTerminateSessionFailsAfterTheEnd(t *testing.T) {
	nothing := ""
	for name, c := range map[string]struct {
		script script
		end    func(*Session)
		fails  bool
	}{
		"the agent is gone": {script{terminateCode: "InternalServerError"}, func(s *Session) { s.channel.end(agentGone("i-0", time.Minute)) }, true},
		"the same, and AWS knows no such session": {
			script{terminateCode: "DoesNotExistException"}, func(s *Session) { s.channel.end(agentGone("i-0", time.Minute)) }, false,
		},
		"the service has ended it": {script{terminateCode: "InternalServerError", closedOutput: &nothing}, func(*Session) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, newBox(t, c.script, false), Options{})
			c.end(s)
			<-s.Done()
			if err := s.Close(); (err != nil) != c.fails {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// TestKeysExpireBeforeTheEnd: where AWS does not take the keys at the end, new ones end the session.
func TestKeysExpireBeforeTheEnd(t *testing.T) {
	b := newBox(t, script{terminateCode: "ExpiredTokenException", terminateLater: true}, false)
	var got atomic.Int32
	cfg := b.config()
	cfg.Credentials = sdk.NewCredentialsCache(sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
		got.Add(1)
		return sdk.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: secretKey}, nil
	}))
	s, err := Open(t.Context(), cfg, request(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := got.Load()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := got.Load() - before; n != 2 {
		t.Errorf("keys were got anew %d times, want 2", n)
	}
}
