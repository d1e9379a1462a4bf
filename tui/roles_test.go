package tui

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/roles"
	"github.com/rdsx/rdsx/tui/targets"
)

// fakeProfiles is a config file with one profile.
type fakeProfiles struct {
	changes []roles.Change
	written int
	refuse  error
	client  fakeClient
	rows    []roles.Row // nil for the one
	signIns []string    // profiles
}

func (f *fakeProfiles) List(context.Context) ([]roles.Row, string, error) {
	if f.rows != nil {
		return f.rows, "~/.aws/config", nil
	}
	return []roles.Row{{Profile: aws.Profile{Name: "prod-admin", Account: "123456789012", SignIn: aws.SignIn{State: aws.SignInNeeded}}}}, "~/.aws/config", nil
}

func (f *fakeProfiles) Plan(_ context.Context, c roles.Change) (ProfilePlan, error) {
	f.changes = append(f.changes, c)
	if f.refuse != nil {
		return nil, f.refuse
	}
	return fakePlan{f}, nil
}

func (f *fakeProfiles) SignIn(_ context.Context, name string) (tea.ExecCommand, error) {
	f.signIns = append(f.signIns, name)
	return &f.client, nil
}

type fakePlan struct{ of *fakeProfiles }

func (p fakePlan) Diff() (string, bool) { return "@@ -1 +1 @@\n+[profile new]\n", false }

func (p fakePlan) Commit(context.Context) (string, error) {
	p.of.written++
	return "added profile new", nil
}

// TestProfiles goes from the list to the profiles, writes one after its diff was shown, and comes back.
func TestProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := &fakeProfiles{}
		w.profiles = f
		d := drive(t, w)
		d.keys("alt+a")
		d.sees("○ signed out")
		d.sees("~/.aws/config")
		d.keys("a =new down =arn:aws:iam::1:role/R tab =prod-admin enter")
		d.sees("+[profile new]")
		if f.written != 0 {
			t.Fatal("written before the diff was confirmed")
		}
		d.keys("enter")
		d.sees("added profile new")
		if f.written != 1 || len(f.changes) != 1 || f.changes[0].Name != "new" || f.changes[0].Op != roles.Add {
			t.Fatalf("written %d times: %+v", f.written, f.changes)
		}
		f.refuse = aws.Advise(errors.New("the file has a byte order mark"), nil, "rdsx profiles check")
		d.keys("x")
		d.sees("the file has a byte order mark")
		d.keys("esc")
		d.sees("orders-prod")
	})
}

// TestProfileOfARole offers to make a profile of the role that a target was found through.
func TestProfileOfARole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.profiles = &fakeProfiles{}
		pasted := aws.Account{ID: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/Orders/ana", Region: "eu-west-1"}
		w.rows = []targets.Row{{Account: pasted, Database: database("orders-prod", "postgres", 5432), Via: hop, Reach: targets.ReachYes}}
		d := drive(t, w)
		d.send(tea.WindowSizeMsg{Width: 140, Height: 40})
		d.sees("none: alt+a makes one of this role")
		d.keys("alt+a")
		d.sees("add a profile")
		d.sees("arn:aws:iam::123456789012:role/Orders")
	})
}

// TestSignInAsksForTheTerminal and reads the profiles again afterwards.
func TestSignInAsksForTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := &fakeProfiles{}
		w.profiles = f
		d := drive(t, w)
		d.keys("alt+a s")
		if len(d.other) == 0 {
			t.Fatal("nothing asked for the terminal")
		}
		d.send(answered{})
		d.sees("prod-admin")
	})
}
