package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fleet is what a search of many accounts takes: the benchmarks that docs/discovery.md tells of.
type fleet struct {
	first, all, cached, cachedAll float64 // ms
	calls, throttled              float64
	byAPI                         []string
}

// measureFleet runs the benchmarks of the discovery and of the lists that it keeps, once each.
func measureFleet(ctx context.Context) (*fleet, error) {
	f := &fleet{}
	text, figures, err := goBench(ctx, "./aws/discover", "Fleet", "1x")
	if err != nil {
		return nil, err
	}
	f.first, f.all, f.calls, f.throttled = figures["ms-first-rows"], figures["ms-all"], figures["calls"], figures["throttled"]
	if m := regexp.MustCompile(`map\[([^\]]*)\]`).FindStringSubmatch(text); m != nil {
		f.byAPI = strings.Fields(m[1])
		slices.Sort(f.byAPI)
	}
	if f.calls == 0 || len(f.byAPI) == 0 {
		return nil, fmt.Errorf("the benchmark of the discovery tells no calls: %s", text)
	}
	if _, figures, err = goBench(ctx, "./cli", "Cached", "5x"); err != nil {
		return nil, err
	}
	f.cached, f.cachedAll = figures["ms-first-rows"], figures["ms-all"]
	return f, nil
}

// goBench runs a benchmark of this module and gives its text, and its figures by their units.
func goBench(ctx context.Context, folder, name, times string) (string, map[string]float64, error) {
	run := exec.CommandContext(ctx, "go", "test", folder, "-run", "^$", "-bench", name+"$", "-benchtime", times, "-v")
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		return "", nil, fmt.Errorf("benchmark %s of %s: %w: %s", name, folder, err, out)
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				figures[fields[i+1]] = v
			}
		}
	}
	return string(out), figures, nil
}

func (f *fleet) write(b *strings.Builder) {
	b.WriteString("\n## Looking for databases in many accounts\n\n" +
		"40 accounts × 4 regions, 500 instances and 200 databases in each, 80 ms a call, throttled; the second start shows what the first has kept.\n" +
		"How this is measured is in [discovery.md](discovery.md).\n\n" +
		"| | first rows, ms | all, ms | calls | of these throttled |\n|---|--:|--:|--:|--:|\n")
	fmt.Fprintf(b, "| from AWS | %.0f | %.0f | %.0f | %.0f |\n| from the lists of the last run | %.0f | %.0f | 0 | – |\n", f.first, f.all, f.calls, f.throttled, f.cached, f.cachedAll)
	b.WriteString("\nBesides these, once for each account: `sts:AssumeRole` and `sts:GetCallerIdentity`.\n\n| API | calls |\n|---|--:|\n")
	for _, one := range f.byAPI {
		at := strings.LastIndex(one, ":")
		fmt.Fprintf(b, "| `%s` | %s |\n", one[:at], one[at+1:])
	}
}

// printFleet measures that alone and prints its section.
func printFleet(ctx context.Context) error {
	f, err := measureFleet(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	f.write(&b)
	_, err = os.Stdout.WriteString(b.String())
	return err
}
