package chrome

import (
	"fmt"
	"strings"
	"time"

	"github.com/rdsx/rdsx/tui/theme"
)

// LabelWidth is how many cells the labels of facts take.
const LabelWidth = 10

// Fact is a label and its value, which may come from outside, wrapped to w cells; nothing when the value is empty.
func Fact(th theme.Theme, label string, r theme.Role, value string, w int) []string {
	if value == "" {
		return nil
	}
	var out []string
	for _, part := range Wrap(Clean(value), max(w-LabelWidth, 8)) {
		out = append(out, th.Paint(theme.Faint, Cell(label, LabelWidth))+th.Paint(r, part))
		label = ""
	}
	return out
}

// Rule is the line above the facts of what is called name, w cells.
func Rule(th theme.Theme, name string, w int) string {
	name = Middle(name, max(w-12, 4))
	return th.Paint(theme.Outline, " ──") + " " + th.Paint(theme.Strong, name) + " " + th.Paint(theme.Outline, strings.Repeat("─", max(w-6-cells(name), 0)))
}

// Span is a length of time in its largest unit; one that is over is none.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}
