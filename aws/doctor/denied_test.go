package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/sim/world"
	"github.com/rdsx/rdsx/sim/world/iam"
)

// TestDeniedReads takes every right away but those of the session itself: nothing has failed, and each check that could not be
// made says what to ask for.
func TestDeniedReads(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.role("operator", func(o *world.Role) {
		o.Policies = []iam.Policy{parsePolicy(t, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["ssm:StartSession","ssm:TerminateSession"],"Resource":"*"}]}`)}
	})
	report := r.run()
	if err := report.Err(); err != nil {
		t.Errorf("what may not be read is a failure: %v", err)
	}
	blind := []ID{
		OnInstance, OnDocument, DocumentSeen, Preferences, Running, InstanceRole, HostRole, QuickSetup, HTTPS, Endpoints, Registered, Online, Agent, Reach,
	}
	for _, f := range report.Results {
		if !slices.Contains(blind, f.ID) {
			if f.Status != OK && f.ID != Config {
				t.Errorf("%s is %s: %s", f.ID, f.Status, f.Text)
			}
			continue
		}
		if f.Status != Unknown || !strings.HasPrefix(f.Text, "could not be") && !strings.HasPrefix(f.Text, "could not check, because ") {
			t.Errorf("%s is %s: %s", f.ID, f.Status, f.Text)
		}
		if f.ID != Reach && !strings.HasPrefix(f.Ask, "ask for ") {
			t.Errorf("%s asks for %q", f.ID, f.Ask)
		}
	}
}

// TestDeniedSession is the case in which nothing may be read and the session is refused: the finding names the resource.
func TestDeniedSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.role("operator", func(o *world.Role) {
		o.Policies = []iam.Policy{parsePolicy(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ec2:*:*:instance/*"}]}`)}
	})
	found := r.run().Findings()
	if len(found) != 1 || found[0].ID != Session || !strings.Contains(found[0].Text, "access denied on the document") {
		t.Fatalf("findings: %+v", found)
	}
	if fix := found[0].Fixes[0]; !strings.Contains(fix.Command, "put-role-policy --role-name operator --policy-name rdsx-session-document") {
		t.Errorf("fix: %+v", fix)
	}
	r.command(found[0].Fixes[0].Command)
	for _, f := range r.run().Findings() {
		if f.Status == Failed {
			t.Errorf("after the fix: %s %s", f.ID, f.Text)
		}
	}
}

// TestRoleThatCannotBeRead: the instance's role has a policy of its own instead of AWS's, and whoever asks may not see that. It is
// not known whether the role will do, which is no failure.
func TestRoleThatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.role("bastion", func(o *world.Role) {
		o.Attached = nil
		o.Policies = []iam.Policy{parsePolicy(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ssm:*","ssmmessages:*"],"Resource":"*"}}`)}
	})
	const reads = `"ssm:Describe*","ssm:Get*","ssm:List*","ec2:*","rds:Describe*","iam:GetInstanceProfile","iam:ListAttachedRolePolicies"`
	for actions, want := range map[string]string{
		reads:                    "ask for iam:GetRole on bastion",
		reads + `,"iam:GetRole"`: "ask for iam:SimulatePrincipalPolicy on bastion",
	} {
		r.role("operator", func(o *world.Role) {
			o.Policies = []iam.Policy{parsePolicy(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[`+actions+`],"Resource":"*"}}`)}
		})
		for _, f := range r.run().Results {
			if f.ID == InstanceRole && (f.Status != Unknown || f.Ask != want) {
				t.Errorf("%s: %s, ask %q, want %q", f.Status, f.Text, f.Ask, want)
			}
		}
	}
}

// TestFixesNameThePartition: the ARNs of managed policies in China are not those elsewhere.
func TestFixesNameThePartition(t *testing.T) {
	t.Parallel()
	for partition, want := range map[string]string{"": "arn:aws:iam::aws:policy/P", "aws-cn": "arn:aws-cn:iam::aws:policy/P"} {
		x := &exam{Options: Options{Account: aws.Account{Partition: partition}}}
		if fix := x.attachFix("r", "P"); !strings.HasSuffix(fix.Command, want) || !strings.Contains(fix.Terraform, want) {
			t.Errorf("%q: %s", partition, fix.Command)
		}
	}
}

func TestTrustPolicies(t *testing.T) {
	t.Parallel()
	const me, session = "arn:aws:iam::111122223333:user/ada", "arn:aws:sts::111122223333:assumed-role/dev/ada"
	for _, c := range []struct {
		document, arn string
		lets          bool
		external      string
	}{
		{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`, me, true, ""},
		{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}}`, me, true, ""},
		{`{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::444455556666:root","arn:aws:iam::111122223333:root"]},"Action":["sts:TagSession","sts:AssumeRole"],"Condition":{"StringEquals":{"sts:ExternalId":["x7"]}}}]}`, me, true, "x7"},
		{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/team/dev"},"Action":"sts:AssumeRole"}}`, session, true, ""},
		{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/dev"},"Action":"sts:AssumeRole"}}`, session, true, ""},
		{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/prod"},"Action":"sts:AssumeRole"}}`, session, false, ""},
		{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:AssumeRole"}}`, me, false, ""},
		{`{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}`, me, false, ""},
		{`{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`, me, false, ""},
		{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithSAML"}}`, me, false, ""},
		{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"sts:ExternalId":"x"}}}}`, me, true, ""},
	} {
		p, err := parseTrust(c.document)
		if err != nil {
			t.Errorf("%s: %v", c.document, err)
			continue
		}
		s, lets := p.lets(c.arn, "111122223333")
		if lets != c.lets || s.wants("sts:ExternalId") != c.external {
			t.Errorf("%s lets %s in: %v, external id %q; want %v, %q", c.document, c.arn, lets, s.wants("sts:ExternalId"), c.lets, c.external)
		}
	}
}

func FuzzParseTrust(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333"]},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":true}}}]}`)
	f.Add(`{"Statement":{"Principal":"*","Action":[]}}`)
	f.Fuzz(func(_ *testing.T, document string) {
		p, err := parseTrust(document)
		if err != nil {
			return
		}
		s, _ := p.lets("arn:aws:sts::111122223333:assumed-role/dev/ada", "111122223333")
		_ = s.wants("aws:MultiFactorAuthPresent")
		_ = p.service("ec2.amazonaws.com")
	})
}
