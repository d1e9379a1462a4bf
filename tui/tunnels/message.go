package tunnels

import (
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
)

// Row is a tunnel as it stood when it was read.
type Row struct {
	ID      int // the root's number of it; a tunnel that is opened again keeps it
	Tunnel  aws.Tunnel
	Closing bool   // its session is being ended
	Next    string // what to do about Tunnel.Reason: a command or an edit
	Copies  []Copy // what can be copied of it, the address first
	Client  string // the client program that can be opened on it; "" when none is installed
	Limits  Limits
}

// Limits are the ends that Session Manager's preferences set to every session. 0 is not known.
type Limits struct {
	Idle time.Duration // a session without traffic is ended after this
	Max  time.Duration // every session is ended after this
}

// Copy is a text for the clipboard and what it is.
type Copy struct{ Label, Text string }

// What the screen is told.
type (
	// Sampled is a reading of all tunnels, in the order in which they were opened. At is when it was taken: rates are
	// computed from it, never from a clock.
	Sampled struct {
		At   time.Time
		Rows []Row
	}
	// Happened are new events of the tunnel with that ID, oldest first.
	Happened struct {
		ID     int
		Events []aws.Event
	}
)

// What the screen asks for: intents for the root.
type (
	// NewAsked asks for the list of targets.
	NewAsked struct{}
	// CloseAsked asks for the tunnel to be closed; one that is over is taken off the screen.
	CloseAsked struct{ ID int }
	// ReopenAsked asks for the tunnel to be opened again on its port.
	ReopenAsked struct{ ID int }
	// CopyAsked asks for text to be put on the clipboard.
	CopyAsked struct{ Label, Text string }
	// OpenClientAsked asks for the client program to be run on the tunnel, in the place of the screen.
	OpenClientAsked struct{ ID int }
	// SignInAsked asks for the profile to be signed in to that a tunnel waits for.
	SignInAsked struct{ Profile string }
	// RolesAsked asks for the screen of profiles, with that of the tunnel's account in front.
	RolesAsked struct{ Of aws.Account }
	// QuitAsked asks for the program to end.
	QuitAsked struct{}
	// Notice asks for a toast.
	Notice struct {
		Level chrome.Level
		Text  string
	}
)
