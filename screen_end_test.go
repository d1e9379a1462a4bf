package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/databases"
)

// TestScreenLosesItsTerminal closes the terminal's window: the session is ended at AWS (newBox looks).
func TestScreenLosesItsTerminal(t *testing.T) {
	for name, end := range map[string]func(*shown) error{
		"the window is closed": func(s *shown) error { return exec.Command(s.tmux, "-S", s.socket, "kill-server").Run() },
		"SIGTERM":              func(s *shown) error { return signalTo(s.pid, syscall.SIGTERM) },
		"SIGHUP":               func(s *shown) error { return signalTo(s.pid, syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, sim.Options{})
			id, _, endpoint := b.database(t, "postgres")
			b.reaches(t, endpoint, echoServer(t))
			s := b.screen(t, 100, 30)
			echoed(t, s.open(id))
			s.await("● open")
			if len(b.Sessions()) != 1 {
				t.Fatal("no session is open: the test proves nothing")
			}
			if err := end(s); err != nil {
				t.Fatal(err)
			}
			if name != "the window is closed" {
				if code := s.code(); code != 130 {
					t.Errorf("exit code %d, want 130", code)
				}
				s.await("again: rdsx connect") // the terminal is as it was, with what stays
			}
			s.wait()
			if left := b.Sessions(); len(left) != 0 {
				t.Errorf("left open: %v", left)
			}
		})
	}
}

func signalTo(pid int, sig os.Signal) error {
	p, err := os.FindProcess(pid)
	return errors.Join(err, p.Signal(sig))
}

// TestDemoScreen opens the demo: three accounts in two regions, and a tunnel that is busy already.
func TestDemoScreen(t *testing.T) {
	if len(databases.Installed()) == 0 {
		t.Skip("no postgres, mariadbd, mysqld or redis-server is installed")
	}
	home := t.TempDir()
	b := &box{env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GORACE=atexit_sleep_ms=0"}}
	s := b.screen(t, 120, 34, "demo")
	s.await("A simulated AWS", "3 profiles", "2 regions", "inventory-prod", "1 tunnel (esc)")
	s.awaitThat("the scan's end", func(text string) bool { return !strings.Contains(text, "◌") || !strings.Contains(text, " answers") })
	s.press("Escape")
	s.await("● open")
	s.awaitThat("bytes", func(text string) bool { return strings.Contains(text, "kB") || strings.Contains(text, "MB") })
	s.press("C-c", "C-c")
	s.awaitThat("the end", func(text string) bool {
		if strings.Contains(text, "leave?") {
			s.press("Enter")
		}
		return strings.Contains(text, " in ") && strings.Contains(text, "1 connection") && !strings.Contains(text, "leave?") && !strings.Contains(text, "▌rdsx")
	})
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left, _ := filepath.Glob(filepath.Join(home, "*")); len(left) > 0 {
		t.Errorf("the demo left %q in the home folder", left)
	}
}
