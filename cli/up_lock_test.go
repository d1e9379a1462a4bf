package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func lockApp(t *testing.T) *app {
	t.Helper()
	return &app{Process: Process{Env: []string{"XDG_STATE_HOME=" + t.TempDir()}}}
}

// TestUpLock: one target of a process at a time has it, and the next one once it is free.
func TestUpLock(t *testing.T) {
	l := lockApp(t).newUpLock()
	release, err := l.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	free, err := l.take(ended)
	if free(); !errors.Is(err, context.Canceled) {
		t.Errorf("one waits for the other until the end: %v", err)
	}
	release()
	release()
	if free, err = l.take(t.Context()); err != nil {
		t.Error(err)
	}
	free()
}

// TestUpLockIsNoTrap: a process that was stopped with the lock, or a folder that cannot be written, keeps nobody from his tunnels.
func TestUpLockIsNoTrap(t *testing.T) {
	a := lockApp(t)
	stopped, l := a.newUpLock(), a.newUpLock()
	if _, err := stopped.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.patience = upLockRetry
	free, err := l.take(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another process has held "+stopped.path) {
		t.Errorf("a stopped process has it: %v", err)
	}
	free()
	if free, err = l.take(t.Context()); err != nil {
		t.Errorf("it is waited for again: %v", err)
	}
	free()

	a = lockApp(t)
	if err := os.WriteFile(filepath.Join(a.getenv("XDG_STATE_HOME"), "rdsx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free, err = a.newUpLock().take(t.Context())
	if free(); err == nil {
		t.Error("it was had where no folder can be")
	}
	free, err = (&app{}).newUpLock().take(t.Context())
	if free(); err != nil {
		t.Errorf("without a home: %v", err)
	}
}
