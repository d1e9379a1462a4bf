package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/rdsx/rdsx/aws"
	"github.com/rdsx/rdsx/aws/doctor"
)

// TestMendAsksForEach: a "no" to one edit is said, and the next one is offered all the same.
func TestMendAsksForEach(t *testing.T) {
	t.Parallel()
	user, terminal, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer user.Close()
	path := filepath.Join(t.TempDir(), "config")
	const before = "[profile one]\nregion = a\nrdsx_managed = 1\n\n[profile two]\nregion = a\nrdsx_managed = 1\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{Process: Process{Stdin: terminal, Stdout: terminal, Stderr: terminal, Env: []string{"AWS_CONFIG_FILE=" + path, "HOME=" + t.TempDir()}}}
	var report doctor.Report
	for _, name := range []string{"one", "two"} {
		report.Results = append(report.Results, doctor.Result{
			ID: doctor.Config, Title: "config file", Status: doctor.Failed, Text: "the region of " + name + " is none", Fixes: []aws.Fix{{Text: "set it"}},
			Profile: &doctor.ProfileEdit{Name: name, Set: map[string]string{"region": "eu-west-1"}},
		})
	}
	ended := make(chan error, 1)
	go func() {
		defer terminal.Close()
		ended <- a.mend(t.Context(), report)
	}()
	shown := talk(t, user, []string{"Write this? [y/N] ", "n", "Write this? [y/N] ", "y"})
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(before, "[profile two]\nregion = a", "[profile two]\nregion = eu-west-1", 1); string(after) != want {
		t.Errorf("the file is\n%s", after)
	}
	if !strings.Contains(shown, "not mended, as you said: one") {
		t.Errorf("what was declined is not said: %s", shown)
	}
}
