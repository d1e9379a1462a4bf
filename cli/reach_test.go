package cli

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/discover"
	"github.com/rdsx/rdsx/aws/reach"
)

// twoVPCs is a snapshot of a VPC with a database, and a peered one with an instance. group is what the database lets in.
func twoVPCs(group string) *reach.Snapshot {
	block := netip.MustParsePrefix
	open := reach.Rule{Protocol: "-1", CIDR: block("0.0.0.0/0")}
	all := []reach.Entry{{Number: 1, Allow: true, Protocol: "-1", CIDR: open.CIDR}, {Number: 1, Egress: true, Allow: true, Protocol: "-1", CIDR: open.CIDR}}
	return &reach.Snapshot{
		VPCs: map[string]reach.VPC{
			"vpc-a": {ID: "vpc-a", Region: "eu-west-1", DNS: aws.Yes, CIDRs: []netip.Prefix{block("10.0.0.0/16")}}, "vpc-b": {ID: "vpc-b", Region: "eu-west-1", DNS: aws.Yes, CIDRs: []netip.Prefix{block("10.1.0.0/16")}},
		},
		Subnets: map[string]reach.Subnet{
			"subnet-a": {ID: "subnet-a", VPC: "vpc-a", AZ: "a", CIDRs: []netip.Prefix{block("10.0.0.0/24")}}, "subnet-b": {ID: "subnet-b", VPC: "vpc-b", AZ: "a", CIDRs: []netip.Prefix{block("10.1.0.0/24")}},
		},
		Tables: []reach.RouteTable{
			{ID: "rtb-a", VPC: "vpc-a", Main: true, Routes: []reach.Route{{CIDR: block("10.0.0.0/16"), Target: "local"}, {CIDR: block("10.1.0.0/16"), Target: "pcx-1"}}},
			{ID: "rtb-b", VPC: "vpc-b", Main: true, Routes: []reach.Route{{CIDR: block("10.1.0.0/16"), Target: "local"}, {CIDR: block("10.0.0.0/16"), Target: "pcx-1"}}},
		},
		ACLs: []reach.ACL{{ID: "acl-a", Subnets: []string{"subnet-a", "subnet-b"}, Entries: all}},
		Groups: map[string]reach.Group{
			"sg-a": {ID: "sg-a", Egress: []reach.Rule{open}}, "sg-b": {ID: "sg-b", Egress: []reach.Rule{open}},
			"sg-db": {ID: "sg-db", Ingress: []reach.Rule{{Protocol: "tcp", From: 5432, To: 5432, Group: group}}},
		},
		Peerings: map[string]reach.Peering{"pcx-1": {ID: "pcx-1", Status: "active", Sides: [2]reach.Side{{VPC: "vpc-a", Region: "eu-west-1"}, {VPC: "vpc-b", Region: "eu-west-1"}}}},
	}
}

// islands is twoVPCs without the peering's routes.
func islands() *reach.Snapshot {
	s := twoVPCs("sg-b")
	for i := range s.Tables {
		s.Tables[i].Routes = s.Tables[i].Routes[:1]
	}
	return s
}

