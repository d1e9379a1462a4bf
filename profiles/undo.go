package profiles

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// kept is a backup.
type kept struct {
	path string
	data []byte
	at   time.Time // when the file was written that took its place
}

// newestBackup reads the last backup; ErrNoBackup when there is none.
func (f *File) newestBackup() (kept, error) {
	var last kept
	for _, p := range f.places() {
		info, err := os.Stat(p.backup())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return kept{}, err
		}
		if last.path == "" || info.ModTime().After(last.at) {
			last = kept{path: p.backup(), at: info.ModTime()}
		}
	}
	if last.path == "" {
		return kept{}, ErrNoBackup
	}
	var err error
	last.data, err = os.ReadFile(last.path)
	return last, err
}

// PlanUndo plans to put the last backup back. Committing it makes a backup of the version that it replaces, so that an undo
// can be undone. It works on a file that no tool can read, too.
func (f *File) PlanUndo() (*Plan, error) {
	last, err := f.newestBackup()
	if err != nil {
		return nil, err
	}
	p := &Plan{file: f, next: last.data}
	if info, err := os.Stat(f.target); err == nil {
		p.others = !info.ModTime().Equal(last.at)
	}
	return p, nil
}
