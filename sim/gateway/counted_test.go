package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestCountedFaults: each fault with a number happens that many times and no more.
func TestCountedFaults(t *testing.T) {
	g := gatewayFor(t, listen(t, echo), Options{})
	out, err := g.Start(t.Context(), input(newAgent, "1"))
	if err != nil {
		t.Fatal(err)
	}
	resumed := func() bool {
		token, _, err := g.Resume(t.Context(), "mika-1")
		return err == nil && token != ""
	}
	upgraded := func() bool {
		ws, resp, _ := websocket.DefaultDialer.Dial(out.StreamURL, nil)
		if ws != nil {
			_ = ws.Close()
		}
		return resp.StatusCode != http.StatusInternalServerError
	}
	redeemed := func() bool {
		s := g.find("mika-1")
		return s.redeem(s.newToken())
	}
	for name, c := range map[string]struct {
		fault string
		works func() bool
	}{
		"resume refused":      {"refuse-resumes=2", resumed},
		"resume fails":        {"fail-resumes=2", func() bool { return !g.Failing("ssm:ResumeSession") }},
		"resume throttled":    {"throttle-resumes=2", func() bool { return !g.Throttled("ssm:ResumeSession") }},
		"start fails":         {"fail-starts=2", func() bool { return !g.Failing("ssm:StartSession") }},
		"start throttled":     {"throttle-starts=2", func() bool { return !g.Throttled("ssm:StartSession") }},
		"credentials expired": {"expire-credentials=2", func() bool { return !g.Expired("ssm:ResumeSession") }},
		"upgrade fails":       {"fail-upgrades=2", upgraded},
		"token dead":          {"refuse-tokens=2", redeemed},
	} {
		f, err := ParseFaults(c.fault)
		if err != nil {
			t.Fatal(err)
		}
		g.SetFaults(f)
		if g.Failing("ssm:DescribeSessions") || g.Throttled("ssm:DescribeSessions") || g.Expired("sts:GetCallerIdentity") {
			t.Errorf("%s: a call that the fault is not for meets it", name)
		}
		failures := 0
		for range 4 {
			if !c.works() {
				failures++
			}
		}
		if want := strings.Count(c.fault, "2") * 2; failures != want || g.Faults() != (Faults{}) {
			t.Errorf("%s: %d failures, want %d; left %+v", name, failures, want, g.Faults())
		}
	}
}

func TestMaxPayload(t *testing.T) {
	for name, silent := range map[string]bool{"close": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			g := gatewayFor(t, listen(t, echo), Options{})
			m := start(t, g, "1")
			defer m.finish()
			m.open()
			exchange(t, m, 2000) // as 1024 + 992 and the mux's headers
			g.SetFaults(Faults{MaxPayload: 1000, MaxPayloadSilent: silent})
			s, err := m.mux.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = s.Write(make([]byte, 2000))
			if !silent {
				if why := reason(t, m); !strings.Contains(why, "1009") {
					t.Errorf("the websocket ended with %s, want 1009", why)
				}
				return
			}
			until(t, "the short message", func() bool { return g.Sessions()[0].Counters.OutOfOrder > 0 })
			g.SetFaults(Faults{}) // mini sends the long one again
			until(t, "the long message", func() bool { return g.Sessions()[0].Counters.RecvBytes > 4000 })
		})
	}
}

// TestCutLoses: with the fault, frames under way die with the websocket; without it they wait for the next one.
func TestCutLoses(t *testing.T) {
	const size = 100_000
	for name, loses := range map[string]bool{"loses": true, "keeps": false} {
		t.Run(name, func(t *testing.T) {
			g := gatewayFor(t, listen(t, source(size)), Options{Faults: Faults{RTT: 200 * time.Millisecond, CutLoses: loses}})
			m := start(t, g, "1")
			defer m.finish()
			m.open()
			done := make(chan error, 1)
			go func() { done <- download(m, size) }()
			until(t, "the transfer", func() bool { return g.Sessions()[0].Counters.SentBytes > 20_000 })
			g.CutClient("")
			if lost := g.Sessions()[0].Counters.Lost; lost > 0 != loses {
				t.Errorf("%d frames lost", lost)
			}
			reason(t, m)
			g.SetFaults(Faults{})
			token, url, _ := g.Resume(t.Context(), "mika-1")
			if err := m.dial(url, token); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		})
	}
}
