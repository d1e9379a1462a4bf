package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

// freshYAML is an account in which nobody has set anything up: an administrator, a developer without any right, a network, and
// a database that lets nobody in.
const freshYAML = `
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
          - {id: subnet-0f0000000000000a1, vpc: vpc-0f00000000000000a, cidr: 10.50.0.0/24, az: eu-west-1a, tags: {Name: app}}
          - {id: subnet-0f0000000000000a2, vpc: vpc-0f00000000000000a, cidr: 10.50.1.0/24, az: eu-west-1a, tags: {Name: data}}
        route_tables:
          - {id: rtb-0f000000000000aa1, vpc: vpc-0f00000000000000a, subnets: [subnet-0f0000000000000a1], routes: [{cidr: 0.0.0.0/0, target: nat-0f00000000000000a}]}
        security_groups: [{id: sg-0f0000000000000d0, name: data, vpc: vpc-0f00000000000000a}]
        db_instances:
          - {id: orders, engine: postgres, subnets: [subnet-0f0000000000000a2], groups: [sg-0f0000000000000d0], db_name: orders}
          - {id: billing, engine: postgres, subnets: [subnet-0f0000000000000a2], groups: [sg-0f0000000000000d0], db_name: billing}
`

// freshBox is a simulated AWS with that account; both databases are answered by an echo.
func freshBox(t *testing.T) *box {
	t.Helper()
	w, err := world.Parse("fresh.yaml", []byte(freshYAML))
	if err != nil {
		t.Fatal(err)
	}
	b := newBox(t, sim.Options{World: w})
	for _, id := range []string{"orders", "billing"} {
		if err := w.Serve(id, echoServer(t)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// sh runs a script with the rights of the administrator.
func (b *box) sh(t *testing.T, script string) string {
	t.Helper()
	tool(t, "aws")
	ctx, stop := context.WithTimeout(t.Context(), 3*waitAtMost)
	defer stop()
	cmd := exec.CommandContext(ctx, tool(t, "sh"), script)
	cmd.Env = b.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// mustRun runs rdsx and demands success.
func (b *box) mustRun(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := b.run(t, args...)
	if code != 0 {
		t.Fatalf("rdsx %s: code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout, stderr
}

// passes sends a line through an open tunnel and back.
func passes(t *testing.T, local string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", local)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "select 1")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "select 1\n" {
		t.Fatalf("%q, %v came back", line, err)
	}
}

// what names everything that a set-up can have made.
func (b *box) what() []string {
	var all []string
	for _, a := range b.World().Accounts() {
		for _, u := range a.Users {
			for _, p := range u.Policies {
				all = append(all, "policy "+p.Name+" of "+u.Name)
			}
		}
		for _, r := range a.Roles {
			all = append(all, "role "+r.Name)
		}
		for _, p := range a.InstanceProfiles {
			all = append(all, "profile "+p.Name)
		}
		for _, r := range a.Regions {
			for _, g := range r.SecurityGroups {
				all = append(all, fmt.Sprintf("group %s with %d ways in", g.Name, len(g.Ingress)))
			}
			for _, i := range r.Instances {
				if i.State != "terminated" {
					all = append(all, "instance "+i.Name)
				}
			}
			for _, d := range r.Documents {
				all = append(all, "document "+d.Name)
			}
			for _, s := range r.Associations {
				all = append(all, "association "+s.Name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// TestSetupToAnOpenTunnel: from an account with nothing in it to bytes through rdsx connect, with the commands that rdsx prints,
// and, when RDSX_SETUP is "twice", once more, which changes nothing, and back to nothing.
func TestSetupToAnOpenTunnel(t *testing.T) {
	for shape, want := range map[string][]string{
		"recommended": {
			"document rdsx-orders", "group data with 1 ways in", "group rdsx-bastion with 0 ways in", "instance rdsx-bastion",
			"profile rdsx-instance", "role rdsx-instance", "role rdsx-operator",
		},
		"classic": {
			"association AWS-QuickSetup-SSMHostMgmt-CollectInventory-rdsx", "association AWS-QuickSetup-SSMHostMgmt-ScanForPatches-rdsx",
			"association AWS-QuickSetup-SSMHostMgmt-UpdateSSMAgent-rdsx", "group data with 1 ways in", "group rdsx-bastion with 0 ways in",
			"instance rdsx-bastion", "policy AssumeSSMRolePermissionPolicy of mika", "profile AmazonSSMRoleForInstancesQuickSetup",
			"role AmazonSSMRoleForInstancesQuickSetup",
		},
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			tool(t, "aws")
			b := freshBox(t)
			before := b.what()
			dir := t.TempDir()
			_, talk := b.mustRun(t, "setup", "all", "--shape", shape, "--format", "cli", "--database", "orders", "--operator", "mika", "--out", dir)
			if after := b.what(); !slices.Equal(before, after) {
				t.Fatalf("writing the script changed the account: %v", after)
			}
			b.sh(t, filepath.Join(dir, "rdsx-setup.sh"))
			if got := b.what(); !slices.Equal(got, want) {
				t.Fatalf("made:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			b.follow(t, talk, shape)
			if os.Getenv("RDSX_SETUP") != "twice" { // each aws command takes a second
				return
			}
			b.sh(t, filepath.Join(dir, "rdsx-setup.sh"))
			if got := b.what(); !slices.Equal(got, want) {
				t.Errorf("a second run changed something: %v", got)
			}
			script, _ := b.mustRun(t, "setup", "teardown", "--shape", shape, "--operator", "mika")
			down := filepath.Join(dir, "down.sh")
			if err := os.WriteFile(down, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			b.sh(t, down)
			if shape == "classic" { // its rule by address range stays, as the script says
				before = slices.DeleteFunc(before, func(s string) bool { return strings.HasPrefix(s, "group data") })
				before = append(before, "group data with 1 ways in")
			}
			if got := b.what(); !slices.Equal(got, before) {
				t.Errorf("left: %v, want %v", got, before)
			}
		})
	}
}

// follow types the commands that setup printed behind "then:", and opens the tunnel as the developer.
func (b *box) follow(t *testing.T, talk, shape string) {
	t.Helper()
	connected := false
	for line := range strings.Lines(talk) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "then: rdsx ")
		if !ok {
			continue
		}
		args := strings.Fields(strings.NewReplacer("--source-profile default", "--source-profile fresh-mika",
			"ARN-OF-YOUR-DEVICE", "arn:aws:iam::222233334444:mfa/mika").Replace(text))
		if args[0] != "connect" {
			b.mustRun(t, append(args, "--yes")...)
			continue
		}
		p := b.connect(t, append(args[1:], "--port", "0", "--mfa-code", "123456")...)
		passes(t, p.local)
		if code := p.stop(syscall.SIGINT); code != 130 {
			t.Errorf("connect ended with %d: %s", code, p.stderr)
		}
		connected = true
	}
	if !connected {
		t.Fatalf("no rdsx connect was proposed: %s", talk)
	}
	if shape == "recommended" {
		b.nothingElse(t)
	}
}

// nothingElse: the operators' role opens no other database, not by AWS's document and not without MFA.
func (b *box) nothingElse(t *testing.T) {
	t.Helper()
	for name, args := range map[string][]string{
		"another database, AWS's document": {"connect", "billing", "--profile", "rdsx", "--mfa-code", "123456"},
		"the database, AWS's document":     {"connect", "orders", "--profile", "rdsx", "--mfa-code", "123456"},
		"another document":                 {"connect", "billing", "--profile", "rdsx", "--mfa-code", "123456", "--document", "rdsx-billing"},
	} {
		if _, stderr, code := b.run(t, args...); code != 6 {
			t.Errorf("%s: code %d: %s", name, code, stderr)
		}
	}
	if _, stderr, code := b.run(t, "ls", "--profile", "fresh-mika"); code == 0 {
		t.Errorf("the developer without the role sees databases: %s", stderr)
	}
}

// TestTeardownLeavesOtherSetUps: what a set-up of a longer name made, in a VPC of its own, survives the teardown of the shorter.
func TestTeardownLeavesOtherSetUps(t *testing.T) {
	t.Parallel()
	tool(t, "aws")
	w, err := world.Parse("two.yaml", []byte(freshYAML+`
        documents:
          - {name: rdsx-orders, properties: {host: orders.internal, portNumber: "5432"}, tags: {"rdsx:setup": rdsx}}
          - {name: rdsx-b-orders, properties: {host: orders.internal, portNumber: "5432"}, tags: {"rdsx:setup": rdsx-b}}
          - {name: rdsx-by-hand, properties: {host: orders.internal, portNumber: "5432"}}
        associations:
          - {name: AWS-QuickSetup-SSMHostMgmt-ScanForPatches-rdsx, document: AWS-RunPatchBaseline}
          - {name: AWS-QuickSetup-SSMHostMgmt-ScanForPatches-b-rdsx, document: AWS-RunPatchBaseline}
`))
	if err != nil {
		t.Fatal(err)
	}
	b := newBox(t, sim.Options{World: w})
	for _, shape := range []string{"recommended", "classic"} {
		script, _ := b.mustRun(t, "setup", "teardown", "--shape", shape, "--operator", "mika")
		down := filepath.Join(t.TempDir(), "down.sh")
		if err := os.WriteFile(down, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		b.sh(t, down)
	}
	want := []string{"association AWS-QuickSetup-SSMHostMgmt-ScanForPatches-b-rdsx", "document rdsx-b-orders", "document rdsx-by-hand", "group data with 0 ways in"}
	if got := b.what(); !slices.Equal(got, want) {
		t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
