package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const modulePath = "github.com/rdsx/rdsx"

// builder builds this repository's programs into a folder that lasts, so that the second run starts at once.
type builder struct {
	root   string // of the repository
	bin    string // where programs go
	throw  bool   // bin is temporary: there is no cache folder
	talk   io.Writer
	redraw bool // talk is a terminal whose last line can be drawn again
}

func newBuilder(ctx context.Context, talk *os.File) (*builder, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	b := &builder{root: root, talk: talk, redraw: isTerminal(talk)}
	if cache, err := os.UserCacheDir(); err == nil {
		b.bin = filepath.Join(cache, "rdsx-demo")
		if err := os.MkdirAll(b.bin, 0o700); err == nil {
			return b, nil
		}
	}
	b.throw = true
	b.bin, err = os.MkdirTemp("", "rdsx-demo-")
	return b, err
}

func (b *builder) close() error {
	if b.throw {
		return os.RemoveAll(b.bin)
	}
	return nil
}

// moduleRoot is the folder of the repository that the current folder is in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	for dir := filepath.Dir(strings.TrimSpace(string(out))); ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.Contains(string(text)+"\n", "module "+modulePath+"\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the current folder is not inside rdsx's repository: cd into it and run go run ./demo")
		}
	}
}

// build compiles the main package in dir, shows how far it is, and gives the program's path.
func (b *builder) build(ctx context.Context, name, dir string) (string, error) {
	p := newProgress(name, time.Now())
	show := b.show(p)
	defer show.clear()
	out := filepath.Join(b.bin, executable(name))
	if _, err := os.Stat(out); err != nil {
		// The first time the number of packages is worth a second. Later there is little or nothing to compile.
		var deps counter
		if err := b.goTool(ctx, p, show, dir, &deps, "list", "-deps", "."); err != nil {
			return "", err
		}
		p.total = deps.lines
	}
	if err := b.goTool(ctx, p, show, dir, io.Discard, "build", "-v", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "."); err != nil {
		return "", err
	}
	show.done(time.Now())
	return out, nil
}

// goTool runs the go command and feeds what it says to the progress.
func (b *builder) goTool(ctx context.Context, p *progress, show *display, dir string, stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// Without CGO no C compiler is needed; a workspace of the user's has no say here.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.Stdout = stdout
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return cmd.Process.Kill()
		}
		return nil
	}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	show.follow(p, lines(pipe))
	if err := cmd.Wait(); err != nil {
		show.clear()
		return p.failure(ctx, err)
	}
	return nil
}

// lines reads r to its end in the background.
func lines(r io.Reader) <-chan string {
	out := make(chan string, 64)
	go func() {
		defer close(out)
		s := bufio.NewScanner(r)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			out <- s.Text()
		}
		_, _ = io.Copy(io.Discard, r) // a line too long to read must not block the writer
	}()
	return out
}

// counter counts lines.
type counter struct{ lines int }

func (c *counter) Write(b []byte) (int, error) {
	c.lines += strings.Count(string(b), "\n")
	return len(b), nil
}
