package tunnels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

// pooled is a tunnel of four sessions: one lost, one filled by a transfer, one in reserve and one in doubt.
func pooled(state aws.TunnelState) []tea.Msg {
	t := tunnel(prod, hop, database(prod, "prod-aurora", "aurora-postgresql", 5432), 5432, state, "")
	t.Serving = "reader"
	lost, bulk := session("dev-user-0a1b2c3d4e5f60718", 21400*time.Microsecond), session("dev-user-0b2c3d4e5f6071829", 22*time.Millisecond)
	spare, doubt := session("dev-user-0c3d4e5f60718293a", 20*time.Millisecond), session("dev-user-0d4e5f60718293a4b", 23*time.Millisecond)
	lost.Link, lost.Attempt, lost.NextTry = aws.LinkResuming, 3, now().Add(1700*time.Millisecond)
	lost.Trouble = "dial tcp: no route to host"
	lost.Resumes, lost.Resets, lost.LastReset = 12, 2, "the agent lost its connection in the middle of an upload: bytes may have been doubled"
	bulk.Link, spare.Link, doubt.Link = aws.LinkUp, aws.LinkUp, aws.LinkSuspect
	bulk.Pauses, bulk.Payload, bulk.Legacy = 7, 4096, true
	t.Sessions = []aws.SessionStats{lost, bulk, spare, doubt}
	for i, use := range []aws.SeatUse{aws.UseShared, aws.UseBulk, aws.UseSpare, aws.UseStuck} {
		t.Pool = append(t.Pool, aws.Seat{Session: t.Sessions[i].ID, Use: use, Conns: i * (3 - i), Up: uint64(i) * 1000, Down: uint64(i) * 7_000_000})
	}
	return []tea.Msg{Sampled{At: now(), Rows: []Row{{ID: 1, Tunnel: t, Copies: copies(), Client: "psql"}}}, Happened{ID: 1, Events: []aws.Event{
		{Seq: 1, At: now(), Kind: aws.EventLink, State: state, Text: "session dev-user-0a1b2c3d4e5f60718: resuming, try 3, next in 1.7 s"},
		{Seq: 2, At: now(), Kind: aws.EventMoved, State: state, Text: "writer moved from prod-1 to prod-2: new connections go there through a new session"},
	}}}
}

func TestPool(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {140, 60}} {
		for name, th := range map[string]theme.Theme{"dark": theme.New(true, theme.Full), "none": theme.New(true, theme.None)} {
			w, h := size[0], size[1]
			for _, keys := range []string{"", "enter"} {
				m, _ := keysOf(screen(w, h, th, pooled(aws.StateResuming)...), keys)
				got := m.View()
				golden.Exact(t, "pool "+keys, got, w, h)
				golden.Screen(t, fmt.Sprintf("pool%s-%dx%d-%s", keys, w, h, name), got)
			}
		}
	}
}

// TestResumingCounts: the row and the details count down without being told anything new.
func TestResumingCounts(t *testing.T) {
	msgs := pooled(aws.StateResuming)
	row := msgs[0].(Sampled).Rows[0]
	for _, c := range []struct {
		later time.Duration
		want  string
	}{
		{0, "3rd try, next in 1.7 s: dial tcp: no route to host"},
		{time.Second, "3rd try, next in 0.7 s: dial tcp"},
		{2 * time.Second, "3rd try now: dial tcp"},
	} {
		m := screen(140, 60, theme.New(true, theme.None), Sampled{At: now().Add(c.later), Rows: []Row{row}})
		if n := strings.Count(ansi.Strip(m.View()), c.want); n != 3 { // the row, its state, its session
			t.Errorf("%v later %q stands %d times on:\n%s", c.later, c.want, n, ansi.Strip(m.View()))
		}
	}
	row.Tunnel.Sessions[0].SignIn, row.Tunnel.Sessions[0].Trouble = true, "the SSO session has expired"
	m := screen(140, 60, theme.New(true, theme.None), Sampled{At: now(), Rows: []Row{row}})
	if !strings.Contains(ansi.Strip(m.View()), "waits for a sign-in: the SSO session has expired") {
		t.Errorf("nothing of the sign-in on:\n%s", ansi.Strip(m.View()))
	}
}

// TestLeftBehind: a session that stays with the former writer is marked, and no other.
func TestLeftBehind(t *testing.T) {
	msgs := pooled(aws.StateOpen)
	pool := msgs[0].(Sampled).Rows[0].Tunnel.Pool
	pool[0].Member, pool[0].Serving, pool[1].Member = "prod-1", "reader", "prod-2"
	m := screen(140, 60, theme.New(true, theme.None), msgs...)
	if text := ansi.Strip(m.View()); strings.Count(text, "leads to a reader prod-1") != 1 || strings.Count(text, "leads to") != 1 {
		t.Errorf("the mark is wrong on:\n%s", text)
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 102: "102nd", 111: "111th"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
