package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// asker asks questions on the terminal, a line each.
type asker struct {
	can bool // there is a terminal with somebody at it
	in  *bufio.Reader
	out io.Writer
}

func newAsker(a *app) *asker {
	in, ok := a.Stdin.(*os.File)
	out, alsoOut := fileOf(a.Stderr)
	return &asker{
		can: ok && alsoOut && !a.flags.noInput && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd())),
		in:  bufio.NewReader(a.Stdin),
		out: a.Stderr,
	}
}

// line asks and returns the answer without blanks around it.
func (q *asker) line(ctx context.Context, question string) (string, error) {
	fmt.Fprint(q.out, question)
	type answer struct {
		line string
		err  error
	}
	// A read of a terminal cannot be cancelled; the goroutine ends with its line, or with the process.
	answers := make(chan answer, 1)
	go func() {
		line, err := q.in.ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		if errors.Is(got.err, io.EOF) {
			got.err = errors.New("the question was not answered")
		}
		return strings.TrimSpace(got.line), got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// or asks for a value that has a proposal, which an empty answer takes.
func (q *asker) or(ctx context.Context, what, proposal string) (string, error) {
	if proposal != "" {
		what += " [" + proposal + "]"
	}
	answer, err := q.line(ctx, what+": ")
	if answer == "" {
		answer = proposal
	}
	return answer, err
}
