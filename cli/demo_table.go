package cli

import (
	"io"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// widestCell is how many columns of a terminal a value may take before it is cut.
const widestCell = 60

// table is the answer to a query: cells line up also where letters are two columns wide.
type table struct {
	head  []string
	right []bool // numbers stand on the right
	rows  [][]string
}

// print writes head, rule and rows, each line without blanks at its end.
func (t table) print(w io.Writer) error {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], ansi.StringWidth(shown(cell)))
		}
	}
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n+2)
	}
	var b strings.Builder
	t.line(&b, t.head, widths)
	b.WriteString(strings.Join(rule, "+") + "\n")
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t table) line(b *strings.Builder, row []string, widths []int) {
	var line strings.Builder
	for i, cell := range row {
		if i > 0 {
			line.WriteString(" |")
		}
		text := shown(cell)
		pad := strings.Repeat(" ", widths[i]-ansi.StringWidth(text))
		if t.right[i] {
			line.WriteString(" " + pad + text)
		} else {
			line.WriteString(" " + text + pad)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// shown is a value as a terminal may get it: on one line, without control characters, cut to the widest cell.
func shown(value string) string {
	value = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar:
			return '·'
		}
		return r
	}, value)
	return ansi.Truncate(value, widestCell, "…")
}
