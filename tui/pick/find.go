package pick

import (
	"math/bits"
	"runtime"
	"sync"
)

// none is the score of a text that does not match.
const none = -1 << 30

// deepest is how many searches back the finder remembers: as many letters can be taken back at the price of one.
const deepest = 16

// A crowd is shared out when each processor gets at least perWorker of it.
const (
	maxWorkers = 4
	perWorker  = 2000
)

// past is what a search found, in the order of the source.
type past struct {
	q      Query
	hits   []int32
	scores []int32
}

// Finder searches an index, best first. It remembers the last searches and looks no further than what the last of them
// found that the next one can only narrow. It is not safe for concurrent use.
type Finder struct {
	order []int32 // the ids to search, in the order that breaks ties
	stack [deepest]past
	depth int       // how much of stack belongs to order, each narrower than the one below
	words [][]int32 // for each term, the best score among each item's words; 0 for none
	w     [maxWorkers]scratch
	out   []int32
	count []int32
}

// Source sets what is searched: ids of the index, in the order in which equally good finds are listed. The slice is kept.
func (f *Finder) Source(ids []int32) {
	f.order, f.depth = ids, 0
}

// Find returns the ids that match, best first, ties in the order of the source. The slice is the finder's own and holds
// until the next Find.
func (f *Finder) Find(x *Index, q Query) []int32 {
	if q.Empty() {
		f.depth = 0
		return f.order
	}
	for f.depth > 0 {
		if top := f.stack[f.depth-1].q; q.narrows(top) && !top.narrows(q) {
			break
		}
		f.depth--
	}
	from := f.order
	if f.depth > 0 {
		from = f.stack[f.depth-1].hits
	}
	if f.depth < deepest {
		f.depth++
	}
	into := &f.stack[f.depth-1]
	if cap(into.hits) < len(from) {
		into.hits, into.scores = make([]int32, len(from)), make([]int32, len(from))
	}
	into.hits, into.scores = into.hits[:cap(into.hits)], into.scores[:cap(into.hits)]
	f.prepare(x, q)
	n := f.scan(x, &q, from, into)
	into.q, into.hits, into.scores = q, into.hits[:n], into.scores[:n]
	return f.sorted(into.hits, into.scores)
}

// scan scores the ids of from and puts those that match into the beginning of into, in their order; n is how many. Large
// crowds are shared out among processors; the result is the same.
func (f *Finder) scan(x *Index, q *Query, from []int32, into *past) (n int) {
	workers := max(min(runtime.GOMAXPROCS(0), len(f.w), len(from)/perWorker), 1)
	share := (len(from) + workers - 1) / workers
	var found [maxWorkers]int
	var wait sync.WaitGroup
	for i := range workers {
		lo, hi := min(i*share, len(from)), min((i+1)*share, len(from))
		part := func() {
			at := lo
			for _, id := range from[lo:hi] { // at the deepest, into is what is read: at never passes the reader
				if s := f.score(x, q, id, &f.w[i]); s != none {
					into.hits[at], into.scores[at] = id, s
					at++
				}
			}
			found[i] = at - lo
		}
		if i == workers-1 {
			part()
		} else {
			wait.Go(part)
		}
	}
	wait.Wait()
	for i := range workers {
		lo := min(i*share, len(from))
		copy(into.hits[n:], into.hits[lo:lo+found[i]])
		copy(into.scores[n:], into.scores[lo:lo+found[i]])
		n += found[i]
	}
	return n
}

// prepare scores each term against the values that items have as words: each value once, then all items that have it.
func (f *Finder) prepare(x *Index, q Query) {
	x.post()
	i := 0
	for g := range q.groups {
		for t := range q.groups[g] {
			if i == len(f.words) {
				f.words = append(f.words, nil)
			}
			if cap(f.words[i]) < len(x.items) {
				f.words[i] = make([]int32, len(x.items)+len(x.items)/4)
			}
			f.words[i] = f.words[i][:len(x.items)]
			clear(f.words[i])
			f.spread(x, &q.groups[g][t], f.words[i])
			i++
		}
	}
}

