package targets

import (
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/tui/chrome"
	"github.com/rdsx/rdsx/tui/golden"
	"github.com/rdsx/rdsx/tui/theme"
)

// crowd is n databases in 40 accounts and 3 regions; title is the length of their names.
func crowd(n, title int) []Row {
	rng := rand.New(rand.NewSource(1))
	pick := func(s ...string) string { return s[rng.Intn(len(s))] }
	out := make([]Row, n)
	for i := range out {
		a := aws.Account{ID: fmt.Sprintf("%012d", 1e11+rng.Intn(40)), Profile: fmt.Sprintf("team%02d-admin", rng.Intn(40)), Region: pick("eu-west-1", "us-east-1", "ap-northeast-1")}
		name := pick("prod", "staging", "dev", "qa", "perf")
		for len(name) < title-8 {
			name += "-" + pick("orders", "aurora", "audit", "billing", "payments", "users", "inventory", "catalog", "search", "warehouse", "events", "ledger")
		}
		d := &aws.Database{
			ID: fmt.Sprintf("%s-%05d", name, i), Role: aws.Role(pick("writer", "reader", "instance", "proxy")), Engine: pick("aurora-postgresql", "aurora-mysql", "postgres", "mysql"), Status: "available",
			VPC: fmt.Sprintf("vpc-%08x", rng.Intn(60)), Tags: map[string]string{"team": fmt.Sprintf("t%d", rng.Intn(30)), "env": pick("prod", "dev")},
		}
		d.Endpoint = aws.Endpoint{Host: d.ID + ".c9akciq32rgw." + a.Region + ".rds.amazonaws.com", Port: 5432}
		out[i] = Row{Account: a, Database: d, Via: hop, Why: "same VPC", Reach: ReachYes}
	}
	return out
}

// keystrokes types queries letter by letter and takes letters back, as people do.
func keystrokes() []string {
	var out []string
	for _, q := range []string{"prdauw", "writer prod aur", "pay!dev", "'orders ^staging", "eu-west ledger", "xq"} {
		for _, r := range q {
			out = append(out, string(r))
		}
		out = append(out, "backspace", "backspace", "backspace", "down", "ctrl+u")
	}
	return out
}

// BenchmarkKeystroke is the time from a key to the drawn page with 20,000 targets; p99 is what the slowest keys took.
func BenchmarkKeystroke(b *testing.B) {
	for _, title := range []int{25, 70} {
		b.Run(fmt.Sprintf("names of %d", title), func(b *testing.B) {
			th := theme.New(true, theme.Full)
			m := screen(140, 36, th, Started{Scan: 1, Parts: 1, Unit: "region"}, Found{Scan: 1, Rows: crowd(20000, title)})
			var took, computed []time.Duration
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.ReportAllocs()
			for b.Loop() {
				for _, k := range keystrokes() {
					start, cpu := time.Now(), cpuTime()
					m, _ = m.Update(golden.Press(k))
					p := chrome.Page{Theme: th, W: 140, H: 40, Name: "targets", Help: m.ShortHelp()}
					if p.View(m.View()) == "" {
						b.Fatal("nothing is drawn")
					}
					took, computed = append(took, time.Since(start)), append(computed, cpuTime()-cpu)
				}
			}
			for name, times := range map[string][]time.Duration{"wall": took, "cpu": computed} {
				slices.Sort(times)
				for _, p := range []int{50, 99, 100} {
					b.ReportMetric(float64(times[(len(times)-1)*p/100].Microseconds())/1000, fmt.Sprintf("ms-%s-p%d", name, p))
				}
			}
		})
	}
}

// BenchmarkArrival is the time that 500 rows take to join 20,000.
func BenchmarkArrival(b *testing.B) {
	m := screen(140, 36, theme.New(true, theme.Full), Started{Scan: 1, Parts: 1, Unit: "region"}, Found{Scan: 1, Rows: crowd(20000, 25)})
	more := crowd(500, 25)
	for b.Loop() {
		m, _ = m.Update(Found{Scan: 1, Rows: more})
	}
}

// BenchmarkFirstFrame is the time from the cached list of 20,000 rows to the drawn page.
func BenchmarkFirstFrame(b *testing.B) {
	rows := crowd(20000, 25)
	th := theme.New(true, theme.Full)
	for b.Loop() {
		cpu := cpuTime()
		m := screen(140, 36, th)
		m, _ = m.Update(Cached{Rows: rows, At: now()})
		if m.View() == "" {
			b.Fatal("nothing is drawn")
		}
		b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/1000, "ms-cpu")
	}
}
