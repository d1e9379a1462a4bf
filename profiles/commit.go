package profiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

var (
	// ErrChanged says that the file is not what it was when it was opened: open it again and plan again.
	ErrChanged = errors.New("the file was changed by another program in the meantime")
	// ErrNoBackup says that there is nothing to take back.
	ErrNoBackup = errors.New("rdsx has kept no earlier version of the file")
)

// lockEvery is how often a taken lock is tried again.
const lockEvery = 10 * time.Millisecond

// Written says what Commit did.
type Written struct {
	Path    string `json:"path"`
	Backup  string `json:"backup,omitempty"` // the version before, for PlanUndo; mode 0600
	InPlace bool   `json:"in_place,omitempty"`
}

// Commit writes the plan. It waits for other writers of rdsx until ctx ends. The file is replaced by a
// rename and is always whole; where that is impossible (a read-only folder, a file that is a mount of its own or has hard
// links) it is written in place, and Open finishes such a write if it was killed. An error leaves the old version, unless it
// comes after the rename: then the new one stands. ErrChanged asks for a new plan.
func (p *Plan) Commit(ctx context.Context) (Written, error) {
	w := &write{File: p.file, next: p.next, done: Written{Path: p.file.target}}
	if p.Empty() {
		return w.done, nil
	}
	unlock, err := p.file.lock(ctx)
	if err != nil {
		return w.done, err
	}
	err = w.run()
	if err != nil && !errors.Is(err, ErrChanged) {
		err = fmt.Errorf("write %s: %w", p.file.target, err)
	}
	return w.done, errors.Join(err, unlock())
}

// lock takes the lock of rdsx for the target's folder.
func (f *File) lock(ctx context.Context) (unlock func() error, err error) {
	var l *flock.Flock
	err = f.firstPlace(func(p place) error {
		// Readable by all: root's lock must not shut the folder's owner out.
		l = flock.New(p.lock(), flock.SetPermissions(0o644))
		_, err := l.TryLockContext(ctx, lockEvery)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lock the folder of %s: %w", f.target, err)
	}
	return l.Unlock, nil
}

// write is one commit, under the lock.
type write struct {
	*File
	next []byte
	info fs.FileInfo // of the target; nil when it is new
	done Written
}

func (w *write) run() error {
	if err := w.seam.at(stepLocked); err != nil {
		return err
	}
	if err := w.compare(); err != nil {
		return err
	}
	if err := w.sweep(); err != nil {
		return err
	}
	if err := w.backup(); err != nil {
		return err
	}
	err := w.replace()
	var direct *mustWriteInPlace
	if errors.As(err, &direct) {
		w.done.InPlace = true
		err = w.inPlace()
	}
	if err != nil {
		return err
	}
	return w.stamp()
}

// ReadOnlyError says that a file's own mode keeps its owner from writing it, which rdsx does not go round.
type ReadOnlyError struct {
	Path string
	Mode fs.FileMode
}

func (e *ReadOnlyError) Error() string {
	return fmt.Sprintf("its mode %04o does not let its owner write", e.Mode)
}

// compare holds the file to what the plan was made on, and looks whether it may be written.
func (w *write) compare() error {
	info, err := os.Stat(w.target)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !w.exists:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return ErrChanged
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Mode().Perm()&0o200 == 0:
		return &ReadOnlyError{Path: w.target, Mode: info.Mode().Perm()}
	}
	now, err := os.ReadFile(w.target)
	if err != nil {
		return err
	}
	if !w.exists || !bytes.Equal(now, w.data) {
		return ErrChanged
	}
	w.info = info
	return nil
}

