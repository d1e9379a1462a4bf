package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws/session"
)

// TestTuningOfTargets: a target's settings hold where the command line says nothing, and are held to what the flags take.
func TestTuningOfTargets(t *testing.T) {
	s, err := parseSettings("config.yaml", []byte("targets:\n  orders:\n    sessions: 8\n    keep-alive: true\n    window: 65536\n    payload: auto\n    pacing: legacy\n    ping: 45s\n"))
	if err != nil {
		t.Fatal(err)
	}
	file := s.targets["orders"].tuning
	if file.limit() != 8 || !file.keepAlive || file.window != 65536 || file.size() != session.PayloadAuto || file.pacing != legacy || file.every() != 45*time.Second {
		t.Errorf("the file says %+v", file)
	}
	typed := tuning{sessions: "2", payload: "4096", pacing: automatic, ping: "2s"}.or(file)
	if typed.limit() != 2 || typed.size() != 4096 || typed.pacing != automatic || typed.window != 65536 || typed.every() != 2*time.Second {
		t.Errorf("beside what is typed it gives %+v", typed)
	}
	var nothing tuning
	if nothing.limit() != autoSessions || nothing.size() != 1024 || nothing.every() != 20*time.Second || nothing.check() != nil {
		t.Errorf("nothing at all is %+v", nothing)
	}
	for line, want := range map[string]string{
		"sessions: 0": `sessions "0"`, "sessions: all": `sessions "all"`, "keep-alive: maybe": `keep-alive "maybe"`, "window: -1": `window "-1"`,
		"payload: 9": `payload "9"`, "pacing: fast": `pacing "fast"`, "ping: 1s": `ping "1s"`, "ping: 20": `ping "20"`,
	} {
		_, err := parseSettings("config.yaml", []byte("targets:\n  a:\n    "+line+"\n"))
		if err == nil || !strings.Contains(err.Error(), "config.yaml:3: "+want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestTuningFromEnv: the screens are told by the environment.
func TestTuningFromEnv(t *testing.T) {
	a := &app{Process: Process{Env: []string{"RDSX_SESSIONS=3", "RDSX_KEEP_ALIVE=true", "RDSX_PACING=legacy", "RDSX_PING=5m"}}}
	got, err := a.tuningFromEnv()
	if err != nil || got.limit() != 3 || !got.keepAlive || got.pacing != legacy || got.every() != 5*time.Minute {
		t.Errorf("%+v, %v", got, err)
	}
	a.Env = []string{"RDSX_SESSIONS=many"}
	if _, err := a.tuningFromEnv(); err == nil {
		t.Error("RDSX_SESSIONS=many is taken")
	}
}

// TestTuningReachesTheSessions: what is said of the sessions is what they are opened with, and all of a tunnel share what they know
// of each other's resets.
func TestTuningReachesTheSessions(t *testing.T) {
	a := &app{Process: Process{Env: []string{"TMPDIR=/spill"}}}
	dialer := func(said tuning) *sessionDialer {
		return a.newDialer(route{}, connectFlags{via: "i-1", tuning: said}).(*sessionDialer)
	}
	one := dialer(tuning{window: 65536, payload: "4096", pacing: legacy, ping: "45s"})
	if o := one.options; o.Window != 65536 || o.Payload != 4096 || !o.Legacy || o.PingEvery != 45*time.Second || o.SpillDir != "/spill" {
		t.Errorf("sessions are opened with %+v", o)
	}
	other := dialer(tuning{})
	if o := other.options; o.PingEvery != 20*time.Second || o.Legacy {
		t.Errorf("with nothing said sessions are opened with %+v", o)
	}
	if one.options.Resets == nil || one.options.Resets == other.options.Resets {
		t.Error("the sessions of a tunnel, and only those, are to share their resets")
	}
}
