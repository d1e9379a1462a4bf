package setup_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.uber.org/goleak"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/setup"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

const newAccount = `
accounts:
  - id: "222233334444"
    name: fresh
    users:
      - {name: admin, access_key: AKIASIMNEW0000000001, secret_key: sim/fresh/admin/this-key-works-nowhere, attached: ["arn:aws:iam::aws:policy/AdministratorAccess"]}
      - {name: mika, access_key: AKIASIMNEW0000000002, secret_key: sim/fresh/mika/this-key-works-nowhere-e, mfa_serial: "arn:aws:iam::222233334444:mfa/mika"}
    regions:
      - name: eu-west-1
        vpcs: [{id: vpc-0f00000000000000a, cidr: 10.50.0.0/16}]
        subnets:
          - {id: subnet-0f0000000000000a0, vpc: vpc-0f00000000000000a, cidr: 10.50.2.0/24, az: eu-west-1a, tags: {Name: public}}
          - {id: subnet-0f0000000000000a1, vpc: vpc-0f00000000000000a, cidr: 10.50.0.0/24, az: eu-west-1b, tags: {Name: app}}
          - {id: subnet-0f0000000000000a2, vpc: vpc-0f00000000000000a, cidr: 10.50.1.0/24, az: eu-west-1a, tags: {Name: data}}
        route_tables:
          - {id: rtb-0f000000000000aa0, vpc: vpc-0f00000000000000a, subnets: [subnet-0f0000000000000a0], routes: [{cidr: 0.0.0.0/0, target: igw-0f00000000000000a}]}
          - {id: rtb-0f000000000000aa1, vpc: vpc-0f00000000000000a, subnets: [subnet-0f0000000000000a1], routes: [{cidr: 0.0.0.0/0, target: nat-0f00000000000000a}]}
        security_groups: [{id: sg-0f0000000000000d0, name: data, vpc: vpc-0f00000000000000a}]
        db_instances: [{id: orders, engine: postgres, subnets: [subnet-0f0000000000000a2], groups: [sg-0f0000000000000d0]}]
`

// newSim is a simulated AWS with that account, and its administrator. Its lists come row by row.
func newSim(t *testing.T) (*sim.Sim, sdk.Config) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	w, err := world.Parse("new.yaml", []byte(newAccount))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.Start(t.Context(), sim.Options{World: w, Pages: 1})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	cfg := sdk.Config{
		Region: "eu-west-1", BaseEndpoint: sdk.String(s.URL()), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("AKIASIMNEW0000000001", "sim/fresh/admin/this-key-works-nowhere", ""),
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t, leaks)
	})
	return s, cfg
}

func options(t *testing.T, s *sim.Sim, shape setup.Shape) setup.Options {
	t.Helper()
	orders, ok := s.World().Find("orders")
	if !ok {
		t.Fatal("no orders")
	}
	return setup.Options{
		Shape: shape, Part: setup.PartAll, Region: "eu-west-1", Account: "222233334444", Operators: []string{"mika"}, MFA: true,
		VPC: "vpc-0f00000000000000a", VPCCIDR: "10.50.0.0/16", Subnet: "subnet-0f0000000000000a1",
		Databases: []setup.Database{{Name: "orders", Host: orders.Host, Port: orders.Port, Groups: []string{"sg-0f0000000000000d0"}}},
	}
}

func TestLookPutsTheBestSubnetFirst(t *testing.T) {
	_, cfg := newSim(t)
	site, err := setup.Look(t.Context(), cfg, "vpc-0f00000000000000a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range site.Subnets {
		got = append(got, s.Name+" "+string(s.Way))
	}
	want := []string{"app " + string(setup.ByNAT), "data " + string(setup.Nowhere), "public " + string(setup.ByInternet)}
	if !slices.Equal(got, want) || site.CIDR != "10.50.0.0/16" {
		t.Errorf("%s %q, want %q", site.CIDR, got, want)
	}
	if _, err := setup.Look(t.Context(), cfg, "vpc-0f0000000000000ff"); err == nil {
		t.Error("a VPC that is not there was found")
	}
}

