package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rdsx/rdsx/sim"
)

// TestAWSAlias runs rdsx as a command of the aws CLI.
func TestAWSAlias(t *testing.T) {
	t.Parallel()
	b := newBox(t, sim.Options{})
	tool(t, "aws")
	if _, _, err := b.awsCLI(t, "rdsx", "version"); err == nil {
		t.Fatal("aws knows rdsx before the alias is there: the test proves nothing")
	}
	b.must(t, "plugin", "install", "aws", "--yes")
	want, _ := b.must(t, "version")
	out, stderr, err := b.awsCLI(t, "rdsx", "version")
	if err != nil || out != want {
		t.Errorf("aws rdsx version: %v\n%s%s, want %s", err, out, stderr, want)
	}
	out, stderr, err = b.awsCLI(t, "rdsx", "ls")
	if err != nil || !strings.Contains(out, "orders") {
		t.Errorf("aws rdsx ls: %v\n%s%s", err, out, stderr)
	}
	b.must(t, "plugin", "uninstall", "aws", "--yes")
	if _, _, err := b.awsCLI(t, "rdsx", "version"); err == nil {
		t.Error("aws still knows rdsx after uninstall")
	}
}

// TestKubectlPluginKeepsItself: a program that is installed as kubectl-rdsx and under no other name, as kubectl's package manager
// does it, is not removed by its own uninstall.
func TestKubectlPluginKeepsItself(t *testing.T) {
	t.Parallel()
	own := filepath.Join(t.TempDir(), filepath.Base(tool(t, "kubectl-rdsx")))
	program, err := os.ReadFile(tool(t, "kubectl-rdsx"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, program, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"uninstall", "kubectl"}, {"uninstall", "kubectl", "--force"}} {
		cmd := exec.CommandContext(t.Context(), own, append([]string{"plugin"}, args...)...)
		cmd.Env = []string{"PATH=" + t.TempDir(), "HOME=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); err == nil || code != 2 || !strings.Contains(string(out), "is the program itself") {
			t.Errorf("%v: code %d: %s", args, code, out)
		}
		if _, err := os.Stat(own); err != nil {
			t.Fatalf("%v took the program away: %v", args, err)
		}
	}
}
