package roles

import (
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
)

// Row is a profile.
type Row struct {
	aws.Profile
	Used time.Time // last, by rdsx; zero for never
	Keys []Key     // what a change starts from
}

// Key is one key of a profile in the config file.
type Key struct{ Name, Value string }

// Op is what a change does.
type Op string

// The changes.
const (
	Add    Op = "add"
	Edit   Op = "change"
	Remove Op = "remove"
)

// Change is what the user wants of a profile. Keys with an empty value are taken away by Edit.
type Change struct {
	Op   Op
	Name string
	Keys []Key
}

// What the screen is told. Answers carry the number of their question.
type (
	// Listed are all profiles, in any order, at that time.
	Listed struct {
		At   time.Time
		Rows []Row
		Err  error
	}
	// Planned is the diff of a change that nothing has been done about yet.
	Planned struct {
		N       int
		Diff    string // "" when there is nothing to change
		Path    string // of the file
		Foreign bool   // rdsx has not written this profile: its name is asked for first
		Err     error
	}
	// Written says that a change is in the file, or why not.
	Written struct {
		N    int
		Text string
		Err  error
	}
)

// What the screen asks for: intents for the root.
type (
	// ListAsked asks for Listed.
	ListAsked struct{}
	// PlanAsked asks for Planned with the same number.
	PlanAsked struct {
		N      int
		Change Change
	}
	// WriteAsked asks for the change of the plan with that number to be written; Written answers.
	WriteAsked struct{ N int }
	// SignInAsked asks for the profile to be signed in to.
	SignInAsked struct{ Name string }
	// Notice asks for a toast.
	Notice struct {
		Level chrome.Level
		Text  string
	}
	// Leave says that the user is done with the screen.
	Leave struct{}
)
