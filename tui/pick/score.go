package pick

import "unicode"

// maxRunes is how much of a text is searched: identifiers are at most 63 long, DNS names 255.
const maxRunes = 256

// A text is searched as two parallel slices: its folded letters, and for each letter how good a place it is to match at
// (five bits), whether it is a capital (one bit), and how many tokens have begun up to it (the high byte).
const (
	bonusMask  = 0x1f
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

// line is a text made ready for searching.
type line struct {
	low []uint16
	cls []uint16
}

// appendLine adds the letters of s to the two slabs and returns the mask of its letters and the number of its tokens.
func appendLine(low []uint16, cls []uint16, s string) ([]uint16, []uint16, uint64, int) {
	var mask uint64
	tokens, begun, n := 0, uint16(0), 0
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
			tokens++
		case word && !before:
			c = startOfToken
			tokens++
		case unicode.IsUpper(r) && unicode.IsLower(prev):
			c = startOfHump
		case word && isDigit(r) != isDigit(prev):
			c = startOfDigit
		}
		if c >= startOfHump {
			begun++
		}
		c |= min(begun, 0xff) << tokenShift
		if unicode.IsUpper(r) {
			c |= capital
		}
		f := code(r)
		low, cls = append(low, f), append(cls, c)
		mask |= bit(f)
		prev = r
		n++
	}
	return low, cls, mask, tokens
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

// same says whether letter i of the term is letter j of the text, by the term's case.
func (t *term) same(i int, x line, j int) bool {
	return t.low[i] == x.low[j] && (t.upper == nil || t.upper[i] == (x.cls[j]&capital != 0))
}

// at says whether the whole term stands in the text from letter j on.
func (t *term) at(x line, j int) bool {
	for i := range t.low {
		if !t.same(i, x, j+i) {
			return false
		}
	}
	return true
}

// edge says whether a token begins or ends between letters j-1 and j.
func (x line) edge(j int) bool {
	return j <= 0 || j >= len(x.low) || !letter(rune(x.low[j-1])) || !letter(rune(x.low[j])) || x.cls[j]&bonusMask >= startOfHump
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
	for j := max(from, 0); j <= to; j++ {
		if x.low[j] != t.low[0] || !t.at(x, j) {
			continue
		}
		if t.kind == bounded && (!x.edge(j) || !x.edge(j+m)) {
			continue
		}
		if s := t.run(x, j); at < 0 || s > score {
			score, at = s, j
		}
	}
	if from > to || m > n {
		return 0, -1
	}
	return score, at
}
