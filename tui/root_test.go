package tui

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/targets"
)

// TestWayToATunnel goes from the search to the dashboard and out.
func TestWayToATunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		d.sees("127.0.0.1:5432")
		if w.remembered["orders-prod"] != 5432 {
			t.Errorf("remembered: %v", w.remembered)
		}
		d.keys("q")
		if !d.quit {
			t.Error("q asked although no connection is open")
		}
	})
}

// TestPortOfLastTime proposes it, and uses it without asking when it is always to be used and free.
func TestPortOfLastTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.remembered["orders-prod"] = 15000
		d := drive(t, w)
		d.keys("=orders enter")
		d.sees("127.0.0.1:15000")
		d.keys("esc")
		d.seesNot("local port")
		w.always = true
		d.keys("enter")
		d.read()
		d.sees("127.0.0.1:15000")
		d.seesNot("local port for")
		w.taken[15000] = "postgres (pid 12)"
		d.keys("esc enter")
		d.sees("local port for orders-prod")
	})
}

// TestOpenFails keeps the row, its reason and its advice, and opens it again.
func TestOpenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.refuse = aws.Advise(errors.New("listen on 127.0.0.1:5432: port 5432 is taken"), nil, "rdsx connect orders-prod --port 5433")
		d := drive(t, w)
		d.keys("=orders enter enter")
		d.sees("✗ failed")
		d.sees("port 5432 is taken")
		d.sees("→ rdsx connect orders-prod --port 5433")
		w.refuse = nil
		d.keys("r")
		d.read()
		d.sees("○ idle")
		if len(w.tunnels) != 1 {
			t.Errorf("%d tunnels were opened", len(w.tunnels))
		}
	})
}

// TestClosing asks first when a connection would be cut, names it, and takes no key in flight for an answer.
func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		w.tunnels[0].busy()
		d.read()
		d.sees("● open")
		next, gate := d.m.closeAsked(1)
		d.m = next
		d.send(golden.Press("enter")) // in flight
		d.sees("close orders-prod?")
		d.sees("from :50412")
		d.keys("n")
		if w.open() != 1 {
			t.Fatal("closed without a yes")
		}
		d.m, _ = d.m.closeAsked(1)
		d.run(gate) // the grace period of the first question opens nothing
		d.send(golden.Press("enter"))
		d.sees("close orders-prod?")
		d.keys("esc x y")
		if w.open() != 0 {
			t.Fatal("not closed after a yes")
		}
		d.sees("– closed")
		d.keys("x")
		d.sees("targets")
		if len(d.m.rows.all) != 0 {
			t.Error("the closed tunnel is still a row")
		}
	})
}

// TestQuitting asks when connections would be cut, from any screen.
func TestQuitting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, keys := range []string{"q", "ctrl+c", "n ctrl+c", "n enter ctrl+c"} {
			w := newWorld()
			d := opening(t, w)
			w.tunnels[0].busy()
			d.read()
			d.keys(keys)
			d.sees("close everything and leave?")
			d.sees("1 connection is open and will be cut")
			if d.quit {
				t.Fatalf("%q left without asking", keys)
			}
			d.keys("esc")
			d.seesNot("close everything")
			d.keys("ctrl+c ctrl+c")
			if !d.quit {
				t.Errorf("%q, then Ctrl-C twice: still there", keys)
			}
		}
	})
}

// TestLeaving goes back to the tunnels when there are some, and out when there are none.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newWorld())
		d.keys("esc")
		if !d.quit {
			t.Error("esc on the first screen does not leave")
		}
		d = opening(t, newWorld())
		d.keys("n")
		d.sees("1 tunnel (esc)")
		d.keys("esc esc") // the search, then the screen
		d.sees("○ idle")
		if d.quit {
			t.Error("left with a tunnel open")
		}
	})
}

// TestStaleAnswers sends answers to questions that are no longer asked.
func TestStaleAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		before := d.screen()
		for _, msg := range []tea.Msg{
			reading{tick: d.m.rows.tick - 1, rows: []read{{id: 1, n: 1, tunnel: aws.Tunnel{State: aws.StateDegraded, Reason: "stale"}}}},
			opened{id: 1, n: 0, err: errors.New("stale")},
			opened{id: 9, n: 1, err: errors.New("stale")},
			shut{id: 1, n: 0},
			found{scan: 0, findings: []Finding{{Rows: []targets.Row{{Endpoint: aws.Endpoint{Host: "stale", Port: 1}}}}}},
			proposal{n: 0, target: target("stale")},
		} {
			d.send(msg)
			if got := d.screen(); got != before {
				t.Errorf("%T of an older question changed the screen:\n%s", msg, got)
			}
		}
		current := d.m.rows.tick
		d.send(reading{tick: current, at: now(), rows: []read{{id: 1, n: 7, tunnel: aws.Tunnel{State: aws.StateDegraded, Reason: "of another opening"}}}})
		d.seesNot("another opening")
	})
}

// TestEventsReachTheLog reads events once each, in order.
func TestEventsReachTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		w.tunnels[0].say("one")
		d.read()
		w.tunnels[0].say("two")
		d.read()
		d.read()
		d.keys("l")
		if n := strings.Count(d.screen(), "one") + strings.Count(d.screen(), "two"); n != 2 && n != 4 { // in the pane behind as well
			t.Errorf("the log has %d lines of two events:\n%s", n, d.screen())
		}
	})
}

