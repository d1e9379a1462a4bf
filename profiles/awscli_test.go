package profiles

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// awsCLI runs the real AWS CLI on data as its config file.
func awsCLI(t *testing.T, data []byte, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws CLI is not installed")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "AWS_CONFIG_FILE="+config, "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "none"), "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// TestAWSCLI asks the real CLI: what was written is there, what was there is as before, and a file that is refused here is
// one that it cannot read.
func TestAWSCLI(t *testing.T) {
	for name, data := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The CLI imports what [plugins] names, and this plugin is not installed.
			data = bytes.Replace(data, []byte("endpoint = awscli_plugin_endpoint\n"), nil, 1)
			if refusedFixtures()[name] > 0 {
				if out, err := awsCLI(t, data, "configure", "get", "region"); err == nil {
					t.Errorf("the CLI reads it: %s", out)
				}
				return
			}
			plan, err := inMemory(data).Plan(Edit{Op: Add, Name: "rdsx-new", Keys: devRole()})
			if err != nil {
				t.Fatal(err)
			}
			if out, err := awsCLI(t, plan.Bytes(), "configure", "get", "external_id", "--profile", "rdsx-new"); err != nil || out != "a=b,c@d:e/f-g" {
				t.Errorf("%q, %v", out, err)
			}
			if region := cliView(readCLI(data), reading{}).profiles["dev"].get("region"); region != "" {
				if out, err := awsCLI(t, plan.Bytes(), "configure", "get", "region", "--profile", "dev"); err != nil || out != region {
					t.Errorf("region of dev: %q, %v, want %q", out, err, region)
				}
			}
		})
	}
}

// TestEditsAsBotocore has botocore itself read generated files before and after an edit: everything else is as it was.
func TestEditsAsBotocore(t *testing.T) {
	var files [][]byte
	var edits []Edit
	for seed := uint64(0); len(edits) < 1500; seed++ {
		g := newGenerator(seed, true)
		before := g.file()
		e := g.edit(before)
		if plan, err := inMemory(before).Plan(e); err == nil {
			files = append(files, before, plan.Bytes())
			edits = append(edits, e)
		}
	}
	answers := askBotocore(t, files)
	for i, e := range edits {
		before, after := answers[2*i], answers[2*i+1]
		if before.Error != "" || after.Error != "" {
			t.Fatalf("%+v: %q, %q", e, before.Error, after.Error)
		}
		target := after.Profiles[e.Name]
		if (target == nil) != (e.Op == Remove) {
			t.Fatalf("%+v: %v", e, target)
		}
		for _, k := range e.Keys {
			if target[k.Name] != k.Value {
				t.Errorf("%+v: %s = %q", e, k.Name, target[k.Name])
			}
		}
		delete(before.Profiles, e.Name)
		delete(after.Profiles, e.Name)
		if !reflect.DeepEqual(before.Profiles, after.Profiles) || !reflect.DeepEqual(before.Sessions, after.Sessions) {
			t.Fatalf("%+v:\n%q\n%q", e, files[2*i], files[2*i+1])
		}
	}
}
