package doctor

import (
	"errors"
	"strings"
)

// UnlistedError is Options.Target's error for a target that may well be there: the lists that would show it may not be read.
// What of the target is known without them comes with it, and is examined.
type UnlistedError struct {
	Actions []string // that are not allowed, as a policy grants them
	Instead string   // what does without them, for people
}

func (e *UnlistedError) Error() string {
	verb := " is"
	if len(e.Actions) > 1 {
		verb = " are"
	}
	return strings.Join(e.Actions, ", ") + verb + " not allowed"
}

func (e *UnlistedError) ask() string {
	ask := "ask for " + strings.Join(e.Actions, ", ")
	if e.Instead != "" {
		ask += ", or " + e.Instead
	}
	return ask
}

// skippedFor is a check without anything to look at: because the target is not known, or because it has no such thing.
func skippedFor(err error, nothing string) Result {
	var unlisted *UnlistedError
	if errors.As(err, &unlisted) {
		return skipped("not checked: the target is not known")
	}
	return skipped("%s", nothing)
}
