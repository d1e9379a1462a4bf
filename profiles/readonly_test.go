//go:build unix

package profiles

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestReadOnlyFolder is the real thing: the folder takes no new file, so lock and backup are kept in the spare one.
func TestReadOnlyFolder(t *testing.T) {
	asUser(t, func() { readOnlyFolder(t) })
}

func readOnlyFolder(t *testing.T) {
	path, spare := written(t, small), filepath.Join(t.TempDir(), "state")
	dir := filepath.Dir(path)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if f := opened(t, path); f != nil {
		plan, err := f.Plan(added("orders"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Commit(t.Context()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("without a spare folder: %v", err)
		}
	}
	done, err := commit(t, Files{Config: path, Spare: spare}, seam{}, added("orders"))
	if err != nil || !done.InPlace || filepath.Dir(done.Backup) != spare || read(t, done.Backup) != small {
		t.Fatal(done, err)
	}
	f, err := Open(t.Context(), Files{Config: path, Spare: spare})
	if err != nil {
		t.Fatal(err)
	}
	undo, err := f.PlanUndo()
	if err != nil || undo.Others() {
		t.Fatal(err)
	}
	if _, err := undo.Commit(t.Context()); err != nil || read(t, path) != small {
		t.Errorf("%q, %v", read(t, path), err)
	}
}

// TestFileThatMayNotBeWritten: a mode that keeps the owner from writing is respected, and told by a type.
func TestFileThatMayNotBeWritten(t *testing.T) {
	path := written(t, small)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	_, err := commit(t, Files{Config: path}, seam{}, added("orders"))
	var readOnly *ReadOnlyError
	if !errors.As(err, &readOnly) || readOnly.Path != path || read(t, path) != small {
		t.Errorf("%v, %q", err, read(t, path))
	}
}
