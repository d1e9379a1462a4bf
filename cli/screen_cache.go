package cli

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui"
	"github.com/rdsx/rdsx/tui/targets"
)

// cacheWithin is how long the first frame waits for the lists of the last run. What is not read by then comes behind it.
const cacheWithin = 30 * time.Millisecond

// way is what the last run knew of how a database is reached.
type way struct {
	via  string // the instance's id
	path aws.Verdict
}

// part is what the last run kept of a place: its databases, or its nodes. done is closed once it has been read.
type part struct {
	rows []targets.Row
	keys []string  // of the databases
	at   time.Time // zero when there is none
	done chan struct{}
}

// kept are the lists of the last run while they are read: the databases of all places, then the nodes of all places.
type kept struct {
	parts   []*part
	next    atomic.Int64 // part to be read
	readers sync.WaitGroup
	taken   int // parts that the screens have
}

// readKept begins to read the lists of the last run, on all processors.
func (s *screenRun) readKept() *kept {
	n := len(s.places)
	k := &kept{}
	if s.app.flags.many.refresh {
		return k
	}
	for range 2 * n {
		k.parts = append(k.parts, &part{done: make(chan struct{})})
	}
	nodes := make([]func() []targets.Row, n)
	for range min(runtime.GOMAXPROCS(0), n) {
		k.readers.Go(func() {
			for i := int(k.next.Add(1)) - 1; i < 2*n; i = int(k.next.Add(1)) - 1 {
				p := k.parts[i]
				if i < n {
					var l list
					l, nodes[i], _ = s.files.cache.open(s.places[i].account)
					p.rows, p.at = s.files.used(l.Rows), l.At
					for i := range p.rows {
						p.keys = append(p.keys, p.rows[i].Key())
					}
				} else if <-k.parts[i-n].done; nodes[i-n] != nil {
					p.rows, p.at = s.files.used(nodes[i-n]()), k.parts[i-n].at
				}
				close(p.done)
			}
		})
	}
	return k
}

// stop waits for those who read, and keeps them from going on.
func (k *kept) stop() {
	k.next.Store(int64(len(k.parts)))
	k.readers.Wait()
}

// Cached implements tui.Catalogue.
func (s *screenRun) Cached() ([]targets.Row, time.Time) {
	defer close(s.cacheRead)
	s.kept = s.readKept()
	late := time.NewTimer(cacheWithin)
	defer late.Stop()
	var parts [][]targets.Row
	var at time.Time
	count := 0
	eachKept(s, late.C, func(rows []targets.Row, of time.Time) {
		parts = append(parts, rows)
		count += len(rows)
		if at.IsZero() || of.Before(at) {
			at = of
		}
	})
	rows := make([]targets.Row, 0, count)
	for _, p := range parts {
		rows = append(rows, p...)
	}
	for _, p := range s.places {
		rows = append(rows, s.files.used(s.files.hosts(nil, p.account))...)
	}
	return rows, at
}

// rest gives what Cached did not wait for.
func (s *screenRun) rest(ctx context.Context, emit func(tui.Finding)) {
	if s.kept == nil {
		return
	}
	eachKept(s, ctx.Done(), func(rows []targets.Row, of time.Time) {
		if len(rows) > 0 {
			emit(tui.Finding{Rows: rows, Old: of})
		}
	})
	s.kept.stop()
	s.kept = nil
}

// eachKept takes the parts in their order until enough says so.
func eachKept[T any](s *screenRun, enough <-chan T, take func(rows []targets.Row, at time.Time)) {
	for k := s.kept; k.taken < len(k.parts); k.taken++ {
		p := k.parts[k.taken]
		select {
		case <-p.done:
		case <-enough:
			return
		}
		if !p.at.IsZero() {
			take(s.take(p), p.at)
		}
		p.rows = nil
	}
}

// take notes the ways of a part's databases, and leaves those out that another profile sees too. Of nodes the screen does that.
func (s *screenRun) take(p *part) []targets.Row {
	if len(p.keys) == 0 {
		return p.rows
	}
	out := p.rows[:0]
	for n, key := range p.keys {
		r := &p.rows[n]
		if _, twice := s.before[key]; !twice {
			s.before[key] = way{r.Via.ID, r.Path}
			out = append(out, *r)
		}
	}
	return out
}
