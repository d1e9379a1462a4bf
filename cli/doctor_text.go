package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/doctor"
)

// checklist shows checks while they run: on a terminal redrawn in place with a spinner, elsewhere one line for each, in the
// order of the table.
type checklist struct {
	out    io.Writer
	live   bool
	colour bool

	mu      sync.Mutex
	rows    []doctor.Result
	done    []bool
	printed int // rows that stand for good
	drawn   int // lines below them that are redrawn
	frame   int
	stop    chan struct{}
	spinner sync.WaitGroup
}

func newChecklist(a *app) *checklist {
	rows := doctor.Checks()
	l := &checklist{
		out: a.Stdout, live: a.isTerminal(a.Stdout), rows: rows, done: make([]bool, len(rows)), stop: make(chan struct{}),
	}
	l.colour = l.live && a.getenv("NO_COLOR") == ""
	if l.live {
		l.spinner.Go(l.spin)
	}
	return l
}

func (l *checklist) spin() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.mu.Lock()
			l.frame++
			l.draw()
			l.mu.Unlock()
		case <-l.stop:
			return
		}
	}
}

// ended takes a result in.
func (l *checklist) ended(r doctor.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.rows, func(row doctor.Result) bool { return row.ID == r.ID })
	l.rows[at], l.done[at] = r, true
	l.draw()
}

func (l *checklist) close() {
	close(l.stop)
	l.spinner.Wait()
}

// draw prints what is settled for good, and redraws what is not below it. l.mu is held.
func (l *checklist) draw() {
	var b strings.Builder
	end := "\n"
	if l.live {
		end = "\x1b[K\n" // line by line: clearing the whole would flicker, and tmux would keep a copy
	}
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", l.drawn)
	}
	for l.printed < len(l.rows) && l.done[l.printed] {
		b.WriteString(l.row(l.rows[l.printed], 0) + end)
		l.printed++
	}
	l.drawn = 0
	if l.live {
		width, height := sizeOf(l.out)
		for i := l.printed; i < len(l.rows) && l.drawn < height-2; i++ {
			if l.done[i] {
				b.WriteString(l.row(l.rows[i], width) + end)
			} else {
				b.WriteString(ansi.Truncate(l.paint(spinnerFrame(l.frame), "36")+" checking  "+l.rows[i].Title, width-1, "…") + end)
			}
			l.drawn++
		}
		b.WriteString("\x1b[J")
	}
	_, _ = io.WriteString(l.out, b.String()) // a reader that has gone away is told by the error of explain
}

// spinnerFrame is one of ten Braille figures.
func spinnerFrame(n int) string { return string([]rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[n%10]) }

func (l *checklist) paint(s, code string) string {
	if !l.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// mark is a status as a glyph and a word: each says it alone.
func (l *checklist) mark(r doctor.Result) string {
	switch r.Status {
	case doctor.OK:
		return l.paint("✓ ok      ", "32")
	case doctor.Warned:
		return l.paint("! warning ", "33")
	case doctor.Failed:
		return l.paint("✗ failed  ", "91") // the dark red of many terminals cannot be read on black
	case doctor.Unknown:
		return l.paint("? unknown ", "33")
	case doctor.Skipped:
	}
	return l.paint("– skipped ", "2")
}

// titleWidth is that of the longest title.
const titleWidth = 28

func (l *checklist) row(r doctor.Result, width int) string {
	line := l.mark(r) + r.Title + strings.Repeat(" ", max(1, titleWidth-ansi.StringWidth(r.Title))) + printable(r.Text)
	if r.Status == doctor.Failed && r.Because != "" {
		line += " (because of: " + titleOf(r.Because) + ")"
	}
	if width > 0 {
		return ansi.Truncate(line, width-1, "…")
	}
	return line
}

func titleOf(id doctor.ID) string {
	for _, r := range doctor.Checks() {
		if r.ID == id {
			return r.Title
		}
	}
	return string(id)
}

// explain prints each finding with its fixes, what to ask for, and the count.
func (l *checklist) explain(report doctor.Report) error {
	var b strings.Builder
	for _, r := range report.Findings() {
		fmt.Fprintf(&b, "\n%s%s: %s\n", l.mark(r), r.Title, printable(r.Text))
		for i, fix := range r.Fixes {
			word := "  fix: "
			if i > 0 {
				word = "  or:  "
			}
			b.WriteString(word + printable(fix.Text) + "\n")
			b.WriteString(fixLines(fix))
		}
	}
	b.WriteString(asks(report))
	count := map[doctor.Status]int{}
	for _, r := range report.Results {
		count[r.Status]++
	}
	fmt.Fprintf(&b, "\n%d ok", count[doctor.OK])
	for _, c := range []struct {
		status doctor.Status
		words  string
	}{
		{doctor.Failed, "failed"},
		{doctor.Warned, "with a warning"},
		{doctor.Unknown, "could not be checked"},
		{doctor.Skipped, "not needed or not reached"},
	} {
		if n := count[c.status]; n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, c.words)
		}
	}
	b.WriteString("\n")
	_, err := io.WriteString(l.out, b.String())
	return err
}

func fixLines(fix aws.Fix) string {
	var b strings.Builder
	if fix.Command != "" {
		b.WriteString("       " + printable(fix.Command) + "\n")
	}
	if fix.Console != "" {
		b.WriteString("       console: " + printable(fix.Console) + "\n")
	}
	if fix.Terraform != "" {
		b.WriteString("       Terraform:\n")
		for line := range strings.SplitSeq(strings.TrimSpace(fix.Terraform), "\n") {
			b.WriteString("         " + printable(line) + "\n")
		}
	}
	return b.String()
}

// asks lists what would have to be allowed for the checks that could not be made.
func asks(report doctor.Report) string {
	var lines []string
	for _, r := range report.Results {
		if r.Ask != "" && !slices.Contains(lines, r.Ask) {
			lines = append(lines, r.Ask)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n? To check more: " + printable(strings.Join(lines, "; ")) + "\n"
}
