package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestProgressReadsTheGoCommand(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name  string
		lines string
		total int
		want  string
		said  int
	}{
		{"nothing yet", "", 0, "building rdsx… 41s", 0},
		{
			"downloads", "go: downloading github.com/spf13/cobra v1.10.2\ngo: downloading go.yaml.in/yaml/v3 v3.0.6\n", 0,
			"building rdsx: 2 modules downloaded… 41s", 0,
		},
		{
			"packages", "internal/goarch\ngithub.com/aws/aws-sdk-go-v2/service/ec2\ngopkg.in/ini.v1\nunsafe\n", 590,
			"building rdsx 4/590 packages… 41s (unsafe)", 0,
		},
		{"more than foretold", "a\nb\nc\n", 2, "building rdsx 2/2 packages… 41s (c)", 0},
		{"again", "a/b\nc\n", 0, "building rdsx: 2 packages… 41s (c)", 0},
		{
			"an error", "github.com/rdsx/rdsx/cli\n# github.com/rdsx/rdsx/cli\ncli/demo.go:3:2: undefined: x\n", 590,
			"building rdsx 1/590 packages… 41s (cli)", 2,
		},
		{
			"a killed compiler", "github.com/aws/aws-sdk-go-v2/service/ec2: /usr/local/go/pkg/tool/linux_amd64/compile: signal: killed\n", 590,
			"building rdsx… 41s", 1,
		},
	} {
		p := newProgress("rdsx", start)
		p.total = c.total
		for line := range strings.Lines(c.lines) {
			p.line(strings.TrimSuffix(line, "\n"))
		}
		got := p.at(start.Add(41*time.Second + 300*time.Millisecond))
		if got != c.want || len(p.said) != c.said {
			t.Errorf("%s: %q and %d lines kept, want %q and %d", c.name, got, len(p.said), c.want, c.said)
		}
	}
}

func TestAdvice(t *testing.T) {
	for said, want := range map[string]string{
		"…/ec2: …/compile: signal: killed":                                 "GOMEMLIMIT=1GiB",
		"fatal error: runtime: cannot allocate memory":                     "3.2 GB",
		"write $WORK/b001: no space left on device":                        "disk is full",
		`Get "https://proxy.golang.org/x": dial tcp: lookup: no such host`: "GOPROXY",
		"go: go.mod requires go >= 1.26.0 (running go 1.20)":               "newer Go",
		"cli/demo.go:3:2: undefined: x":                                    "go version",
	} {
		if got := advice(said); !strings.Contains(got, want) {
			t.Errorf("%q: %q does not say %q", said, got, want)
		}
	}
}

func TestFailureKeepsTheLastLines(t *testing.T) {
	p := newProgress("rdsx", time.Time{})
	for range 100 {
		p.line("an early line: x")
	}
	p.line("the last line: y")
	err := p.failure(t.Context(), errors.New("exit status 1"))
	if text := err.Error(); !strings.Contains(text, "the last line: y") || strings.Count(text, "\n") > kept+3 {
		t.Errorf("%d lines: %s", strings.Count(text, "\n"), text)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.failure(ended, errors.New("signal: interrupt")); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted build is reported as %v", err)
	}
}

func TestModuleRootIsFoundFromAnyFolderOfTheRepository(t *testing.T) {
	want, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{want, filepath.Join(want, "sim", "databases"), filepath.Join(want, "demo", "engines")} {
		t.Chdir(dir)
		got, err := moduleRoot(t.Context())
		if resolved, _ := filepath.EvalSymlinks(want); err != nil || got != want && got != resolved {
			t.Errorf("from %s: %q %v, want %q", dir, got, err, want)
		}
	}
	t.Chdir(t.TempDir())
	if got, err := moduleRoot(t.Context()); err == nil || !strings.Contains(err.Error(), "cd into it") {
		t.Errorf("outside of it: %q %v", got, err)
	}
}

// smallBuilder builds into a folder of the test, and its module has one package.
func smallBuilder(t *testing.T, source string) (*builder, string, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module small\n\ngo 1.26\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	talk := new(bytes.Buffer)
	return &builder{bin: t.TempDir(), talk: talk, redraw: true}, dir, talk
}

func TestBuild(t *testing.T) {
	b, dir, talk := smallBuilder(t, "package main\n\nfunc main() { println(42) }\n")
	program, err := b.build(t.Context(), "small", dir)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program).CombinedOutput(); err != nil || string(out) != "42\n" {
		t.Errorf("the program: %q %v", out, err)
	}
	if !strings.Contains(talk.String(), "building small 1/") || !strings.Contains(talk.String(), "built small in ") {
		t.Errorf("the progress: %q", talk)
	}
	talk.Reset()
	if _, err := b.build(t.Context(), "small", dir); err != nil || strings.Contains(talk.String(), "built") {
		t.Errorf("the second time: %v %q", err, talk)
	}
}

func TestABuildThatFailsSaysWhy(t *testing.T) {
	b, dir, _ := smallBuilder(t, "package main\n\nfunc main() { undefinedThing() }\n")
	if _, err := b.build(t.Context(), "small", dir); err == nil || !strings.Contains(err.Error(), "undefined: undefinedThing") || !strings.Contains(err.Error(), "hint:") {
		t.Error(err)
	}
}

// Wrong arguments are told by rdsx alone, with its own exit code.
func TestRefusedArguments(t *testing.T) {
	b, dir, _ := smallBuilder(t, "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(2) }\n")
	b.root = dir
	if _, _, code, err := b.programs(t.Context(), nil, []string{"--faults", "gravity=1"}); code != 2 || err != nil {
		t.Errorf("code %d, %v; want 2 and not another word", code, err)
	}
}
