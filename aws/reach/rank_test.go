package reach

import (
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
)

func TestRank(t *testing.T) {
	l := newLab()
	w, err := world.New(l.Spec)
	if err != nil {
		t.Fatal(err)
	}
	s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
	db := databaseOf(*l.db(sameNet), r)
	db.AZ = "eu-west-1b"
	node := func(id, subnet, zone, version string) aws.Instance {
		return aws.Instance{
			ID: id, PingStatus: "Online", State: "running", AgentVersion: version, Platform: "Linux", VPC: vpcA, Subnet: subnet, AZ: zone, IP: boxIP, Groups: []string{sgBox},
		}
	}
	kept := node("i-kept-out", netA2, "eu-west-1b", "9.9.0.0")
	kept.IP, kept.Groups = "192.168.0.1", []string{sgBox}
	s.Groups[sgA] = Group{ID: sgA, VPC: vpcA, Account: "111111111111", Ingress: []Rule{{Protocol: "-1", CIDR: s.VPCs[vpcA].CIDRs[0]}}}
	lost := node("i-lost", netA2, "eu-west-1b", "9.9.0.0")
	lost.PingStatus = "ConnectionLost"
	hybrid := aws.Instance{ID: "mi-1", PingStatus: "Online", AgentVersion: "9.9.0.0", IP: "192.168.40.1"}
	far := node("i-far-zone", netA1, "eu-west-1a", "9.9.0.0")
	newer, older := node("i-newer", netA2, "eu-west-1b", "3.3.20.0"), node("i-older", netA2, "eu-west-1b", "3.3.3.0")
	busy := node("i-busy", netA2, "eu-west-1b", "3.3.20.0")
	s.Load = map[string]int{"i-busy": 4}
	var got []string
	for _, c := range Rank(s, []aws.Instance{lost, hybrid, kept, far, older, busy, newer}, db) {
		got = append(got, c.Instance.ID+" "+string(c.Verdict.Answer))
		if c.Why == "" {
			t.Errorf("nothing is said of %s", c.Instance.ID)
		}
	}
	for n, want := range map[int]string{1: ", 1 session open", 2: ", 2 sessions open"} {
		s.Load["i-newer"] = n
		if got := Rank(s, []aws.Instance{newer}, db)[0].Why; !strings.HasSuffix(got, want) {
			t.Errorf("of %d sessions it says %q", n, got)
		}
	}
	if want := "i-newer yes, i-busy yes, i-older yes, i-far-zone yes, mi-1 unknown, i-kept-out no, i-lost no"; strings.Join(got, ", ") != want {
		t.Errorf("order %s\nwant  %s", strings.Join(got, ", "), want)
	}
}

// TestBestIsRank: judging kinds of instances gives the order of judging each.
func TestBestIsRank(t *testing.T) {
	for seed := range uint64(120) {
		spec, _ := randomSpec(seed)
		w, err := world.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
		var all []aws.Instance
		for _, i := range r.Instances {
			for n := range 4 { // neighbours at the addresses that rules may name
				one := nounOf(i, r)
				one.ID += string(rune('a' + n))
				for k, nic := range s.Interfaces[i.ID] {
					nic.Addrs = addresses(host(s.Subnets[nic.Subnet].CIDRs[0].String(), 10+n))
					if k == 0 {
						s.Interfaces[one.ID] = nil
					}
					s.Interfaces[one.ID] = append(s.Interfaces[one.ID], nic)
				}
				all = append(all, one)
			}
		}
		for _, d := range r.DBInstances {
			rank, best := Rank(s, all, databaseOf(d, r)), Best(s, all, databaseOf(d, r))
			for n := range rank {
				if rank[n].Instance.ID != best[n].Instance.ID || rank[n].Verdict.Answer != best[n].Verdict.Answer {
					t.Fatalf("world %d: place %d is %s %s, one by one it is %s %s", seed, n, best[n].Instance.ID, best[n].Verdict.Answer, rank[n].Instance.ID, rank[n].Verdict.Answer)
				}
			}
			if len(rank) > 0 && (rank[0].Why != best[0].Why || rank[0].Verdict.Why() != best[0].Verdict.Why()) {
				t.Fatalf("world %d: %q, one by one %q", seed, best[0].Why, rank[0].Why)
			}
		}
	}
}

// TestUnknownEnds: an instance or a host of which nothing is known is in doubt, not kept out.
func TestUnknownEnds(t *testing.T) {
	l := newLab()
	w, err := world.New(l.Spec)
	if err != nil {
		t.Fatal(err)
	}
	s, r := snapshotOf(w), w.Region("111111111111", "eu-west-1")
	here, there := nounOf(r.Instances[0], r), databaseOf(*l.db(sameNet), r)
	for name, v := range map[string]aws.Verdict{
		"a hybrid node":        Check(s, s.Source(aws.Instance{ID: "mi-1", PingStatus: "Online", IP: "192.168.1.1"}), s.Dest(there)),
		"an id and no more":    Check(s, s.Source(aws.Instance{ID: "i-2"}), s.Dest(there)),
		"a name and no more":   Check(s, s.Source(here), s.Free(aws.Endpoint{Host: "cache.internal", Port: 6379}, vpcA)),
		"an address elsewhere": Check(s, s.Source(here), s.Free(aws.Endpoint{Host: "10.99.0.1", Port: 6379}, vpcA)),
		"nothing at all":       Check(&Snapshot{}, Source{}, Dest{}),
	} {
		if v.Answer != aws.Unknown || v.Why() == "" {
			t.Errorf("%s: %s %q", name, v.Answer, v.Why())
		}
	}
}
