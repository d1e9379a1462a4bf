package setup_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/aws/setup"
)

// fakeAWS is an aws command that finds everything in place, and answers what creates something with the error of REFUSE.
const fakeAWS = `#!/bin/sh
refuse() {
  echo "An error occurred ($1) when calling the $2 operation: no" >&2
  exit 254
}
case "$1 $2" in
"sts get-caller-identity") echo 222233334444 ;;
"iam get-instance-profile") echo "${HOLDS:-rdsx-instance}" ;;
"ec2 describe-security-groups")
  case "$*" in
  *--group-ids*) echo "${OPEN:-0}" ;;
  *) echo "${GROUP:-sg-0f0000000000000e0}" ;;
  esac
  ;;
"ec2 create-security-group") echo sg-0f0000000000000e1 ;;
"ec2 revoke-security-group-egress") echo "shut: $*" ;;
"ec2 describe-instances") echo i-0f000000000000001 ;;
"ssm describe-instance-information") echo Online ;;
"$WHOM") refuse "$REFUSE" "$2" ;;
"iam create-role" | "iam create-instance-profile") refuse EntityAlreadyExists "$2" ;;
"ssm create-document") refuse DocumentAlreadyExists "$2" ;;
"ec2 authorize-security-group-"*) refuse InvalidPermission.Duplicate "$2" ;;
esac
`

// scriptWithFakeAWS renders a script and returns what runs it with that aws command.
func scriptWithFakeAWS(t *testing.T) func(env ...string) (string, error) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	text, err := setup.Render(setup.Options{
		Shape: setup.Recommended, Part: setup.PartAll, Region: "eu-west-1", Account: "222233334444", Operators: []string{"mika"},
		VPC: "vpc-0f00000000000000a", Subnet: "subnet-0f0000000000000a1",
		Databases: []setup.Database{{Name: "orders", Host: "orders.internal", Port: 5432, Groups: []string{"sg-0f0000000000000d0"}}},
	}, setup.CLI)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "setup.sh")
	for name, body := range map[string]string{"aws": fakeAWS, "setup.sh": text.Body} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return func(env ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), sh, script)
		cmd.Env = append([]string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// TestScriptTellsWhatIsThereFromWhatWasRefused: what exists already is no failure; a quota or a throttle is, since what was to be
// made is not there.
func TestScriptTellsWhatIsThereFromWhatWasRefused(t *testing.T) {
	run := scriptWithFakeAWS(t)
	for _, c := range []struct{ env, fails string }{
		{"X=", ""},
		{"WHOM=iam create-role REFUSE=LimitExceeded", "LimitExceeded"},
		{"WHOM=iam create-instance-profile REFUSE=LimitExceeded", "LimitExceeded"},
		{"WHOM=ssm create-document REFUSE=DocumentLimitExceeded", "DocumentLimitExceeded"},
		{"WHOM=ec2 authorize-security-group-ingress REFUSE=RequestLimitExceeded", "RequestLimitExceeded"},
		{"WHOM=ec2 authorize-security-group-egress REFUSE=RulesPerSecurityGroupLimitExceeded", "RulesPerSecurityGroupLimitExceeded"},
		{"HOLDS=another", "another role, another"},
		{"HOLDS=None", ""},
	} {
		whom, refuse, _ := strings.Cut(c.env, " REFUSE=")
		out, err := run(whom, "REFUSE="+refuse)
		if (err != nil) != (c.fails != "") || !strings.Contains(out, c.fails) {
			t.Errorf("%s: %v\n%s", c.env, err, out)
		}
	}
}

// TestScriptShutsTheGroup: a group that lets everything out is shut, be it new or left so by a run that was broken off; one that
// is shut already is not touched.
func TestScriptShutsTheGroup(t *testing.T) {
	run := scriptWithFakeAWS(t)
	for _, c := range []struct{ group, open, shuts string }{
		{"None", "1", "sg-0f0000000000000e1"},
		{"sg-0f0000000000000e0", "1", "sg-0f0000000000000e0"},
		{"sg-0f0000000000000e0", "0", ""},
	} {
		out, err := run("GROUP="+c.group, "OPEN="+c.open)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if shut := strings.Contains(out, "shut: ec2 revoke-security-group-egress --group-id "+c.shuts); shut != (c.shuts != "") {
			t.Errorf("%+v:\n%s", c, out)
		}
	}
}
