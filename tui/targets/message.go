package targets

import (
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
)

// What the screen is told. Answers carry the number of the scan or question they belong to; those of another are dropped.
type (
	// Cached is the list of the last run, shown at once. It never replaces rows that were found in this one.
	Cached struct {
		Rows []Row
		At   time.Time // when it was gathered
	}
	// Started begins a scan. Scans are numbered from 1 upward.
	Started struct {
		Scan  int
		Parts int    // what is asked, each with an answer of its own
		Unit  string // what a part is: "region" of one account, or "profile" in one region; "" for one region of one of several profiles
	}
	// Found are rows of a scan; they replace those with the same key.
	Found struct {
		Scan int
		Rows []Row
	}
	// Progress is how many parts of a scan have answered, failures included.
	Progress struct{ Scan, Done int }
	// Failed is a part of a scan that gave an error; rows known of that account and region stay. An *aws.Hint in Err gives
	// the advice shown with it; an aws.ErrDenied is told apart: the scan is whole without it.
	Failed struct {
		Scan    int
		Account aws.Account
		Err     error
	}
	// Finished ends a scan: what it has not seen again is gone, except where a part failed.
	Finished struct{ Scan int }
	// ViaAnswer are the instances that could carry the row of the question with that number.
	ViaAnswer struct {
		N       int
		Choices []Choice
		Err     error
	}
	// Clock tells the time, about once a minute, for the ages on the screen.
	Clock struct{ Now time.Time }
)

// Choice is an instance that a target could be opened through.
type Choice struct {
	Instance aws.Instance
	Why      string // why it fits, or what is in the way, in a few words
	Reach    Reach  // from it to the row's endpoint; one that is blocked can be chosen all the same
	Unfit    string // why it does not; "" when it does
}

// What the screen asks for: intents for the root.
type (
	// Chosen is a target to be opened.
	Chosen struct{ Target aws.Target }
	// ViaAsked asks for the instances that could carry the row; ViaAnswer answers, with the same number.
	ViaAsked struct {
		N   int
		Row Row
	}
	// RefreshAsked asks for a new scan.
	RefreshAsked struct{}
	// CopyAsked asks for text to be put on the clipboard.
	CopyAsked struct{ Text string }
	// Notice asks for a toast.
	Notice struct {
		Level chrome.Level
		Text  string
	}
	// RolesAsked asks for the screen of profiles, with that of the row under the cursor in front.
	RolesAsked struct{ Of aws.Account }
	// Leave says that the user is done with the screen.
	Leave struct{}
)
