package pick

import "unicode"

// fold is the letter that r is searched as: lower case, without accent. Letters outside the Latin blocks keep their form.
func fold(r rune) rune {
	if r < 0x80 {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	r = unicode.ToLower(r)
	if r >= 0xdf && r <= 0x17f {
		if plain := latin[r-0xdf]; plain != ' ' {
			return rune(plain)
		}
	}
	return r
}

// code is r as it is searched: folded, in sixteen bits, so that twice as many letters fit in the processor's cache. Letters
// beyond U+FFFF, emoji above all, share the room of the surrogates, 2,048 places.
func code(r rune) uint16 {
	if r = fold(r); r > 0xffff {
		return uint16(0xd800 | r&0x7ff)
	}
	return uint16(r)
}

// latin gives the plain letter for U+00DF…U+017F (lower case only); a space stands for none.
const latin = "" +
	"saaaaaaaceeeeiiiidnooooo ouuuuyty" + // U+00DF…U+00FF
	" a a a c c c c d d e e e e e g g g g h h i i i i i i j kk l l l " + // U+0100…U+013F
	"l l n n nn n o o o o r r r s s s s t t t u u u u u u w y  z z zs" // U+0140…U+017F

// bit is r's place in a letter mask. Letters and digits have their own; the rest share 28.
func bit(r uint16) uint64 {
	switch {
	case r >= 'a' && r <= 'z':
		return 1 << (r - 'a')
	case r >= '0' && r <= '9':
		return 1 << (26 + r - '0')
	}
	return 1 << (36 + r%28)
}
