package main

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

var (
	matrixFlag = flag.String("matrix", "small", "which cells of the fault matrix run: small, or full")
	cellsFlag  = flag.String("cells", "", "only cells whose name matches this expression")
)

// roundLimit is when a round counts as hung.
const roundLimit = 2 * time.Minute

// excuse is which connections a fault may cut. All others must live through it.
type excuse int

const (
	nobody    excuse = iota
	busy             // those with unacknowledged bytes upward when the agent lost its side: docs/protocol.md §1.6 B4
	senders          // the same, when the loss waits for the next bytes: an idle connection's, too
	anybody          // the same, soon after a resume that has sent again what others had under way
	everybody        // the session is over, and the agent may have closed some in order before it went
)

// fault is something that goes wrong, from the start of a round on or at one moment of it.
type fault struct {
	name   string
	lasts  sim.Faults // from the start
	strike func(ctx context.Context, t *trial)
	cuts   excuse
	rest   time.Duration // after it, in which an idle connection is idle
	pings  time.Duration // of the session's own pings, when the fault is about them; 0 is the standard
	long   bool          // only in the full matrix
}

func (f fault) excuses(l load) bool {
	switch f.cuts {
	case busy:
		return l == upload || l == ping
	case senders:
		return l != download
	}
	return f.cuts >= anybody
}

// agentBack is how long an agent may take to be back.
const agentBack = time.Second

// cutWith breaks the clients' websockets while something else is wrong as well.
func cutWith(more sim.Faults) func(context.Context, *trial) {
	return func(_ context.Context, t *trial) {
		t.box.UpdateFaults(func(f *sim.Faults) {
			more.RTT, more.Bandwidth = f.RTT, f.Bandwidth
			*f = more
		})
		t.box.CutClient("")
	}
}

func frozen(d time.Duration) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		t.box.Freeze()
		wait(ctx, d)
		t.box.Thaw()
	}
}

// wait passes time in which a fault is in force.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

const tokenExpired = "token expired"

// faults is everything that docs/reliability.md promises to live through.
func faults() []fault {
	one := sim.Direction{Loss: 0.01}
	return []fault{
		{name: "client cut", strike: cutWith(sim.Faults{})},
		{name: "client cut with loss of what is under way", strike: cutWith(sim.Faults{CutLoses: true})},
		{name: "agent cut", strike: func(_ context.Context, t *trial) { t.box.CutAgent("") }, cuts: busy, rest: agentBack},
		{name: "agent cut before an acknowledgement", strike: func(_ context.Context, t *trial) { t.box.CutAgentInAck("") }, cuts: senders},
		{name: "both cut", strike: func(_ context.Context, t *trial) { t.box.CutBoth("") }, cuts: busy, rest: agentBack},
		{name: "hourly close", strike: func(_ context.Context, t *trial) { t.box.CloseClient("") }},
		{name: "freeze, thawed before it is noticed", strike: frozen(300 * time.Millisecond)},
		{name: "freeze, noticed by the pings", strike: frozen(1500 * time.Millisecond), pings: 300 * time.Millisecond},
		{name: "freeze of 5 s", strike: frozen(5 * time.Second), long: true},
		{name: "freeze of 30 s", strike: frozen(30 * time.Second), long: true},
		{name: "resume answered 500", strike: cutWith(sim.Faults{FailResumes: 3})},
		{name: "resume throttled", strike: cutWith(sim.Faults{ThrottleResumes: 3})},
		{name: "resume refused", strike: cutWith(sim.Faults{RefuseResumes: 1}), cuts: everybody},
		{name: tokenExpired, strike: cutWith(sim.Faults{RefuseTokens: 2})},
		{name: "credentials expired", strike: cutWith(sim.Faults{ExpireCredentials: 2})},
		{name: "upgrade answered 500", strike: cutWith(sim.Faults{FailUpgrades: 3})},
		{name: "start throttled", lasts: sim.Faults{ThrottleStarts: 2}},
		{name: "session terminated", strike: func(_ context.Context, t *trial) { t.box.Terminate("", "") }, cuts: everybody},
		{name: "1 % loss up", lasts: sim.Faults{Up: one}},
		{name: "1 % loss down", lasts: sim.Faults{Down: one}},
		{name: "1 % loss both ways", lasts: sim.Faults{Up: one, Down: one}},
		{name: "reorder", lasts: sim.Faults{Up: sim.Direction{Reorder: 0.01}, Down: sim.Direction{Reorder: 0.01}}},
		{name: "duplicates", lasts: sim.Faults{Up: sim.Direction{Duplicate: 0.01}, Down: sim.Direction{Duplicate: 0.01}}},
	}
}

