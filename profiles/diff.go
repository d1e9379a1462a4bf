package profiles

import (
	"bytes"
	"fmt"
	"strings"
)

// diffContext is how many unchanged lines stand around a change.
const diffContext = 3

// maxTable bounds the table of the longest common subsequence; above it a change is shown as all out, all in.
const maxTable = 1 << 22

// diffLine is one line of a diff: mark ' ', '-' or '+', and the line's numbers in both files from 0.
type diffLine struct {
	mark byte
	text string
	a, b int
}

// unified is the change from a to b as diff -u writes it, without the values of secrets; "" when they are equal.
func unified(path string, a, b []byte) string {
	if bytes.Equal(a, b) {
		return ""
	}
	lines := compare(cut(a), cut(b))
	shownA, shownB := redacted(a), redacted(b)
	for i, l := range lines {
		if l.mark == '+' {
			lines[i].text = shownB[l.b]
		} else {
			lines[i].text = shownA[l.a]
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", path, path)
	for at := 0; at < len(lines); {
		first := nextChange(lines, at)
		if first < 0 {
			break
		}
		end := first + 1 // after the last change of this hunk
		for next := nextChange(lines, end); next >= 0 && next-end <= 2*diffContext; next = nextChange(lines, end) {
			end = next + 1
		}
		from, to := max(at, first-diffContext), min(len(lines), end+diffContext)
		writeHunk(&out, lines[from:to])
		at = to
	}
	return out.String()
}

func nextChange(lines []diffLine, from int) int {
	for i := from; i < len(lines); i++ {
		if lines[i].mark != ' ' {
			return i
		}
	}
	return -1
}

func writeHunk(out *strings.Builder, hunk []diffLine) {
	count := map[byte]int{}
	for _, l := range hunk {
		count[l.mark]++
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", hunkRange(hunk[0].a, count[' ']+count['-']), hunkRange(hunk[0].b, count[' ']+count['+']))
	for _, l := range hunk {
		out.WriteByte(l.mark)
		out.WriteString(l.text)
		if !strings.HasSuffix(l.text, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// hunkRange counts lines from 1; an empty range names the line before it.
func hunkRange(first, n int) string {
	if n == 0 {
		return fmt.Sprintf("%d,0", first)
	}
	return fmt.Sprintf("%d,%d", first+1, n)
}

// compare lines up a and b: the common beginning and end, and between them the longest common subsequence.
func compare(a, b []string) []diffLine {
	var out []diffLine
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		out = append(out, diffLine{' ', a[head], head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	out = append(out, between(a[head:len(a)-tail], b[head:len(b)-tail], head)...)
	for i := range tail {
		at, bt := len(a)-tail+i, len(b)-tail+i
		out = append(out, diffLine{' ', a[at], at, bt})
	}
	return out
}

// cut is data in lines, each with its terminator.
func cut(data []byte) []string {
	var out []string
	for _, l := range splitLines(data) {
		out = append(out, string(data[l.start:l.next]))
	}
	return out
}

// between compares what has neither beginning nor end in common; both start at line base.
func between(a, b []string, base int) []diffLine {
	common := func(int, int) int { return 0 }
	if len(a)*len(b) <= maxTable {
		table := make([][]int32, len(a)+1)
		for i := range table {
			table[i] = make([]int32, len(b)+1)
		}
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if a[i] == b[j] {
					table[i][j] = table[i+1][j+1] + 1
				} else {
					table[i][j] = max(table[i+1][j], table[i][j+1])
				}
			}
		}
		common = func(i, j int) int { return int(table[i][j]) }
	}
	var out []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j] && common(i, j) > 0:
			out = append(out, diffLine{' ', a[i], base + i, base + j})
			i++
			j++
		case i < len(a) && (j == len(b) || common(i+1, j) >= common(i, j+1)):
			out = append(out, diffLine{'-', a[i], base + i, base + j})
			i++
		default:
			out = append(out, diffLine{'+', b[j], base + i, base + j})
			j++
		}
	}
	return out
}

// redacted is data in lines, as cut, with the values of secret keys replaced, those in comments included.
func redacted(data []byte) []string {
	var out []string
	secret := false
	for _, l := range splitLines(data) {
		text := string(data[l.start:l.end])
		end := string(data[l.end:l.next])
		at := strings.IndexAny(text, "=:")
		indented := strings.TrimLeft(text, " \t") != text
		switch {
		case at >= 0 && isSecret(strip(strings.TrimLeft(text[:at], "#; \t"))):
			secret = true
			text = text[:at+1] + " [redacted]"
		case secret && indented && strip(text) != "":
			text = "  [redacted]" // the value goes on
		default:
			secret = secret && strip(text) == ""
		}
		out = append(out, text+end)
	}
	return out
}