// TestStack: nothing is made before Execute; then the instance is online and carries the tag; the same template once more is no
// change; deleting the stack leaves nothing.
func TestStack(t *testing.T) {
	for _, shape := range []setup.Shape{setup.Classic, setup.Recommended} {
		t.Run(string(shape), func(t *testing.T) {
			s, cfg := newSim(t)
			text, err := setup.Render(options(t, s, shape), setup.CloudFormation)
			if err != nil {
				t.Fatal(err)
			}
			st := setup.Stack{Name: "rdsx", Every: time.Millisecond}
			changes, err := st.Prepare(t.Context(), cfg, text.Body)
			if err != nil {
				t.Fatal(err)
			}
			var template struct{ Resources map[string]any }
			if err := json.Unmarshal([]byte(text.Body), &template); err != nil {
				t.Fatal(err)
			}
			if len(changes) != len(template.Resources) || changes[0].Action != "Add" {
				t.Errorf("%d changes for %d resources: %+v", len(changes), len(template.Resources), changes)
			}
			if len(instances(s)) != 0 {
				t.Error("an instance was made before Execute")
			}
			if err := st.Execute(t.Context()); err != nil {
				t.Fatal(err)
			}
			made := instances(s)
			if len(made) != 1 || made[0].PingStatus != "Online" || made[0].Tags["rdsx"] != "bastion" {
				t.Errorf("made %+v", made)
			}
			again := setup.Stack{Name: "rdsx", Every: time.Millisecond}
			if changes, err := again.Prepare(t.Context(), cfg, text.Body); err != nil || len(changes) != 0 {
				t.Errorf("the same template: %v, %v", changes, err)
			}
		})
	}
}

func instances(s *sim.Sim) []world.Instance {
	return slices.DeleteFunc(s.World().Region("222233334444", "eu-west-1").Instances, func(i world.Instance) bool { return i.State == "terminated" })
}

// TestStackThatFails: CloudFormation takes back what it made, and the error names the resource and the reason.
func TestStackThatFails(t *testing.T) {
	s, cfg := newSim(t)
	o := options(t, s, setup.Recommended)
	o.Operators = []string{"nobody"}
	text, err := setup.Render(o, setup.CloudFormation)
	if err != nil {
		t.Fatal(err)
	}
	st := setup.Stack{Name: "rdsx", Every: time.Millisecond}
	if _, err := st.Prepare(t.Context(), cfg, text.Body); err != nil {
		t.Fatal(err)
	}
	err = st.Execute(t.Context())
	if err == nil || !strings.Contains(err.Error(), "OperatorRole: ") || !strings.Contains(err.Error(), "user/nobody") {
		t.Errorf("error %v", err)
	}
	a, _ := s.World().Account("222233334444")
	if len(a.Roles) != 0 || len(a.InstanceProfiles) != 0 || len(instances(s)) != 0 {
		t.Errorf("left behind: %+v", a.Roles)
	}
	const remove = "aws cloudformation delete-stack --stack-name rdsx --region eu-west-1"
	if got := aws.NextOf(err); got != remove {
		t.Errorf("hint %q, want %q", got, remove)
	}
	again := setup.Stack{Name: "rdsx", Every: time.Millisecond}
	if _, err := again.Prepare(t.Context(), cfg, text.Body); aws.NextOf(err) != remove {
		t.Errorf("a stack that was never made took a change set: %v, hint %q", err, aws.NextOf(err))
	}
}

