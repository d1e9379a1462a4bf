package chrome

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/tui/theme"
)

// Clean makes text from outside (names, tags, error messages) fit for the grid: one line, no control characters, no escape
// sequences, no direction overrides, and only clusters whose width every terminal agrees on. Joined emoji shrink to their
// first one: terminals that count code points would draw them several cells wider than those that count clusters.
func Clean(s string) string {
	// What is left after one pass can be cut into other clusters than before: a mark whose base was taken away, say. Names
	// need one pass; the limit is for hostile text.
	for range 4 {
		once := clean(s)
		if once == s {
			return s
		}
		s = once
	}
	return strings.Map(ascii, s)
}

func clean(s string) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		// An escape or control byte is never part of a cluster, so it is met here alone.
		if c := s[0]; c < 0x80 && (len(s) == 1 || s[1] < 0x80) {
			writeRune(&b, rune(c))
			s = s[1:]
			continue
		}
		cluster, width := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		if cluster == "" {
			_, n := utf8.DecodeRuneInString(s)
			cluster = s[:n]
		}
		s = s[len(cluster):]
		if r, _ := utf8.DecodeRuneInString(cluster); b.Len() == 0 && unicode.Is(unicode.M, r) {
			continue // a mark without its letter would join whatever is drawn on its left
		}
		writeCluster(&b, cluster, width)
	}
	out := b.String()
	if cells(out) != ansi.StringWidthWc(out) {
		return strings.Map(ascii, out) // neighbours that joined only after cleaning
	}
	return out
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func ascii(r rune) rune {
	if r > 0x7e {
		return '?'
	}
	return r
}

func writeCluster(b *strings.Builder, cluster string, width int) {
	safe := true
	for _, r := range cluster {
		safe = safe && printable(r)
	}
	if safe && width > 0 && width == ansi.StringWidthWc(cluster) {
		b.WriteString(cluster)
		return
	}
	for _, r := range cluster {
		if !printable(r) && !unicode.IsSpace(r) && !unicode.IsControl(r) {
			continue // joiners, selectors and overrides in front of the base
		}
		if w := cells(string(r)); w == 0 && printable(r) || w != ansi.StringWidthWc(string(r)) {
			continue
		}
		writeRune(b, r)
		return
	}
	if width > 0 {
		b.WriteRune(unicode.ReplacementChar)
	}
}

func writeRune(b *strings.Builder, r rune) {
	switch {
	case unicode.IsSpace(r):
		b.WriteByte(' ')
	case r == utf8.RuneError || unicode.IsControl(r):
		b.WriteRune(unicode.ReplacementChar)
	default:
		b.WriteRune(r)
	}
}

// printable leaves out control characters, format characters (joiners, direction overrides, tags) and variation selectors.
func printable(r rune) bool {
	return r != utf8.RuneError && unicode.IsPrint(r) && !unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Variation_Selector, r)
}

// Cell is s in exactly w cells: padded with spaces, or cut with "…". s may be painted.
func Cell(s string, w int) string {
	if w <= 0 {
		return ""
	}
	n := cells(s)
	if n > w {
		s = ansi.Truncate(s, w, "…")
		n = cells(s)
	}
	return s + spaces(w-n)
}

// Cut is the longest beginning of s that fits into w cells, never less than its first cluster. s must be unpainted.
func Cut(s string, w int) string {
	if head := ansi.Truncate(s, w, ""); head != "" || s == "" {
		return head
	}
	cluster, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return cluster
}

// CellRight is Cell with the text at the right edge: for numbers, so that they do not jump.
func CellRight(s string, w int) string {
	if n := cells(s); n < w {
		return spaces(w-n) + s
	}
	return Cell(s, w)
}

// Middle cuts s to at most w cells by leaving out its middle: the two ends of a host name say most. s must be unpainted.
func Middle(s string, w int) string {
	n := cells(s)
	if n <= w {
		return s
	}
	if w < 5 {
		return ansi.Truncate(s, max(w, 0), "…")
	}
	left := ansi.Truncate(s, (w-1)/2, "")
	right := ansi.TruncateLeft(s, n-(w-1-cells(left)), "")
	return ansi.Truncate(left+"…"+right, w, "")
}

