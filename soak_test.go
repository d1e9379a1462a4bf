package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws/session"
	"github.com/rdsx/rdsx/sim"
)

var (
	soakFlag = flag.Duration("soak", 20*time.Second, "how long the soak lasts")
	seedFlag = flag.Uint64("seed", 0, "seed of the soak; 0 is a new one, which is printed")
)

// soaks is how many tunnels are soaked side by side.
func soaks() int {
	if raced {
		return 2
	}
	return 4
}

// TestSoak keeps tunnels open and sends them one round of random traffic after the other, each with a random fault at a random
// round-trip time. Nothing that the matrix forbids may happen, and at the end no goroutine and no session may be left.
//
//	go test -run Soak . -soak 10m -timeout 0
//	go test -run Soak . -seed 42
func TestSoak(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d: go test -run Soak . -soak %v -seed %d", seed, *soakFlag, seed)
	until := time.Now().Add(*soakFlag)
	var running sync.WaitGroup
	errs, rounds := make([]error, soaks()), make([]int, soaks())
	for i := range soaks() {
		running.Go(func() {
			rounds[i], errs[i] = soak(t.Context(), rand.New(rand.NewPCG(seed, uint64(i))), until)
		})
	}
	running.Wait()
	for i := range soaks() {
		if errs[i] != nil {
			t.Errorf("tunnel %d, round %d: %v", i, rounds[i], errs[i])
		}
		if rounds[i] == 0 {
			t.Errorf("tunnel %d had no round: the test proves nothing", i)
		}
	}
	t.Logf("rounds: %v", rounds)
}

// soak sends rounds through one tunnel until the time is over or something is wrong.
func soak(ctx context.Context, dice *rand.Rand, until time.Time) (rounds int, err error) {
	so := session.Options{PingEvery: 2 * time.Second}
	o := sim.Options{Faults: sim.Faults{Bandwidth: line}}
	if dice.IntN(3) == 0 {
		// Large messages that are lost with two websockets in a row are given up, and their connections with them.
		so.Payload = session.PayloadAuto
	}
	t, err := newTrial(ctx, o, so, "")
	if err != nil {
		return 0, err
	}
	if err := t.alive(ctx, fault{}); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, t.state())
	}
	for time.Now().Before(until) && err == nil {
		f, errands := throw(dice, so.Payload == 0)
		conditions := f.lasts
		conditions.RTT, conditions.Bandwidth, conditions.Seed = rtts()[dice.IntN(3)], line, dice.Uint64()
		t.box.SetFaults(conditions)
		if _, err = t.round(ctx, errands, f); err != nil {
			err = fmt.Errorf("%s with %s at RTT %v: %w", f.name, described(errands), conditions.RTT, err)
		}
		rounds++
	}
	t.box.SetFaults(sim.Faults{})
	if closed := t.close(); err == nil {
		err = closed
	}
	return rounds, err
}

// throw draws the fault and the traffic of a round. With twice the fault may strike again before all is well.
func throw(dice *rand.Rand, twice bool) (fault, []errand) {
	var possible []fault
	for _, f := range faults() {
		if !f.long && f.pings == 0 && (twice || f.name != tokenExpired) { // a dead token costs two websockets in a row
			possible = append(possible, f)
		}
	}
	f := possible[dice.IntN(len(possible))]
	if f.cuts != nobody && f.cuts != everybody {
		f.cuts = anybody
	}
	if strike := f.strike; strike != nil && twice && dice.IntN(2) == 0 {
		f.strike = func(ctx context.Context, t *trial) {
			strike(ctx, t)
			wait(ctx, time.Duration(dice.IntN(200))*time.Millisecond)
			strike(ctx, t)
		}
	}
	errands := make([]errand, 1+dice.IntN(8))
	for i := range errands {
		switch dice.IntN(4) {
		case 0:
			errands[i] = errand{upload, 1 + dice.Int64N(2_000_000)}
		case 1:
			errands[i] = errand{download, 1 + dice.Int64N(200_000)}
		case 2:
			errands[i] = errand{ping, 1 + dice.Int64N(40*chunk)}
		default:
			errands[i] = errand{idle, 2 * chunk}
		}
	}
	return f, errands
}

func described(errands []errand) string {
	text := ""
	for _, e := range errands {
		text += fmt.Sprintf("%c%d ", e.kind, e.n)
	}
	return text
}
