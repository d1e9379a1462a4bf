package tui

import (
	"slices"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/tunnels"
)

// row is a tunnel of the dashboard with what is needed to open it again.
type row struct {
	tunnels.Row
	port int
	seen uint64 // number of the last event shown
	n    int    // of the opening; answers of an earlier one are dropped
}

func (r *row) over() bool { return r.Tunnel.State == aws.StateClosed }

// rows are the tunnels, in the order in which they were opened, and the pace at which they are read.
type rows struct {
	all    []*row
	last   int           // the highest ID given
	opened bool          // something was opened by hand
	tick   int           // number of the chain of readings
	every  time.Duration // from one reading to the next
	at     time.Time     // of the last one
}

func (rs rows) find(id int) *row {
	for _, r := range rs.all {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (rs *rows) drop(id int) {
	rs.all = slices.DeleteFunc(rs.all, func(r *row) bool { return r.ID == id })
}

// live are the tunnels with connections that an end would cut.
func (rs rows) live() []tunnels.Row {
	var out []tunnels.Row
	for _, r := range rs.all {
		if !r.over() && len(r.Tunnel.Conns) > 0 {
			out = append(out, r.Row)
		}
	}
	return out
}

// add makes the row of a tunnel that is about to be opened.
func (rs *rows) add(target aws.Target, port int) *row {
	rs.last++
	r := &row{port: port}
	r.ID = rs.last
	rs.all = append(rs.all, r)
	r.begin(target)
	return r
}

// begin shows the row as binding its port.
func (r *row) begin(target aws.Target) {
	r.n++
	r.seen, r.Closing, r.Next = 0, false, ""
	r.Tunnel = aws.Tunnel{State: aws.StateBinding, Target: target, Local: local(r.port)}
}

// The readings: four a second while something moves, slower and slower while nothing does.
const (
	readFast = 250 * time.Millisecond
	readSlow = time.Second
	readRest = 20 * time.Second // without tunnels there is only the age of what was used last
)

// pace chooses when to read next.
func (rs *rows) pace(moved bool) time.Duration {
	switch {
	case len(rs.all) == 0:
		rs.every = readRest
	case moved || rs.every > readSlow || rs.every == 0:
		rs.every = readFast
	default:
		rs.every = min(rs.every*2, readSlow)
	}
	return rs.every
}
