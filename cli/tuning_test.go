package cli

import (
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws/session"
)

// TestTuningOfTargets: a target's settings hold where the command line says nothing, and are held to what the flags take.
func TestTuningOfTargets(t *testing.T) {
	s, err := parseSettings("config.yaml", []byte("targets:\n  orders:\n    sessions: 8\n    keep-alive: true\n    window: 65536\n    payload: auto\n    pacing: legacy\n"))
	if err != nil {
		t.Fatal(err)
	}
	file := s.targets["orders"].tuning
	if file.limit() != 8 || !file.keepAlive || file.window != 65536 || file.size() != session.PayloadAuto || file.pacing != legacy {
		t.Errorf("the file says %+v", file)
	}
	typed := tuning{sessions: "2", payload: "4096", pacing: automatic}.or(file)
	if typed.limit() != 2 || typed.size() != 4096 || typed.pacing != automatic || typed.window != 65536 {
		t.Errorf("beside what is typed it gives %+v", typed)
	}
	var nothing tuning
	if nothing.limit() != autoSessions || nothing.size() != 1024 || nothing.check() != nil {
		t.Errorf("nothing at all is %+v", nothing)
	}
	for line, want := range map[string]string{
		"sessions: 0": `sessions "0"`, "sessions: all": `sessions "all"`, "keep-alive: maybe": `keep-alive "maybe"`, "window: -1": `window "-1"`,
		"payload: 9": `payload "9"`, "pacing: fast": `pacing "fast"`,
	} {
		_, err := parseSettings("config.yaml", []byte("targets:\n  a:\n    "+line+"\n"))
		if err == nil || !strings.Contains(err.Error(), "config.yaml:3: "+want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestTuningFromEnv: the screens are told by the environment.
func TestTuningFromEnv(t *testing.T) {
	a := &app{Process: Process{Env: []string{"RDSX_SESSIONS=3", "RDSX_KEEP_ALIVE=true", "RDSX_PACING=legacy"}}}
	got, err := a.tuningFromEnv()
	if err != nil || got.limit() != 3 || !got.keepAlive || got.pacing != legacy {
		t.Errorf("%+v, %v", got, err)
	}
	a.Env = []string{"RDSX_SESSIONS=many"}
	if _, err := a.tuningFromEnv(); err == nil {
		t.Error("RDSX_SESSIONS=many is taken")
	}
}
