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
"ec2 describe-security-groups") echo sg-0f0000000000000e0 ;;
"ec2 describe-instances") echo i-0f000000000000001 ;;
"ssm describe-instance-information") echo Online ;;
"$WHOM") refuse "$REFUSE" "$2" ;;
"iam create-role" | "iam create-instance-profile") refuse EntityAlreadyExists "$2" ;;
"ssm create-document") refuse DocumentAlreadyExists "$2" ;;
"ec2 authorize-security-group-"*) refuse InvalidPermission.Duplicate "$2" ;;
esac
`

// TestScriptTellsWhatIsThereFromWhatWasRefused: what exists already is no failure; a quota or a throttle is, since what was to be
// made is not there.
func TestScriptTellsWhatIsThereFromWhatWasRefused(t *testing.T) {
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
		cmd := exec.CommandContext(t.Context(), sh, script)
		whom, refuse, _ := strings.Cut(c.env, " REFUSE=")
		cmd.Env = []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), whom, "REFUSE=" + refuse}
		out, err := cmd.CombinedOutput()
		if (err != nil) != (c.fails != "") || !strings.Contains(string(out), c.fails) {
			t.Errorf("%s: %v\n%s", c.env, err, out)
		}
	}
}
