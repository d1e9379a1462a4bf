package profiles

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const small = "# mine\n[default]\nregion = eu-west-1\n"

func added(name string) Edit { return Edit{Op: Add, Name: name, Keys: devRole()} }

// commit plans and commits on a file as it is on disk.
func commit(t *testing.T, files Files, s seam, edits ...Edit) (Written, error) {
	t.Helper()
	f, err := open(t.Context(), files, s)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := f.Plan(edits...)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Commit(t.Context())
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func written(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// names of a folder, without the lock.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Name() != lockName {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestNewFileInNewFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", ".aws", "config")
	done, err := commit(t, Files{Config: path}, seam{}, added("orders"))
	if err != nil || done.InPlace {
		t.Fatal(done, err)
	}
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700, done.Backup: 0o600} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, want %o: %v", name, info.Mode(), mode, err)
			}
		}
	}
	if got := read(t, path); !strings.HasPrefix(got, "[profile orders]\nrole_arn = ") {
		t.Errorf("got %q", got)
	}
}

func TestModeIsKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	path := written(t, small)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := commit(t, Files{Config: path}, seam{}, added("orders")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Error(info.Mode(), err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	before := read(t, path)
	if _, err := commit(t, Files{Config: path}, seam{}, added("more")); err == nil || !strings.Contains(err.Error(), "0400") {
		t.Errorf("a file of mode 0400 was written: %v", err)
	}
	if read(t, path) != before {
		t.Error("and it has changed")
	}
}

// TestSymbolicLinks writes where the links lead and leaves the links, also to a file that is not there yet.
func TestSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "dotfiles"), 0o700); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "dotfiles", "aws-config")
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	if err := errors.Join(os.Symlink(filepath.Join("dotfiles", "aws-config"), first), os.Symlink(first, second)); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for _, name := range []string{"one", "two"} { // the first makes the target
		if _, err := commit(t, Files{Config: second}, seam{}, added(name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, target); strings.Count(got, "[profile ") != 2 {
		t.Errorf("got %q", got)
	}
	for _, link := range []string{first, second} {
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Files{Config: loop}); err == nil {
		t.Error("a link to itself was opened")
	}
}

// TestInPlace has a rename refused in every way that a system refuses one.
func TestInPlace(t *testing.T) {
	fail := func(at step, err error) seam {
		return seam{func(s step) error {
			if s == at {
				return err
			}
			return nil
		}}
	}
	for name, s := range map[string]seam{
		"bind mount":       fail(stepRename, syscall.EBUSY),
		"another device":   fail(stepRename, syscall.EXDEV),
		"no new files":     fail(stepCreate, syscall.EACCES),
		"read-only folder": fail(stepCreate, fs.ErrPermission),
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && !strings.Contains(name, "folder") {
				t.Skip("these are errors of Unix")
			}
			path := written(t, small)
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			done, err := commit(t, Files{Config: path}, s, added("orders"))
			if err != nil || !done.InPlace {
				t.Fatal(done, err)
			}
			after, err := os.Stat(path)
			if err != nil || !os.SameFile(before, after) {
				t.Error("the file was replaced", err)
			}
			if got := read(t, path); !strings.HasPrefix(got, small+"\n[profile orders]\n") {
				t.Errorf("got %q", got)
			}
			if got := names(t, filepath.Dir(path)); len(got) != 2 {
				t.Errorf("left behind: %v", got)
			}
			// Shorter than before: the rest is cut off.
			if _, err := commit(t, Files{Config: path}, s, Edit{Op: Remove, Name: "orders"}); err != nil || read(t, path) != small {
				t.Errorf("%q, %v", read(t, path), err)
			}
		})
	}
}

func TestHardLinksAreKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links are not counted on Windows")
	}
	path := written(t, small)
	other := path + "-other-name"
	if err := os.Link(path, other); err != nil {
		t.Skip("no hard links here: ", err)
	}
	done, err := commit(t, Files{Config: path}, seam{}, added("orders"))
	if err != nil || !done.InPlace || read(t, path) != read(t, other) || !strings.Contains(read(t, other), "orders") {
		t.Error(done, err)
	}
}

