package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	logEnd   = ".log"
	mostLogs = 20      // that no process has any more
	mostLog  = 8 << 20 // bytes of one; then its older half goes
)

// newLog makes the file for what a detached process says, and removes the oldest of those that others have left. One that a process
// still writes to is not left.
func (a *app) newLog() (*os.File, error) {
	state := a.stateFolder()
	if state == "" {
		return nil, errors.New("there is no home folder: set HOME or XDG_STATE_HOME")
	}
	dir := filepath.Join(state, "log")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	old, _ := filepath.Glob(filepath.Join(escaped(dir), "up-*"+logEnd)) // the pattern is well formed
	old = slices.DeleteFunc(old, isHeld)
	slices.Sort(old) // by time
	for len(old) >= mostLogs {
		_ = os.Remove(old[0]) // one that cannot be removed stays
		old = old[1:]
	}
	name := fmt.Sprintf("up-%s-%d%s", time.Now().UTC().Format("20060102T150405.000"), os.Getpid(), logEnd)
	return os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// ownLog has this process hold the log that it was given for what it says, and keep it small.
func (a *app) ownLog() {
	f, ok := fileOf(a.Stderr)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	hold(f)
	log := &boundedLog{f: f, most: mostLog}
	a.Stdout, a.Stderr = log, log
}

// boundedLog is a file that stays smaller than most. It is cut in place: what Go itself prints of a panic goes to the same file.
type boundedLog struct {
	f    *os.File // nothing else writes to it
	most int64

	mu sync.Mutex
}

// Write implements io.Writer.
func (l *boundedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size, err := l.f.Seek(0, io.SeekEnd); err == nil && size+int64(len(b)) > l.most {
		l.cut(size)
	}
	return l.f.Write(b)
}

// cut leaves the latest lines, half of what the file may have. One that cannot be cut grows.
func (l *boundedLog) cut(size int64) {
	tail := make([]byte, min(size, l.most/2))
	n, _ := l.f.ReadAt(tail, size-int64(len(tail))) // what cannot be read is dropped
	tail = tail[:n]
	if i := bytes.IndexByte(tail, '\n'); i >= 0 {
		tail = tail[i+1:]
	}
	if l.f.Truncate(0) != nil {
		return
	}
	_, _ = l.f.Seek(0, io.SeekStart)
	_, _ = l.f.Write(append([]byte("… what was before is no longer kept\n"), tail...)) // as much as there is room for
}
