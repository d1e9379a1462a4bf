package pick

import "bytes"

// scratch is the memory of the fuzzy scorer, kept between texts so that scoring allocates nothing.
type scratch struct {
	first     []int   // the first letter of the text that letter i of the term can be
	row, next []place // the places of letter i-1 and of letter i, ascending
	a, b      [maxRunes]place
	trail     [][]place
}

// place is one place in the text for one letter of the term.
type place struct {
	at    int16 // the letter of the text
	score int16 // of the best match that ends here
	from  int16 // index of the place before, in the row before; -1 for none
}

// find is the first place of letter i of the term at or behind letter j of the text; -1 when there is none.
func (t *term) find(i int, x line, j int) int {
	for j < len(x.low) {
		skip := bytes.IndexByte(x.low[j:], t.low[i])
		if skip < 0 {
			return -1
		}
		if j += skip; t.same(i, x, j) {
			return j
		}
		j++
	}
	return -1
}

// reach finds for each letter of the term the first place it can have, behind the letters before. false: there is no way.
func (w *scratch) reach(t *term, x line) bool {
	w.first = w.first[:0]
	j := -1
	for i := range t.low {
		if j = t.find(i, x, j+1); j < 0 {
			return false
		}
		w.first = append(w.first, j)
	}
	return true
}

// fuzzy scores the best way to find the letters of the term in order. tight begins, and continues after a gap, only where a
// token starts: euw1 is in eu-west-1, but not in "measured wall 1". ok is false when there is no way.
func (w *scratch) fuzzy(t *term, x line, tight, positions bool) (score int, ok bool) {
	if !w.reach(t, x) {
		return 0, false
	}
	w.trail = w.trail[:0]
	w.begin(t, x, tight)
	for i := 1; i < len(t.low); i++ {
		if positions {
			w.trail = append(w.trail, append([]place(nil), w.row...))
		}
		w.step(t, x, i, tight)
	}
	score, _ = w.best(x)
	return score, score > never
}

// best is the best of the places of the last letter.
func (w *scratch) best(x line) (score, at int) {
	score = never
	for i, p := range w.row {
		s := int(p.score)
		if x.edge(int(p.at) + 1) {
			s += wholeToken
		}
		if s > score {
			score, at = s, i
		}
	}
	return score, at
}

func (w *scratch) begin(t *term, x line, tight bool) {
	n := 0
	for j := w.first[0]; j >= 0; j = t.find(0, x, j+1) {
		if tight && bonus(x, j) == 0 {
			continue
		}
		w.a[n] = place{at: int16(j), score: int16(startScore(x, j)), from: -1}
		n++
	}
	w.row, w.next = w.a[:n], w.b[:0]
}

// step finds the places of letter i, in next, from those of the letter before, in row. A place follows right behind the one
// before, or with a gap from the best of those further left: far, whose score is kept free of the tokens passed over since
// the start of the text so that they can be charged by a subtraction.
func (w *scratch) step(t *term, x line, i int, tight bool) {
	row, next := w.row, w.next[:maxRunes]
	far, farAt, p, n := never, -1, 0, 0
	for j := w.first[i]; j >= 0; j = t.find(i, x, j+1) {
		for ; p < len(row) && int(row[p].at) < j-1; p++ {
			if s := int(row[p].score) + perBoundary*int(x.cls[row[p].at]>>tokenShift); s > far {
				far, farAt = s, p
			}
		}
		b := bonus(x, j)
		best, from := never, -1
		if farAt >= 0 && (b > 0 || !tight) {
			best, from = far-perBoundary*int(x.cls[j]>>tokenShift)+perLetter+b, farAt
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
	_, at := w.best(x)
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
