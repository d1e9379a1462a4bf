// Command bench measures rdsx against the simulated AWS and writes docs/benchmarks.md:
//
//	go run ./sim/bench -o docs/benchmarks.md
//
// rdsx runs as a process of its own, built from this tree; the simulator, its agent and the servers behind it run in this one,
// with TLS on the websockets. Where session-manager-plugin and aws are on PATH the same loads go through them in the same run,
// so that the ratios hold whatever the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

// plan is how much is measured.
type plan struct {
	rtts      []time.Duration
	upload    int64 // bytes in one upload
	download  int64
	slow      int64 // bytes in one transfer through the plugin, which moves 0.75 MB/s
	parallel  int64 // bytes of each of eight connections at once
	table     int   // rows of 100 bytes in each of four tables to dump
	pings     int
	repeats   int // the median is printed
	connected time.Duration
	stopped   time.Duration // how long the stopped reader is watched
}

func main() {
	out := flag.String("o", "", "write the page to this file instead of stdout")
	bin := flag.String("rdsx", "", "measure this program instead of building one")
	repeats := flag.Int("repeats", 5, "how often each figure is measured; the median is printed")
	quick := flag.Bool("quick", false, "small amounts, once: to see that it runs")
	alone := flag.Bool("fleet", false, "measure the search of many accounts alone, and print its section")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := func() error { return run(ctx, *out, *bin, *repeats, *quick) }
	if *alone {
		do = func() error { return printFleet(ctx) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, bin string, repeats int, quick bool) error {
	p := plan{
		rtts:   []time.Duration{0, 20 * time.Millisecond, 80 * time.Millisecond},
		upload: 128 << 20, download: 6 << 20, slow: 2 << 20, pings: 300, repeats: max(repeats, 1), parallel: 1 << 20, table: 60_000, connected: 4 * time.Second, stopped: 20 * time.Second,
	}
	if quick {
		p.rtts, p.upload, p.download, p.slow, p.pings, p.repeats = p.rtts[:2], 16<<20, 1<<20, 256<<10, 50, 1
		p.connected, p.stopped, p.parallel, p.table = time.Second, 5*time.Second, 128<<10, 1000
	}
	dir, err := os.MkdirTemp("", "rdsx-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if bin == "" {
		bin = filepath.Join(dir, "rdsx")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "github.com/rdsx/rdsx")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build rdsx: %w", err)
		}
	}
	page := report{plan: p, start: time.Now()}
	for _, rtt := range p.rtts {
		rows, more, err := measure(ctx, p, rtt, dir, bin)
		if err != nil {
			return fmt.Errorf("at RTT %v: %w", rtt, err)
		}
		page.rows, page.loaded = append(page.rows, rows...), append(page.loaded, more)
	}
	if page.fleet, err = measureFleet(ctx); err != nil {
		return err
	}
	if out == "" {
		return page.write(os.Stdout)
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := page.write(f); err != nil {
		return err
	}
	return f.Close()
}
