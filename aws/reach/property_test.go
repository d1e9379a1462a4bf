package reach

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

var worlds = flag.Int("worlds", 5000, "random worlds to compare with the simulator's own packet filter")

// truth is whether the simulator lets a dial of the instance through: without a server behind it, it is refused then.
func truth(w *world.World, i world.Instance, d world.DBInstance) aws.Answer {
	return answer(w.Dial(i.ID, d.Endpoint, d.Port).Kind == world.Refused)
}

// each calls f for every instance and database of the world.
func each(w *world.World, f func(world.Instance, world.Region, world.DBInstance, world.Region)) {
	for _, a := range w.Accounts() {
		for _, r := range a.Regions {
			for _, i := range r.Instances {
				for _, b := range w.Accounts() {
					for _, q := range b.Regions {
						for _, d := range q.DBInstances {
							f(i, r, d, q)
						}
					}
				}
			}
		}
	}
}

// TestAgreesWithThePacketFilter: with full information a verdict is Yes exactly when the simulator, which follows packets by
// code of its own, lets the dial through, and never Unknown. Where the world hides something, or a part of the snapshot is
// taken away, Unknown is allowed; a wrong Yes or No is not.
func TestAgreesWithThePacketFilter(t *testing.T) {
	count := map[aws.Answer]int{}
	kinds := map[string]int{}
	for seed := range uint64(*worlds) {
		spec, hidden := randomSpec(seed)
		w, err := world.New(spec)
		if err != nil {
			t.Fatalf("world %d: %v", seed, err)
		}
		s := snapshotOf(w)
		less := poorer(s, seed)
		each(w, func(i world.Instance, r world.Region, d world.DBInstance, q world.Region) {
			want := truth(w, i, d)
			v := Check(s, s.Source(nounOf(i, r)), destOf(s, d, q))
			if v.Answer != want && (!hidden || v.Answer != aws.Unknown) {
				t.Errorf("world %d: %s → %s is %s, reach says %s (%s)\n%s", seed, i.ID, d.ID, w.Dial(i.ID, d.Endpoint, d.Port).Why, v.Answer, v.Why(), show(v))
			}
			count[v.Answer]++
			if l, ok := v.First(); ok {
				kinds[l.Name]++
			}
			if got := Check(less, less.Source(nounOf(i, r)), destOf(less, d, q)); got.Answer != want && got.Answer != aws.Unknown {
				t.Errorf("world %d without a part: %s → %s is %s, reach says %s\n%s", seed, i.ID, d.ID, w.Dial(i.ID, d.Endpoint, d.Port).Why, got.Answer, show(got))
			}
		})
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%v, decided by %v", count, kinds)
	all := count[aws.Yes] + count[aws.No] + count[aws.Unknown]
	if *worlds >= 1000 && (count[aws.Yes] < all/10 || count[aws.No] < all/10 || count[aws.Unknown] > all/10) {
		t.Errorf("the worlds are one-sided: %v", count)
	}
}

// poorer is the snapshot of somebody who may not read everything.
func poorer(s *Snapshot, seed uint64) *Snapshot {
	r := rand.New(rand.NewPCG(seed, 7))
	out := *s
	out.Missing = map[string]string{}
	less := func(action string) bool {
		if r.IntN(4) > 0 {
			return false
		}
		out.Missing[action] = "not allowed"
		return true
	}
	if less("ec2:DescribeRouteTables") {
		out.Tables = nil
	}
	if less("ec2:DescribeNetworkAcls") {
		out.ACLs = nil
	}
	if less("ec2:DescribeSecurityGroups") {
		out.Groups = nil
	}
	if less("ec2:DescribeSubnets") {
		out.Subnets = nil
	}
	if less("ec2:DescribeVpcs") {
		out.VPCs = nil
	}
	if less("ec2:DescribeVpcPeeringConnections") {
		out.Peerings = nil
	}
	if less("ec2:DescribeTransitGatewayAttachments") {
		out.Transits = nil
	}
	if less("ec2:GetManagedPrefixListEntries") {
		out.PrefixLists = nil
	}
	return &out
}

func show(v aws.Verdict) string {
	out := ""
	for _, l := range v.Layers {
		out += "  " + l.Name + " " + string(l.Answer) + " [" + l.Rule + "] " + l.Why + "\n"
	}
	return out
}
