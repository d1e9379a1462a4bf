package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	upLockName = "up.lock"
	// upLockPatience is how long the lock is waited for. Each target of another rdsx up has it for milliseconds; a process that was
	// stopped in them, by Ctrl-Z say, is no reason to open nothing.
	upLockPatience = 10 * time.Second
	upLockRetry    = 10 * time.Millisecond
)

// upLock is held by one target of one rdsx up of this user at a time, from the look at what the others carry until the tunnel is
// on the board, where the next one finds it. It goes with its process, however that one ends.
type upLock struct {
	path     string        // "" where there is none to be had: then two at the same time may open a target twice
	patience time.Duration // for other processes
	here     chan struct{} // a slot for the target of this process that has it, or waits for another process
}

// newUpLock is the same file for all processes of this user, whatever their login: it is not in a folder of the session.
func (a *app) newUpLock() *upLock {
	l := &upLock{patience: upLockPatience, here: make(chan struct{}, 1)}
	if state := a.stateFolder(); state != "" {
		l.path = filepath.Join(state, upLockName)
	} else if folders := a.runFolders(); len(folders) > 0 {
		l.path = filepath.Join(folders[0], upLockName)
	}
	return l
}

// take waits for the lock. release may be called more than once. An error other than ctx's says why this process goes on without,
// and does so from then on; release is to be called all the same.
func (l *upLock) take(ctx context.Context) (release func(), err error) {
	select {
	case l.here <- struct{}{}:
	case <-ctx.Done():
		return func() {}, ctx.Err()
	}
	lock, err := l.fromOthers(ctx)
	if err != nil {
		l.path = ""
	}
	return sync.OnceFunc(func() {
		if lock != nil {
			_ = lock.Close() // the process's end would do
		}
		<-l.here
	}), err
}

// fromOthers waits for other processes. The caller has the slot.
func (l *upLock) fromOthers(ctx context.Context) (*flock.Flock, error) {
	if l.path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return nil, err
	}
	waiting, stop := context.WithTimeout(ctx, l.patience)
	defer stop()
	lock := flock.New(l.path, flock.SetPermissions(0o600))
	_, err := lock.TryLockContext(waiting, upLockRetry)
	if err == nil {
		return lock, nil
	}
	_ = lock.Close() // it was not had
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("another process has held %s for %v", l.path, l.patience)
	}
	return nil, err
}
