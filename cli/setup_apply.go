package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rdsx/rdsx/aws/setup"
)

// applyStack makes a change set, shows it, and executes it once the stack's name was typed. Whatever else happens, nothing of
// it stays.
func (a *app) applyStack(ctx context.Context, cfg sdk.Config, flags setupFlags, accountID, template string) error {
	name := cmp.Or(flags.stack, flags.options.Name)
	ask := newAsker(a)
	if !ask.can && flags.confirmed == "" {
		return usage(a.again("", "--confirm", name), "--apply asks before it changes anything, and there is nobody to ask")
	}
	stack := setup.Stack{Name: name}
	changes, err := stack.Prepare(ctx, cfg, template)
	if err != nil {
		return errors.Join(err, discard(ctx, &stack))
	}
	if len(changes) == 0 {
		fmt.Fprintf(a.Stderr, "the stack %s is as it should be; nothing was changed\n", name)
		return nil
	}
	for _, c := range changes {
		note := ""
		if c.Replace {
			note = "  (a new one takes its place)"
		}
		fmt.Fprintf(a.Stdout, "%-7s %-36s %s%s\n", c.Action, c.Kind, c.ID, note)
	}
	typed := flags.confirmed
	if typed == "" {
		typed, err = ask.line(ctx, fmt.Sprintf("Account %s, %s. Type the stack's name, %s, to make these %d changes: ", accountID, cfg.Region, name, len(changes)))
	}
	switch {
	case err != nil:
		return errors.Join(err, discard(ctx, &stack))
	case typed != name:
		return errors.Join(usage("", "%q is not the stack's name; nothing was changed", typed), discard(ctx, &stack))
	}
	if err := stack.Execute(ctx); err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "the stack %s is in place\n", name)
	return nil
}

// discard takes the change set away, also when ctx has ended: a question that was broken off leaves nothing behind.
func discard(ctx context.Context, s *setup.Stack) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	return s.Discard(ctx)
}
