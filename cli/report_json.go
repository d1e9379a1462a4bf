package cli

import (
	"encoding/json"
	"io"
	"time"

	"github.com/rdsx/rdsx/aws"
)

// jsonReporter prints one event a line. Fields are only ever added: scripts depend on them.
type jsonReporter struct {
	out  *json.Encoder
	r    route
	name string // of the target, where there are several
	last aws.Tunnel
	at   time.Time
	seen uint64 // number of the last event
	own  uint64 // lines of the reporter's own so far
}

// jsonLine is what a line holds: the event, and the tunnel as it stood after it where that says more.
type jsonLine struct {
	aws.Event
	Target  string      `json:"target,omitempty"` // of rdsx up: as it was typed
	Local   string      `json:"local,omitempty"`
	Command []string    `json:"command,omitempty"` // the engine's client, ready to run
	Tunnel  *aws.Tunnel `json:"tunnel,omitempty"`
}

func newJSONReporter(w io.Writer, r route) *jsonReporter {
	return &jsonReporter{out: json.NewEncoder(w), r: r}
}

func (j *jsonReporter) event(ev aws.Event, t aws.Tunnel) {
	line := jsonLine{Event: ev, Target: j.name, Local: t.Local}
	switch ev.Kind {
	case aws.EventState, aws.EventSession, aws.EventLink, aws.EventMoved, aws.EventServer:
		line.Tunnel = &t
	}
	if ev.Kind == aws.EventState && (ev.State == aws.StateIdle || ev.State == aws.StateOpen) {
		line.Command = clientCommand(j.r.target, t.Local)
	}
	j.print(line)
}

// print numbers the reporter's own lines among the tunnel's events: the numbers rise by one to the end, and a gap among them is
// of events that were missed.
func (j *jsonReporter) print(line jsonLine) {
	if line.Seq > 0 {
		j.seen = line.Seq
	} else {
		j.own++
	}
	line.Seq = j.seen + j.own
	// A reader that has gone away is no reason to cut the tunnel: its clients are the local connections.
	_ = j.out.Encode(line)
}

// counters prints the tunnel once a second while bytes move, or while it waits for a websocket.
func (j *jsonReporter) counters(t aws.Tunnel) {
	if t.Up == j.last.Up && t.Down == j.last.Down && t.State != aws.StateResuming || time.Since(j.at) < time.Second {
		return
	}
	j.last, j.at = t, time.Now()
	j.print(jsonLine{Event: aws.Event{At: j.at, Kind: "counters", State: t.State, Up: t.Up, Down: t.Down}, Target: j.name, Local: t.Local, Tunnel: &t})
}

func (j *jsonReporter) end(t aws.Tunnel) {
	j.print(jsonLine{Event: aws.Event{At: time.Now(), Kind: "ended", State: t.State, Up: t.Up, Down: t.Down}, Target: j.name, Local: t.Local, Tunnel: &t})
}
