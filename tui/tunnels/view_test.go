package tunnels

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

// views are the states of the screen that are drawn in the golden files.
func views(w, h int, th theme.Theme) map[string]Model {
	out := map[string]Model{"empty": screen(w, h, th, Sampled{At: now()}), "list": screen(w, h, th, readings()...)}
	for name, keys := range map[string]string{
		"degraded": "down down", "failed": "down down down", "details": "enter", "log": "l", "copy": "c down", "help": "?", "filter": "/ p r o d",
	} {
		m, _ := keysOf(screen(w, h, th, readings()...), keys)
		out[name] = m
	}
	return out
}

func page(m Model, w, h int, th theme.Theme) string {
	p := chrome.Page{Theme: th, W: w, H: h, Name: "tunnels", Context: []string{"6 tunnels", "↑ 424 kB  ↓ 59 MB"}, Help: m.ShortHelp()}
	m.SetSize(p.BodySize())
	return p.View(m.View())
}

func TestGoldenScreens(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {80, 24}, {140, 40}} {
		for name, th := range map[string]theme.Theme{
			"light": theme.New(false, theme.Full), "dark": theme.New(true, theme.Full), "none": theme.New(true, theme.None),
		} {
			w, h := size[0], size[1]
			bw, bh := chrome.Page{W: w, H: h}.BodySize()
			for view, m := range views(bw, bh, th) {
				got := page(m, w, h, th)
				golden.Exact(t, view, got, w, h)
				golden.Screen(t, fmt.Sprintf("%s-%dx%d-%s", view, w, h, name), got)
			}
		}
	}
}

// TestEveryLineHasExactlyItsWidth draws every view at every size that a terminal may have.
func TestEveryLineHasExactlyItsWidth(t *testing.T) {
	th := theme.New(true, theme.Full)
	for view, m := range views(80, 24, th) {
		for w := 40; w <= 200; w += 7 {
			for h := 6; h <= 60; h += 6 {
				m.SetSize(w, h)
				golden.Exact(t, view, m.View(), w, h)
				if c := m.Cursor(); c != nil && (c.X < 0 || c.X >= w || c.Y < 0 || c.Y >= h) {
					t.Fatalf("%s at %d×%d: cursor at %d,%d", view, w, h, c.X, c.Y)
				}
			}
		}
	}
}

// TestAnyNameKeepsTheGrid puts names of all kinds in every place that shows one.
func TestAnyNameKeepsTheGrid(t *testing.T) {
	th := theme.New(false, theme.Full)
	for _, name := range []string{
		"", "a\nb\tc", "\x1b[31mred\x1b[0m", "👩‍👩‍👧‍👦👨‍👩‍👧", strings.Repeat("注", 90), strings.Repeat("e\u0301", 90), "\u202eabc\u202c", "\xff\xfe", "ﷺﷺﷺ",
	} {
		via := hop
		via.Name, via.ID = name, name
		db := database(prod, "x", name, 1)
		db.ID = name
		tun := tunnel(aws.Account{ID: name, Profile: name, Region: name}, via, db, 1, aws.StateDegraded, name)
		tun.Conns = []aws.Conn{{ID: 1, Peer: name}}
		tun.Sessions = []aws.SessionStats{{ID: name, AgentVersion: name}}
		m := screen(120, 30, th,
			Sampled{At: now(), Rows: []Row{{ID: 1, Tunnel: tun, Next: name, Copies: []Copy{{name, name}}, Client: name}}},
			Happened{ID: 1, Events: []aws.Event{{At: now(), Kind: aws.EventSession, Text: name, Next: name}}})
		for _, keys := range []string{"", "enter", "l", "c", "/ a"} {
			m, _ := keysOf(m, keys)
			for w := 40; w < 160; w += 37 {
				m.SetSize(w, 20)
				m, _ = m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
				got := m.View()
				golden.Exact(t, fmt.Sprintf("%q after %q", name, keys), got, w, 20)
				if strings.Contains(got, "\x1b[31mred") {
					t.Fatal("an escape sequence of a name reached the terminal")
				}
			}
		}
	}
}
