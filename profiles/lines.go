package profiles

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line is a physical line: text is data[start:end], its terminator ("\n", "\r\n" or none) is data[end:next].
type line struct{ start, end, next int }

// splitLines cuts data after every "\n". The last line is there only if it has a byte.
func splitLines(data []byte) []line {
	var out []line
	for at := 0; at < len(data); {
		l := line{start: at, end: len(data), next: len(data)}
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			l.end, l.next = at+i, at+i+1
			if i > 0 && data[l.end-1] == '\r' {
				l.end--
			}
		}
		out = append(out, l)
		at = l.next
	}
	return out
}

// dominantEOL is the terminator that most lines of data have.
func dominantEOL(data []byte) string {
	crlf := bytes.Count(data, []byte("\r\n"))
	if crlf > bytes.Count(data, []byte("\n"))-crlf {
		return "\r\n"
	}
	return "\n"
}

// isSpace is what Python's str.isspace calls white space: Unicode's, and the four separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func strip(s string) string { return strings.TrimFunc(s, isSpace) }

// indentOf counts the characters before the first that is not white space, as configparser does.
func indentOf(s string) int {
	return utf8.RuneCountInString(s[:len(s)-len(strings.TrimLeftFunc(s, isSpace))])
}

// bom is the byte order mark of UTF-8.
const bom = "\ufeff"
