package tui

import (
	"context"
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
)

// registry owns every tunnel from the moment it is open until it is closed, whether or not the screen ever hears of it.
type registry struct {
	mu     sync.Mutex
	open   map[int]Tunnel
	ended  []aws.Tunnel // last readings of those that were closed, in that order
	sealed bool         // nothing is taken any more
}

func newRegistry() *registry { return &registry{open: map[int]Tunnel{}} }

// add takes the tunnel. One that comes after the end is closed at once, and so is the one that had its number.
func (r *registry) add(id int, t Tunnel) {
	r.close(id)
	r.mu.Lock()
	sealed := r.sealed
	if !sealed {
		r.open[id] = t
	}
	r.mu.Unlock()
	if sealed {
		r.end(t)
	}
}

// get is the tunnel with that number, or nil.
func (r *registry) get(id int) Tunnel {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// close ends the tunnel with that number and waits for that.
func (r *registry) close(id int) {
	r.mu.Lock()
	t := r.open[id]
	delete(r.open, id)
	r.mu.Unlock()
	if t != nil {
		r.end(t)
	}
}

func (r *registry) end(t Tunnel) {
	t.Close()
	last := t.Snapshot()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, last)
}

// retry has every tunnel try again at once what it waits with.
func (r *registry) retry() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.open {
		t.Retry()
	}
}

// count is how many tunnels are held that are not over.
func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, t := range r.open {
		if t.Snapshot().State != aws.StateClosed {
			n++
		}
	}
	return n
}

// seal closes everything at once and returns the last readings of all tunnels there ever were, in the order of their
// starts.
func (r *registry) seal() []aws.Tunnel {
	r.mu.Lock()
	r.sealed = true
	var left []int
	for id := range r.open {
		left = append(left, id)
	}
	r.mu.Unlock()
	var closing sync.WaitGroup
	for _, id := range left {
		closing.Go(func() { r.close(id) })
	}
	closing.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.ended, func(a, b aws.Tunnel) int { return a.Started.Compare(b.Started) })
	return r.ended
}

// works counts the commands that are running, so that the end can wait for them: Bubble Tea leaves them behind.
type works struct {
	mu   sync.Mutex
	idle *sync.Cond
	n    int
	over bool
}

func newWorks() *works {
	w := &works{}
	w.idle = sync.NewCond(&w.mu)
	return w
}

func (w *works) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	w.n++
	return true
}

func (w *works) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n--; w.n == 0 {
		w.idle.Broadcast()
	}
}

// wait lets nothing more begin and returns when what has begun is over.
func (w *works) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for w.n > 0 {
		w.idle.Wait()
	}
}

// starter makes a command of work that takes time. The work ends early when the screen does.
type starter func(work func(ctx context.Context) tea.Msg) tea.Cmd

func (w *works) starter(ctx context.Context) starter {
	return func(work func(context.Context) tea.Msg) tea.Cmd {
		return func() tea.Msg {
			if !w.enter() {
				return nil
			}
			defer w.leave()
			return work(ctx)
		}
	}
}
