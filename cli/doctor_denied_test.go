package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws/doctor"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

// blindYAML is an account whose user may not read anything.
const blindYAML = `
accounts:
  - id: "222233334444"
    name: fresh
    users:
      - {name: mika, access_key: AKIASIMNEW0000000002, secret_key: sim/fresh/mika/this-key-works-nowhere-e}
    regions:
      - name: eu-west-1
        vpcs: [{id: vpc-0f00000000000000a, cidr: 10.50.0.0/16}]
        subnets: [{id: subnet-0f0000000000000a1, vpc: vpc-0f00000000000000a, cidr: 10.50.0.0/24, az: eu-west-1a}]
        security_groups: [{id: sg-0f0000000000000d0, name: data, vpc: vpc-0f00000000000000a}]
        db_instances: [{id: orders, engine: postgres, subnets: [subnet-0f0000000000000a1], groups: [sg-0f0000000000000d0]}]
`

// TestDoctorWithoutLists: who may not list is told what to ask for, by the name that rdsx policy grants it, and no failure; an id
// and an address do without the lists.
func TestDoctorWithoutLists(t *testing.T) {
	t.Parallel()
	w, err := world.Parse("blind.yaml", []byte(blindYAML))
	if err != nil {
		t.Fatal(err)
	}
	box, err := sim.Start(t.Context(), sim.Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	examine := func(args ...string) map[doctor.ID]doctor.Result {
		t.Helper()
		home := t.TempDir()
		config, credentials, err := box.WriteConfig(home)
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		Run(t.Context(), Process{
			Args: append([]string{"doctor", "--profile", "fresh-mika", "--json"}, args...), Env: append(box.Env(config, credentials), "HOME="+home, "TMPDIR="+home),
			Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		})
		var report doctor.Report
		if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
			t.Fatalf("%v in %s%s", err, &stdout, &stderr)
		}
		all := map[doctor.ID]doctor.Result{}
		for _, r := range report.Results {
			all[r.ID] = r
		}
		return all
	}

	blind := examine("orders")
	found := blind[doctor.TargetFound]
	if found.Status != doctor.Unknown || !strings.HasPrefix(found.Text, "could not check, because ") {
		t.Errorf("target is %s: %s", found.Status, found.Text)
	}
	for _, action := range []string{"rds:DescribeDBInstances", "ssm:DescribeInstanceProperties"} {
		if !strings.HasPrefix(found.Ask, "ask for ") || !strings.Contains(found.Ask, action) {
			t.Errorf("%s is not in %q", action, found.Ask)
		}
	}
	for id, r := range blind {
		if r.Status == doctor.Failed {
			t.Errorf("%s has failed: %s", id, r.Text)
		}
	}
	for _, id := range []doctor.ID{doctor.OnDocument, doctor.DocumentSeen, doctor.Preferences, doctor.HostRole, doctor.QuickSetup} {
		if r := blind[id]; r.Status != doctor.Unknown {
			t.Errorf("%s is %s: %s", id, r.Status, r.Text)
		}
	}

	// The instance is known, the database is not: what is asked of the instance is asked.
	half := examine("orders", "--via", "i-0f000000000000001")
	if r := half[doctor.TargetFound]; r.Status != doctor.Unknown || strings.Contains(r.Ask, "ssm:") {
		t.Errorf("target is %s: %s, %s", r.Status, r.Text, r.Ask)
	}
	if r := half[doctor.Registered]; r.Status != doctor.Unknown {
		t.Errorf("registered is %s: %s", r.Status, r.Text)
	}

	whole := examine("db.internal:5432", "--via", "i-0f000000000000001")
	if r := whole[doctor.TargetFound]; r.Status != doctor.OK {
		t.Errorf("target is %s: %s", r.Status, r.Text)
	}
	if r := whole[doctor.Session]; r.Status != doctor.Failed || !strings.Contains(r.Text, "denied") {
		t.Errorf("session is %s: %s", r.Status, r.Text)
	}
}
