package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestOutletWaits writes to a reader that takes its time: while the command runs it may take as long as it likes, at the end it
// is given a moment for each line, and one that has stopped costs one such moment in all.
func TestOutletWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		read, write := io.Pipe()
		o := &outlet{w: write, ending: ctx}
		slowly := func(d time.Duration) string {
			got := make([]byte, 8)
			time.Sleep(d)
			n, _ := read.Read(got)
			return string(got[:n])
		}
		got := make(chan string, 1)
		go func() { got <- slowly(time.Hour) }()
		if n, err := o.Write([]byte("while it")); n != 8 || err != nil || <-got != "while it" {
			t.Errorf("a slow reader's line: %d bytes, %v", n, err)
		}
		end()
		for range 3 {
			go func() { got <- slowly(readerGrace / 2) }()
			if n, err := o.Write([]byte("at the e")); n != 8 || err != nil || <-got != "at the e" {
				t.Errorf("a slow reader's line at the end: %d bytes, %v", n, err)
			}
		}
		since := time.Now()
		for range 3 {
			if _, err := o.Write([]byte("nobody")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a line that nobody reads: %v", err)
			}
		}
		if took := time.Since(since); took != readerGrace {
			t.Errorf("three lines that nobody reads took %v, want %v", took, readerGrace)
		}
		_ = read.Close()
	})
}
