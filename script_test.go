package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rdsx/rdsx/sim"
)

// TestScript runs testdata/script/*.txtar: what a user types, what stdout and stderr say, which code comes back. Every script
// has a simulated AWS of its own, whose profiles are in $AWS_CONFIG_FILE, and no script may leave a session open in it.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

func setupScript(e *testscript.Env) error {
	box, err := sim.Start(context.Background(), sim.Options{})
	if err != nil {
		return err
	}
	e.Defer(func() {
		left := box.Sessions()
		if err := box.Close(); err != nil {
			e.T().Fatal(err)
		}
		if len(left) > 0 {
			e.T().Fatal("sessions left open in the simulated AWS:", left)
		}
	})
	if err := os.Mkdir(filepath.Join(e.WorkDir, ".aws"), 0o700); err != nil {
		return err
	}
	config, credentials, err := box.WriteConfig(filepath.Join(e.WorkDir, ".aws"))
	if err != nil {
		return err
	}
	e.Vars = append(e.Vars, box.Env(config, credentials)...)
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("TMPDIR", os.TempDir())
	e.Setenv("GORACE", "atexit_sleep_ms=0")
	e.Setenv("RDSX_NO_PROBE", "true") // most targets are no databases
	return nil
}

// exits runs a program and holds it to an exit code: exits CODE program args…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = exitCodeOf(err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

func exitCodeOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}