// Wrap breaks s into lines of at most w cells, at spaces only, so that host names and options stay whole; words longer than
// a line are cut. s must be unpainted.
func Wrap(s string, w int) []string {
	if w < 1 {
		return nil
	}
	var out []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) <= w:
			line += " " + word
		default:
			out = append(out, line)
			line = word
		}
		for cells(line) > w {
			head := ansi.Truncate(line, w, "")
			if head == "" {
				return append(out, Cell("…", w)) // not even one wide character fits
			}
			out = append(out, head)
			line = line[len(head):]
		}
	}
	if line != "" || len(out) == 0 {
		out = append(out, line)
	}
	return out
}

// Fill is s as exactly h lines of exactly w cells: cut where it is larger, padded where it is smaller. s may be painted.
func Fill(s string, w, h int) string {
	if h <= 0 {
		return ""
	}
	var b strings.Builder
	rest, more := s, true
	for i := range h {
		if i > 0 {
			b.WriteByte('\n')
		}
		var line string
		if more {
			line, rest, more = strings.Cut(rest, "\n")
		}
		b.WriteString(Cell(line, w))
	}
	return b.String()
}

// crumb is the width below which what is left beside a box says nothing any more and is left blank.
const crumb = 8

// Over lays box on the middle of the w×h screen behind it, which turns quiet, and returns the whole: exactly w×h cells.
func Over(th theme.Theme, behind, box string, w, h int) string {
	lines := strings.Split(Fill(ansi.Strip(behind), w, h), "\n")
	rows := strings.Split(box, "\n")
	bw := 0
	for _, r := range rows {
		bw = max(bw, cells(r))
	}
	bw = min(bw, w)
	x, y := (w-bw)/2, max((h-len(rows))/2, 0)
	for i, l := range lines {
		if i < y || i >= y+len(rows) {
			lines[i] = th.Paint(theme.Faint, l)
			continue
		}
		left := ansi.Truncate(l, x, "")
		right := ansi.Cut(l, x+bw, w)
		for right != "" && cells(right) > w-x-bw { // the box's edge stands on a wide character
			cluster, _ := ansi.FirstGraphemeCluster(right, ansi.GraphemeWidth)
			right = right[max(len(cluster), 1):]
		}
		if x < crumb {
			left, right = "", ""
		}
		lines[i] = th.Paint(theme.Faint, Cell(left, x)) + Cell(rows[i-y], bw) + th.Paint(theme.Faint, CellRight(right, w-x-bw))
	}
	return strings.Join(lines, "\n")
}

func spaces(n int) string {
	const blank = "                                                                                                                                "
	if n <= 0 {
		return ""
	}
	if n <= len(blank) {
		return blank[:n]
	}
	return strings.Repeat(" ", n)
}

// Width is how many cells s takes on the grid. s may be painted.
func Width(s string) int { return cells(s) }

// cells is the width of s on the grid; escape sequences have none. Text of ASCII, colours and our own signs, which nearly
// every line is, is counted here; whatever else may join into clusters and is measured with care.
func cells(s string) int {
	n := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c >= 0x20 && c < 0x7f:
			i++
			n++
		case c == 0x1b:
			end := i + 2
			for end < len(s) && (s[end] == ';' || s[end] >= '0' && s[end] <= '9') {
				end++
			}
			if end >= len(s) || s[i+1] != '[' || s[end] != 'm' {
				return ansi.StringWidth(s)
			}
			i = end + 1
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !sign(r) {
				return ansi.StringWidth(s)
			}
			i += size
			n++
		}
	}
	return n
}

// sign says whether r is one of the signs that screens are drawn with: one cell wide everywhere.
func sign(r rune) bool {
	switch r {
	case '›', '●', '◌', '✗', '✓', '…', '·', '↑', '↓', '▌', '–', '→', '•':
		return true
	}
	return r >= 0x2500 && r <= 0x257f // frames
}
