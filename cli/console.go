package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/rdsx/rdsx/aws/engine"
)

// console is what a person sees of tunnels: answers on stdout, lines on stderr, and below them, on a terminal, one line of live
// counters. Several tunnels may share it.
type console struct {
	out, err io.Writer
	live     bool          // stderr can redraw a line
	asking   *atomic.Int32 // how many questions stand on the terminal
	width    int           // of the longest label
	together string        // what is printed once the first is ready

	mu      sync.Mutex
	line    string          // the counters now on the terminal's last line, before they are cut to its width
	waiting []func()        // what is to be said once a question is answered
	ready   []*textReporter // whose counters are shown
	told    bool            // together is printed
}

func newConsole(a *app) *console {
	return &console{out: a.Stdout, err: a.Stderr, live: a.isTerminal(a.Stderr), asking: a.asking, together: "Ctrl-C ends it."}
}

// say writes lines above the counters. While a question stands on the terminal, which a line of ours would hide,
// they wait.
func (c *console) say(lines func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked() {
		c.waiting = append(c.waiting, lines)
		return
	}
	c.flush()
	c.clear()
	lines()
	c.draw()
}

// Write passes on what others write to stderr, at once: it may be a question.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	if c.asked() {
		c.line = "" // the question stands where it was
	}
	n, err := c.err.Write(b)
	c.draw()
	return n, err
}

// asked says whether a question stands on the terminal. c.mu is held, as for all that follow.
func (c *console) asked() bool { return c.live && c.asking != nil && c.asking.Load() > 0 }

func (c *console) flush() {
	if len(c.waiting) == 0 {
		return
	}
	c.clear()
	for _, lines := range c.waiting {
		lines()
	}
	c.waiting = nil
	c.draw()
}

// count redraws the counters.
func (c *console) count() {
	if c.asked() {
		c.line = ""
		return
	}
	c.flush()
	if len(c.ready) > 0 {
		if line := c.counters(); line != c.line {
			c.clear()
			c.line = line
			c.draw()
		}
	}
}

// counters are those of the only tunnel, or the sums of all.
func (c *console) counters() string {
	if len(c.ready) == 1 {
		return c.ready[0].line()
	}
	var up, down uint64
	var upRate, downRate float64
	conns := 0
	for _, t := range c.ready {
		up, down, conns = up+t.last.Up, down+t.last.Down, conns+len(t.last.Conns)
		upRate, downRate = upRate+t.up, downRate+t.down
	}
	return fmt.Sprintf("%d tunnels  %s", len(c.ready), traffic(up, down, upRate, downRate, conns))
}

// readied has the tunnel's counters shown.
func (c *console) readied(t *textReporter) {
	c.ready = append(c.ready, t)
	if c.live && !c.told {
		c.told = true
		fmt.Fprintln(c.err, c.together)
	}
}

// left shows the tunnel's counters no more and writes what is to stay of it. It is called without c.mu.
func (c *console) left(t *textReporter, lines func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
	c.clear()
	c.line = ""
	c.ready = slices.DeleteFunc(c.ready, func(x *textReporter) bool { return x == t })
	lines()
}

func (c *console) clear() {
	if c.live && c.line != "" {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
}

func (c *console) draw() {
	if c.live && c.line != "" {
		width, _ := sizeOf(c.err)
		// What does not fit would go on in the next row, and clearing takes one row away: the others would stay for ever. The last
		// column stays free, because some terminals begin the next row with it.
		fmt.Fprint(c.err, ansi.Truncate(c.line, width-1, "…"))
	}
}

// sizeOf is the size of the terminal that w writes to, or one that every terminal has.
func sizeOf(w io.Writer) (width, height int) {
	if f, ok := fileOf(w); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// address is the line of one of several tunnels that is ready.
func (c *console) address(label, local string, command []string) string {
	return strings.TrimRight(c.padded(label)+" "+local+"  "+engine.Quote(command), " ")
}

// padded is a label in its column, with a blank behind it; no label has no column.
func (c *console) padded(label string) string {
	if label == "" {
		return ""
	}
	return fmt.Sprintf("%-*s ", c.width, label)
}
