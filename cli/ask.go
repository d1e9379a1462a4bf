package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/rdsx/rdsx/aws"
)

// askMFA asks the terminal for the code of an MFA device, after one that was refused with a word about that. Nobody to ask is a
// sign-in error, never a blocked command.
func (a *app) askMFA(ctx context.Context, serial string, refused bool) (string, error) {
	if a.flags.mfaCode != "" {
		return a.flags.mfaCode, nil
	}
	in, ok := a.Stdin.(*os.File)
	if a.flags.noInput || !ok || !term.IsTerminal(int(in.Fd())) {
		return "", aws.Advise(fmt.Errorf("the profile asks for a code of %s and there is nobody to ask", serial), aws.ErrSignIn, a.again("", "--mfa-code", "123456"))
	}
	if a.question != nil { // several profiles may want one at a time
		a.question.Lock()
		defer a.question.Unlock()
	}
	if refused {
		fmt.Fprintln(a.Stderr, "AWS refuses that code. It takes each code once: type the next one that the device shows.")
	}
	fmt.Fprintf(a.Stderr, "MFA code of %s: ", serial)
	type answer struct {
		line string
		err  error
	}
	// A read of a terminal cannot be cancelled; the goroutine ends with its line, or with the process.
	answers := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(in).ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		return strings.TrimSpace(got.line), got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
