package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

var updateScreens = flag.Bool("update-screens", false, "write the golden screens of rdsx doctor anew, for tui/shots")

// doctored is the account of the doctor's own tests on a terminal, with rdsx doctor orders at its end.
func doctored(t *testing.T, harm func(*world.Region)) (shown *shown, screen string, code int) {
	t.Helper()
	w, err := world.Load(filepath.Join("aws", "doctor", "testdata", "healthy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if harm != nil {
		if err := w.Update(world.Place{Account: "111122223333", Region: "eu-west-1"}, harm); err != nil {
			t.Fatal(err)
		}
	}
	b := newBox(t, sim.Options{World: w})
	if err := w.Serve("orders", greeter(t, "N")); err != nil {
		t.Fatal(err)
	}
	s := b.screen(t, 150, 48, "doctor", "orders", "--profile", "acme-operator")
	code = s.code()
	return s, s.await(" ok"), code
}

// steady replaces what differs from run to run and from machine to machine.
func steady(painted string) string {
	painted = regexp.MustCompile(`started in [0-9.]+m?s`).ReplaceAllString(painted, "started in 410ms")
	painted = regexp.MustCompile(`last seen [0-9: -]+UTC`).ReplaceAllString(painted, "last seen 2026-11-24 17:48 UTC")
	painted = regexp.MustCompile(`/[a-z/0-9.]*/psql`).ReplaceAllString(painted, "/usr/bin/psql")
	lines := strings.Split(strings.TrimRight(painted, "\n "), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// golden compares what is on the terminal, colours included, with the picture's source.
func (s *shown) golden(name string) {
	s.t.Helper()
	got := steady(s.tell(nil, "capture-pane", "-p", "-e"))
	file := filepath.Join("testdata", "screens", name+"-dark.golden")
	if *updateScreens {
		for _, path := range []string{file, strings.Replace(file, "-dark", "-light", 1)} {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the repository
				s.t.Fatal(err)
			}
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != string(want) {
		s.t.Errorf("the screen is not %s (go test . -run DoctorOnATerminal -update-screens writes it anew):\n%s", file, got)
	}
}

func TestDoctorOnATerminal(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"tmux", "psql"} {
		tool(t, program)
	}
	t.Run("healthy", func(t *testing.T) {
		t.Parallel()
		s, text, code := doctored(t, nil)
		if code != 0 || strings.Contains(text, "✗") || !strings.Contains(text, "✓ ok      session") {
			t.Errorf("exit code %d, want 0 and no failure:\n%s", code, text)
		}
		if strings.Contains(text, "checking") {
			t.Errorf("a check still runs at the end:\n%s", text)
		}
		s.golden("doctor-healthy")
	})
	t.Run("broken", func(t *testing.T) {
		t.Parallel()
		s, text, code := doctored(t, func(r *world.Region) {
			for i := range r.SecurityGroups {
				if r.SecurityGroups[i].Name == "endpoints" {
					r.SecurityGroups[i].Ingress = []world.Rule{{Protocol: "tcp", From: 443, To: 443, CIDR: "192.168.0.0/16"}}
				}
			}
			r.Instances[0].PingStatus, r.Instances[0].LastPing = "ConnectionLost", time.Hour
		})
		if code != 6 {
			t.Errorf("exit code %d, want 6", code)
		}
		for _, want := range []string{
			"✗ failed  way to Systems Manager", "✗ failed  online", "(because of: way to Systems Manager)", "– skipped session",
			"fix: let sg-0d0000000000000b0 in on 443", "aws ec2 authorize-security-group-ingress --group-id sg-0d0000000000000e0",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not on the screen:\n%s", want, text)
			}
		}
		s.golden("doctor-broken")
	})
}
