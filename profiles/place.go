package profiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

// inPlace writes over the target's own bytes. The bytes that are meant are recorded first: if the process dies half-way, the
// next Open finds the record and finishes the write. If the write fails, the old bytes are put back.
func (w *write) inPlace() error {
	record := ""
	err := w.firstPlace(func(p place) error {
		record = p.record()
		return w.put(record, w.next, stepRecord)
	})
	if err != nil {
		return fmt.Errorf("record a write in place: %w", err)
	}
	err = w.compare()
	if err == nil {
		err = w.overwrite(w.next, w.seam)
		if err == nil {
			err = w.verifyInPlace()
		}
		if err != nil {
			if failed := w.restore(); failed != nil {
				return errors.Join(err, failed) // the record stays: the next Open makes the file whole
			}
		}
	}
	return errors.Join(err, w.seam.at(stepUnrecorded), os.Remove(record))
}

func (w *write) verifyInPlace() error {
	now, err := w.reread()
	if err == nil && !bytes.Equal(now, w.next) {
		err = errors.New("the file does not read back as it was written")
	}
	return err
}

// restore puts the old bytes back over a write that failed.
func (w *write) restore() error {
	if err := w.overwrite(w.data, seam{}); err != nil {
		return fmt.Errorf("put the old version back, which is in %s: %w", w.done.Backup, err)
	}
	return nil
}

// overwrite writes data from the target's beginning and cuts the rest off. Until it returns nil the target may be a mix.
func (f *File) overwrite(data []byte, s seam) error {
	if err := s.at(stepOpen); err != nil {
		return err
	}
	out, err := os.OpenFile(f.target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = out.WriteAt(data, 0)
	if err == nil {
		err = s.at(stepWritten)
	}
	if err == nil {
		err = out.Truncate(int64(len(data)))
	}
	if err == nil {
		err = s.at(stepCut)
	}
	if err == nil {
		err = errors.Join(out.Sync(), s.at(stepPlaceSync))
	}
	return errors.Join(err, out.Close())
}

// recover finishes a write in place that was killed. A target that is neither the old version, nor the new one, nor a mix
// of both belongs to whoever wrote it since, and stays.
func (f *File) recover(ctx context.Context) error {
	for _, p := range f.places() {
		if _, err := os.Stat(p.record()); err != nil {
			continue
		}
		unlock, err := f.lock(ctx)
		if err != nil {
			return err
		}
		if err := errors.Join(f.finish(p), unlock()); err != nil {
			return fmt.Errorf("finish the interrupted write of %s: %w", f.target, err)
		}
	}
	return nil
}

func (f *File) finish(p place) error {
	next, err := os.ReadFile(p.record())
	if err != nil {
		return ignoreMissing(err) // another process has finished it
	}
	old, err := f.newestBackup()
	if err != nil && !errors.Is(err, ErrNoBackup) {
		return err
	}
	now, err := os.ReadFile(f.target)
	if err != nil {
		return errors.Join(ignoreMissing(err), ignoreMissing(os.Remove(p.record())))
	}
	if isMix(now, old.data, next) {
		if err := f.overwrite(next, seam{}); err != nil {
			return err
		}
	}
	return ignoreMissing(os.Remove(p.record()))
}

// isMix says whether now begins as next and goes on as old, and is neither of them.
func isMix(now, old, next []byte) bool {
	if bytes.Equal(now, old) || bytes.Equal(now, next) {
		return false
	}
	same := 0
	for same < len(now) && same < len(next) && now[same] == next[same] {
		same++
	}
	return bytes.Equal(now[same:], old[min(same, len(old)):])
}
