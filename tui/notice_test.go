package tui

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestNoticeAtTheStart is what the user is told without having asked.
func TestNoticeAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.notice = func(context.Context) string { return "1 session is still open" }
		drive(t, w).sees("1 session is still open")
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.notice = func(context.Context) string { return "" }
		drive(t, w).seesNot("still open")
	})
}
