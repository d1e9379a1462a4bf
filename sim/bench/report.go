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

	loaded []*loaded
	fleet  *fleet
}

const preamble = `# Benchmarks

Written by ` + "`go run ./sim/bench -o docs/benchmarks.md`" + `. Machines differ and are noisy: compare the rows of one run, not runs.
rdsx is a process of its own; the simulated AWS, its agent and the servers behind it share the machine's cores with it. TLS on the
websockets, 1024-byte messages, window at its default. Rates are medians of %d; 1 MB is 10⁶ bytes.
Looking for databases in many accounts has its own figures: [discovery.md](discovery.md).

%s, %s, %d cores.

`

func (r *report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, preamble, r.plan.repeats, r.start.UTC().Format("2 January 2006"), runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU())
	r.throughput(&b)
	r.latency(&b)
	r.underLoad(&b)
	r.gaps(&b)
	r.crowd(&b)
	r.fleet.write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) throughput(b *strings.Builder) {
	b.WriteString("## Throughput, one connection\n\n")
	b.WriteString("| program | RTT ms | up MB/s | up, --payload auto | down MB/s | delivered ÷ sent by the agent | CPU s/GB up | CPU s/GB down | peak memory MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, x := range r.rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s | %s | %s |\n", x.program, x.rtt.Milliseconds(),
			figure(x.up), figure(x.auto), figure(x.down), percent(x.delivered), figure(x.cpuUp), figure(x.cpuDown), figure(x.peak))
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
	b.WriteString("Rested pings leave the agent time to finish its millisecond of sleep after the last one; back to back, each ping waits for it, where\n" +
		"the round trip is shorter. What is above the RTT, or above the RTT and that millisecond, is added by the program, the gateway, the\n" +
		"agent and the echo server together; back to back, a part of it is over before the agent's sleep is.\n\n")
	b.WriteString("| program | RTT ms | p50 ms | p99 ms | p50 above RTT | back to back p50 ms | above RTT and the agent's sleep | connections/s |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, x := range r.rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s | %s |\n", x.program, x.rtt.Milliseconds(), ms(x.p50), ms(x.p99), ms(x.p50-x.rtt),
			ms(x.backed), ms(x.backed-x.rtt-boundSleep(x)), figure(x.connections))
	}
	b.WriteString("\n")
}

// underLoad is what the pool of sessions is for.
func (r *report) underLoad(b *strings.Builder) {
	b.WriteString("## Several connections at once, at no round-trip time\n\n")
	fmt.Fprintf(b, "Eight downloads of %.1f MB each; pg_dump -j 4 of four tables of %.1f MB; one byte there and back every 10 ms beside a transfer without end.\n"+
		"One session carries what the agent's pace allows, whoever the client is: several carry several times that.\n\n", float64(r.plan.parallel)/1e6, float64(97*r.plan.table)/1e6)
	b.WriteString("| program | 8 downloads MB/s | pg_dump -j 4, s | ping p50 beside a download, ms | beside an upload, ms |\n|---|--:|--:|--:|--:|\n")
	for _, l := range r.loaded {
		if l.rtt != 0 {
			continue
		}
		for _, x := range l.rows {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", x.program, figure(x.eight), figure(x.dump), ms(x.besideDown), ms(x.besideUp))
		}
		b.WriteString(ratios(l.rows))
	}
	b.WriteString("\n")
}

// ratios compares with one session and with the plugin, within this run.
func ratios(rows []figures) string {
	by := map[string]figures{}
	for _, x := range rows {
		by[x.program] = x
	}
	one, four, eight, plugin := by["rdsx --sessions 1"], by["rdsx --sessions 4"], by["rdsx --sessions 8"], by[pluginName]
	text := ""
	if one.eight > 0 {
		text += fmt.Sprintf("\nWith 4 sessions the eight downloads are %.1f × and with 8 sessions %.1f × as fast as with one.\n", four.eight/one.eight, eight.eight/one.eight)
	}
	if plugin.dump > 0 && four.dump > 0 {
		text += fmt.Sprintf("\npg_dump -j 4 is %.1f × as fast with 4 sessions as through the plugin.\n", plugin.dump/four.dump)
	}
	return text
}

// gaps is what the loss of a websocket costs.
func (r *report) gaps(b *strings.Builder) {
	b.WriteString("## The client's websocket is cut\n\nFrom the cut to the next byte: there and back on an idle connection, at the far end of a bulk upload.\n\n")
	b.WriteString("| program | RTT ms | idle, ms | upload, ms |\n|---|--:|--:|--:|\n")
	for _, l := range r.loaded {
		for _, x := range l.rows {
			if x.gapIdle != 0 {
				fmt.Fprintf(b, "| %s | %d | %s | %s |\n", x.program, l.rtt.Milliseconds(), gap(x.gapIdle), gap(x.gapBulk))
			}
		}
	}
	b.WriteString("\n")
}

func gap(d time.Duration) string {
	if d == still {
		return "stands still"
	}
	return ms(d)
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
func boundSleep(x row) time.Duration { return max(time.Millisecond-x.rtt, 0) }

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

func ms(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000)
}
