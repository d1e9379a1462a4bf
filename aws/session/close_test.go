package session

import (
	"testing"
	"time"
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