// traffic is what goes through the tunnel when the fault comes.
type traffic struct {
	name    string
	errands []errand
}

func traffics() []traffic {
	return []traffic{
		{"idle", []errand{{idle, 2 * chunk}}},
		{"download", []errand{{download, 250_000}}},
		{"upload", []errand{{upload, 3_000_000}}},
		{"8 connections", []errand{
			{upload, 1_000_000},
			{upload, 1_000_000},
			{download, 100_000},
			{download, 100_000},
			{ping, 50 * chunk},
			{ping, 50 * chunk},
			{ping, 50*chunk + 1},
			{idle, 2 * chunk},
		}},
	}
}

func rtts() []time.Duration { return []time.Duration{0, 20 * time.Millisecond, 80 * time.Millisecond} }

// line is how fast the wire is: an upload must last until the fault comes.
const line = 6_000_000 // bytes a second

// cell is one fault, one traffic, one round-trip time.
type cell struct {
	fault   fault
	traffic traffic
	rtt     time.Duration
	err     error
	gap     time.Duration // of an idle connection
}

func (c cell) String() string {
	return fmt.Sprintf("%s/%s/RTT %v", c.fault.name, c.traffic.name, c.rtt)
}

// cells are those that the flags ask for. The small matrix has every fault with every traffic, each at one of the round-trip
// times in turn; under the race detector it has a part of them.
func cells(t *testing.T) []cell {
	t.Helper()
	wanted, err := regexp.Compile(*cellsFlag)
	if err != nil {
		t.Fatal(err)
	}
	full := *matrixFlag == "full" || *cellsFlag != ""
	var all []cell
	for i, f := range faults() {
		for j, tr := range traffics() {
			for k, rtt := range rtts() {
				c := cell{fault: f, traffic: tr, rtt: rtt}
				small := !f.long && (i+j)%len(rtts()) == k && (!raced || (i+j)%2 == 0)
				if (full || small) && wanted.MatchString(c.String()) {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

// run is a trial of one round.
func (c *cell) run(ctx context.Context) error {
	conditions := c.fault.lasts
	conditions.RTT, conditions.Bandwidth, conditions.Seed = c.rtt, line, 1
	t, err := newTrial(ctx, sim.Options{Faults: conditions}, session.Options{PingEvery: c.fault.pings}, "")
	if err != nil {
		return err
	}
	// A tunnel whose first session ends before it has carried anything is given up; this one has carried something.
	if err = t.alive(ctx, c.fault); err == nil {
		c.gap, err = t.round(ctx, c.traffic.errands, c.fault)
	}
	t.box.SetFaults(sim.Faults{})
	if closed := t.close(); err == nil {
		err = closed
	}
	return err
}

// atOnce is how many trials run side by side: they mostly wait.
func atOnce() int {
	if raced {
		return 3
	}
	return 10
}

// TestFaultMatrix puts every traffic through every fault. Nothing hangs, nothing is lost, changed or doubled, and nothing is
// cut but by a fault that excuses it.
//
//	go test -run FaultMatrix . -matrix full
//	go test -run FaultMatrix . -cells 'agent cut/upload'
func TestFaultMatrix(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	all := cells(t)
	if len(all) == 0 {
		t.Fatal("no cell has such a name")
	}
	places := make(chan struct{}, atOnce())
	var running sync.WaitGroup
	for i := range all {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			all[i].err = all[i].run(t.Context())
		})
	}
	running.Wait()
	for _, c := range all {
		t.Run(c.String(), func(t *testing.T) {
			if c.err != nil {
				t.Error(c.err)
			}
			if c.gap > 0 {
				t.Logf("gap %v", c.gap.Round(time.Millisecond))
			}
		})
	}
}
