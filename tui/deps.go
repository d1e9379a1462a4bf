// Package tui is rdsx in a terminal: a router of four screens. The list of targets leads to the dialog that chooses the
// port, and that to the dashboard of tunnels; beside them is the screen of profiles.
//
// The root (Model) holds what the screens share: size, colours, the toast, the quit confirmation. Screens know nothing of
// each other; they send intents up and are told data. Nothing here knows AWS, sessions or the disk: all of that is behind
// the few functions of Deps. Update is pure; whatever takes time runs in a command, and its answer carries the number of its
// question.
package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/roles"
	"github.com/rdsx/rdsx/tui/targets"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// Deps is the world outside the screens. All of it is called from commands, at any time and concurrently.
type Deps struct {
	Catalogue Catalogue
	Opener    Opener
	Memory    Memory
	Desk      Desk
	Profiles  Profiles // may be nil: there is no screen of profiles then

	// Check says who holds a local port, "" for nobody; see ports.Check.
	Check func(port int) (holder string, err error)
	// Limits are the ends that Session Manager sets to the sessions of an account, as far as they can be known. May be nil.
	Limits func(ctx context.Context, of aws.Account) tunnels.Limits
	// Notice is something that the user should know from the start, "" for nothing; it may take its time. May be nil.
	Notice func(ctx context.Context) string
	// Questions are asked of the user on the plain terminal, in the place of the screen: the code of an MFA device. May be nil.
	Questions <-chan Question
}

// Question is asked on the plain terminal by Ask.
type Question struct{ Ask tea.ExecCommand }

// Catalogue is what can be opened.
type Catalogue interface {
	// Cached is the list of the last run and when it was gathered, without asking anybody.
	Cached() ([]targets.Row, time.Time)
	// Scan lists everything anew. It calls emit, never concurrently, as the answers come, and returns when there are no more.
	Scan(ctx context.Context, emit func(Finding))
	// Choices are the instances that could carry the row.
	Choices(ctx context.Context, row targets.Row) ([]targets.Choice, error)
}

// Finding is a piece of a scan.
type Finding struct {
	Parts   int    // how many parts are asked; in the first piece, and wherever it is not 0
	Unit    string // with Parts: what one is, as in targets.Started
	Done    int    // how many have answered so far
	Rows    []targets.Row
	Account aws.Account // whose piece it is
	Err     error       // why a part of it could not be listed; aws.ErrDenied is no failure of the scan
	Old     time.Time   // the rows are of an earlier run, gathered then; zero when they have just been found
}

// Opener opens tunnels.
type Opener interface {
	// Open binds the port and starts the session behind it. It returns as soon as the port is bound; what comes of the
	// session is in the snapshots. ctx bounds the tunnel's life. The caller closes it.
	Open(ctx context.Context, target aws.Target, port int) (Tunnel, error)
}

// Tunnel is a local port that leads to a target.
type Tunnel interface {
	Snapshot() aws.Tunnel
	Events(since uint64) []aws.Event
	Retry() // what waits to be tried again is tried now
	Close() // ends its sessions at AWS and waits for that
}

// Memory is what is kept from one run to the next.
type Memory interface {
	// Port is the port that the target had last time, 0 for none, and whether it is to be used without asking.
	Port(of aws.Target) (port int, always bool)
	// Remember keeps what was opened, on which port, and whether that is to be used from now on.
	Remember(target aws.Target, port int, always bool) error
}

// Desk is what the user has on this machine.
type Desk interface {
	// Uses are the texts that can be copied of a tunnel, and the name of the client program that Client opens, "" for none.
	Uses(t aws.Tunnel) (copies []tunnels.Copy, client string)
	// Client is the client program on the tunnel, to be run in the place of the screen until the user leaves it.
	Client(ctx context.Context, t aws.Tunnel) (tea.ExecCommand, error)
	// Copy puts text on the system's clipboard. The terminal is asked as well (OSC 52), so a failure matters little.
	Copy(ctx context.Context, text string) error
}

// Profiles are those of ~/.aws/config.
type Profiles interface {
	// List is every profile, with what is known of its sign-in without asking anybody, and the path of the file.
	List(ctx context.Context) (rows []roles.Row, path string, err error)
	// Plan is what the change would do to the file. Nothing is written yet.
	Plan(ctx context.Context, c roles.Change) (ProfilePlan, error)
	// SignIn is the sign-in to a profile, to be run in the place of the screen.
	SignIn(ctx context.Context, name string) (tea.ExecCommand, error)
}

// ProfilePlan is a change of the profiles that is not written yet.
type ProfilePlan interface {
	// Diff is the unified diff, "" when nothing would change, and foreign says that the profile was not written by rdsx.
	Diff() (diff string, foreign bool)
	// Commit writes it, and says in a few words what was done.
	Commit(ctx context.Context) (done string, err error)
}
