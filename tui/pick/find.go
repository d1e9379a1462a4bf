package pick

// none is the score of a text that does not match; unknown that of a value which has not been looked at.
const (
	none    = -1 << 30
	unknown = none - 1
)

// deepest is how many searches back the finder remembers: as many letters can be taken back at the price of one.
const deepest = 16

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
	depth int // how much of stack belongs to order, each narrower than the one below
	memo  [][]int32
	w     scratch
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
	n := 0
	for _, id := range from { // at the deepest, into is what is read: n never passes the reader
		if s := f.score(x, &q, &x.cards[id]); s != none {
			into.hits[n], into.scores[n] = id, s
			n++
		}
	}
	into.q, into.hits, into.scores = q, into.hits[:n], into.scores[:n]
	return f.sorted(into.hits, into.scores)
}

// prepare makes one memo of value scores for each term.
func (f *Finder) prepare(x *Index, q Query) {
	i := 0
	for _, g := range q.groups {
		for range g {
			if i == len(f.memo) {
				f.memo = append(f.memo, nil)
			}
			if cap(f.memo[i]) < len(x.values) {
				f.memo[i] = make([]int32, len(x.values)+len(x.values)/4)
			}
			f.memo[i] = f.memo[i][:len(x.values)]
			for v := range f.memo[i] {
				f.memo[i][v] = unknown
			}
			i++
		}
	}
}

// score is how well an item matches the whole query, or none.
func (f *Finder) score(x *Index, q *Query, c *card) int32 {
	total := -c.tokens // tokens that the query does not touch cost a little; those it touches earn more than that
	memo := 0
	for g := range q.groups {
		best := int32(none)
		for t := range q.groups[g] {
			best = max(best, f.term(x, &q.groups[g][t], c, f.memo[memo]))
			memo++
		}
		if best == none {
			return none
		}
		total += best
	}
	return total
}

func (f *Finder) term(x *Index, t *term, c *card, memo []int32) int32 {
	best := int32(none)
	if t.mask&^c.mask == 0 {
		best = f.best(x, t, c, memo)
	}
	switch {
	case !t.not:
		return best
	case best == none:
		return 0
	}
	return none
}

// best is the term's score in the text of the item where it scores best. Other texts are looked at only while they can
// still score more than what was found; host names, which repeat the title, only when nothing was found.
func (f *Finder) best(x *Index, t *term, c *card, memo []int32) int32 {
	best := int32(none)
	if t.mask&^c.title.mask == 0 {
		best = f.text(t, x.titles.line(c.title), loose)
	}
	if best >= t.atMost()*valuePercent/100 {
		return best
	}
	for _, v := range x.refs[c.refs:c.whole] {
		if memo[v] == unknown {
			memo[v] = f.value(x, t, x.values[v])
		}
		best = max(best, memo[v])
	}
	if best != none {
		return best
	}
	for _, v := range x.refs[c.whole:c.end] {
		best = max(best, f.value(x, t, x.values[v]))
	}
	return best
}

func (f *Finder) value(x *Index, t *term, e entry) int32 {
	if t.mask&^e.mask != 0 {
		return none
	}
	s := f.text(t, x.texts.line(e), e.mode)
	if s != none {
		s = s * valuePercent / 100
	}
	return s
}

// atMost is more than any text can score.
func (t *term) atMost() int32 {
	return int32(perLetter + startOfText*3/2 + (len(t.low)-1)*(perLetter+startOfText) + wholeToken)
}

func (f *Finder) text(t *term, l line, m mode) int32 {
	if t.kind == fuzzy && m != pieces {
		if s, ok := f.w.fuzzy(t, l, m == tight, false); ok {
			return int32(s)
		}
		return none
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
