package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/tui/targets"
)

// gather is for how long findings are collected before they are shown: a page of an API is no reason for a frame of its own.
const gather = 100 * time.Millisecond

// feed carries findings from a scan to the screen, which takes them when it is ready: a scan never waits for a frame.
type feed struct {
	mu    sync.Mutex
	queue []Finding
	over  bool
	wake  chan struct{} // 1 slot
}

func newFeed() *feed { return &feed{wake: make(chan struct{}, 1)} }

func (f *feed) put(found Finding) { f.change(func() { f.queue = append(f.queue, found) }) }

func (f *feed) end() { f.change(func() { f.over = true }) }

func (f *feed) change(how func()) {
	f.mu.Lock()
	how()
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// found is what a scan has brought since the last one of these.
type found struct {
	scan     int
	findings []Finding
	over     bool // nothing comes after this
	feed     *feed
}

// next waits for findings and takes them all.
func (f *feed) next(ctx context.Context, scan int) tea.Msg {
	select {
	case <-f.wake:
	case <-ctx.Done():
		return nil
	}
	timer := time.NewTimer(gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	msg := found{scan: scan, findings: f.queue, over: f.over, feed: f}
	f.queue = nil
	return msg
}

// scan starts the next scan; what an earlier one still brings is dropped.
func (m *Model) scan() tea.Cmd {
	m.scanned++
	m.started = false
	n, f, catalogue := m.scanned, newFeed(), m.deps.Catalogue
	return tea.Batch(
		m.start(func(ctx context.Context) tea.Msg {
			defer f.end()
			catalogue.Scan(ctx, f.put)
			return nil
		}),
		m.start(func(ctx context.Context) tea.Msg { return f.next(ctx, n) }),
	)
}

// onFound hands the findings to the list and waits for more.
func (m Model) onFound(msg found) (Model, tea.Cmd) {
	if msg.scan != m.scanned {
		return m, nil
	}
	var cmds []tea.Cmd
	tell := func(msg tea.Msg) { cmds = append(cmds, m.tellTargets(msg)) }
	for _, f := range msg.findings {
		if f.Parts > 0 || f.Account.Profile == m.account.Profile && f.Account.Region == m.account.Region {
			m.account = f.Account
		}
		if f.Parts > 0 && !m.started {
			m.started = true
			tell(targets.Started{Scan: msg.scan, Parts: f.Parts, Unit: f.Unit})
		}
		if !f.Old.IsZero() {
			tell(targets.Cached{Rows: f.Rows, At: f.Old})
			continue
		}
		if len(f.Rows) > 0 {
			tell(targets.Found{Scan: msg.scan, Rows: f.Rows})
		}
		if f.Err != nil {
			tell(targets.Failed{Scan: msg.scan, Account: f.Account, Err: f.Err})
		}
		tell(targets.Progress{Scan: msg.scan, Done: f.Done})
	}
	if msg.over {
		tell(targets.Finished{Scan: msg.scan})
		return m, tea.Batch(cmds...)
	}
	cmds = append(cmds, m.start(func(ctx context.Context) tea.Msg { return msg.feed.next(ctx, msg.scan) }))
	return m, tea.Batch(cmds...)
}