func TestCarriers(t *testing.T) {
	db := aws.Database{
		ID: "orders", Status: "available", Endpoint: aws.Endpoint{Host: "orders.example", Port: 5432}, VPC: "vpc-a", AZ: "a", Subnets: []string{"subnet-a"}, Groups: []string{"sg-db"}, Region: "eu-west-1",
	}
	node := func(id, vpc, ip string) aws.Instance {
		return aws.Instance{ID: id, PingStatus: "Online", State: "running", Platform: "Linux", AgentVersion: "3.3.1.0", VPC: "vpc-" + vpc, Subnet: "subnet-" + vpc, AZ: "a", IP: ip, Groups: []string{"sg-" + vpc}}
	}
	near, peered := node("i-near", "a", "10.0.0.5"), node("i-peered", "b", "10.1.0.5")
	hybrid, other := aws.Instance{ID: "mi-1", PingStatus: "Online", IP: "192.168.0.1"}, aws.Instance{ID: "mi-2", PingStatus: "Online", IP: "192.168.0.2"}
	lost := near
	lost.ID, lost.PingStatus = "i-lost", "ConnectionLost"
	for name, c := range map[string]struct {
		rules *reach.Snapshot
		nodes []aws.Instance
		want  string // instances in order, with the answer for the first
		kind  error
	}{
		"nothing is known: nearness":                   {nil, []aws.Instance{peered, near}, "i-near ", nil},
		"the one that is let in, though farther":       {twoVPCs("sg-b"), []aws.Instance{near, peered}, "i-peered i-near yes", nil},
		"both reach it, one is nearer":                 {twoVPCs("sg-a"), []aws.Instance{peered, near}, "i-near i-peered yes", nil},
		"nobody is let in: the nearest all the same":   {twoVPCs("sg-c"), []aws.Instance{peered, near}, "i-near i-peered no", nil},
		"in doubt before kept out":                     {twoVPCs("sg-c"), []aws.Instance{near, hybrid}, "mi-1 i-near unknown", nil},
		"several in doubt, no network known of either": {twoVPCs("sg-c"), []aws.Instance{hybrid, other}, "", aws.ErrUsage},
		"none can carry a session":                     {twoVPCs("sg-a"), []aws.Instance{lost}, "", aws.ErrUnreachable},
		"kept out of another VPC by a rule":            {twoVPCs("sg-a"), []aws.Instance{peered}, "i-peered no", nil},
		"no way to the other VPC":                      {islands(), []aws.Instance{peered}, "", aws.ErrUnreachable},
	} {
		all, err := carriers(c.rules, discover.Inventory{Instances: c.nodes}, db)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, x := range all {
			got = append(got, x.Instance.ID)
		}
		if len(all) > 0 {
			got = append(got, string(all[0].Verdict.Answer))
			if all[0].Why == "" {
				t.Errorf("%s: nothing is said of %s", name, all[0].Instance.ID)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, " "), c.want)
		}
	}
}

// TestCarriersAct: the edits that are printed act on the account of the database, whatever profile the shell has.
func TestCarriersAct(t *testing.T) {
	db := aws.Database{
		ID: "orders", Status: "available", Endpoint: aws.Endpoint{Host: "orders.example", Port: 5432}, VPC: "vpc-a", AZ: "a", Subnets: []string{"subnet-a"}, Groups: []string{"sg-db"}, Region: "eu-west-1",
	}
	near := aws.Instance{ID: "i-near", PingStatus: "Online", State: "running", Platform: "Linux", AgentVersion: "3.3.1.0", VPC: "vpc-a", Subnet: "subnet-a", AZ: "a", IP: "10.0.0.5", Groups: []string{"sg-a"}}
	for profile, want := range map[string]string{"acme-prod": " --region eu-west-1 --profile acme-prod", "default": " --region eu-west-1"} {
		inv := discover.Inventory{Account: aws.Account{Profile: profile, Region: "eu-west-1"}, Instances: []aws.Instance{near}}
		all, err := carriers(twoVPCs("sg-c"), inv, db)
		if err != nil || all[0].Verdict.Fix() == nil {
			t.Fatalf("%v, %v", all, err)
		}
		if got := all[0].Verdict.Fix().Command; !strings.HasSuffix(got, want) {
			t.Errorf("as %s: %s", profile, got)
		}
	}
}

// TestWarning: the rule, the edit in words and the command, and nothing for a way that is open or in doubt.
func TestWarning(t *testing.T) {
	var out bytes.Buffer
	a := &app{Process: Process{Stderr: &out}}
	a.warnOf(reach.Candidate{Instance: aws.Instance{ID: "i-1", Name: "bastion"}, Verdict: aws.Verdict{Answer: aws.Unknown, Layers: []aws.Layer{{Name: "acl", Answer: aws.Unknown}}}})
	if out.Len() > 0 {
		t.Errorf("of a doubt: %s", &out)
	}
	a.warnOf(reach.Candidate{Instance: aws.Instance{ID: "i-1", Name: "bastion"}, Verdict: aws.Verdict{Answer: aws.No, Layers: []aws.Layer{
		{Name: "ingress", Answer: aws.No, Why: "no rule", Fix: &aws.Fix{Text: "add a rule", Command: "aws ec2 x"}},
	}}})
	if want := "warning: bastion i-1 does not seem to reach it: ingress: no rule\nhint: add a rule\n      aws ec2 x\n"; out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}
