package chrome

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// Grace is how long a dialog that has just opened takes no confirmation: longer than keys are in flight, shorter than
// anyone reads.
const Grace = 150 * time.Millisecond

// GateOpened says that the grace period with this number is over, for the dialog of that name.
type GateOpened struct {
	Name string
	ID   int
}

// Gate keeps keys in flight from confirming a dialog: it stays shut for the grace period after the dialog has opened.
type Gate struct {
	name string
	id   int
	open bool
}

// Shut starts a grace period for the dialog called name. Earlier periods of this gate end nothing any more.
func (g Gate) Shut(name string) (Gate, tea.Cmd) {
	g = Gate{name: name, id: g.id + 1}
	over := GateOpened{Name: g.name, ID: g.id}
	return g, tea.Tick(Grace, func(time.Time) tea.Msg { return over })
}

// Update opens the gate when its own period is over.
func (g Gate) Update(msg tea.Msg) Gate {
	if over, ok := msg.(GateOpened); ok && over.Name == g.name && over.ID == g.id {
		g.open = true
	}
	return g
}

// Open says whether the dialog may be confirmed.
func (g Gate) Open() bool { return g.open }
