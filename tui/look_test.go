package tui

import (
	"image/color"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/theme"
)

// TestStillScreensAreTheSame reads a quiet tunnel again and again: no frame differs, so nothing is drawn.
func TestStillScreensAreTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		w.tunnels[0].set(func(t *aws.Tunnel) {
			t.Since, t.Started = time.Now().Add(-3*time.Hour-time.Minute), time.Now().Add(-3*time.Hour-time.Minute)
		})
		d.m.board.SetSize(80, 6) // the list alone: the pane tells seconds of silence
		d.read()
		before := d.m.board.View()
		for range 5 {
			d.read()
			if got := d.m.board.View(); got != before {
				t.Fatalf("a quiet screen changed:\n%s\n%s", before, got)
			}
		}
	})
}

// TestColours rebuilds the theme on the terminal's answers.
func TestColours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newWorld())
		if strings.Contains(d.m.content(), "\x1b[38") {
			t.Error("colours without any depth")
		}
		d.m.look.depth = theme.Full
		d.send(tea.BackgroundColorMsg{Color: color.White})
		light := d.m.content()
		d.send(tea.BackgroundColorMsg{Color: color.Black})
		if dark := d.m.content(); dark == light || !strings.Contains(dark, "\x1b[38") {
			t.Error("the colours do not follow the background")
		}
	})
}

// TestTooSmall draws one line, and comes back.
func TestTooSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newWorld())
		d.send(tea.WindowSizeMsg{Width: 30, Height: 5})
		d.sees("terminal too small")
		if d.m.View().Cursor != nil {
			t.Error("a cursor on a screen that is too small")
		}
		d.keys("=ord") // typing goes on
		d.send(tea.WindowSizeMsg{Width: 100, Height: 30})
		d.sees("> ord")
	})
}

// TestEveryScreenAtEverySize draws them all, with the dialogs, and looks where the cursor is.
func TestEveryScreenAtEverySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, keys := range []string{"", "=ord", "=ord enter", "=ord enter enter", "=ord enter enter c", "=ord enter enter /", "=ord enter enter n f1"} {
			w := newWorld()
			d := drive(t, w)
			d.m.hints = Hints{Targets: "try this", Tunnels: "try that"}
			d.keys(keys)
			d.read()
			for wide := 38; wide <= 160; wide += 11 {
				for high := 8; high <= 50; high += 7 {
					d.send(tea.WindowSizeMsg{Width: wide, Height: high})
					lines := strings.Split(d.screen(), "\n")
					if len(lines) != high {
						t.Fatalf("%q at %d×%d: %d lines", keys, wide, high, len(lines))
					}
					for _, l := range lines {
						if n := cellsOf(l); n != wide {
							t.Fatalf("%q at %d×%d: a line of %d cells: %q", keys, wide, high, n, l)
						}
					}
					if c := d.m.View().Cursor; c != nil && (c.X < 0 || c.Y < 0 || c.X >= wide || c.Y >= high) {
						t.Fatalf("%q at %d×%d: the cursor is at %d,%d", keys, wide, high, c.X, c.Y)
					}
				}
			}
		}
	})
}
