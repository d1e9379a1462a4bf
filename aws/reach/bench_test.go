package reach

import (
	"fmt"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

// BenchmarkBest is a database among 500 instances.
func BenchmarkBest(b *testing.B) {
	l := newLab()
	w, err := world.New(l.Spec)
	if err != nil {
		b.Fatal(err)
	}
	s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
	db := databaseOf(*l.db(peerNet), r)
	var all []aws.Instance
	for i := range 500 {
		one := nounOf(r.Instances[0], r)
		one.ID, one.IP = fmt.Sprintf("i-%017x", i), fmt.Sprintf("10.0.0.%d", i%250)
		all = append(all, one)
	}
	for b.Loop() {
		if got := Best(s, all, db); got[0].Verdict.Answer != aws.Yes {
			b.Fatal(show(got[0].Verdict))
		}
	}
}
