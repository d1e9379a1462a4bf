package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestOpener says where a browser is opened, and where the sign-in is finished elsewhere.
func TestOpener(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("programs of this test are shell scripts")
	}
	dir := t.TempDir()
	for _, name := range []string{"xdg-open", "open", "rundll32", "mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for name, c := range map[string]struct {
		goos string
		env  []string
		want bool
	}{
		"linux, X11":            {"linux", []string{"DISPLAY=:0"}, true},
		"linux, Wayland":        {"linux", []string{"WAYLAND_DISPLAY=wayland-0"}, true},
		"linux, no screen":      {"linux", nil, false},
		"linux, over SSH":       {"linux", []string{"DISPLAY=:10", "SSH_CONNECTION=1 2 3 4"}, false},
		"mac":                   {"darwin", nil, true},
		"mac, over SSH":         {"darwin", []string{"SSH_TTY=/dev/pts/1"}, false},
		"windows":               {"windows", nil, true},
		"BROWSER, no screen":    {"linux", []string{"BROWSER=mine"}, true},
		"BROWSER, over SSH":     {"linux", []string{"BROWSER=mine", "SSH_TTY=/dev/pts/1"}, true},
		"BROWSER, not there":    {"linux", []string{"BROWSER=gone", "DISPLAY=:0"}, false},
		"BROWSER as it may be ": {"darwin", []string{"BROWSER="}, true},
	} {
		open := (&app{Process: Process{Env: c.env}}).opener(c.goos)
		if (open != nil) != c.want {
			t.Errorf("%s: opens %v", name, open != nil)
		}
		if open == nil {
			continue
		}
		if err := open(t.Context(), "file:///etc/passwd"); err == nil {
			t.Errorf("%s: opened what is no page", name)
		}
		if err := open(t.Context(), "http://127.0.0.1:1/"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	item := importable{account: "111122223333", accountName: "Acme Dev (EU)", role: "Read Only"}
	source := imported{session: "corp"}
	for template, want := range map[string]string{
		"": "Acme-Dev-EU-Read-Only", "{id}.{role}": "111122223333.Read-Only", "{session}/{account}": "corp/Acme-Dev-EU", "x {account} y": "x-Acme-Dev-EU-y",
	} {
		if got := source.name(template, item); got != want {
			t.Errorf("%q gives %q, want %q", template, got, want)
		}
	}
	item.accountName = "日本"
	if got := source.name("", item); got != "111122223333-Read-Only" {
		t.Errorf("a name without a usable letter gives %q", got)
	}
	for template, ok := range map[string]bool{"": true, "{account}": true, "{id}-{role}": true, "{role}": false, "{account}-{rolle}": false, "all": false, "{}{id}": false} {
		if err := checkTemplate(template); (err == nil) != ok {
			t.Errorf("%q: %v", template, err)
		}
	}
}
