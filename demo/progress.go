package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"time"
)

// progress is how far the go command is, read from what it says.
type progress struct {
	name       string
	started    time.Time
	total      int // packages, an upper bound: those in Go's cache are not compiled again; 0 when unknown
	built      int
	latest     string // package that was begun last
	downloaded int    // modules
	said       []string
}

// kept is how many lines of the compiler are shown when it fails.
const kept = 20

var (
	packageLine  = regexp.MustCompile(`^[\w.~@+-]+(/[\w.~@+-]+)*$`)
	downloadLine = regexp.MustCompile(`^go: downloading \S+ \S+$`)
)

func newProgress(name string, now time.Time) *progress { return &progress{name: name, started: now} }

// line takes one line of `go list` or `go build -v`: a package that is being compiled, a module that is being downloaded, or
// something that has to be shown if it fails.
func (p *progress) line(text string) {
	switch {
	case packageLine.MatchString(text):
		p.built++
		p.latest = text
	case downloadLine.MatchString(text):
		p.downloaded++
	case strings.TrimSpace(text) != "":
		if p.said = append(p.said, text); len(p.said) > kept {
			p.said = p.said[1:]
		}
	}
}

// at is one line of at most 79 columns.
func (p *progress) at(now time.Time) string {
	took := now.Sub(p.started).Truncate(time.Second)
	switch {
	case p.built > 0 && p.total == 0:
		return fmt.Sprintf("building %s: %d packages… %s (%.30s)", p.name, p.built, took, path.Base(p.latest))
	case p.built > 0:
		return fmt.Sprintf("building %s %d/%d packages… %s (%.30s)", p.name, min(p.built, p.total), p.total, took, path.Base(p.latest))
	case p.downloaded > 0:
		return fmt.Sprintf("building %s: %d modules downloaded… %s", p.name, p.downloaded, took)
	}
	return fmt.Sprintf("building %s… %s", p.name, took)
}

// failure is the compiler's last lines and what to do about them.
func (p *progress) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := strings.Join(p.said, "\n")
	return fmt.Errorf("building %s: %w\n%s\n%s", p.name, err, text, advice(text))
}

func advice(said string) string {
	switch {
	case strings.Contains(said, "signal: killed") || strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return "hint: the compiler ran out of memory: compiling the EC2 client takes 3.2 GB. Close other programs, or trade time for\n" +
			"memory (about 2 GB): GOMEMLIMIT=1GiB GOFLAGS=-p=1 go run ./demo"
	case strings.Contains(said, "no space left on device"):
		return "hint: the disk is full: the build needs about 2 GB in `go env GOCACHE` and `go env GOMODCACHE`"
	case strings.Contains(said, "dial tcp") || strings.Contains(said, "i/o timeout") || strings.Contains(said, "no such host") || strings.Contains(said, "proxyconnect"):
		return "hint: Go modules could not be downloaded: check the network, HTTPS_PROXY and `go env GOPROXY`"
	case strings.Contains(said, "requires go >="):
		return "hint: a newer Go is needed: https://go.dev/dl"
	}
	return "hint: go version has to be the one of go.mod or newer; try again with: go clean -cache && go run ./demo"
}

// display draws a progress: one line drawn again on a terminal, a plain line now and then elsewhere.
type display struct {
	out    io.Writer
	redraw bool
	p      *progress
	plain  time.Time // of the last plain line
}

// plainEvery is how often a plain line is printed.
const plainEvery = 10 * time.Second

func (b *builder) show(p *progress) *display {
	return &display{out: b.talk, redraw: b.redraw, p: p, plain: p.started}
}

// follow takes lines until they end.
func (d *display) follow(p *progress, from <-chan string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case text, ok := <-from:
			if !ok {
				return
			}
			p.line(text)
			if d.redraw {
				d.draw(time.Now())
			}
		case now := <-tick.C:
			d.draw(now)
		}
	}
}

func (d *display) draw(now time.Time) {
	switch {
	case d.redraw:
		fmt.Fprint(d.out, "\r"+d.p.at(now)+"\x1b[K")
	case now.Sub(d.plain) >= plainEvery:
		d.plain = now
		fmt.Fprintln(d.out, d.p.at(now))
	}
}

func (d *display) clear() {
	if d.redraw {
		fmt.Fprint(d.out, "\r\x1b[K")
	}
}

// done says what was built, when it was worth waiting for.
func (d *display) done(now time.Time) {
	d.clear()
	if d.p.built > 0 {
		fmt.Fprintf(d.out, "built %s in %s\n", d.p.name, now.Sub(d.p.started).Round(time.Second))
	}
}

// isTerminal is a guess without a system call of our own: a character device, and a terminal that can redraw.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
