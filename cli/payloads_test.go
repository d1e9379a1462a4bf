package cli

import (
	"os"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/session"
)

func TestPayloadsAreRemembered(t *testing.T) {
	a := &app{Process: Process{Env: []string{"HOME=" + t.TempDir(), "XDG_STATE_HOME=" + t.TempDir()}}}
	p, now := a.payloadsOf("eu-west-1", ""), time.Now()
	want := func(step string, p payloads, at time.Time, size int) {
		t.Helper()
		if got := p.best(at); got != size {
			t.Errorf("%s: %d, want %d", step, got, size)
		}
	}
	want("nothing is known", p, now, session.PayloadAuto)
	p.learn(aws.SessionStats{Mux: true, Payload: 4096}, now)
	want("it is still being tried", p, now, session.PayloadAuto)
	p.learn(aws.SessionStats{Payload: 1024, Settled: true}, now)
	want("basic mode tells nothing", p, now, session.PayloadAuto)
	p.learn(aws.SessionStats{Mux: true, Payload: 16 << 10, Settled: true}, now)
	want("it is settled", a.payloadsOf("eu-west-1", ""), now, 16<<10)
	want("another region", a.payloadsOf("us-east-1", ""), now, session.PayloadAuto)
	want("another endpoint", a.payloadsOf("eu-west-1", "http://127.0.0.1:1"), now, session.PayloadAuto)
	p.learn(aws.SessionStats{Mux: true, Payload: 1024, Settled: true}, now)
	want("it was doubtful later", p, now, 1024)
	want("long ago", p, now.Add(payloadLife+time.Hour), session.PayloadAuto)
	if err := os.WriteFile(p.path, []byte(`{"version":1,"regions":{"eu-west-1":{"bytes":1e9,"at":"2026-01-01T00:00:00Z"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	want("nonsense in the file", p, now, session.PayloadAuto)
	if got := (payloads{}).best(now); got != session.PayloadAuto {
		t.Errorf("without a home: %d", got)
	}
}
