package pick

import (
	"fmt"
	"math/rand"
	"testing"
)

// crowd is n names of about 70 letters with the fields that a target has.
func crowd(n int) (*Index, []int32) {
	rng := rand.New(rand.NewSource(1))
	names := fleet()
	engines := []string{"aurora-postgresql", "aurora-mysql", "postgres", "mysql", "sqlserver-se"}
	x := &Index{}
	var ids []int32
	for i := range n {
		account := fmt.Sprintf("account-%d", rng.Intn(40))
		name := fmt.Sprintf("%s-%s-%s-%04d", names[rng.Intn(len(names))], names[rng.Intn(len(names))], account, i)
		region := []string{"eu-west-1", "us-east-1", "ap-northeast-1"}[rng.Intn(3)]
		ids = append(ids, int32(x.Add(Item{
			Title: fmt.Sprintf("%-.70s", name+"-of-the-primary-cluster"),
			Words: []string{engines[rng.Intn(len(engines))], account, region, fmt.Sprintf("vpc-%08x", rng.Intn(60)), fmt.Sprintf("team=t%d", rng.Intn(30))},
			Whole: []string{name + ".c9akciq32rgw." + region + ".rds.amazonaws.com"},
		})))
	}
	return x, ids
}

func BenchmarkFind(b *testing.B) {
	x, ids := crowd(20000)
	for _, query := range []string{"p", "pr", "prdauw", "writer prod aur", "'orders !dev", "e"} {
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			var f Finder
			q := Parse(query)
			for b.Loop() {
				f.Source(ids)
				f.Find(x, q)
			}
		})
	}
}

// TestSearchAllocatesNothingPerCandidate: once the finder's memory is there, only the sharing out among processors allocates.
func TestSearchAllocatesNothingPerCandidate(t *testing.T) {
	x, ids := crowd(2000)
	var f Finder
	q := Parse("prdauw !dev 'w")
	if n := testing.AllocsPerRun(20, func() {
		f.Source(ids)
		f.Find(x, q)
	}); n > 10 {
		t.Errorf("a search of %d items allocates %v times", len(ids), n)
	}
}