// sweep removes temporary files that a killed writer left behind.
func (w *write) sweep() error {
	names := []string{temp(w.target)}
	for _, p := range w.places() {
		names = append(names, temp(p.backup()), temp(p.record()))
	}
	var err error
	for _, name := range names {
		if failed := ignoreMissing(os.Remove(name)); failed != nil && !cannotCreate(failed) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// backup keeps the version before, in the one place there is for it.
func (w *write) backup() error {
	err := w.firstPlace(func(p place) error {
		w.done.Backup = p.backup()
		return w.put(p.backup(), w.data, stepBackupPut)
	})
	if err != nil {
		return fmt.Errorf("keep a backup: %w", err)
	}
	return w.seam.at(stepBackedUp)
}

// put writes a companion whole, mode 0600.
func (w *write) put(name string, data []byte, before step) error {
	err := fill(temp(name), func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	if err == nil {
		err = w.seam.at(before)
	}
	if err == nil {
		err = os.Rename(temp(name), name)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temp(name))))
	}
	return syncFolder(filepath.Dir(name))
}

// fill makes the file name, which a killed process may have left behind, and lets write fill it. It is synced and closed, and
// removed when anything fails.
func fill(name string, write func(*os.File) error) error {
	if err := ignoreMissing(os.Remove(name)); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(name)))
	}
	return nil
}

// mustWriteInPlace says why a rename is impossible.
type mustWriteInPlace struct{ err error }

func (m *mustWriteInPlace) Error() string { return "write in place: " + m.err.Error() }
func (m *mustWriteInPlace) Unwrap() error { return m.err }

// replace writes a temporary file in the target's folder and renames it over the target.
func (w *write) replace() error {
	if w.info != nil && hasOtherNames(w.info) {
		return &mustWriteInPlace{errors.New("the file has hard links")}
	}
	name := temp(w.target)
	err := w.seam.at(stepCreate)
	if err == nil {
		err = fill(name, w.fillTemp)
	}
	if err != nil {
		if cannotCreate(err) && w.info != nil {
			return &mustWriteInPlace{err}
		}
		return err
	}
	if err := w.swap(name); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(name)))
	}
	if err := w.seam.at(stepRenamed); err != nil {
		return err
	}
	if err := errors.Join(w.seam.at(stepDirSync), syncFolder(filepath.Dir(w.target))); err != nil {
		return err
	}
	now, err := w.reread()
	if err == nil && !bytes.Equal(now, w.next) {
		// The renamed file was read back before, so this is the work of a program that takes no lock. Its version stands.
		err = ErrChanged
	}
	return err
}

func (w *write) fillTemp(f *os.File) error {
	mode := fs.FileMode(0o600)
	if w.info != nil {
		mode = w.info.Mode().Perm()
		if !keepOwner(f, w.info) {
			return &mustWriteInPlace{errors.New("the file has another owner")}
		}
	}
	half := len(w.next) / 2
	if _, err := f.Write(w.next[:half]); err != nil {
		return err
	}
	if err := w.seam.at(stepHalf); err != nil {
		return err
	}
	if _, err := f.Write(w.next[half:]); err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode), w.seam.at(stepSync))
}

// swap puts the temporary file in the target's place, if it holds what it should and the target is still what it was.
func (w *write) swap(name string) error {
	if err := w.seam.at(stepVerify); err != nil {
		return err
	}
	back, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, w.next) {
		return errors.New("the temporary file does not read back as it was written")
	}
	if err := w.compare(); err != nil {
		return err
	}
	err = w.seam.at(stepRename)
	if err == nil {
		err = os.Rename(name, w.target)
	}
	if err != nil && w.info != nil && cannotReplace(err) {
		return &mustWriteInPlace{err}
	}
	return err
}

func (w *write) reread() ([]byte, error) {
	if err := w.seam.at(stepReread); err != nil {
		return nil, err
	}
	return os.ReadFile(w.target)
}

// stamp gives the backup the time of the file, by which PlanUndo knows whether anybody else has written since, and removes a
// backup that lies in another place from before.
func (w *write) stamp() error {
	info, err := os.Stat(w.target)
	if err != nil {
		return err
	}
	err = os.Chtimes(w.done.Backup, time.Time{}, info.ModTime())
	for _, p := range w.places() {
		if p.backup() != w.done.Backup {
			err = errors.Join(err, ignoreMissing(os.Remove(p.backup())))
		}
	}
	return err
}
