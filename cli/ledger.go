package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ledger is which sessions the processes of this machine have started and not ended: one file a process, 0600, in a folder
// of 0700, beside a lock that the process holds while it lives. A process that was killed leaves the file without the lock,
// and the next one finds what it left open at AWS. No token and no key is in it. The zero value, and a nil one, keeps nothing.
type ledger struct {
	dir string // "" where there is no home to keep it in
	pid int

	mu   sync.Mutex
	name string // of this process's files, without an extension; "" while there is nothing to keep
	lock *flock.Flock
	page page
}

// page is the file of one process.
type page struct {
	Version  int             `json:"version"`
	PID      int             `json:"pid"`
	Started  time.Time       `json:"started"` // the process
	Sessions []ledgerSession `json:"sessions"`
}

// ledgerSession is a session and where it can be found again.
type ledgerSession struct {
	ID       string    `json:"id"`
	Profile  string    `json:"profile,omitempty"`
	Region   string    `json:"region"`
	Endpoint string    `json:"endpoint,omitempty"` // --endpoint-url, as it was in force
	Instance string    `json:"instance"`
	Target   string    `json:"target"` // host:port
	Started  time.Time `json:"started"`
}

const (
	pageVersion = 1
	pageEnd     = ".json"
	lockEnd     = ".lock"
	// pageLife is how long a page of a dead process is kept when nobody could ask AWS about it. A session lives a day at most
	// where the account sets a maximum duration.
	pageLife = 7 * 24 * time.Hour
)

// newLedger keeps in the user's state folder.
func (a *app) newLedger() *ledger {
	dir := a.home("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
	if dir == "" {
		return nil
	}
	return &ledger{dir: filepath.Join(dir, "rdsx", "sessions"), pid: os.Getpid(), page: page{Version: pageVersion, PID: os.Getpid(), Started: time.Now()}}
}

// add notes a session that this process has started.
func (l *ledger) add(s ledgerSession) error {
	if l == nil || l.dir == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock == nil {
		if err := l.begin(); err != nil {
			return fmt.Errorf("note session %s: %w", s.ID, err)
		}
	}
	l.page.Sessions = append(l.page.Sessions, s)
	return l.write()
}

// begin takes this process's lock. The caller holds mu.
func (l *ledger) begin() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	l.name = filepath.Join(l.dir, fmt.Sprintf("%d-%d", l.pid, l.page.Started.UnixNano()))
	lock := flock.New(l.name+lockEnd, flock.SetPermissions(0o600))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("lock %s", lock.Path()))
	}
	l.lock = lock
	return nil
}

// remove forgets a session that is over.
func (l *ledger) remove(id string) error {
	if l == nil || l.dir == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.page.Sessions)
	l.page.Sessions = slices.DeleteFunc(l.page.Sessions, func(s ledgerSession) bool { return s.ID == id })
	if l.lock == nil || before == len(l.page.Sessions) {
		return nil
	}
	return l.write()
}

// write brings the file up to date; a page without sessions is no file. The caller holds mu.
func (l *ledger) write() error {
	if len(l.page.Sessions) > 0 {
		return writeJSON(l.name+pageEnd, l.page)
	}
	err := errors.Join(ignoreMissing(os.Remove(l.name+pageEnd)), l.lock.Close(), ignoreMissing(os.Remove(l.name+lockEnd)))
	l.lock = nil
	return err
}

// left returns the sessions that dead processes have left, and those of processes that live, by id.
func (l *ledger) left() (dead []ledgerSession, alive map[string]int) {
	alive = map[string]int{}
	if l == nil || l.dir == "" {
		return nil, alive
	}
	names, err := filepath.Glob(filepath.Join(l.dir, "*"+pageEnd))
	if err != nil { // only of a malformed pattern
		return nil, alive
	}
	for _, name := range names {
		p, gone := l.read(name)
		for _, s := range p.Sessions {
			if gone {
				dead = append(dead, s)
			} else {
				alive[s.ID] = p.PID
			}
		}
	}
	return dead, alive
}

// read is the page of a process, and whether that process is gone. A page that is of no use any more is removed.
func (l *ledger) read(name string) (p page, gone bool) {
	lock := flock.New(name[:len(name)-len(pageEnd)]+lockEnd, flock.SetPermissions(0o600))
	// Shared: two readers at once do not take each other for the writer.
	gone, err := lock.TryRLock()
	if err != nil {
		return page{}, false
	}
	data, err := os.ReadFile(name)
	readable := err == nil && json.Unmarshal(data, &p) == nil && p.Version == pageVersion
	_ = lock.Close() // it was only read with
	if gone && (!readable || len(p.Sessions) == 0 || time.Since(p.Started) > pageLife) {
		_, _ = os.Remove(name), os.Remove(lock.Path()) // both are tried again next time
		return page{}, true
	}
	return p, gone
}

// strike removes sessions that are over from the pages of dead processes.
func (l *ledger) strike(ids ...string) error {
	if l == nil || l.dir == "" || len(ids) == 0 {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(l.dir, "*"+pageEnd))
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		p, gone := l.read(name)
		before := len(p.Sessions)
		p.Sessions = slices.DeleteFunc(p.Sessions, func(s ledgerSession) bool { return slices.Contains(ids, s.ID) })
		switch {
		case !gone || len(p.Sessions) == before:
		case len(p.Sessions) > 0:
			failed = append(failed, writeJSON(name, p))
		default:
			failed = append(failed, ignoreMissing(os.Remove(name)), ignoreMissing(os.Remove(name[:len(name)-len(pageEnd)]+lockEnd)))
		}
	}
	return errors.Join(failed...)
}
