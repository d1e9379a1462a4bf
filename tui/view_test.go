package tui

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

// TestGoldenScreens draws what the root adds to the screens: header and help, dialogs over them, toasts, the first-run hint.
func TestGoldenScreens(t *testing.T) {
	for view, keys := range map[string]string{
		"targets": "", "port": "=orders enter", "tunnels": "=orders enter enter", "quit": "=orders enter enter BUSY q", "toast": "=注文 enter enter c enter",
		"offer": "=orders enter enter WAITS",
	} {
		for name, l := range map[string]look{"light": {depth: theme.Full}, "dark": {dark: true, depth: theme.Full}, "none": {dark: true}} {
			for _, size := range [][2]int{{40, 12}, {80, 24}, {140, 40}} {
				synctest.Test(t, func(t *testing.T) {
					golden.Screen(t, fmt.Sprintf("%s-%dx%d-%s", view, size[0], size[1], name), drawn(t, keys, l, size[0], size[1]))
				})
			}
		}
	}
}

func drawn(t *testing.T, keys string, l look, w, h int) string {
	wd := newWorld()
	wd.profiles = ssoProfiles("prod-admin")
	d := drive(t, wd)
	d.m.look = l
	d.m.repaint()
	d.m.hints.Targets = "A simulated AWS. Type ord, then Enter twice: a database opens."
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
	keys, waits := strings.CutSuffix(keys, "WAITS")
	before, after, busy := strings.Cut(keys, "BUSY")
	d.keys(before)
	if busy || waits {
		wd.tunnels[0].busy()
	}
	if waits {
		wd.tunnels[0].waits()
	}
	d.read()
	d.keys(after)
	d.m.rows.at = now()
	d.m.tellBoard()
	return d.m.content()
}
