package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// reading is all tunnels at one time.
type reading struct {
	tick int
	at   time.Time
	rows []read
}

// read is one tunnel's part of a reading.
type read struct {
	id, n  int
	tunnel aws.Tunnel
	events []aws.Event
}

// tickNow reads at once and begins a new chain of readings; the old one ends with its next reading, which is dropped.
func (m *Model) tickNow() tea.Cmd {
	m.rows.tick++
	m.rows.every = 0
	return m.read(0)
}

// read takes a reading after a while.
func (m Model) read(after time.Duration) tea.Cmd {
	type question struct {
		id, n int
		seen  uint64
	}
	var ask []question
	for _, r := range m.rows.all {
		ask = append(ask, question{r.ID, r.n, r.seen})
	}
	tick, reg := m.rows.tick, m.reg
	return m.start(func(ctx context.Context) tea.Msg {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		out := reading{tick: tick, at: time.Now()}
		for _, q := range ask {
			if t := reg.get(q.id); t != nil {
				out.rows = append(out.rows, read{id: q.id, n: q.n, tunnel: t.Snapshot(), events: t.Events(q.seen)})
			}
		}
		return out
	})
}

// onReading shows a reading and asks for the next.
func (m Model) onReading(msg reading) (Model, tea.Cmd) {
	if msg.tick != m.rows.tick {
		return m, nil
	}
	m.rows.at = msg.at
	_ = m.tellTargets(targets.Clock{Now: msg.at}) // a clock gives nothing to do
	moved := false
	var said tea.Cmd
	for _, got := range msg.rows {
		r := m.rows.find(got.id)
		if r == nil || r.n != got.n {
			continue
		}
		moved = moved || changed(r.Tunnel, got.tunnel) || len(got.events) > 0
		if text := news(r.Tunnel, got.tunnel); text != "" && m.page != pageTunnels {
			m, said = m.notice(chrome.Failure, text)
		}
		r.Tunnel = got.tunnel
	}
	m.tellBoard()
	for _, got := range msg.rows {
		if r := m.rows.find(got.id); r != nil && r.n == got.n && len(got.events) > 0 {
			r.seen = got.events[len(got.events)-1].Seq
			m.board, _ = m.board.Update(tunnels.Happened{ID: r.ID, Events: got.events})
		}
	}
	offered := m.offerSignIns()
	return m, tea.Batch(said, offered, m.read(m.rows.pace(moved)))
}

// tellBoard shows the rows as they are now.
func (m *Model) tellBoard() {
	s := tunnels.Sampled{At: m.rows.at}
	for _, r := range m.rows.all {
		s.Rows = append(s.Rows, r.Row)
	}
	m.board, _ = m.board.Update(s)
}

// changed says whether anything is worth a look soon.
func changed(a, b aws.Tunnel) bool {
	return a.State != b.State || a.Reason != b.Reason || a.Up != b.Up || a.Down != b.Down || len(a.Conns) != len(b.Conns) || a.Connections != b.Connections
}

// news is what someone who looks elsewhere should hear of a tunnel.
func news(before, now aws.Tunnel) string {
	if before.State == now.State || before.State == aws.StateClosed {
		return ""
	}
	switch {
	case now.State == aws.StateClosed && now.Reason != aws.ErrClosed.Error():
		return fmt.Sprintf("%s has ended: %s", name(now.Target), now.Reason)
	case now.State == aws.StateDegraded:
		return fmt.Sprintf("%s: %s", name(now.Target), now.Reason)
	}
	return ""
}
