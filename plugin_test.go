package main

import (
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
