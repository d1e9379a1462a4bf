package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/rdsx/rdsx/aws/setup"
	"github.com/rdsx/rdsx/sim"
	"github.com/rdsx/rdsx/sim/world"
)

// administrators gives the default world's first user all rights.
func administrators(t *testing.T) *world.World {
	t.Helper()
	w, err := world.Default()
	if err != nil {
		t.Fatal(err)
	}
	err = w.UpdateAccount("111122223333", func(a *world.Account) error {
		a.Users[0].Attached = []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// setupTalk runs a command of rdsx on a terminal, which answers its questions, and returns code, stdout and what was shown.
func setupTalk(t *testing.T, box *sim.Sim, args []string, lines ...string) (code int, stdout, shown string) {
	t.Helper()
	user, terminal, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer user.Close()
	home := t.TempDir()
	config, credentials, err := box.WriteConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() { said <- talk(t, user, lines) }()
	var out bytes.Buffer
	code = Run(t.Context(), Process{
		Args: args, Env: append(box.Env(config, credentials), "HOME="+home, "TERM=xterm"), Stdin: terminal, Stdout: &out, Stderr: terminal,
	})
	_ = terminal.Close()
	return code, out.String(), <-said
}

func startSetupBox(t *testing.T) *sim.Sim {
	t.Helper()
	box, err := sim.Start(t.Context(), sim.Options{World: administrators(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}

// TestSetupAsks: what flags leave out is asked for, with what the account has as the choice.
func TestSetupAsks(t *testing.T) {
	box := startSetupBox(t)
	code, script, shown := setupTalk(t, box, []string{"setup", "all"},
		"Numbers, with blanks between them [1]: ", "99",
		"Numbers, with blanks between them [1]: ", "1, 4",
		"Number [1]: ", "1 2",
		"Number [1]: ", "2",
		"IAM user, or ARN [mika]: ", "")
	if code != exitOK {
		t.Fatalf("code %d: %s", code, shown)
	}
	for _, want := range []string{
		"create-document --name rdsx-billing-dev ", "create-document --name rdsx-orders-dev ", "user/mika", "--subnet-id subnet-0d0000000000000a2 ",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("the script has no %q", want)
		}
	}
	if !strings.Contains(shown, " 1  billing-dev  mysql") || !strings.Contains(shown, "please.") {
		t.Errorf("shown: %s", shown)
	}
}

// TestSetupApplies: the changes are shown, another word than the stack's name changes nothing, the name makes them.
func TestSetupApplies(t *testing.T) {
	box := startSetupBox(t)
	args := []string{"setup", "all", "--apply", "cloudformation", "--database", "orders-dev", "--operator", "mika", "--subnet", "subnet-0d0000000000000a1"}
	const question = "to make these 7 changes: "
	code, out, shown := setupTalk(t, box, args, question, "yes")
	if code != exitUsage || !strings.Contains(shown, `"yes" is not the stack's name; nothing was changed`) || !strings.Contains(out, "AWS::IAM::Role") {
		t.Errorf("code %d: %s%s", code, out, shown)
	}
	a, _ := box.World().Account("111122223333")
	if _, ok := a.Role("rdsx-operator"); ok {
		t.Fatal("the role was made all the same")
	}
	code, out, shown = setupTalk(t, box, args, question, "rdsx")
	a, _ = box.World().Account("111122223333")
	if _, ok := a.Role("rdsx-operator"); code != exitOK || !ok || !strings.Contains(shown, "the stack rdsx is in place") {
		t.Errorf("code %d: %s%s", code, out, shown)
	}
	code, out, shown = setupTalk(t, box, args)
	if code != exitOK || !strings.Contains(shown, "is as it should be") {
		t.Errorf("once more: code %d: %s%s", code, out, shown)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string][]int{"1": {0}, "3 1": {2, 0}, "1,2, 2": {0, 1}, "": nil, "0": nil, "4": nil, "a": nil, "1 x": nil} {
		got, ok := numbers(text, 3)
		if ok != (want != nil) || want != nil && !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}

// TestWriteText: private files; a script can be run.
func TestWriteText(t *testing.T) {
	a := &app{Process: Process{Stderr: &bytes.Buffer{}}}
	path := filepath.Join(t.TempDir(), "new", "dir") + string(filepath.Separator)
	if err := a.writeText(path, setup.Text{Name: "x.sh", Body: "#!/bin/sh\n", Executable: true}, false); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o700, filepath.Join(path, "x.sh"): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s: %v", name, info.Mode())
		}
	}
}
