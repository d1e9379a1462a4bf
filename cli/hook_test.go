package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/sim"
)

// TestPanicEndsTheSession lets a panic pass through an open tunnel. The program dies of it, as it should; the session at AWS
// must not outlive it, nor any goroutine.
func TestPanicEndsTheSession(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	box, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}()
	home := t.TempDir()
	config, credentials, err := box.WriteConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := box.World().SetDial("db.internal:5432", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	var out, talk bytes.Buffer
	a := &app{Process: Process{
		Env:    append(box.Env(config, credentials), "HOME="+home, "TMPDIR="+filepath.Join(home)),
		Stdout: &out, Stderr: &talk,
	}}
	open := 0
	a.opened = func() {
		open = len(box.Sessions())
		panic("a bug")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatalf("the hook was never called: %s", talk.String())
			}
		}()
		_ = a.connect(context.Background(), "db.internal:5432", connectFlags{via: "dev-box"})
	}()
	if open != 1 {
		t.Errorf("%d sessions were open when the panic came, want 1", open)
	}
	if left := box.Sessions(); len(left) != 0 {
		t.Errorf("still open after it: %v", left)
	}
}
