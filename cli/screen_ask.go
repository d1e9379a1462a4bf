package cli

import (
	"context"
	"io"

	"github.com/rdsx/rdsx/aws/account"
	"github.com/rdsx/rdsx/tui"
)

// askMFA asks for the code of an MFA device. While the screens are up, they make room for the question: it is asked on the
// plain terminal, as every other command asks it.
func (s *screenRun) askMFA(plain bool) account.AskMFA {
	if plain || s.app.flags.mfaCode != "" {
		return s.app.askMFA
	}
	return func(ctx context.Context, serial string, refused bool) (string, error) {
		q := &question{ask: func() (string, error) { return s.app.askMFA(ctx, serial, refused) }, answer: make(chan reply, 1)}
		select {
		case s.questions <- tui.Question{Ask: q}:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		select {
		case r := <-q.answer:
			return r.text, r.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// question is asked while the screens have let go of the terminal.
type question struct {
	ask    func() (string, error)
	answer chan reply // 1 slot
}

type reply struct {
	text string
	err  error
}

// Run implements tea.ExecCommand.
func (q *question) Run() error {
	text, err := q.ask()
	q.answer <- reply{text, err}
	return err
}

// The question is asked on the process's own streams.
func (q *question) SetStdin(io.Reader)  {}
func (q *question) SetStdout(io.Writer) {}
func (q *question) SetStderr(io.Writer) {}
