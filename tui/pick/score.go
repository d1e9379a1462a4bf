package pick

import (
	"bytes"
	"unicode"
)

// maxRunes is how much of a text is searched: identifiers are at most 63 long, DNS names 255.
const maxRunes = 256

// What is known of each letter of a text: how good a place it is to match at (five bits), whether it belongs to a word and
// whether it is a capital (a bit each), and how many tokens have begun up to it (the high byte).
const (
	bonusMask  = 0x1f
	inWord     = 0x40
	capital    = 0x80
	tokenShift = 8

	startOfText  = 14 // the first letter
	startOfToken = 12 // the first letter of a word: after -, _, . or a space
	startOfHump  = 11 // the capital in camelCase
	startOfDigit = 6  // the change between letters and digits

	perLetter   = 8 // for each letter found
	inARow      = 7 // at least, for each letter right behind the one before
	skipInside  = 5 // off, for landing in the middle of another token
	skipSpelt   = 2 // off, for landing in the same token over vowels alone, as people abbreviate: prd in prod
	perBoundary = 2 // off, for each token passed over
	wholeToken  = 1 // for the letter that ends a token that was matched without a gap
	never       = -1 << 13
)

// line is a text made ready for searching, letter by letter: low is what is scanned, at the speed of the processor's byte
// search; full tells letters beyond ASCII apart, which share the upper half of the bytes.
type line struct {
	low       []byte
	full, cls []uint16
}

func narrow(c uint16) byte {
	if c < 0x80 {
		return byte(c)
	}
	return 0x80 | byte(c^c>>7)
}

// add appends the letters of s and returns the mask of its letters and the number of its tokens.
func (x *line) add(s string) (mask uint64, tokens int) {
	n := 0
	prev := ' '
	for _, r := range s {
		if n == maxRunes {
			break
		}
		var c uint16
		word, before := letter(r), letter(prev)
		switch {
		case n == 0:
			c = startOfText
		case word && !before:
			c = startOfToken
		case unicode.IsUpper(r) && unicode.IsLower(prev):
			c = startOfHump
		case word && isDigit(r) != isDigit(prev):
			c = startOfDigit
		}
		if c >= startOfHump {
			tokens++
		}
		c |= uint16(min(tokens, 0xff)) << tokenShift
		if word {
			c |= inWord
		}
		if unicode.IsUpper(r) {
			c |= capital
		}
		f := code(r)
		x.low, x.full, x.cls = append(x.low, narrow(f)), append(x.full, f), append(x.cls, c)
		mask |= bit(f)
		prev = r
		n++
	}
	return mask, tokens
}

func letter(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func vowel(r rune) bool {
	switch r {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		return true
	}
	return false
}

// same says whether letter i of the term, whose byte stands at j of the text, is that letter, also by the term's case.
func (t *term) same(i int, x line, j int) bool {
	return (t.low[i] < 0x80 || t.full[i] == x.full[j]) && (t.upper == nil || t.upper[i] == (x.cls[j]&capital != 0))
}

// edge says whether a token begins or ends between letters j-1 and j.
func (x line) edge(j int) bool {
	return j <= 0 || j >= len(x.low) || x.cls[j-1]&x.cls[j]&inWord == 0 || x.cls[j]&bonusMask >= startOfHump
}

func bonus(x line, j int) int { return int(x.cls[j] & bonusMask) }

// run is the score of the term standing in one piece at letter j.
func (t *term) run(x line, j int) int {
	s := startScore(x, j)
	for i := 1; i < len(t.low); i++ {
		s += perLetter + max(bonus(x, j+i), inARow)
	}
	if x.edge(j + len(t.low)) {
		s += wholeToken
	}
	return s
}

func startScore(x line, j int) int { return perLetter + bonus(x, j)*3/2 - min(j, 6)/2 }

// piece finds the best place where the term stands in one piece under the rules of its kind; -1 when there is none.
func (t *term) piece(x line) (score, at int) {
	n, m := len(x.low), len(t.low)
	from, to := 0, n-m
	switch t.kind {
	case prefix:
		to = min(to, 0)
	case suffix:
		from = to
	case equal:
		if n != m {
			return 0, -1
		}
	}
	at = -1
	if from < 0 || from > to {
		return 0, at
	}
next:
	for j := from; j <= to; j++ {
		skip := bytes.Index(x.low[j:to+m], t.low)
		if skip < 0 {
			break
		}
		j += skip
		for i := range t.low {
			if !t.same(i, x, j+i) {
				continue next
			}
		}
		if t.kind == bounded && (!x.edge(j) || !x.edge(j+m)) {
			continue
		}
		if s := t.run(x, j); at < 0 || s > score {
			score, at = s, j
		}
	}
	return score, at
}