// TestNewsOfTunnelsOutOfSight tells of a failure while the list of targets is shown.
func TestNewsOfTunnelsOutOfSight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		d.keys("n")
		w.tunnels[0].set(func(t *aws.Tunnel) { t.State, t.Reason = aws.StateClosed, "the instance was stopped" })
		d.read()
		d.sees("✗ orders-prod has ended: the instance was stopped")
	})
}

// TestClipboard puts what was chosen on both clipboards.
func TestClipboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		d.keys("c down enter")
		if len(w.copied) != 1 || w.copied[0] != "psql -h 127.0.0.1" {
			t.Errorf("the system's clipboard was given %q", w.copied)
		}
		if len(d.other) != 1 {
			t.Errorf("the terminal was asked %d times: %v", len(d.other), d.other)
		}
		d.sees("✓ the client command is on the clipboard")
		d.keys("n tab y")
		if len(w.copied) != 2 || !strings.HasPrefix(w.copied[1], "aws ssm start-session") {
			t.Errorf("the system's clipboard was given %q", w.copied)
		}
	})
}

// TestClientTakesTheTerminal hands it over, by the message that only a program understands.
func TestClientTakesTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := opening(t, w)
		d.keys("o")
		if len(d.other) != 1 || w.client == nil {
			t.Fatalf("the program was asked %v", d.other)
		}
	})
}

// TestVia opens a target through another instance.
func TestVia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := drive(t, w)
		d.keys("=orders alt+v")
		d.sees("other-box")
		d.keys("down enter enter")
		d.read()
		if len(w.tunnels) != 1 || w.tunnels[0].now.Target.Instance.ID != "i-1" {
			t.Errorf("opened: %+v", w.tunnels)
		}
	})
}

// TestRefresh scans again; the rows stay meanwhile.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := drive(t, w)
		d.keys("ctrl+r")
		d.sees("orders-prod")
		if w.scans != 2 {
			t.Errorf("%d scans", w.scans)
		}
		d.keys("alt+e")
		d.sees("AccessDenied")
		d.sees("rdsx setup iam")
	})
}

// TestCachedRowsComeFirst shows the last list with its age before any answer.
func TestCachedRowsComeFirst(t *testing.T) {
	w := newWorld()
	w.cached = w.rows[:1]
	m := newModel(w.deps(), Options{}, newWorks().starter(t.Context()), newRegistry())
	next, _ := m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	next, _ = next.Update(cached{rows: w.cached, at: now().Add(-time.Hour), now: now()})
	if s := next.(Model).content(); !strings.Contains(s, "orders-prod") || !strings.Contains(s, "cached 1 h ago") {
		t.Errorf("the cached list is not shown:\n%s", s)
	}
}

// TestPace reads often while something moves and rarely while nothing does.
func TestPace(t *testing.T) {
	var rs rows
	if got := rs.pace(false); got != readRest {
		t.Errorf("without tunnels: %v", got)
	}
	rs.add(target("x"), 1)
	for i, want := range []time.Duration{readFast, 2 * readFast, readSlow, readSlow} {
		if got := rs.pace(false); got != want {
			t.Errorf("quiet reading %d: next in %v, want %v", i, got, want)
		}
	}
	if got := rs.pace(true); got != readFast {
		t.Errorf("after a move: %v", got)
	}
}

// TestSuspend hands Ctrl-Z to the program, and reads anew when it comes back.
func TestSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, newWorld())
		_, cmd := d.m.Update(golden.Press("ctrl+z"))
		if cmd == nil {
			t.Fatal("Ctrl-Z does nothing")
		}
		if _, ok := cmd().(tea.SuspendMsg); !ok {
			t.Errorf("Ctrl-Z gives %T", cmd())
		}
		tick := d.m.rows.tick
		d.send(tea.ResumeMsg{})
		if d.m.rows.tick == tick {
			t.Error("nothing is read after coming back")
		}
	})
}

// TestOpenFromTheStart opens a tunnel while the list is shown.
func TestOpenFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := drive(t, w)
		d.m.first = []Opening{{Target: target("busy-prod"), Port: 6000}}
		d.m.hints = Hints{Targets: "esc shows it"}
		d.send(begin{})
		d.sees("1 tunnel (esc)")
		d.sees("esc shows it")
		d.keys("esc")
		d.read()
		d.sees("busy-prod")
	})
}

// TestRegistryClosesWhatComesLate takes a tunnel after the end.
func TestRegistryClosesWhatComesLate(t *testing.T) {
	r := newRegistry()
	r.seal()
	late := &fakeTunnel{}
	r.add(1, late)
	if late.Snapshot().State != aws.StateClosed {
		t.Error("a tunnel that came after the end is still open")
	}
	first, second := &fakeTunnel{}, &fakeTunnel{}
	r = newRegistry()
	r.add(1, first)
	r.add(1, second)
	if first.Snapshot().State != aws.StateClosed || r.count() != 1 || len(r.seal()) != 2 {
		t.Error("the tunnel that was replaced is still open, or its reading is lost")
	}
}