// TestStackWhoseChangeFails: what was there before stays, and nobody is told to delete it.
func TestStackWhoseChangeFails(t *testing.T) {
	s, cfg := newSim(t)
	text, err := setup.Render(options(t, s, setup.Recommended), setup.CloudFormation)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(template string) error {
		st := setup.Stack{Name: "rdsx", Every: time.Millisecond}
		if _, err := st.Prepare(t.Context(), cfg, template); err != nil {
			t.Fatal(err)
		}
		return st.Execute(t.Context())
	}
	if err := apply(text.Body); err != nil {
		t.Fatal(err)
	}
	var template struct {
		AWSTemplateFormatVersion string
		Resources                map[string]any
	}
	if err := json.Unmarshal([]byte(text.Body), &template); err != nil {
		t.Fatal(err)
	}
	template.Resources["Another"] = map[string]any{"Type": "AWS::IAM::InstanceProfile", "Properties": map[string]any{
		"InstanceProfileName": "another", "Roles": []string{"nobody"}, // which is not there
	}}
	more, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	err = apply(string(more))
	if next := aws.NextOf(err); err == nil || next != "aws cloudformation describe-stack-events --stack-name rdsx --region eu-west-1" {
		t.Errorf("%v, next %q", err, next)
	}
	if len(instances(s)) != 1 {
		t.Error("the instance of the set-up before is gone")
	}
}

// TestStackOfSomebodyElse: a stack that waits for a change set which rdsx has not made is refused, and stays as it is.
func TestStackOfSomebodyElse(t *testing.T) {
	s, cfg := newSim(t)
	text, err := setup.Render(options(t, s, setup.Recommended), setup.CloudFormation)
	if err != nil {
		t.Fatal(err)
	}
	client := cloudformation.NewFromConfig(cfg)
	propose := func() {
		t.Helper()
		if _, err := client.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
			StackName: sdk.String("rdsx"), ChangeSetName: sdk.String("from-the-console"), ChangeSetType: types.ChangeSetTypeCreate,
			TemplateBody: &text.Body, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		}); err != nil {
			t.Fatal(err)
		}
	}
	stays := func() {
		t.Helper()
		if _, err := client.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{
			StackName: sdk.String("rdsx"), ChangeSetName: sdk.String("from-the-console"),
		}); err != nil {
			t.Errorf("the other change set: %v", err)
		}
	}
	propose()
	st := setup.Stack{Name: "rdsx", Every: time.Millisecond}
	_, err = st.Prepare(t.Context(), cfg, text.Body)
	if err == nil || !strings.Contains(err.Error(), "from-the-console") || !strings.Contains(aws.NextOf(err), "--stack") {
		t.Errorf("%v; next: %s", err, aws.NextOf(err))
	}
	if err := st.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	stays()
	if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: sdk.String("rdsx")}); err != nil {
		t.Fatal(err)
	}
	// One that comes while rdsx waits for an answer stays as well.
	again := setup.Stack{Name: "rdsx", Every: time.Millisecond}
	if _, err := again.Prepare(t.Context(), cfg, text.Body); err != nil {
		t.Fatal(err)
	}
	propose()
	_ = again.Discard(t.Context()) // the simulated stack holds one change set: that of rdsx is gone already
	stays()
}

// TestStackDiscarded: a change set that is not wanted leaves no stack.
func TestStackDiscarded(t *testing.T) {
	s, cfg := newSim(t)
	text, err := setup.Render(options(t, s, setup.Recommended), setup.CloudFormation)
	if err != nil {
		t.Fatal(err)
	}
	st := setup.Stack{Name: "rdsx", Every: time.Millisecond}
	if _, err := st.Prepare(t.Context(), cfg, text.Body); err != nil {
		t.Fatal(err)
	}
	if err := st.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A stack that was left in review would take no second change set of the kind CREATE under another name's stack id.
	again := setup.Stack{Name: "rdsx", Every: time.Millisecond}
	if changes, err := again.Prepare(t.Context(), cfg, text.Body); err != nil || len(changes) == 0 {
		t.Errorf("after Discard: %v, %v", changes, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := again.Discard(ctx); err == nil {
		t.Error("Discard with a context that has ended said nothing")
	}
	bad := setup.Stack{Name: "1; x"}
	if _, err := bad.Prepare(t.Context(), cfg, text.Body); err == nil {
		t.Error("a stack's name that is none was taken")
	}
}
