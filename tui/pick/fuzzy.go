package pick

// scratch is the memory of the fuzzy scorer, kept between texts so that scoring allocates nothing.
type scratch struct {
	first, last []int   // the first and last letter of the text that letter i of the term can be
	row, next   []place // the places of letter i-1 and of letter i, ascending
	a, b        [maxRunes]place
	trail       [][]place
}

// place is one place in the text for one letter of the term.
type place struct {
	at    int16 // the letter of the text
	score int16 // of the best match that ends here
	from  int16 // index of the place before, in the row before; -1 for none
}

// band finds for each letter of the term the first and the last place in the text it can have. Outside the band no match
// exists, so the scorer does not look there.
func (w *scratch) band(t *term, x line) bool {
	m, n := len(t.low), len(x.low)
	if m > n {
		return false
	}
	if cap(w.first) < m {
		w.first, w.last = make([]int, m), make([]int, m)
	}
	w.first, w.last = w.first[:m], w.last[:m]
	i, want := 0, t.low[0]
	for j, c := range x.low {
		if c != want || t.upper != nil && !t.same(i, x, j) {
			continue
		}
		w.first[i] = j
		if i++; i == m {
			break
		}
		want = t.low[i]
	}
	if i < m {
		return false
	}
	i--
	want = t.low[i]
	for j := n - 1; ; j-- { // ends: the way forward found every letter
		if x.low[j] != want || t.upper != nil && !t.same(i, x, j) {
			continue
		}
		w.last[i] = j
		if i--; i < 0 {
			return true
		}
		want = t.low[i]
	}
}

// fuzzy scores the best way to find the letters of the term in order. tight allows a gap only where the next letter starts
// a token: euw1 is in eu-west-1, but not in "measured wall 1". ok is false when there is no way.
func (w *scratch) fuzzy(t *term, x line, tight, positions bool) (score int, ok bool) {
	if len(t.low) == 1 && !positions {
		return t.single(x)
	}
	if !w.band(t, x) {
		return 0, false
	}
	w.trail = w.trail[:0]
	w.begin(t, x)
	for i := 1; i < len(t.low); i++ {
		if positions {
			w.trail = append(w.trail, append([]place(nil), w.row...))
		}
		w.step(t, x, i, tight)
	}
	best := never
	for _, p := range w.row {
		s := int(p.score)
		if x.edge(int(p.at) + 1) {
			s += wholeToken
		}
		best = max(best, s)
	}
	return best, best > never
}

// single is fuzzy for a term of one letter: the first key typed, which most texts match.
func (t *term) single(x line) (score int, ok bool) {
	want := t.low[0]
	score = never
	for j, c := range x.low {
		if c != want || t.upper != nil && !t.same(0, x, j) {
			continue
		}
		s := startScore(x, j)
		if x.edge(j + 1) {
			s += wholeToken
		}
		if score = max(score, s); j == 0 {
			break // no place is better than the first
		}
	}
	return score, score > never
}

func (w *scratch) begin(t *term, x line) {
	want, from, n := t.low[0], w.first[0], 0
	for j, c := range x.low[from : w.last[0]+1] {
		if c != want || t.upper != nil && !t.same(0, x, from+j) {
			continue
		}
		w.a[n] = place{at: int16(from + j), score: int16(startScore(x, from+j)), from: -1}
		n++
	}
	w.row, w.next = w.a[:n], w.b[:0]
}

// step finds the places of letter i, in next, from those of the letter before, in row. A place follows right behind the one
// before, or with a gap from the best of those further left: far, whose score is kept free of the tokens passed over since
// the start of the text so that they can be charged by a subtraction.
func (w *scratch) step(t *term, x line, i int, tight bool) {
	row, want, next := w.row, t.low[i], w.next[:maxRunes]
	far, farAt, p, n := never, -1, 0, 0
	start := w.first[i]
	cls := x.cls
	for j, c := range x.low[start : w.last[i]+1] {
		if c != want {
			continue
		}
		j += start
		if t.upper != nil && !t.same(i, x, j) {
			continue
		}
		for ; p < len(row) && int(row[p].at) < j-1; p++ {
			if s := int(row[p].score) + perBoundary*int(cls[row[p].at]>>tokenShift); s > far {
				far, farAt = s, p
			}
		}
		b := int(cls[j] & bonusMask)
		best, from := never, -1
		if farAt >= 0 && (b > 0 || !tight) {
			best, from = far-perBoundary*int(cls[j]>>tokenShift)+perLetter+b, farAt
			if b == 0 {
				best -= gap(x, int(row[farAt].at), j)
			}
		}
		if p < len(row) && int(row[p].at) == j-1 {
			if s := int(row[p].score) + perLetter + max(b, inARow); s > best {
				best, from = s, p
			}
		}
		if from >= 0 {
			next[n] = place{at: int16(j), score: int16(best), from: int16(from)}
			n++
		}
	}
	w.row, w.next = next[:n], row
}

// gap is what it costs to land in the middle of a token at j, coming from letter k.
func gap(x line, k, j int) int {
	for g := k + 1; g < j; g++ {
		if !vowel(rune(x.low[g])) {
			return skipInside
		}
	}
	return skipSpelt
}

// trace lists where the letters of the best match are, after a call of fuzzy that asked for positions and found one.
func (w *scratch) trace(x line) []int {
	best, at := never, 0
	for i, p := range w.row {
		s := int(p.score)
		if x.edge(int(p.at) + 1) {
			s += wholeToken
		}
		if s > best {
			best, at = s, i
		}
	}
	row := w.row
	out := make([]int, len(w.trail)+1)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = int(row[at].at)
		if i > 0 {
			at, row = int(row[at].from), w.trail[i-1]
		}
	}
	return out
}