// TestCompareAndSwap lets another program write between the plan and the commit, and in the midst of the commit.
func TestCompareAndSwap(t *testing.T) {
	for _, at := range []step{stepLocked, stepBackedUp, stepVerify, stepRenamed} {
		t.Run(string(at), func(t *testing.T) {
			path := written(t, small)
			theirs := small + "[profile theirs]\nregion = us-east-1\n"
			_, err := commit(t, Files{Config: path}, seam{func(s step) error {
				if s == at {
					return os.WriteFile(path, []byte(theirs), 0o600)
				}
				return nil
			}}, added("orders"))
			if !errors.Is(err, ErrChanged) || read(t, path) != theirs {
				t.Errorf("%v; the file is %q", err, read(t, path))
			}
			for _, name := range names(t, filepath.Dir(path)) {
				if strings.HasSuffix(name, "tmp") {
					t.Errorf("left behind: %s", name)
				}
			}
		})
	}
	path := written(t, small)
	f := opened(t, path)
	plan, err := f.Plan(added("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Commit(t.Context()); !errors.Is(err, ErrChanged) {
		t.Errorf("a file that went away: %v", err)
	}
}

// TestFailedWriteChangesNothing lets the system fail at every step.
func TestFailedWriteChangesNothing(t *testing.T) {
	full := errors.New("no space left on device")
	inPlace := false
	steps := []step{stepLocked, stepBackupPut, stepBackedUp, stepCreate, stepHalf, stepSync, stepVerify, stepRename, stepRecord, stepOpen, stepWritten, stepCut, stepPlaceSync, stepReread}
	for _, at := range steps {
		inPlace = inPlace || at == stepRecord
		path := written(t, small)
		_, err := commit(t, Files{Config: path}, seam{func(s step) error {
			switch {
			case s == at:
				return full
			case s == stepRename && inPlace:
				return syscall.EBUSY
			}
			return nil
		}}, Edit{Op: Set, Name: "default", Foreign: true, Keys: []Key{{"region", "us-gov-west-1"}, {"output", "json"}}})
		if at == stepRename && runtime.GOOS == "windows" {
			continue
		}
		if !errors.Is(err, full) || read(t, path) != small {
			t.Errorf("%s: %v; the file is %q", at, err, read(t, path))
		}
		for _, name := range names(t, filepath.Dir(path)) {
			if name != "config" && name != "config.rdsx-bak" {
				t.Errorf("%s: left behind: %s", at, name)
			}
		}
		// The next write works.
		if _, err := commit(t, Files{Config: path}, seam{}, added("orders")); err != nil {
			t.Errorf("%s: after it: %v", at, err)
		}
	}
}

// TestUndo goes back, and forth again, and says when it would take back what others wrote.
func TestUndo(t *testing.T) {
	path := written(t, small)
	if _, err := opened(t, path).PlanUndo(); !errors.Is(err, ErrNoBackup) {
		t.Fatal(err)
	}
	if _, err := commit(t, Files{Config: path}, seam{}, added("orders")); err != nil {
		t.Fatal(err)
	}
	with := read(t, path)
	for i, want := range []string{small, with, small} {
		plan, err := opened(t, path).PlanUndo()
		if err != nil || plan.Others() || plan.Empty() || !strings.Contains(plan.Diff(), "[profile orders]") {
			t.Fatal(i, err, plan.Others(), plan.Diff())
		}
		if _, err := plan.Commit(t.Context()); err != nil || read(t, path) != want {
			t.Fatalf("%d: %v: %q", i, err, read(t, path))
		}
	}
	// Another program breaks the file: the undo works, and knows.
	if err := os.WriteFile(path, []byte(with+"junk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	plan, err := opened(t, path).PlanUndo()
	if err != nil || !plan.Others() {
		t.Fatal(err)
	}
	if _, err := plan.Commit(t.Context()); err != nil || read(t, path) != with {
		t.Errorf("%v: %q", err, read(t, path))
	}
}

func TestNothingToWrite(t *testing.T) {
	path := written(t, small)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := opened(t, path).Plan(Edit{Op: Set, Name: "default", Foreign: true, Keys: []Key{{"region", "eu-west-1"}}, Unset: []string{"mfa_serial"}})
	if err != nil || !plan.Empty() || plan.Diff() != "" {
		t.Fatal(err, plan)
	}
	if _, err := plan.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) || len(names(t, filepath.Dir(path))) != 1 {
		t.Error("something was written", err)
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	if _, err := Open(t.Context(), Files{Config: t.TempDir()}); err == nil {
		t.Error("a folder was opened")
	}
	f, err := Open(t.Context(), Files{Config: os.DevNull})
	if err != nil || len(f.Profiles()) != 0 {
		t.Fatal("the null device:", err)
	}
	plan, err := f.Plan(added("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Commit(t.Context()); err == nil {
		t.Error("the null device was written")
	}
}

func TestMix(t *testing.T) {
	old, next := []byte("aaaaaaaa\n"), []byte("aaabbbbbbbb\ncc\n")
	for k := 4; k <= len(next); k++ {
		mix := append(bytes.Clone(next[:k]), old[min(k, len(old)):]...)
		if got := isMix(mix, old, next); got != (k < len(next)) {
			t.Errorf("%q: %v", mix, got)
		}
	}
	for _, other := range []string{"", "something else", "aaaaaaaa\nmore\n", string(old), string(next)} {
		if isMix([]byte(other), old, next) {
			t.Errorf("%q is no mix", other)
		}
	}
}