func (f *Finder) spread(x *Index, t *term, best []int32) {
	for v := range x.values {
		e := &x.values[v]
		if e.mode != tight || t.mask&^e.mask != 0 {
			continue
		}
		s := t.text(x.texts.at(*e), tight, &f.w[0])
		if s == none {
			continue
		}
		s = max(s*valuePercent/100, 1)
		for _, id := range x.posts[x.starts[v]:x.starts[v+1]] {
			best[id] = max(best[id], s)
		}
	}
}

// score is how well an item matches the whole query, or none.
func (f *Finder) score(x *Index, q *Query, id int32, w *scratch) int32 {
	c := &x.cards[id]
	total := -c.tokens // tokens that the query does not touch cost a little; those it touches earn more than that
	n := 0
	for g := range q.groups {
		best := int32(none)
		for t := range q.groups[g] {
			best = max(best, q.groups[g][t].score(x, c, id, f.words[n][id], w))
			n++
		}
		if best == none {
			return none
		}
		total += best
	}
	return total
}

func (t *term) score(x *Index, c *card, id, word int32, w *scratch) int32 {
	best := int32(none)
	if t.mask&^c.mask == 0 {
		best = t.title(x, c, id, w)
		if word > 0 {
			best = max(best, word)
		} else if best == none && len(t.low) >= wholeFrom {
			best = t.whole(x, c, w)
		}
	}
	switch {
	case !t.not:
		return best
	case best == none:
		return 0
	}
	return none
}

// title is the term's score in the title.
func (t *term) title(x *Index, c *card, id int32, w *scratch) int32 {
	if t.mask&^c.title.mask != 0 {
		return none
	}
	if b := bits.TrailingZeros64(t.mask); b < singles && len(t.low) == 1 && t.kind <= exact && t.upper == nil {
		return int32(x.single[int(id)*singles+b])
	}
	return t.text(x.titles.at(c.title), loose, w)
}

// whole is the term's score in the host names, which repeat the title and are looked at only when nothing else matches.
func (t *term) whole(x *Index, c *card, w *scratch) int32 {
	best := int32(none)
	for _, v := range x.refs[c.whole:c.end] {
		e := x.values[v]
		if t.mask&^e.mask != 0 {
			continue
		}
		if s := t.text(x.texts.at(e), pieces, w); s != none {
			best = max(best, s*valuePercent/100)
		}
	}
	return best
}

// text is the term's score in a text that is searched as loosely as m says.
func (t *term) text(l line, m mode, w *scratch) int32 {
	if t.kind == fuzzy && m != pieces {
		if s, ok := w.fuzzy(t, l, m == tight, false); ok {
			return int32(s)
		}
		if m == loose || len(t.low) < pieceFrom {
			return none
		}
	}
	if s, at := t.piece(l); at >= 0 {
		return int32(s)
	}
	return none
}

// sorted orders the hits by score with a counting sort: one pass to count, one to place, and ties keep their order.
func (f *Finder) sorted(hits, scores []int32) []int32 {
	if len(hits) == 0 {
		return nil
	}
	lo, hi := scores[0], scores[0]
	for _, s := range scores {
		lo, hi = min(lo, s), max(hi, s)
	}
	n := int(hi-lo) + 2
	if cap(f.count) < n {
		f.count = make([]int32, n)
	}
	f.count = f.count[:n]
	clear(f.count)
	for _, s := range scores {
		f.count[hi-s+1]++
	}
	for i := 1; i < n; i++ {
		f.count[i] += f.count[i-1]
	}
	if cap(f.out) < len(hits) {
		f.out = make([]int32, len(hits)+len(hits)/4)
	}
	f.out = f.out[:len(hits)]
	for i, s := range scores {
		f.out[f.count[hi-s]] = hits[i]
		f.count[hi-s]++
	}
	return f.out
}
