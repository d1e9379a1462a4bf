package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is the page.
type report struct {
	plan  plan
	start time.Time
	rows  []row
}

const preamble = `# Benchmarks

Written by ` + "`go run ./sim/bench -o docs/benchmarks.md`" + `. Machines differ and are noisy: compare the rows of one run, not runs.
rdsx is a process of its own; the simulated AWS, its agent and the servers behind it share the machine's cores with it. TLS on the
websockets, 1024-byte messages, window at its default. Rates are medians of %d; 1 MB is 10⁶ bytes.

%s, %s, %d cores.

`

func (r *report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, preamble, r.plan.repeats, r.start.UTC().Format("2 January 2006"), runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU())
	r.throughput(&b)
	r.latency(&b)
	r.crowd(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) throughput(b *strings.Builder) {
	b.WriteString("## Throughput, one connection\n\n")
	b.WriteString("| program | RTT ms | up MB/s | down MB/s | delivered ÷ sent by the agent | CPU s/GB up | CPU s/GB down | peak memory MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, x := range r.rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s | %s |\n", x.program, x.rtt.Milliseconds(),
			figure(x.up), figure(x.down), percent(x.delivered), figure(x.cpuUp), figure(x.cpuDown), figure(x.peak))
	}
	for i, ours := range r.rows {
		if i+1 < len(r.rows) && r.rows[i+1].program != ours.program && ours.program == "rdsx" {
			theirs := r.rows[i+1]
			fmt.Fprintf(b, "\nAt RTT %d ms rdsx uploads %.0f × and downloads %.2f × as fast as the plugin.\n", ours.rtt.Milliseconds(), ours.up/theirs.up, ours.down/theirs.down)
		}
	}
	b.WriteString("\nDownloads run at the agent's pace: it reads 1024 bytes, sends them and sleeps a millisecond (protocol.md §3). Of what it sends, a part of\n" +
		"a percent is the mux's own headers; the column says how much of the rest is not sent twice.\n\n")
}

func (r *report) latency(b *strings.Builder) {
	b.WriteString("## Latency of one byte there and back, and new connections one by one\n\n")
	b.WriteString("Rested pings leave the agent time to finish its sleep after the last one; back to back, each ping waits for it. What is above the RTT\n" +
		"and that sleep (a sleep of 1 ms takes a little longer, as measured beside) is added by the program, the gateway, the agent and the echo\n" +
		"server together.\n\n")
	b.WriteString("| program | RTT ms | p50 ms | p99 ms | p50 above RTT | back to back p50 ms | above RTT and the agent's sleep | the sleep, ms | connections/s |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, x := range r.rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s | %s | %s |\n", x.program, x.rtt.Milliseconds(), ms(x.p50), ms(x.p99), ms(x.p50-x.rtt),
			ms(x.backed), ms(x.backed-x.rtt-boundSleep(x)), ms(x.sleep), figure(x.connections))
	}
	b.WriteString("\n")
}

func (r *report) crowd(b *strings.Builder) {
	for _, x := range r.rows {
		if x.peakCrowded > 0 {
			fmt.Fprintf(b, "## Memory\n\nPeak resident memory of rdsx with 64 connections busy and one reader stopped in an endless answer for %v: %.1f MiB; every echo beside it went on.\n",
				r.plan.stopped, x.peakCrowded)
		}
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		b.WriteString("\nCPU and memory are read from /proc and are missing on this system.\n")
	}
}

// boundSleep is the part of the agent's sleep that a ping back to back meets: all of it while the round trip is shorter.
func boundSleep(x row) time.Duration { return max(x.sleep-x.rtt, 0) }

func figure(x float64) string {
	switch {
	case x == 0:
		return "–"
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

func percent(x float64) string {
	if x == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }
