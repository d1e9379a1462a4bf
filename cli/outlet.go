package cli

import (
	"context"
	"io"
	"os"
	"sync"
	"time"
)

// readerGrace is how long a command that is over waits for whoever reads what it prints. A reader that is alive takes a line
// within that time; one that has stopped reading, with the pipe full, would keep the process for ever.
const readerGrace = 300 * time.Millisecond

// outlet writes to a stream of the process as it is, until ending is done: then each write is given readerGrace, and after one
// that took longer all fail at once with os.ErrDeadlineExceeded. It may be used by several goroutines, as the stream may.
type outlet struct {
	w      io.Writer
	ending context.Context

	mu    sync.Mutex
	stuck bool
}

type written struct {
	n   int
	err error
}

// Write implements io.Writer. A write to a full pipe cannot be called off: its goroutine ends with it, or with the process.
func (o *outlet) Write(b []byte) (int, error) {
	o.mu.Lock()
	stuck := o.stuck
	o.mu.Unlock()
	if stuck {
		return 0, os.ErrDeadlineExceeded
	}
	kept := append([]byte(nil), b...) // the caller's again once Write has returned
	done := make(chan written, 1)
	go func() {
		n, err := o.w.Write(kept)
		done <- written{n, err}
	}()
	select {
	case w := <-done:
		return w.n, w.err
	case <-o.ending.Done():
	}
	grace := time.NewTimer(readerGrace)
	defer grace.Stop()
	select {
	case w := <-done:
		return w.n, w.err
	case <-grace.C:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stuck = true
	return 0, os.ErrDeadlineExceeded
}

// streamOf is the stream behind an outlet, or w itself: what a terminal is asked of, and what a program that rdsx runs is given.
func streamOf(w io.Writer) io.Writer {
	if o, ok := w.(*outlet); ok {
		return o.w
	}
	return w
}

// fileOf is the file that w writes to, if it is one.
func fileOf(w io.Writer) (*os.File, bool) {
	f, ok := streamOf(w).(*os.File)
	return f, ok
}

// hurry says that nothing but the last lines is left to print.
func (a *app) hurry() {
	if a.noMore != nil {
		a.noMore()
	}
}
