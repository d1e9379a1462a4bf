package api

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cli runs the aws CLI as a user of the world, with a home of its own. Credentials reach it by its environment.
func (r *rig) cli(t *testing.T, env []string, args ...string) (out map[string]any, stderr string, err error) {
	t.Helper()
	aws, lookErr := exec.LookPath("aws")
	if lookErr != nil {
		t.Skip("aws (the AWS CLI) is not on PATH")
	}
	home := t.TempDir()
	args = append(args, "--endpoint-url", r.url, "--region", "eu-west-1", "--output", "json")
	cmd := exec.CommandContext(t.Context(), aws, args...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"), "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=", "LANG=C.UTF-8", "NO_PROXY=127.0.0.1",
	}, env...)
	var stdout, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &errout
	if err = cmd.Run(); err == nil {
		if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
			t.Fatalf("aws %s printed %q: %v", strings.Join(args[:2], " "), stdout.String(), err)
		}
	}
	return out, errout.String(), err
}

func keyOf(t *testing.T, r *rig, user string) []string {
	t.Helper()
	k, err := r.as(t, user, "eu-west-1").Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"AWS_ACCESS_KEY_ID=" + k.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + k.SecretAccessKey}
}

func TestCLI(t *testing.T) {
	r := newRig(t, Options{})
	mika, oncall := keyOf(t, r, "mika"), keyOf(t, r, "oncall")
	rows := func(env []string, list string, args ...string) []any {
		t.Helper()
		out, stderr, err := r.cli(t, env, args...)
		if err != nil {
			t.Fatalf("aws %s: %v: %s", strings.Join(args, " "), err, stderr)
		}
		found, _ := out[list].([]any)
		return found
	}
	who, stderr, err := r.cli(t, mika, "sts", "get-caller-identity")
	if err != nil || who["Arn"] != "arn:aws:iam::111122223333:user/mika" {
		t.Fatalf("identity %v: %v %s", who, err, stderr)
	}
	role, stderr, err := r.cli(t, mika, "sts", "assume-role", "--role-arn", prodOperator, "--role-session-name", "mika", "--serial-number", mikasDevice, "--token-code", "123456")
	if err != nil {
		t.Fatalf("assume role: %v %s", err, stderr)
	}
	k := role["Credentials"].(map[string]any)
	env := []string{"AWS_ACCESS_KEY_ID=" + k["AccessKeyId"].(string), "AWS_SECRET_ACCESS_KEY=" + k["SecretAccessKey"].(string), "AWS_SESSION_TOKEN=" + k["SessionToken"].(string)}
	dbs := rows(env, "DBInstances", "rds", "describe-db-instances")
	if len(dbs) != 12 {
		t.Errorf("%d databases", len(dbs))
	}
	if found := rows(env, "Reservations", "ec2", "describe-instances", "--filters", "Name=tag:rdsx,Values=bastion", "--max-items", "2"); len(found) != 2 {
		t.Errorf("%d instances", len(found))
	}
	nodes := rows(env, "InstanceInformationList", "ssm", "describe-instance-information", "--filters", "Key=PingStatus,Values=Online")
	if len(nodes) != 4 {
		t.Errorf("%d nodes", len(nodes))
	}
	if found := rows(oncall, "DBClusters", "rds", "describe-db-clusters"); len(found) != 2 {
		t.Errorf("%d clusters", len(found))
	}
	if found := rows(oncall, "SecurityGroups", "ec2", "describe-security-groups"); len(found) != 4 {
		t.Errorf("%d groups", len(found))
	}
	if found := rows(oncall, "Sessions", "ssm", "describe-sessions", "--state", "Active"); len(found) != 0 {
		t.Errorf("%d sessions", len(found))
	}
}

func TestCLIErrors(t *testing.T) {
	r := newRig(t, Options{})
	mika := keyOf(t, r, "mika")
	for want, args := range map[string][]string{
		"An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.": {"sts", "get-caller-identity"},
		"An error occurred (UnrecognizedClientException) when calling the DescribeInstanceInformation operation":                                        {"ssm", "describe-instance-information"},
		"An error occurred (AuthFailure) when calling the DescribeInstances operation":                                                                  {"ec2", "describe-instances"},
	} {
		_, stderr, err := r.cli(t, []string{"AWS_ACCESS_KEY_ID=AKIANOBODY0000000000", "AWS_SECRET_ACCESS_KEY=x"}, args...)
		if err == nil || !strings.Contains(stderr, want) {
			t.Errorf("aws %s: %v %s", strings.Join(args, " "), err, stderr)
		}
	}
	for want, args := range map[string][]string{
		"An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::111122223333:user/mika is not authorized": {"sts", "assume-role", "--role-arn", prodOperator, "--role-session-name", "mika"},
		"An error occurred (DBInstanceNotFound) when calling the DescribeDBInstances operation: DBInstance nobody not found.":                 {"rds", "describe-db-instances", "--db-instance-identifier", "nobody"},
	} {
		_, stderr, err := r.cli(t, mika, args...)
		if err == nil || !strings.Contains(stderr, want) {
			t.Errorf("aws %s: %v %s", strings.Join(args, " "), err, stderr)
		}
	}
}
